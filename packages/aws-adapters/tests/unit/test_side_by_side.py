from __future__ import annotations

import threading
import time

import pytest

from stereo_spot_aws_adapters.side_by_side import CONCURRENCY, each_of


def test_answers_come_in_order_and_several_are_asked_for_at_once():
    together = threading.Barrier(CONCURRENCY, timeout=60)

    def action(place):
        if place < CONCURRENCY:
            together.wait()
        return place * 2

    assert each_of(action, range(100)) == [place * 2 for place in range(100)]
    assert each_of(action, []) == []


def test_the_first_failure_ends_the_rest_and_leaves_no_thread():
    asked = []

    def action(place):
        asked.append(place)
        if place == 3:
            raise KeyError(place)
        time.sleep(0.005)

    with pytest.raises(KeyError):
        each_of(action, range(10_000))
    assert len(asked) < 10_000
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("aws")]
