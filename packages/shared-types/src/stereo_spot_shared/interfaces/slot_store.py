"""The store of slots: how much goes on at once, over all processes."""

from __future__ import annotations

from typing import Protocol


class SlotStore(Protocol):
    """Pools of slots, each held by somebody until a time. A slot whose holder died ends by itself."""

    def take(self, pool: str, holder: str, *, limit: int, seconds: float) -> bool:
        """Hold a slot of `pool` for `seconds` from now, unless `limit` are held; returns whether it was to be had.

        Conflict where this holder has one already.
        """

    def extend(self, pool: str, holder: str, seconds: float) -> None:
        """Hold it for `seconds` from now. NotFound where it is not held, or not any more."""

    def free(self, pool: str, holder: str) -> None:
        """Give it back; nothing happens where it is not held."""
