"""The `stereo-spot` command: everything that a person can ask of StereoSpot, in a terminal."""
