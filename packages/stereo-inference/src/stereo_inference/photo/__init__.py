"""Photographs: the same views as of a video's frame, from and to picture files."""
