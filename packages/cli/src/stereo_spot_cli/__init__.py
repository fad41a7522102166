"""The stereo-spot command."""
