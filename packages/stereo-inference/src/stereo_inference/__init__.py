"""Turns 2D video into stereoscopic 3D: depth, disparity, stereo rendering, frame packing, encoding."""
