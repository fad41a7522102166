"""Photographs in and out: every format, what belongs to the picture, and the two formats made for stereo."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideDataType
from PIL import Image, ImageCms

from stereo_inference.depth.basic import BasicDepth
from stereo_inference.photo.convert import PhotoJob, convert_photo
from stereo_inference.photo.depth_file import read_depth, write_depth
from stereo_inference.photo.files import PhotoFormat, read_photo
from stereo_spot_media.scene import Scene
from stereo_spot_shared.errors import MissingSource, StorageUnavailable, UnsupportedMedia
from stereo_spot_shared.rendering import Eye, FramePacking, RenderParams

SCENE = Scene(width=160, height=90)
PICTURE = SCENE.picture(40)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXACT = {PhotoFormat.PNG: 0.0, PhotoFormat.JPEG: 3.0, PhotoFormat.WEBP: 5.0, PhotoFormat.AVIF: 5.0}
"""Mean error of a kept view that is allowed, in steps of 255."""


def saved(path: Path, rgb: np.ndarray = PICTURE, **options: object) -> Path:
    Image.fromarray(rgb).save(path, **options)
    return path


def converted(source: Path, output: Path, *, depth: Path | None = None, export: Path | None = None, **params: object) -> np.ndarray:
    right = output.with_stem(f"{output.stem}-right") if params.get("layout") == "separate" else None
    job = PhotoJob(source=source, output=output, right=right, format=PhotoFormat(output.suffix[1:]), depth=depth, export=export)
    convert_photo(job, RenderParams(**params), BasicDepth())
    with Image.open(output) as opened:
        return np.asarray(opened.convert("RGB")).astype(float)


@pytest.mark.parametrize("kind", EXACT)
def test_a_kept_view_is_the_photograph_and_its_profile_and_exif_are_kept(tmp_path: Path, kind: PhotoFormat) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    source = saved(tmp_path / "a.png", icc_profile=PROFILE, exif=exif)
    output = tmp_path / f"b.{kind}"
    shown = converted(source, output, keep_eye=Eye.RIGHT, max_disparity=5.0)
    assert shown.shape == (90, 320, 3)
    assert np.abs(shown[:, 160:] - PICTURE).mean() <= EXACT[kind]
    with Image.open(output) as opened:
        assert opened.info["icc_profile"] == PROFILE
        assert opened.getexif()[0x010F] == "A camera"


def test_each_eye_sees_what_a_camera_there_would_see(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", SCENE.depth(40))
    shown = converted(saved(tmp_path / "a.png"), tmp_path / "b.png", depth=tmp_path / "d.npy", max_disparity=3.0)
    for eye, view in ((-0.5, shown[:, :160]), (0.5, shown[:, 160:])):
        error = (view - SCENE.picture(40, eye=eye, max_disparity=3.0)) / 255
        assert -10 * np.log10((error**2).mean()) > 24


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_upright_once(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    undone = {1: [], 2: [0], 3: [1], 4: [2], 5: [5], 6: [4], 7: [6], 8: [3]}[orientation]  # what a camera held so would store
    image = Image.fromarray(PICTURE)
    ways = (
        Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_90, Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE,
    )  # fmt: skip
    for way in undone:
        image = image.transpose(ways[way])
    image.save(tmp_path / "a.png", exif=exif)
    shown = converted(tmp_path / "a.png", tmp_path / "b.png", max_disparity=0.0)
    assert np.array_equal(shown[:, :160], PICTURE)
    with Image.open(tmp_path / "b.png") as opened:
        assert opened.getexif().get(0x0112, 1) == 1


def test_an_mpo_holds_the_left_and_the_right_view_and_says_so(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png", icc_profile=PROFILE)
    both = converted(source, tmp_path / "b.png", max_disparity=5.0)
    converted(source, tmp_path / "b.mpo", max_disparity=5.0, layout=FramePacking.ANAGLYPH)
    with Image.open(tmp_path / "b.mpo") as opened:
        assert (opened.format, opened.n_frames, opened.size) == ("MPO", 2, (160, 90))
        kinds = [entry["Attribute"]["MPType"] for entry in opened.mpinfo[0xB002]]
        assert kinds == ["Multi-Frame Image: (Disparity)"] * 2
        for number, view in enumerate((both[:, :160], both[:, 160:])):
            opened.seek(number)
            assert np.abs(np.asarray(opened.convert("RGB")) - view).mean() < 3


@pytest.mark.parametrize("swapped", [False, True])
def test_a_jps_has_the_right_view_on_the_left_and_says_so(tmp_path: Path, swapped: bool) -> None:
    """FFmpeg reads the marker of a JPS: AVStereo3D is side by side (1), and inverted (1) where the right view comes first."""
    source = saved(tmp_path / "a.png")
    both = converted(source, tmp_path / "b.png", max_disparity=5.0)
    shown = converted(source, tmp_path / "b.jps", max_disparity=5.0, eye_swap=swapped)
    first, second = (both[:, :160], both[:, 160:]) if swapped else (both[:, 160:], both[:, :160])
    assert np.abs(shown - np.hstack([first, second])).mean() < 3
    with av.open(str(tmp_path / "b.jps"), format="mjpeg") as container:
        frame = next(container.decode(video=0))
    kind, flags = np.frombuffer(bytes(frame.side_data[SideDataType.STEREO3D])[:8], np.int32)
    assert (kind, flags) == (1, 0 if swapped else 1)


@pytest.mark.parametrize("suffix", ["npy", "png"])
def test_depth_that_was_written_gives_the_same_views_when_it_is_read(tmp_path: Path, suffix: str) -> None:
    source, depth = saved(tmp_path / "a.png"), tmp_path / f"depth.{suffix}"
    one = converted(source, tmp_path / "b.png", export=depth, max_disparity=5.0, foreground_scale=1.0)
    other = converted(source, tmp_path / "c.png", depth=depth, max_disparity=5.0, foreground_scale=1.0)
    assert np.abs(one - other).max() <= (0 if suffix == "npy" else 2)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.npy", np.full((3, 4), 2.0, np.float32), "outside of 0 to 1"),
        ("b.npy", np.full((3, 4), np.nan, np.float32), "outside of 0 to 1"),
        ("c.npy", np.zeros((3, 4, 3), np.float32), "the shape (3, 4, 3)"),
        ("d.npy", np.zeros((3, 4), np.int32), "one array of floats"),
        ("e.npy", b"no array", "not a NumPy array"),
        ("f.png", b"no picture", "neither .npy nor a picture"),
    ],
)
def test_depth_files_that_hold_something_else_are_refused(tmp_path: Path, name: str, content: object, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
    with pytest.raises(UnsupportedMedia) as refused:
        read_depth(path)
    assert sentence in refused.value.message


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(UnsupportedMedia):
        read_depth(tmp_path / "a.npy")


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16", "1"])
def test_every_kind_of_pixel_becomes_a_picture(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        Image.fromarray(PICTURE[..., 1].astype(np.uint16) << 8).save(path)
    else:
        Image.fromarray(PICTURE).convert(mode).save(path)
    photo = read_photo(path)
    assert (photo.picture.width, photo.picture.height) == (160, 90)
    green = photo.picture.cropped(0).astype(float)
    assert np.corrcoef(green.ravel(), PICTURE[..., 1].ravel())[0, 1] > {"1": 0.2, "P": 0.8}.get(mode, 0.9)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jpg", b"text", "not a picture"),
        ("a.heic", b"\0\0\0\x18ftypheic" + bytes(40), "not a picture"),
        ("a.png", None, "cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    path = tmp_path / name
    if content is None:
        data = io.BytesIO()
        Image.fromarray(PICTURE).save(data, "PNG")
        content = data.getvalue()[:2000]
    path.write_bytes(content)
    with pytest.raises(UnsupportedMedia) as refused:
        read_photo(path)
    assert sentence in refused.value.message
    if name.endswith("heic"):
        assert "HEIC" in (refused.value.hint or "")
    with pytest.raises(MissingSource):
        read_photo(tmp_path / "absent.jpg")


def test_a_picture_larger_than_the_limit_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo_inference.photo.files.MAX_PIXELS", 1000)
    with pytest.raises(UnsupportedMedia, match="the limit is 1,000"):
        read_photo(saved(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["b.png", "b.mpo"])
def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    source = saved(tmp_path / "a.png")
    with pytest.raises(StorageUnavailable):
        converted(source, tmp_path / "absent" / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


@pytest.mark.parametrize("suffix", ["npy", "png"])
def test_depth_that_cannot_be_written_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(StorageUnavailable):
        write_depth(tmp_path / "absent" / f"d.{suffix}", np.zeros((2, 2), np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", FramePacking)
def test_every_layout_can_be_had(tmp_path: Path, layout: FramePacking) -> None:
    shown = converted(saved(tmp_path / "a.png"), tmp_path / "b.png", layout=layout)
    if layout == "separate":
        assert shown.shape == (90, 160, 3)
        return
    assert shown.shape[:2] == {
        "full-sbs": (90, 320), "cross-eyed": (90, 320), "rgbd": (90, 320), "full-tb": (180, 160), "vr180": (224, 448),
    }.get(layout, (90, 160))  # fmt: skip
    if layout == "depth":
        assert np.abs(shown - shown[..., :1]).max() == 0  # grey
