"""Posters: of real videos in every shape, looked at again as pictures."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.ordinary_screen import HLG, PQ, on_screen
from stereo_spot_media.pictures import X264_UUID
from stereo_spot_media.planning import make_manifest
from stereo_spot_media.poster import make_poster
from stereo_spot_media.scene import Scene, read_frame_number
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import RenderParams

SMALL = Scene(width=320, height=192, rate=Fraction(24))
HDR = "log-level=none:colorprim=bt2020:colormatrix=bt2020nc:range=limited:transfer="


def poster(source: Path, **params) -> np.ndarray:
    """The poster as grey (height, width)."""
    output = source.with_suffix(".jpg")
    assert make_poster(source, make_manifest(source, "etag", RenderParams(**params)), output)
    with av.open(str(output)) as opened:
        assert opened.streams.video[0].codec_context.name == "mjpeg"
        (frame,) = opened.decode(video=0)
        assert frame.format.name == "yuvj420p"
        return frame.to_ndarray(format="gray")


def number(picture: np.ndarray, width: int = 320, height: int = 192) -> int:
    """The number of the source's frame."""
    again = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray").reformat(width, height)
    return read_frame_number(again.to_ndarray())


def test_it_is_a_picture_a_tenth_into_the_video(tmp_path: Path) -> None:
    seen = poster(write_clip(tmp_path / "a.mp4", Clip(SMALL, frames=100, options={"g": "20"})))
    assert seen.shape == (192, 320)
    assert number(seen) == 10


def test_of_an_excerpt_it_is_one_of_what_is_shown(tmp_path: Path) -> None:
    assert number(poster(write_clip(tmp_path / "a.mp4", Clip(SMALL, frames=100, options={"g": "20"})), start=2, end=4)) == 48 + 5


@pytest.mark.parametrize("suffix", ["mkv", "ts", "avi"])
def test_other_containers(tmp_path: Path, suffix: str) -> None:
    clip = Clip(SMALL, frames=100, codec="mpeg4" if suffix == "avi" else "libx264", options={"g": "20", "b": "2000000"})
    assert 8 <= number(poster(write_clip(tmp_path / f"a.{suffix}", clip))) <= 20  # MPEG-TS has no index: the next place will do


