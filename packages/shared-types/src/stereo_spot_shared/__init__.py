"""The single source of truth of StereoSpot: models, messages, keys, stages, decisions and interfaces.

It does no I/O and knows no cloud and no media library.
"""
