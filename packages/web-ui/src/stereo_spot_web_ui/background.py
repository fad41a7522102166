"""What goes on beside the requests: a look now and then, until the server stops."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stereo_spot_runtime.logging import get_logger
from stereo_spot_shared.errors import StereoSpotError


def look_now_and_then(look: Callable[[], None], what: str, *, seconds: float, stop: threading.Event, at_once: bool = False) -> None:
    """Look every so many seconds (the first time `at_once`) until `stop` is set.

    Nothing that one look raises ends those that follow; `what` says in the log what it was for.
    """
    while not stop.wait(0.0 if at_once else seconds):
        at_once = False
        try:
            look()
        except StereoSpotError as error:
            get_logger().warning("a look in the background failed", what=what, error=str(error))
        except Exception:  # noqa: BLE001  # a fault of the program, told with its place
            get_logger().exception("a look in the background failed", what=what)
