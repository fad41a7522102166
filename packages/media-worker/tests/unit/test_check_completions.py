from __future__ import annotations

from fractions import Fraction

import pytest

from media_worker.reassemble import check_completions
from stereo_spot_shared.errors import VerificationFailed
from stereo_spot_shared.jobs import SegmentCompletion
from stereo_spot_shared.manifest import Manifest, SegmentSpec, VideoStream
from stereo_spot_shared.timing import Ticks

COUNT = 14
PLAN = "plan"


def manifest():
    cores = [Ticks.of(range(index * 30, index * 30 + 30, 10)) for index in range(COUNT)]
    video = VideoStream(
        index=0, codec="h264", width=16, height=16, pixel_format="yuv420p", bit_depth=8,
        time_base=Fraction(1, 100), average_rate=Fraction(10), sample_aspect_ratio=Fraction(1),
    )  # fmt: skip
    return Manifest(
        source_etag="e", source_format="mov", video=video, segment_container="nut", pts_offset=100, start_shift=Fraction(0),
        frames=Ticks.of(range(0, COUNT * 30, 10)), last_duration=10,
        segments=tuple(SegmentSpec(index=i, first_frame=3 * i, core=core, packets=(0, 3)) for i, core in enumerate(cores)),
    )  # fmt: skip


def completion(index, **changes):
    fields = {
        "job_id": "jobjoined", "segment_index": index, "plan_id": PLAN, "attempt_id": "a", "object_key": "k", "etag": "e", "bytes": 1,
        "frames": 3, "width": 32, "height": 16, "fingerprint": "f", "sample_aspect_ratio": Fraction(1), "depth": "basic", "worker": "w",
    }  # fmt: skip
    return SegmentCompletion(**{**fields, **changes})


def completions(**changed):
    return [completion(index, **changed.get(f"s{index}", {})) for index in range(COUNT)]


def test_what_was_planned_passes():
    check_completions(PLAN, manifest(), completions())


def test_lost_frames_and_segments_without_any_pass():
    none_left = {"frames": 0, "lost": Ticks.of([30, 40, 50]), "fingerprint": "none", "depth": "none"}
    check_completions(PLAN, manifest(), completions(s1=none_left, s2={"frames": 2, "lost": Ticks.of([60])}))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (completions()[:-1], "Segment 13 of 14 is not rendered"),
        ([], r"Segments 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more of 14 are not rendered"),
        ([*completions(), completion(14)], "Segment 14 of 14 is not part of the plan"),
        (completions(s3={"plan_id": "other"}), "Segment 3 of 14 is rendered for another plan"),
        (completions(s3={"frames": 2}, s5={"frames": 4}), "Segments 3, 5 of 14 are short of frames"),
        (completions(s3={"fingerprint": "g"}), "Segment 3 of 14 is encoded differently from the first"),
        (completions(s3={"depth": "better"}), "Segment 3 of 14 is rendered with another depth estimator"),
    ],
)
def test_what_does_not_fit_is_named(found, sentence):
    with pytest.raises(VerificationFailed, match=sentence):
        check_completions(PLAN, manifest(), found)
