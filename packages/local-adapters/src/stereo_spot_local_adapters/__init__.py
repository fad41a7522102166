"""The embedded platform of StereoSpot: SQLite and the file system."""