def test_large_pictures_become_small_ones(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", Clip(Scene(1280, 720, Fraction(24)), frames=4, options={"preset": "ultrafast"}))
    assert poster(source).shape == (360, 640)


@pytest.mark.parametrize(("angle", "turns"), [(-90, 1), (180, 2), (90, 3)])
def test_it_is_upright(tmp_path: Path, angle: int, turns: int) -> None:
    seen = poster(write_clip(tmp_path / "a.mp4", Clip(SMALL, frames=10, rotation=angle)))
    assert seen.shape == ((192, 320) if turns == 2 else (320, 192))
    assert number(np.rot90(seen, turns)) == 1


def test_a_phones_film_is_at_most_640_wide(tmp_path: Path) -> None:
    clip = Clip(Scene(2560, 1440, Fraction(24)), frames=3, options={"preset": "ultrafast"}, rotation=-90)
    assert poster(write_clip(tmp_path / "a.mp4", clip)).shape == (1136, 640)


@pytest.mark.parametrize(("aspect", "shape"), [(Fraction(3, 2), (192, 480)), (Fraction(1, 2), (192, 160)), (Fraction(4), (96, 640))])
def test_pixels_are_square(tmp_path: Path, aspect: Fraction, shape: tuple[int, int]) -> None:
    assert poster(write_clip(tmp_path / "a.mkv", Clip(SMALL, frames=4, sample_aspect_ratio=aspect))).shape == shape


class Blackout(Scene):
    """Black in its first half."""

    def picture(self, number):
        picture = super().picture(number)
        return picture * 0 if number < 50 else picture


class Night(Scene):
    """Black all through, but for a lamp at the end of its middle."""

    def picture(self, number):
        picture = super().picture(number) * 0
        if number >= 45:
            picture[90:94, 100:104] = 255
        return picture


def test_it_is_not_black_where_that_can_be_avoided(tmp_path: Path) -> None:
    assert number(poster(write_clip(tmp_path / "a.mp4", Clip(Blackout(320, 192, Fraction(24)), frames=100, options={"g": "10"})))) == 50


def test_of_dark_places_the_liveliest_is_shown(tmp_path: Path) -> None:
    seen = poster(write_clip(tmp_path / "a.mp4", Clip(Night(320, 192, Fraction(24)), frames=100, options={"g": "10"})))
    assert seen.max() > 200


@pytest.mark.parametrize(("name", "code"), [("smpte2084", PQ), ("arib-std-b67", HLG)])
def test_hdr_comes_out_as_the_curve_says(tmp_path: Path, name: str, code: int) -> None:
    clip = Clip(SMALL, frames=3, codec="libx265", pixel_format="yuv420p10le", options={"x265-params": HDR + name})
    source = write_clip(tmp_path / "hdr.mkv", clip)
    poster(source)
    with av.open(str(source)) as opened:
        frame = next(opened.decode(video=0))
        frame.color_trc = frame.color_primaries = 1
        codes = frame.reformat(format="gbrp16le", src_colorspace=9, src_color_range=1, dst_color_range=2).to_ndarray() / 65535
    wanted = on_screen(codes.reshape(-1, 3), Colour(primaries=9, transfer=code)).reshape(codes.shape) * 255
    seen = colours(source.with_suffix(".jpg"))
    assert np.abs(seen - wanted).mean() < 5
    assert seen.mean(axis=(0, 1)) == pytest.approx(wanted.mean(axis=(0, 1)), abs=3)


def colours(path: Path) -> np.ndarray:
    """The picture as red, green and blue (height, width, 3)."""
    with av.open(str(path)) as opened:
        return next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(float)


def test_colours_and_levels_are_those_of_the_film(tmp_path: Path) -> None:
    """Full-range RGB, limited range of BT.601 and of BT.709 show the same scene."""
    clips = {
        "rgb.mkv": Clip(SMALL, frames=3, codec="libx264rgb", pixel_format="rgb24"),
        "full.mp4": Clip(SMALL, frames=3, pixel_format="yuvj420p"),
        "limited.mp4": Clip(SMALL, frames=3),
    }
    wanted = SMALL.picture(0).mean(axis=(0, 1))
    for name, clip in clips.items():
        source = write_clip(tmp_path / name, clip)
        poster(source)
        assert colours(source.with_suffix(".jpg")).mean(axis=(0, 1)) == pytest.approx(wanted, abs=4), name


def test_interlaced_pictures_have_no_combs(tmp_path: Path) -> None:
    scene = Scene(320, 192, Fraction(2))
    source = write_clip(tmp_path / "a.mp4", Clip(scene, frames=6, options={"flags": "+ildct+ilme"}, interlaced=True))
    seen = poster(source).astype(float)
    upper, both = scene.picture(1).astype(float), scene.picture(1).astype(float)
    both[1::2] = scene.picture(Fraction(3, 2))[1::2]
    distances = [np.abs(seen - picture @ [0.299, 0.587, 0.114]).mean() for picture in (upper, both)]
    assert distances[0] < 0.7 * distances[1]


def test_it_takes_no_longer_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_clip(tmp_path / "a.mp4", Clip(Blackout(320, 192, Fraction(24)), frames=100, options={"g": "100"}))
    seen: list[None] = []
    monkeypatch.setattr("stereo_spot_media.poster.MOST_SECONDS", -1.0)
    make_poster(source, make_manifest(source, "etag", RenderParams()), tmp_path / "poster.jpg", on_progress=lambda: seen.append(None))
    assert len(seen) == 1, "the other places are not looked at"


def test_where_no_picture_decodes_there_is_no_poster(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mkv", Clip(SMALL, frames=20))
    manifest = make_manifest(source, "etag", RenderParams())
    data = bytearray(source.read_bytes())
    begin = data.index(X264_UUID) - 20  # the first packet tells which encoder made it
    data[begin:] = b"\xff" * (len(data) - begin)
    source.write_bytes(data)
    assert not make_poster(source, manifest, tmp_path / "poster.jpg")
    assert not (tmp_path / "poster.jpg").exists()
