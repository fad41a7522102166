"""Verification of a joined video against its manifest, before anybody gets to see it."""

from __future__ import annotations
