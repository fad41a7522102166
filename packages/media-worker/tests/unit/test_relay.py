from __future__ import annotations

import time

import pytest

from media_worker.relay import AHEAD, SegmentRelay, arriving_segments
from stereo_spot_shared.errors import VerificationFailed


@pytest.fixture
def stored(platform):
    found = []
    for index in range(3 * AHEAD):
        found.append(f"jobs/relayed00/segments/{index:06d}/rendered/aa.nut")
        platform.storage.put_bytes(b"%d" % index, found[-1])
    return found


def test_segments_arrive_in_order_and_few_at_a_time(platform, stored, tmp_path):
    folder, most, seen = tmp_path / "segments", 0, []
    with SegmentRelay(platform.storage, stored, folder) as relay:
        for path in arriving_segments(folder, len(stored)):
            seen.append(path.read_bytes())
            most = max(most, len(list(folder.glob("*.nut"))))
        assert not relay.failed()
    assert seen == [b"%d" % index for index in range(len(stored))]
    assert most <= AHEAD
    assert list(folder.iterdir()) == []


def test_it_does_not_run_ahead_of_a_slow_reader(platform, stored, tmp_path):
    folder = tmp_path / "segments"
    with SegmentRelay(platform.storage, stored, folder):
        while len(list(folder.glob("*.nut"))) < AHEAD:
            time.sleep(0.01)
        time.sleep(0.2)
        assert len(list(folder.iterdir())) == AHEAD


def test_a_segment_that_is_gone_is_named(platform, stored, tmp_path):
    platform.storage.delete(stored[2])
    with SegmentRelay(platform.storage, stored, tmp_path / "segments") as relay:
        arriving = arriving_segments(tmp_path / "segments", len(stored))
        assert [next(arriving).read_bytes() for _ in range(2)] == [b"0", b"1"]
        while not relay.failed():
            time.sleep(0.01)
    assert isinstance(relay.error, VerificationFailed)
    assert "segment 2" in str(relay.error)
