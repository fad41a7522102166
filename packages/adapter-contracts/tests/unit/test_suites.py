"""The suites are complete, and their races are races."""

from __future__ import annotations

import inspect
import operator
import os
from functools import partial

import pytest

import stereo_spot_adapter_contracts as contracts
from stereo_spot_adapter_contracts.racing import RACERS
from stereo_spot_shared import interfaces

STORED = ("ActivityStore", "JobStore", "ObjectStorage", "Queue", "SegmentCompletionStore")


@pytest.mark.parametrize("name", STORED)
def test_every_operation_of_an_interface_is_asked_for_by_its_suite(name):
    """A promise that no suite asks for is one that an adapter need not keep."""
    operations = [operation for operation in vars(getattr(interfaces, name)) if not operation.startswith("_")]
    suite = inspect.getsource(inspect.getmodule(getattr(contracts, f"{name}Contract")))
    assert operations
    assert [operation for operation in operations if f".{operation}(" not in suite] == []


def test_every_suite_is_exported():
    assert {f"{name}Contract" for name in STORED} <= set(contracts.__all__)


def test_racers_are_processes_of_their_own_and_answer_by_number():
    answers = [answer.split() for answer in contracts.race("{0} {1}".format, os.getpid)]
    assert [int(number) for _, number in answers] == list(range(RACERS))
    assert len({int(process) for process, _ in answers} | {os.getpid()}) == RACERS + 1


def test_what_a_racer_raises_is_not_lost():
    with pytest.raises(ZeroDivisionError):
        contracts.race(operator.floordiv, partial(int, "7"))  # by the number of the racer, and the first is 0
