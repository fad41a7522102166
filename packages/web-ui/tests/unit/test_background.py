"""What goes on beside the requests."""

from __future__ import annotations

import threading

import pytest

from stereo_spot_shared.errors import StoreUnavailable
from stereo_spot_web_ui.background import look_now_and_then
from stereo_spot_web_ui.notify.outbox import Outbox


@pytest.mark.parametrize("trouble", [StoreUnavailable("for a moment"), KeyError("a fault of the program")])
def test_no_look_that_fails_ends_those_that_follow(trouble: Exception) -> None:
    stop, looks = threading.Event(), []

    def look() -> None:
        looks.append(len(looks))
        if len(looks) == 1:
            raise trouble
        stop.set()

    look_now_and_then(look, "for nothing", seconds=0.0, stop=stop)
    assert looks == [0, 1]


def test_the_first_look_is_at_once_where_it_is_to_be() -> None:
    stop, looks = threading.Event(), []

    def look() -> None:
        looks.append(0)
        stop.set()

    look_now_and_then(look, "for nothing", seconds=3600.0, stop=stop, at_once=True)
    assert looks == [0]


def test_a_message_that_cannot_be_made_keeps_no_other_from_being_handed_over() -> None:
    outbox, sent = Outbox(), []
    outbox.put("one that is broken", lambda: {}["no such key"])
    outbox.put("one that is sound", lambda: sent.append("sound"))
    outbox.hand_over(0.0)
    outbox.hand_over(1e9)
    assert sent == ["sound"]
