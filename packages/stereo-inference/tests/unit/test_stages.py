"""Stages: order, bounded running ahead, and that no way out of the block leaves a thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from stereo_inference.stages import Stages


def render_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("render-")]


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert not render_threads()


def plus_one(items: Iterable[int]) -> Iterator[int]:
    for item in items:
        yield item + 1


def failing(items: Iterable[int], at: int) -> Iterator[int]:
    for item in items:
        if item == at:
            raise ValueError(f"item {at}")
        yield item


@pytest.mark.parametrize("overlap", [False, True])
def test_items_pass_through_every_stage_in_order(overlap: bool) -> None:
    with Stages(overlap=overlap) as stages:
        first = stages.run("first", range(50))
        second = stages.run("second", plus_one(first))
        assert list(stages.run("third", plus_one(second))) == list(range(2, 52))


def test_stages_overlap_in_threads_of_their_own() -> None:
    """Two stages that wait for each other inside one item's time can only pass when both run at once."""
    meeting = threading.Barrier(2, timeout=20)

    def first() -> Iterator[int]:
        for number in range(4):
            if number:
                meeting.wait()
            yield number

    def second(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            if item < 3:
                meeting.wait()
            yield item

    with Stages(overlap=True) as stages:
        assert list(stages.run("second", second(stages.run("first", first())))) == [0, 1, 2, 3]


def test_without_overlap_everything_runs_in_the_calling_thread() -> None:
    seen = set()

    def stage(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            seen.add(threading.current_thread())
            yield item

    with Stages(overlap=False) as stages:
        list(stages.run("second", stage(stages.run("first", stage(range(3))))))
    assert seen == {threading.current_thread()}


def test_a_stage_runs_ahead_of_its_consumer_by_a_bounded_number_of_items() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Stages(overlap=True) as stages:
        items = stages.run("source", source())
        next(items)
        deadline = time.monotonic() + 20
        while len(made) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert made == [0, 1, 2]  # taken; one queued; one in hand


def test_a_stage_before_one_that_works_in_bursts_may_run_further_ahead() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Stages(overlap=True) as stages:
        items = stages.run("source", source(), ahead=4)
        next(items)
        deadline = time.monotonic() + 20
        while len(made) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert made == [0, 1, 2, 3, 4, 5]


def test_a_stage_may_share_the_thread_of_its_consumer() -> None:
    threads: list[threading.Thread] = []

    def noting(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            threads.append(threading.current_thread())
            yield item

    with Stages(overlap=True) as stages:
        first = stages.run("first", noting(range(3)))
        second = stages.run("second", noting(first), own_thread=False)
        assert list(stages.run("third", noting(second))) == [0, 1, 2]
        assert {thread.name for thread in threads} == {"render-first", "render-third"}
        assert sum(thread.name == "render-third" for thread in threads) == 6


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("place", ["first", "second", "third"])
def test_what_any_stage_raises_arrives_after_the_items_before_it(overlap: bool, place: str) -> None:
    got: list[int] = []

    def stage(name: str, items: Iterable[int]) -> Iterable[int]:
        return failing(items, 5) if name == place else items

    with Stages(overlap=overlap) as stages:
        items: Iterable[int] = range(10)
        for name in ("first", "second", "third"):
            items = stages.run(name, stage(name, items))
        with pytest.raises(ValueError, match="item 5"):
            got.extend(items)
    assert got == [0, 1, 2, 3, 4]


def test_a_failing_consumer_ends_stages_that_would_go_on_for_ever() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 1

    def leave_early() -> None:
        with Stages(overlap=True) as stages:
            next(stages.run("second", plus_one(stages.run("first", endless()))))
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        leave_early()


def test_each_stage_is_charged_for_its_own_work_only() -> None:
    def slow(items: Iterable[int], seconds: float) -> Iterator[int]:
        for item in items:
            time.sleep(seconds)
            yield item

    for overlap in (False, True):
        with Stages(overlap=overlap) as stages:
            first = stages.run("first", slow(range(5), 0.04))
            for _ in stages.run("second", slow(first, 0.0)):
                pass
            assert stages.busy_seconds("first") >= 0.2
            assert stages.busy_seconds("second") < stages.busy_seconds("first")
            assert stages.waited_seconds() > 0
