"""Every frame of the source comes out of exactly one segment object, bit for bit and at its exact time."""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction

import av
import numpy as np
import pytest

from stereo_spot_media.cutting import cut_segments
from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.planning import make_manifest
from stereo_spot_media.scene import Scene
from stereo_spot_media.testing import real_clips
from stereo_spot_media.timestamps import rescale_exact
from stereo_spot_shared.errors import NoSpaceLeft, SourceChanged
from stereo_spot_shared.rendering import RenderParams

SMALL = Scene(96, 64, Fraction(24))
X265 = "log-level=none:pools=none:frame-threads=1"
UNEVEN = [n * 512 + (n * n * 37) % 400 for n in range(60)]
REPEATED = [n // 3 * 1024 + (n % 3 == 2) * 512 for n in range(60)]
PTS_90K = Fraction(1, 90000)
MS = Fraction(1, 1000)

SOURCES = {
    "h264.mp4": Clip(SMALL, 90, options={"g": "24", "preset": "faster"}),
    "h264-open.mp4": Clip(SMALL, 90, options={"g": "20", "preset": "faster", "x264-params": "open-gop=1:bframes=3"}),
    "h264-open.ts": Clip(SMALL, 90, options={"g": "20", "preset": "faster", "x264-params": "open-gop=1"}, time_base=PTS_90K),
    "h264-refresh.mp4": Clip(SMALL, 90, options={"g": "24", "x264-params": "intra-refresh=1:bframes=0"}),
    "h264-444.mkv": Clip(SMALL, 60, pixel_format="yuv444p", time_base=MS),
    "h264-one-key.mp4": Clip(SMALL, 120, options={"g": "100000", "x264-params": "scenecut=0"}),
    "h264.avi": Clip(SMALL, 60, options={"g": "12", "bf": "2"}, time_base=Fraction(1, 24)),
    "h264-fields.mp4": Clip(SMALL, 60, options={"g": "12", "flags": "+ildct+ilme"}, interlaced=True),
    "h264.flv": Clip(SMALL, 60, options={"g": "12"}),
    "fragments.mp4": Clip(SMALL, 60, options={"g": "12"}, muxer_options={"movflags": "frag_keyframe+empty_moov"}),
    "uneven.mp4": Clip(SMALL, times=UNEVEN, options={"g": "12"}),
    "repeated.mkv": Clip(SMALL, times=[t // 12 for t in REPEATED], options={"g": "12", "bf": "2"}, time_base=MS),
    "late.mp4": Clip(SMALL, times=[n * 512 + 100 * 12288 for n in range(60)], options={"g": "12"}),
    "trimmed.mp4": Clip(SMALL, times=[n * 512 - 3000 for n in range(60)], options={"g": "12"}),
    "rotated.mp4": Clip(SMALL, 48, rotation=-90, options={"g": "12"}),
    "hevc.mp4": Clip(SMALL, 72, codec="libx265", options={"x265-params": X265 + ":keyint=24", "preset": "ultrafast"}),
    "hevc-open.mkv": Clip(SMALL, 72, "libx265", "yuv420p10le", {"x265-params": X265 + ":keyint=18:min-keyint=18:open-gop=1:bframes=3"}, MS),
    "vp8.webm": Clip(SMALL, 60, codec="libvpx", options={"g": "12", "auto-alt-ref": "1", "lag-in-frames": "8"}, time_base=MS),
    "vp9.webm": Clip(SMALL, 60, codec="libvpx-vp9", options={"g": "20", "lag-in-frames": "16", "cpu-used": "8"}, time_base=MS),
    "av1.mkv": Clip(SMALL, 60, codec="libsvtav1", options={"preset": "10", "g": "20", "svtav1-params": "lp=1"}, time_base=MS),
    "mpeg2-open.ts": Clip(SMALL, 90, codec="mpeg2video", options={"b": "3M", "bf": "2", "g": "12"}, time_base=PTS_90K),
    "mpeg2.mpg": Clip(SMALL, 60, codec="mpeg2video", options={"b": "3M", "g": "12"}, time_base=PTS_90K),
    "mpeg4.avi": Clip(SMALL, 60, codec="mpeg4", options={"b": "2M", "bf": "2", "g": "12"}, time_base=Fraction(1, 24)),
    "mpeg4.mp4": Clip(SMALL, 60, codec="mpeg4", options={"b": "2M", "bf": "2", "g": "12"}),
    "mjpeg.avi": Clip(SMALL, 36, codec="mjpeg", pixel_format="yuvj420p", time_base=Fraction(1, 24)),
    "ffv1.mkv": Clip(Scene(97, 65), 36, codec="ffv1", pixel_format="yuv420p10le", options={"g": "6"}, time_base=MS),
    "prores.mov": Clip(SMALL, 36, codec="prores_ks", pixel_format="yuv422p10le"),
    "dnxhr.mov": Clip(Scene(256, 128), 36, codec="dnxhd", pixel_format="yuv422p", options={"profile": "dnxhr_sq"}),
    "prores-uneven.mkv": Clip(
        SMALL, times=[n * 40 + n * n % 30 for n in range(36)], codec="prores_ks", pixel_format="yuv422p10le", time_base=MS
    ),
    "ntsc.mp4": Clip(Scene(96, 64, Fraction(30000, 1001)), 75, options={"g": "15"}, time_base=Fraction(1, 30000)),
    "wmv.asf": Clip(SMALL, 48, codec="wmv2", options={"g": "12"}, time_base=MS),
    "still.mp4": Clip(SMALL, 1),
}


def digest(frame):
    """Hash of the picture itself, without the padding of its rows."""
    hashed = hashlib.sha256()
    width = 2 if frame.format.components[0].bits > 8 else 1
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        hashed.update(np.ascontiguousarray(rows[:, : plane.width * width]))
    return hashed.hexdigest()


def decoded(path, index=0):
    """(PTS, time base, hash of the picture) of every frame that decodes, in the order in which they come."""
    frames = []
    with av.open(str(path), metadata_errors="replace") as container:
        stream = container.streams[index]
        for packet in container.demux(stream):
            try:
                came = packet.decode()
            except av.FFmpegError:
                continue
            frames += [(f.pts, stream.time_base, digest(f)) for f in came]
    return frames


def kept(path, manifest, spec):
    """What a renderer keeps of a segment object: the frames whose times its plan lists, in order."""
    wanted = [*spec.before.times(), *spec.core.times(), *spec.after.times()]
    left = Counter(wanted)
    frames = []
    for pts, time_base, picture in decoded(path):
        time = rescale_exact(pts, time_base, manifest.video.time_base) - manifest.pts_offset
        if left[time]:
            left[time] -= 1
            frames.append((time, picture))
    frames.sort(key=lambda frame: frame[0])
    assert [time for time, _ in frames] == wanted
    return frames[len(spec.before) : len(spec.before) + len(spec.core)]


def assert_exact(source, folder, seconds):
    manifest = make_manifest(
        source, "etag", RenderParams(segment_seconds=seconds, depth="basic", depth_profile="quality"), keep=folder / "packets"
    )
    whole = decoded(source, manifest.video.index)
    # Times by the order in which pictures come out: AVI's own are those of decoding.
    expected = list(zip(sorted(pts for pts, _, _ in whole), (picture for _, _, picture in whole), strict=True))
    assert list(manifest.frames.times()) == [time for time, _ in expected]
    cuts = list(cut_segments(source, manifest, folder, kept=folder / "packets"))
    assert [cut.index for cut in cuts] == [spec.index for spec in manifest.segments]
    joined = [frame for cut, spec in zip(cuts, manifest.segments, strict=True) for frame in kept(cut.path, manifest, spec)]
    assert joined == expected
    assert not list(folder.glob("*.part"))
    return manifest


@pytest.mark.parametrize("name", SOURCES)
def test_segments_hold_exactly_the_frames_of_the_whole(tmp_path, name):
    source = write_clip(tmp_path / name, SOURCES[name])
    manifest = assert_exact(source, tmp_path, 0.5)
    if manifest.frame_count >= 48 and "one-key" not in name and "refresh" not in name:
        assert len(manifest.segments) >= 2


@pytest.mark.parametrize("seconds", [0.5, 2.0])
@pytest.mark.parametrize("clip", real_clips() or [pytest.param(None, marks=pytest.mark.skip(reason="no real clips here"))], ids=str)
def test_real_clips_too(tmp_path, clip, seconds):
    assert_exact(clip, tmp_path, seconds)


def test_the_plan_and_the_objects_are_the_same_every_time(tmp_path):
    source = write_clip(tmp_path / "a.mp4", SOURCES["h264-open.mp4"])
    results = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        manifest = make_manifest(source, "etag", RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"))
        results.append((manifest, [cut.path.read_bytes() for cut in cut_segments(source, manifest, folder)]))
    assert results[0] == results[1]


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
def test_a_recording_that_begins_in_the_middle_promises_what_decodes(tmp_path, codec, share):
    clip = Clip(SMALL, 90, codec=codec, options={"g": "24", "bf": "2", "b": "2M"}, time_base=PTS_90K)
    data = write_clip(tmp_path / "whole.ts", clip).read_bytes()
    head = data[: 188 * 3]  # SDT, PAT, PMT
    late = tmp_path / "late.ts"
    late.write_bytes(head + data[int(len(data) * share) // 188 * 188 :])
    manifest = assert_exact(late, tmp_path, 0.5)
    assert manifest.frame_count < 90 * (1 - share) + 12


def test_segments_that_exist_are_not_cut_again(tmp_path):
    source = write_clip(tmp_path / "a.mp4", SOURCES["h264.mp4"])
    manifest = make_manifest(source, "etag", RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"))
    assert len(manifest.segments) > 3
    cuts = list(cut_segments(source, manifest, tmp_path, skip={0, 2}))
    assert [cut.index for cut in cuts] == [spec.index for spec in manifest.segments if spec.index not in {0, 2}]
    assert not list(cut_segments(source, manifest, tmp_path, skip={spec.index for spec in manifest.segments}))


def test_what_was_left_unfinished_is_removed(tmp_path):
    source = write_clip(tmp_path / "a.mp4", SOURCES["h264-one-key.mp4"])
    manifest = make_manifest(source, "etag", RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"))
    cuts = cut_segments(source, manifest, tmp_path)
    next(cuts)
    assert list(tmp_path.glob("*.part"))
    cuts.close()
    assert not list(tmp_path.glob("*.part"))


def test_a_source_that_changes_meanwhile_is_noticed(tmp_path):
    source = write_clip(tmp_path / "a.mp4", SOURCES["h264.mp4"])
    manifest = make_manifest(
        source, "etag", RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"), keep=tmp_path / "packets"
    )
    write_clip(source, Clip(Scene(96, 64, Fraction(24), seed=9), 90))
    with pytest.raises(SourceChanged):
        list(cut_segments(source, manifest, tmp_path, kept=tmp_path / "packets"))


def test_a_full_disk_is_said_so(tmp_path):
    source = write_clip(tmp_path / "a.mp4", SOURCES["h264.mp4"])
    manifest = make_manifest(source, "etag", RenderParams(segment_seconds=0.5, depth="basic", depth_profile="quality"))
    (tmp_path / "segment-000000.nut.part").symlink_to("/dev/full")
    with pytest.raises(NoSpaceLeft):
        list(cut_segments(source, manifest, tmp_path))


def test_streams_without_an_origin_start_at_zero_together(tmp_path):
    clip = Clip(SMALL, 24, time_base=PTS_90K, times=[90000 * 500 + n * 3750 for n in range(24)], sounds=[Sound("mp2")])
    source = write_clip(tmp_path / "a.ts", clip)
    manifest = make_manifest(source, "etag", RenderParams())
    with av.open(str(source)) as container:
        first = min(packet.pts * packet.time_base for packet in container.demux() if packet.size)
    assert manifest.start_shift == -first < -400
    for name in ("a.mp4", "a.mkv"):
        whole = write_clip(tmp_path / name, Clip(SMALL, 4, time_base=MS, times=[100_000 + 40 * n for n in range(4)]))
        assert make_manifest(whole, "etag", RenderParams()).start_shift == 0
