"""Trying again what the way to the server broke: soon at first, then less often, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from stereo_spot_cli.output import CommandFailed

PAUSES = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
"""Seconds before each new try: two minutes in all, in which a server starts again. The first lets it notice that a connection is dead."""


class Tries:
    """Counts the tries between one step forward and the next."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` hears why nothing moves."""
        self._tell = tell
        self._failed = 0

    def went_on(self) -> None:
        """Something was got done: the next break is a first one again."""
        self._failed = 0

    def again_after(self, error: CommandFailed) -> None:
        """Wait before the next try; where there were enough of them, the error is raised."""
        if self._failed == len(PAUSES):
            raise error
        pause = PAUSES[self._failed]
        self._failed += 1
        self._tell(f"{error.message}; trying again")
        time.sleep(pause)
