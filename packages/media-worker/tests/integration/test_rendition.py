from __future__ import annotations

import threading
from fractions import Fraction

import av
import pytest

from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.scene import Scene
from stereo_spot_runtime import scratch as scratch_module
from stereo_spot_runtime.operations import delete_job
from stereo_spot_shared import keys
from stereo_spot_shared.errors import NotFound, StorageUnavailable
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import RenditionRequest

HLG = "log-level=none:colorprim=bt2020:colormatrix=bt2020nc:range=limited:transfer=arib-std-b67"


def ask(platform, job):
    platform.queues[Stage.RENDITION].send(RenditionRequest(job_id=job.job_id).encode())


def depth(platform):
    depth = platform.queues[Stage.RENDITION].depth()
    return depth.waiting, depth.in_flight, depth.dead


def stored(platform, job):
    try:
        return platform.storage.stat(keys.rendition_key(job.job_id)).etag
    except NotFound:
        return None


def frames_of(path):
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        return sorted(packet.pts * packet.time_base for packet in opened.demux(stream) if packet.size)


@pytest.fixture
def completed(job, convert):
    return convert(job)


def test_an_hdr_film_of_uneven_times_becomes_one_that_browsers_play(platform, work, completed, tmp_path, scratch):
    """In HEVC and Matroska, with sound that no browser knows there."""
    clip = Clip(
        Scene(width=192, height=64), frames=24, codec="libx265", pixel_format="yuv420p10le", options={"x265-params": HLG},
        time_base=Fraction(1, 1000), times=[40 * n + (n % 3) for n in range(24)], sounds=(Sound("flac"),),
    )  # fmt: skip
    platform.storage.put_file(write_clip(tmp_path / "output.mkv", clip), completed.result.output_key)
    ask(platform, completed)
    assert work(platform, Stage.RENDITION)
    platform.storage.get_file(keys.rendition_key(completed.job_id), tmp_path / "rendition.mp4")
    with av.open(str(tmp_path / "rendition.mp4")) as opened:
        picture, sound = opened.streams.video[0], opened.streams.audio[0]
        assert (picture.codec_context.name, picture.codec_context.pix_fmt, picture.width, picture.height) == ("h264", "yuv420p", 192, 64)
        assert sound.codec_context.name == "aac"
    assert frames_of(tmp_path / "rendition.mp4") == frames_of(tmp_path / "output.mkv")
    assert depth(platform) == (0, 0, 0)
    assert list(scratch.iterdir()) == []


def test_it_says_how_far_it_is_and_changes_nothing_of_the_job(platform, work, completed, monkeypatch):
    monkeypatch.setattr("stereo_spot_runtime.context._MOMENT_SECONDS", 0.0)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    assert platform.jobs.get(completed.job_id) == completed
    (sign,) = [activity for activity in platform.activity.list(completed.job_id) if activity.stage is Stage.RENDITION]
    assert (sign.done, sign.total, sign.note) == (36, 36, None)


def test_a_second_message_finds_it_and_does_nothing(platform, work, completed, hooked):
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    first, puts = stored(platform, completed), []
    ask(platform, completed)
    assert work(hooked(puts.append), Stage.RENDITION)
    assert (stored(platform, completed), puts) == (first, [])


def test_it_is_made_after_the_sweep_too(platform, work, completed, all_keys):
    work(platform, Stage.SWEEP)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    assert stored(platform, completed)
    assert depth(platform) == (0, 0, 0)


def test_of_two_at_once_one_stands(platform, work, completed, hooked):
    both_made = threading.Barrier(2, timeout=120)
    for _ in range(2):
        ask(platform, completed)
    slow = hooked(lambda _: both_made.wait())
    threads = [threading.Thread(target=work, args=(slow, Stage.RENDITION)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(platform, completed)
    assert depth(platform) == (0, 0, 0)


def test_a_job_that_is_not_completed_gets_none(platform, work, job):
    ask(platform, job)
    assert work(platform, Stage.RENDITION)
    assert stored(platform, job) is None
    assert depth(platform) == (0, 0, 0)


def test_a_job_that_is_deleted_meanwhile_leaves_nothing(platform, work, completed, hooked, all_keys):
    def delete_and_sweep(_):
        delete_job(platform, completed.job_id)
        while work(platform, Stage.SWEEP):
            pass

    ask(platform, completed)
    work(hooked(delete_and_sweep), Stage.RENDITION)
    assert platform.jobs.get(completed.job_id).status is JobStatus.DELETED
    assert all_keys(completed.job_id) == []
    assert depth(platform) == (0, 0, 0)


def test_a_job_that_is_deleted_while_it_is_made_ends_the_work_quietly(platform, work, completed, all_keys, monkeypatch):
    """Deleted as soon as work begins: the output is gone, or the watch notices."""
    work(platform, Stage.SWEEP)
    get_file = platform.storage.get_file

    def delete_first(key, path):
        delete_job(platform, completed.job_id)
        work(platform, Stage.SWEEP)
        return get_file(key, path)

    monkeypatch.setattr(platform.storage, "get_file", delete_first)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    assert all_keys(completed.job_id) == []
    assert depth(platform) == (0, 0, 0)


def test_a_failure_never_changes_the_job_and_its_last_sign_of_life_says_why(platform, work, completed):
    platform.storage.put_bytes(b"no video at all", completed.result.output_key)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    assert platform.jobs.get(completed.job_id) == completed
    assert stored(platform, completed) is None
    (sign,) = [activity for activity in platform.activity.list(completed.job_id) if activity.stage is Stage.RENDITION]
    assert sign.note.startswith("making the version for browsers failed: output.mp4 is a text file")
    assert depth(platform) == (0, 0, 1)


def test_an_output_that_is_gone_is_said(platform, work, completed):
    platform.storage.delete(completed.result.output_key)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    (sign,) = [activity for activity in platform.activity.list(completed.job_id) if activity.stage is Stage.RENDITION]
    assert sign.note == "making the version for browsers failed: The output of a scene.mp4 is no longer in storage."
    assert depth(platform) == (0, 0, 1)


def test_without_space_or_storage_it_waits(platform, work, completed, hooked, monkeypatch):
    monkeypatch.setattr(scratch_module, "SPARE_BYTES", 1 << 60)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    assert depth(platform) == (1, 0, 0)
    (sign,) = [activity for activity in platform.activity.list(completed.job_id) if activity.stage is Stage.RENDITION]
    assert "space" in sign.note
    monkeypatch.undo()

    def away(_):
        raise StorageUnavailable("away")

    ask(platform, completed)
    work(hooked(away), Stage.RENDITION)
    assert depth(platform) == (2, 0, 0)
    ask(platform, completed)
    work(platform, Stage.RENDITION)
    assert stored(platform, completed)


def test_of_two_files_the_left_one_is_shown(platform, work, submit_clip, convert, tmp_path):
    job = convert(submit_clip({"layout": "separate"}, scene=Scene(width=64, height=48, rate=Fraction(24))))
    ask(platform, job)
    work(platform, Stage.RENDITION)
    platform.storage.get_file(keys.rendition_key(job.job_id), tmp_path / "rendition.mp4")
    platform.storage.get_file(job.result.output_key, tmp_path / "left.mp4")
    platform.storage.get_file(job.result.right.key, tmp_path / "right.mp4")

    def picture(name):
        with av.open(str(tmp_path / name)) as opened:
            return next(opened.decode(video=0)).to_ndarray(format="gray").astype(int)

    distances = [abs(picture("rendition.mp4") - picture(name)).mean() for name in ("left.mp4", "right.mp4")]
    assert distances[0] < distances[1]
