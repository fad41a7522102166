"""How many video workers a machine gets."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from stereo_spot_cli import workers
from stereo_spot_cli.workers import choose_workers, worker_bytes


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A machine of so many cores and free bytes."""

    def make(cores: int, free: int) -> None:
        monkeypatch.setattr(workers, "cores", lambda: cores)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))

    return make


def test_one_per_core_as_far_as_segments_go(machine):
    machine(8, 64 << 30)
    assert choose_workers(None) == 8
    assert choose_workers(None, segments=3) == 3
    assert choose_workers(5, segments=3) == 5, "who asks for more gets more"


def test_large_pictures_leave_room_for_fewer(machine):
    machine(16, 8_000_000_000)
    assert choose_workers(None, pixels=1280 * 720) == 13
    assert choose_workers(None) == 10
    assert choose_workers(None, pixels=3840 * 2160) == 4
    assert choose_workers(None, model_bytes=300_000_000) == 7, "a model takes room too"
    machine(16, 100_000_000)
    assert choose_workers(None) == 1


def test_what_was_measured_fits():
    for pixels, measured in ((1280 * 720, 593e6 + 100e6), (1920 * 1080, 760e6), (3840 * 2160, 1_768e6)):
        assert 0.85 * measured < worker_bytes(pixels) < 1.15 * measured
