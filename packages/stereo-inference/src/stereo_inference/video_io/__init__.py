"""Segments in and out: decoding frames at their exact times, encoding packed pictures."""
