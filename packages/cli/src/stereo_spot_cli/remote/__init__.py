"""`stereo-spot --server URL`: the same commands on another machine, through its JSON API."""
