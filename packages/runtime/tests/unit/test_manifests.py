from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import pytest

from stereo_spot_local_adapters.platform import open_platform
from stereo_spot_runtime.manifests import load_manifest, store_manifest, stored_manifest
from stereo_spot_shared import keys
from stereo_spot_shared.errors import UnknownSchema, VerificationFailed
from stereo_spot_shared.manifest import Manifest, SegmentSpec, VideoStream
from stereo_spot_shared.timing import Ticks

JOB = "jobmanifest"


@pytest.fixture
def storage(tmp_path):
    platform = open_platform(tmp_path)
    yield platform.storage
    platform.close()


def manifest(etag="e1"):
    times = Ticks.of(range(0, 100, 10))
    video = VideoStream(
        index=0, codec="h264", width=16, height=16, pixel_format="yuv420p", bit_depth=8,
        time_base=Fraction(1, 100), average_rate=Fraction(10), sample_aspect_ratio=Fraction(1),
    )  # fmt: skip
    return Manifest(
        source_etag=etag, source_format="mov", video=video, segment_container="nut", pts_offset=100, start_shift=Fraction(0),
        frames=times, last_duration=10, segments=(SegmentSpec(index=0, first_frame=0, core=times, packets=(0, 10)),),
    )  # fmt: skip


def test_what_is_stored_comes_back(storage):
    stored, plan_id = store_manifest(storage, JOB, manifest())
    assert stored == manifest()
    assert plan_id == hashlib.sha256(storage.read_range(keys.manifest_key(JOB))).hexdigest()
    assert load_manifest(storage, JOB, plan_id) == manifest()
    assert stored_manifest(storage, JOB) == (manifest(), plan_id)


def test_the_first_plan_stands(storage):
    first = store_manifest(storage, JOB, manifest("first"))
    assert store_manifest(storage, JOB, manifest("second")) == first


def test_none_is_stored_yet(storage):
    assert stored_manifest(storage, JOB) is None


@pytest.mark.parametrize("spoil", [lambda s: s.delete(keys.manifest_key(JOB)), lambda s: s.put_bytes(b"{}", keys.manifest_key(JOB))])
def test_a_plan_that_is_gone_or_damaged_is_never_worked_by(storage, spoil):
    _, plan_id = store_manifest(storage, JOB, manifest())
    spoil(storage)
    with pytest.raises(VerificationFailed):
        load_manifest(storage, JOB, plan_id)


def test_another_plan_is_not_mistaken_for_the_jobs_own(storage):
    _, plan_id = store_manifest(storage, JOB, manifest())
    storage.put_bytes(manifest("other").to_json(), keys.manifest_key(JOB))
    with pytest.raises(VerificationFailed, match="changed"):
        load_manifest(storage, JOB, plan_id)


def test_a_newer_plan_is_left_to_a_worker_that_knows_it(storage):
    fields = json.loads(manifest().to_json()) | {"schema_version": 99}
    storage.put_bytes(json.dumps(fields).encode(), keys.manifest_key(JOB))
    with pytest.raises(UnknownSchema):
        stored_manifest(storage, JOB)
