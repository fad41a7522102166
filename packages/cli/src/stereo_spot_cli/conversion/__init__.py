"""`stereo-spot convert`: one video through the whole pipeline, on this machine, and its result as a file."""
