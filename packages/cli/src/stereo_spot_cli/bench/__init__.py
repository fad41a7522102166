"""The benchmark: the speed of cutting and rendering, and what the pipeline costs beyond rendering.

Everything is measured in one run on one machine and compared as ratios; commands are run as a person would run them,
alternating, and medians are taken.
"""
