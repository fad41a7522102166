"""StereoSpot in a browser: the library, uploads, live progress, playback, and the JSON API that does all of it."""
