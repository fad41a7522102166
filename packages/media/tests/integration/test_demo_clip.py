from __future__ import annotations

from fractions import Fraction

import av
import pytest

from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.scene import Scene, read_frame_number

SMALL = Scene(96, 64, Fraction(24))


def decoded(path):
    with av.open(str(path)) as container:
        return [(f.pts, read_frame_number(f.to_ndarray(format="rgb24")), f) for f in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "clip"),
    [
        ("h264.mp4", Clip(SMALL, 20)),
        ("odd.mkv", Clip(Scene(127, 71), 5, codec="ffv1", pixel_format="yuv444p")),
        ("ten.mkv", Clip(SMALL, 12, codec="libx265", pixel_format="yuv420p10le", options={"x265-params": "log-level=none"})),
        ("mpeg2.ts", Clip(SMALL, 12, codec="mpeg2video", options={"b": "2M", "bf": "2"}, time_base=Fraction(1, 90000))),
        ("late.mp4", Clip(SMALL, 5, times=[12288 * 100 + n * 512 for n in range(5)])),
        ("vfr.mp4", Clip(SMALL, 5, times=[0, 100, 1000, 1001, 5000])),
    ],
)
def test_pictures_tell_their_number_in_order_at_their_time(tmp_path, name, clip):
    frames = decoded(write_clip(tmp_path / name, clip))
    assert [number for _, number, _ in frames] == list(range(clip.frames if clip.times is None else len(clip.times)))
    if name.endswith("mp4"):
        assert [pts for pts, _, _ in frames] == clip.presentation_times()


def test_negative_times_are_trimmed_by_an_edit_list(tmp_path):
    frames = decoded(write_clip(tmp_path / "trimmed.mp4", Clip(SMALL, times=[512 * n - 1024 for n in range(10)])))
    assert [number for _, number, _ in frames] == list(range(2, 10))


def test_everything_that_goes_along(tmp_path):
    clip = Clip(
        SMALL,
        24,
        rotation=-90,
        sounds=[Sound(language="eng", default=True), Sound("libmp3lame", 44100, language="fra", title="Doublage")],
        captions=[Captions([(0, 400, "Hello"), (500, 900, "Grüße")], "mov_text", "deu")],
        chapters=[(0, 500, "One"), (500, 1000, "Two")],
        metadata={"title": "Demo"},
    )
    with av.open(str(write_clip(tmp_path / "full.mp4", clip))) as container:
        assert container.metadata["title"] == "Demo"
        assert [entry["metadata"]["title"] for entry in container.chapters()] == ["One", "Two"]
        assert [stream.language for stream in container.streams.audio] == ["eng", "fra"]
        assert [stream.language for stream in container.streams.subtitles] == ["deu"]
        texts = [bytes(packet)[2:].decode() for packet in container.demux(subtitles=0) if packet.size > 2]
        assert texts == ["Hello", "Grüße"]


def test_interlaced_pictures_hold_two_moments(tmp_path):
    clip = Clip(SMALL, 4, interlaced=True, options={"flags": "+ildct+ilme", "qp": "0"}, pixel_format="yuv444p")
    frames = decoded(write_clip(tmp_path / "fields.mkv", clip))
    assert all(frame.interlaced_frame for _, _, frame in frames)
    assert [number for _, number, _ in frames] == [0, 1, 2, 3]


def test_attachments_in_matroska(tmp_path):
    clip = Clip(SMALL, 4, attachment=("a.ttf", "font/ttf", b"font"), captions=[Captions([(0, 100, "Hi")])])
    with av.open(str(write_clip(tmp_path / "a.mkv", clip))) as container:
        assert container.streams.attachments[0].data == b"font"
        assert container.streams.subtitles[0].codec_context.name == "srt"
