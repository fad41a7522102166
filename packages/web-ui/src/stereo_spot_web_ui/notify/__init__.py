"""Telling people that a job has ended, while they look elsewhere."""
