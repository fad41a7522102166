"""Stereo rendering: from a picture and its depth to what the left and the right eye see."""
