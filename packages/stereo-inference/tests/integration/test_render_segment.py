"""A whole segment: exact frames at exact times, the same picture however the video was cut, and every way to fail."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from rendering_fixtures import SMALL, Cut, cut, decoded, luma, shared_encoder, times_of

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.depth.of_video import depths_of
from stereo_inference.layouts import packed_size
from stereo_inference.packing import packer_for
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.render import render_segment
from stereo_inference.stages import Stages
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_inference.video_io.decode import SourceFrame
from stereo_spot_media.demo_clip import Clip
from stereo_spot_media.scene import Scene, read_frame_number
from stereo_spot_media.segment_io import inspect_rendered
from stereo_spot_shared.errors import Interrupted, MissingSource, StorageUnavailable, UnsupportedMedia
from stereo_spot_shared.manifest import Region
from stereo_spot_shared.rendering import Eye, FramePacking


def pictures(job: Cut, **options: object) -> list[tuple[int, str]]:
    """Time and hash of every frame of all segments, rendered and decoded again."""
    found = []
    for index in range(len(job.segments)):
        result, path = job.render(index, **options)
        assert result.frames == len(job.manifest.segments[index].core)
        assert not result.lost
        assert result.context == len(job.manifest.segments[index].before) + len(job.manifest.segments[index].after)
        for time, frame in decoded(path, job.manifest):
            content = b"".join(bytes(plane) for plane in frame.planes)
            found.append((time, hashlib.sha256(content).hexdigest()))
    return found


@pytest.mark.parametrize("cut_frames", [None, 17], ids=["one-shot", "scene-cuts"])
def test_the_picture_does_not_depend_on_where_the_video_was_cut(tmp_path: Path, cut_frames: int | None) -> None:
    scene = Scene(width=128, height=72, rate=Fraction(24), cut_frames=cut_frames)
    clip = Clip(scene=scene, frames=48, options={"g": "12", "sc_threshold": "0"})
    whole = cut(tmp_path / "whole", clip, quality="lossless")
    shared = cut(tmp_path / "cut", tmp_path / "whole" / "source.mp4", segment_seconds=0.5, quality="lossless")
    assert len(whole.segments) == 1
    assert len(shared.segments) >= 3
    expected = pictures(whole)
    assert [time for time, _ in expected] == list(whole.manifest.frames.times())
    assert pictures(shared, threads=2) == expected


@pytest.mark.parametrize("cut_frames", [None, 41], ids=["one-shot", "scene-cuts"])
def test_nor_does_a_screen_that_follows_the_shots(tmp_path: Path, cut_frames: int | None) -> None:
    scene = Scene(width=96, height=54, rate=Fraction(12), cut_frames=cut_frames)
    clip = Clip(scene=scene, frames=144, options={"g": "12", "sc_threshold": "0"})
    follows = {"convergence": "auto", "floating_window": True, "max_disparity": 10.0, "foreground_scale": 1.0}
    whole = cut(tmp_path / "whole", clip, quality="lossless", **follows)
    shared = cut(tmp_path / "cut", tmp_path / "whole" / "source.mp4", segment_seconds=2.0, quality="lossless", **follows)
    assert len(shared.segments) >= 3
    assert pictures(shared) == pictures(whole)
    assert pictures(whole) != pictures(cut(tmp_path / "other", tmp_path / "whole" / "source.mp4", quality="lossless", max_disparity=10.0))


def test_interlaced_sources_do_not_depend_on_it_either_and_keep_one_frame_for_one(tmp_path: Path) -> None:
    clip = Clip(scene=SMALL, frames=36, interlaced=True, options={"g": "12", "flags": "+ildct+ilme", "x264-params": "tff=1"})
    whole = cut(tmp_path / "whole", clip, quality="lossless")
    shared = cut(tmp_path / "cut", tmp_path / "whole" / "source.mp4", segment_seconds=0.5, quality="lossless")
    assert whole.manifest.video.interlaced
    assert len(shared.segments) >= 2
    expected = pictures(whole)
    assert len(expected) == 36
    assert pictures(shared) == expected


def test_each_time_shows_the_frame_of_that_time(tmp_path: Path) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=30, options={"g": "10"}), segment_seconds=0.5, max_disparity=0.0)
    times = list(job.manifest.frames.times())
    for index in range(len(job.segments)):
        _, path = job.render(index)
        for time, frame in decoded(path, job.manifest):
            assert read_frame_number(luma(frame)[:, : SMALL.width]) == times.index(time)
            assert read_frame_number(luma(frame)[:, SMALL.width :]) == times.index(time)


@pytest.mark.parametrize("eye", Eye)
def test_a_kept_eye_is_the_source_bit_for_bit_in_the_file(tmp_path: Path, eye: Eye) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=4), quality="lossless", max_disparity=6.0, keep_eye=eye)
    _, path = job.render()
    with av.open(str(tmp_path / "source.mp4")) as container:
        sources = [luma(frame) for frame in container.decode(video=0)]
    halves = [(luma(frame)[:, : SMALL.width], luma(frame)[:, SMALL.width :]) for _, frame in decoded(path, job.manifest)]
    for source, (left, right) in zip(sources, halves, strict=True):
        kept, moved = (left, right) if eye is Eye.LEFT else (right, left)
        assert np.array_equal(kept, source)
        assert not np.array_equal(moved, source)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([0, 3003, 6756, 6757, 96_757, 99_760, 99_762, 102_765], id="variable"),
        pytest.param([9_000_000 + 3750 * i for i in range(8)], id="late"),
        pytest.param([0], id="one-frame"),
        pytest.param([0, 3754], id="two-frames"),
    ],
)
def test_times_are_the_sources(tmp_path: Path, times: list[int]) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=len(times), time_base=Fraction(1, 90_000), times=times, options={"bf": "0"}))
    assert list(job.manifest.frames.times()) == times
    result, path = job.render()
    assert times_of(path, job.manifest) == times
    info = inspect_rendered(path, time_base=job.manifest.video.time_base, pts_offset=job.manifest.pts_offset)
    assert list(info.times.times()) == times
    assert (info.fingerprint, info.width, info.height, info.bytes) == (result.fingerprint, result.width, result.height, result.bytes)


@pytest.mark.parametrize("bits", [8, 10])
def test_segments_of_one_job_have_one_fingerprint_whatever_the_threads(tmp_path: Path, bits: int) -> None:
    form = "yuv420p" if bits == 8 else "yuv420p10le"
    job = cut(tmp_path, Clip(scene=SMALL, frames=36, pixel_format=form, options={"g": "12"}), segment_seconds=0.5)
    found = {job.render(index, threads=threads)[0].fingerprint for index in range(len(job.segments)) for threads in (1, 2)}
    assert len(found) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_counts_the_frames_of_the_core(tmp_path: Path, threads: int) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=24))
    heard: list[int] = []
    job.render(threads=threads, on_progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 24


@pytest.mark.parametrize("threads", [1, 2])
def test_asked_to_stop_it_leaves_nothing_behind(tmp_path: Path, threads: int) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=24))
    heard: list[int] = []
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Interrupted):
        job.render(threads=threads, on_progress=heard.append, should_stop=lambda: len(heard) >= 3)
    assert sorted(tmp_path.iterdir()) == before


def damaged(job: Cut, *, keep: float | None = None, spoil: float | None = None) -> None:
    """Cut the segment object short, or spoil bytes in its middle (shares of its size)."""
    data = bytearray(job.segments[0].read_bytes())
    if spoil is not None:
        middle = int(len(data) * spoil)
        data[middle : middle + len(data) // 20] = bytes(b ^ 0x5A for b in data[middle : middle + len(data) // 20])
    job.segments[0].write_bytes(data[: int(len(data) * keep)] if keep else data)


@pytest.mark.parametrize("damage", [{"keep": 0.5}, {"spoil": 0.5}], ids=["short", "spoilt"])
@pytest.mark.parametrize("threads", [1, 2])
def test_frames_that_do_not_decode_are_reported_and_not_invented(tmp_path: Path, damage: dict[str, float], threads: int) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=24, codec="mjpeg", pixel_format="yuvj420p"), max_disparity=0.0)
    damaged(job, **damage)
    result, path = job.render(threads=threads)
    times = list(job.manifest.frames.times())
    lost = list(result.lost.times())
    shown = times_of(path, job.manifest)
    assert lost
    assert result.frames == len(shown)
    assert sorted(shown + lost) == times
    if "keep" in damage:
        assert lost == times[len(shown) :]


def test_a_missing_segment_is_said_to_be_missing(tmp_path: Path) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=4))
    with pytest.raises(MissingSource):
        render_segment(
            job.request(), source=tmp_path / "absent.nut", output=tmp_path / "out", estimator=BasicDepth(), encoder=shared_encoder()
        )
    assert not (tmp_path / "out").exists()


def test_a_segment_that_is_no_video_is_refused(tmp_path: Path) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=4))
    job.segments[0].write_bytes(b"this is no video at all\n" * 40)
    with pytest.raises(UnsupportedMedia):
        job.render()


def test_a_result_that_cannot_be_written_is_the_storages_fault(tmp_path: Path) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=4))
    with pytest.raises(StorageUnavailable):
        job.render(output=tmp_path / "no" / "such" / "folder" / "out")


ACTIVE = Region(left=16, top=8, width=96, height=56)


@pytest.mark.parametrize("layout", ["full-sbs", "half-tb", "anaglyph", "rgbd", "vr180", "rows"])
@pytest.mark.parametrize("form", ["yuv420p", "yuv444p10le"])
def test_black_bars_stay_and_what_they_leave_is_rendered_as_if_it_were_alone(tmp_path: Path, layout: str, form: str) -> None:
    """The same film twice: within bars, and cut out of them; the disparity is a share of the whole width."""
    look = {"layout": layout, "quality": "lossless", "max_disparity": 6.0}
    job = cut(tmp_path / "barred", Clip(scene=SMALL, frames=4, pixel_format=form, codec="ffv1"), **look)
    video = job.manifest.video.model_copy(update={"active": ACTIVE})
    _, path = job.render(request=job.request(video=video))
    with av.open(str(tmp_path / "barred" / "source.mkv")) as container:
        source = [Picture.view(frame, PIXEL_FORMATS[form]) for frame in container.decode(video=0)]
    found = [Picture.view(frame, PIXEL_FORMATS[form]) for _, frame in decoded(path, job.manifest)]
    inner = [picture.part(ACTIVE).compact() for picture in source]
    params = job.params.model_copy(update={"max_disparity": 6.0 * 128 / 96})
    packer = packer_for(params, 96, 56, PIXEL_FORMATS[form], video.colour)
    if layout == "full-sbs":
        frames = (SourceFrame(number, number, True, picture) for number, picture in enumerate(inner))
        alone_video = video.model_copy(update={"active": None, "width": 96, "height": 56})
        depths = depths_of(frames, BasicDepth(), params, alone_video, Stages(overlap=False))
        for seen, picture, whole in zip(depths, found, source, strict=True):
            alone = Picture.empty(192, 56, PIXEL_FORMATS[form])
            packer.pack(seen.payload.picture, DepthField.guided(seen.depth, seen.payload.picture), Screen(0.5), alone)
            for eye in (0, 1):
                view = picture.cropped(0)[:, 128 * eye : 128 * (eye + 1)]
                assert np.array_equal(view[8:64, 16:112], alone.cropped(0)[:, 96 * eye : 96 * (eye + 1)])
                outside = np.ones(view.shape, bool)
                outside[8:64, 16:112] = False
                assert np.array_equal(view[outside], whole.cropped(0)[outside])
    if layout == "rgbd":
        black = 16 << (found[0].format.bits - 8)
        assert all((picture.cropped(0)[:8, 128:] == black).all() and (picture.cropped(0)[:, 240:] == black).all() for picture in found)


@pytest.mark.parametrize("layout", list(FramePacking))
def test_every_layout_says_its_true_size(tmp_path: Path, layout: FramePacking) -> None:
    job = cut(tmp_path, Clip(scene=SMALL, frames=3), layout=layout)
    result, path = job.render()
    wide, high = packed_size(layout, 128, 72, PIXEL_FORMATS["yuv420p"])
    wide //= 2 if layout == "separate" else 1
    assert (result.width, result.height) == (wide, high)
    assert {(frame.width, frame.height) for _, frame in decoded(path, job.manifest)} == {(wide, high)}


@pytest.mark.parametrize("layout", list(FramePacking))
def test_pixels_keep_their_shape_but_in_a_dome_they_are_square(tmp_path: Path, layout: FramePacking) -> None:
    clip = Clip(scene=SMALL, frames=3, sample_aspect_ratio=Fraction(64, 45))
    result, path = cut(tmp_path, clip, layout=layout).render()
    expected = Fraction(1) if layout == "vr180" else Fraction(64, 45)
    assert result.sample_aspect_ratio == expected
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == expected
