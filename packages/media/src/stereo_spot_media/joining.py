"""Joining: rendered segments and the source's own tracks become the finished video, by stream copy."""

from __future__ import annotations
