"""The version for browsers, made of real videos and read again."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from joining_fixtures import OFFSET, encode

from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.ordinary_screen import PQ, on_screen
from stereo_spot_media.rendition import make_rendition
from stereo_spot_media.scene import Scene, read_frame_number
from stereo_spot_shared.errors import Interrupted, UnsupportedMedia, VerificationFailed
from stereo_spot_shared.manifest import Colour

SMALL = Scene(width=160, height=96, rate=Fraction(24))
HDR = "log-level=none:colorprim=bt2020:colormatrix=bt2020nc:range=limited:transfer=smpte2084"
HIGH, LEVEL_5_1 = 100, 51


def rendition(source: Path, on_progress=lambda _: None) -> Path:
    output = source.parent / "rendition.mp4"
    make_rendition(source, output, on_progress=on_progress)
    return output


def times(path: Path, kind: str = "video") -> list[Fraction]:
    with av.open(str(path)) as opened:
        stream = next(stream for stream in opened.streams if stream.type == kind)
        return sorted(packet.pts * packet.time_base for packet in opened.demux(stream) if packet.size)


def numbers(path: Path) -> list[int | None]:
    with av.open(str(path)) as opened:
        return [read_frame_number(frame.to_ndarray(format="gray")) for frame in opened.decode(video=0)]


def assert_every_browser_plays(path: Path) -> None:
    assert path.read_bytes().find(b"moov") < path.read_bytes().find(b"mdat")
    with av.open(str(path)) as opened:
        assert opened.format.name.startswith("mov,mp4")
        assert [stream.type for stream in opened.streams] in (["video"], ["video", "audio"])
        video = opened.streams.video[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.extradata[1] == HIGH
        assert context.extradata[3] <= LEVEL_5_1
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        for sound in opened.streams.audio:
            assert sound.codec_context.codec.canonical_name == "aac"


UNEVEN = [1000, 1020, 1040, 1500, 1900, 1950, 2000, 2001, 2010, 2020, 2900, 3000]


def test_uneven_times_in_matroska_and_other_sound(tmp_path: Path) -> None:
    sounds = (Sound("flac", 44100, language="eng"), Sound("aac"))
    clip = Clip(SMALL, frames=len(UNEVEN), time_base=Fraction(1, 1000), times=UNEVEN, sounds=sounds)
    source = write_clip(tmp_path / "a.mkv", clip)
    output = rendition(source)
    assert_every_browser_plays(output)
    assert times(output) == times(source) == [Fraction(ms, 1000) for ms in UNEVEN]
    assert numbers(output) == list(range(len(UNEVEN)))
    with av.open(str(output)) as opened:
        (sound,) = opened.streams.audio
        assert (sound.codec_context.layout.name, sound.codec_context.sample_rate) == ("stereo", 48000)
    assert heard(output) == pytest.approx(heard(source), abs=0.01)
    assert heard(output)


def heard(path: Path) -> list[float]:
    """Seconds at which beeps begin: one at every whole second of the scene."""
    begins, quiet = [], -1.0
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            samples = frame.to_ndarray()[0]
            loud = np.abs(samples / (32768 if samples.dtype == np.int16 else 1)) > 0.3
            for at in np.flatnonzero(loud):
                time = float(frame.pts * frame.time_base) + at / frame.sample_rate
                if time > quiet + 0.5:
                    begins.append(time)
                quiet = time
    return begins


def test_aac_is_copied_and_mp4_keeps_its_clock_and_shape(tmp_path: Path) -> None:
    clip = Clip(SMALL, frames=30, sounds=(Sound("aac"),), sample_aspect_ratio=Fraction(4, 3), time_base=Fraction(1, 24000))
    source = write_clip(tmp_path / "a.mp4", clip)
    output = rendition(source)
    assert_every_browser_plays(output)
    assert times(output) == times(source)
    assert times(output, "audio") == times(source, "audio")
    with av.open(str(source)) as before, av.open(str(output)) as after:
        assert [bytes(packet) for packet in before.demux(audio=0)] == [bytes(packet) for packet in after.demux(audio=0)]
        assert after.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_several_frames_of_one_time(tmp_path: Path) -> None:
    stamps = [0, 1, 1, 1, 1, 1, 1, 2, 40, 80, 80, 120]
    source = encode(tmp_path / "a.nut", stamps, Fraction(1, 1000))
    output = rendition(source)
    assert [(time - Fraction(OFFSET, 1000)) * 1000 for time in times(output)] == stamps


@pytest.mark.parametrize(
    ("codec", "form", "options"),
    [
        ("libx264rgb", "rgb24", {}),
        ("libx264", "yuvj420p", {}),
        ("libx264", "yuv422p10le", {}),
        ("libx265", "yuv444p", {"x265-params": "log-level=none"}),
        ("libsvtav1", "yuv420p10le", {"preset": "12", "svtav1-params": "lp=1"}),
    ],
)
def test_whatever_it_was_coded_in_it_looks_the_same(tmp_path: Path, codec: str, form: str, options: dict) -> None:
    source = write_clip(tmp_path / "a.mkv", Clip(SMALL, frames=6, codec=codec, pixel_format=form, options=options))
    output = rendition(source)
    assert_every_browser_plays(output)
    assert numbers(output) == list(range(6))
    with av.open(str(output)) as opened:
        seen = next(opened.decode(video=0)).to_ndarray(format="rgb24").mean(axis=(0, 1))
    assert seen == pytest.approx(SMALL.picture(0).mean(axis=(0, 1)), abs=4)


def test_hdr_comes_out_as_the_curve_says(tmp_path: Path) -> None:
    clip = Clip(SMALL, frames=6, codec="libx265", pixel_format="yuv420p10le", options={"x265-params": HDR})
    source = write_clip(tmp_path / "a.mkv", clip)
    output = rendition(source)
    assert_every_browser_plays(output)
    codes = SMALL.picture(0).mean(axis=(0, 1), keepdims=True)
    flat = Scene.picture(SMALL, 0) / 255.0
    wanted = on_screen(flat.reshape(-1, 3), Colour(primaries=9, transfer=PQ)).mean(axis=0) * 255
    with av.open(str(output)) as opened:
        seen = next(opened.decode(video=0)).to_ndarray(format="rgb24").mean(axis=(0, 1))
    assert np.abs(seen - codes[0, 0]).max() > 10, "not the codes as they are"
    assert seen.mean() == pytest.approx(wanted.mean(), abs=12)


def test_progress_is_told_and_can_end_the_work(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", Clip(SMALL, frames=60))
    seen: list[int] = []
    rendition(source, seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 60)
    assert len(set(seen)) > 20

    def stop(frames: int) -> None:
        if frames >= 10:
            raise Interrupted("enough")

    with pytest.raises(Interrupted):
        rendition(source, stop)


def test_a_video_that_is_damaged_makes_none(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", Clip(SMALL, frames=48, options={"g": "6"}))
    data = bytearray(source.read_bytes())
    middle, end = len(data) // 2, data.index(b"moov") - 8
    data[middle:end] = b"\xff" * (end - middle)
    source.write_bytes(data)
    with pytest.raises((UnsupportedMedia, VerificationFailed)):
        rendition(source)


MEMORY = Path(__file__).parents[1] / "rendition_memory.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own count of memory, which only Linux shows this way")
@pytest.mark.parametrize(
    ("codec", "pixel_format", "options"),
    [("libx264", "yuv420p", {"preset": "veryfast"}), ("libx265", "yuv420p10le", {"preset": "ultrafast", "x265-params": HDR})],
)
def test_of_1080p_side_by_side_it_takes_no_more_than_400_mb(tmp_path: Path, codec: str, pixel_format: str, options: dict[str, str]) -> None:
    clip = Clip(Scene(width=3840, height=1080), frames=36, codec=codec, pixel_format=pixel_format, options=options)
    source = write_clip(tmp_path / "a.mp4", clip)
    taken = int(subprocess.check_output([sys.executable, MEMORY, source, tmp_path / "rendition.mp4"]))
    assert 100_000_000 < taken < 400_000_000, f"{taken / 1e6:.0f} MB"
