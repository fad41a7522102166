"""Rendering by nunif's iw3 instead of this package's own renderer, for those who know its pictures.

iw3 is a program of its own, under its own Python with PyTorch, and is run as such. It gets a copy of the segment in which frame n is shown
at tick n, so that whatever it does with time cannot do harm; its views come back as pictures, and go the same way as ours from there:
layout, colours, encoding, exact times.
"""
