"""Picture files in and out: what Pillow reads and writes, and the two formats that were made for stereo.

MPO holds both views as JPEGs of their own (CIPA DC-007, Multi-Picture Format); JPS is a JPEG with the right view on the left, as
cross-eyed viewers have it, which a marker states (the stereoscopic descriptor of VRex's JPS specification).
"""

from __future__ import annotations

import io
import os
import secrets
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from stereo_inference.picture import Picture, PixelFormat
from stereo_spot_shared.errors import MissingSource, NoSpaceLeft, StorageUnavailable, UnsupportedMedia
from stereo_spot_shared.manifest import Colour

GBR = Colour(matrix=0, full_range=True)
"""Colours of photographs: green, blue and red stand for Y, Cb and Cr (H.273, matrix 0), so that nothing is lost on the way to a view."""

GBR_FORMAT = PixelFormat("gbrp", 8, 0, 0)
GBR_ORDER = (1, 2, 0)
RGB_ORDER = (2, 0, 1)

MAX_PIXELS = 200_000_000
READABLE = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Pillow's names of the formats that are opened (of an MPO its first picture); its other parsers never see a file."""


class PhotoFormat(StrEnum):
    """What a result is written as; the value is its extension."""

    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"
    AVIF = "avif"
    MPO = "mpo"
    JPS = "jps"


ALIASES = {"jpeg": PhotoFormat.JPEG}
SAVING: dict[PhotoFormat, tuple[str, dict[str, Any]]] = {
    PhotoFormat.PNG: ("PNG", {}),
    PhotoFormat.JPEG: ("JPEG", {"quality": 95, "subsampling": 0}),
    PhotoFormat.WEBP: ("WEBP", {"quality": 95, "method": 4}),
    PhotoFormat.AVIF: ("AVIF", {"quality": 90, "subsampling": "4:4:4"}),
    PhotoFormat.MPO: ("MPO", {"quality": 95, "subsampling": 0}),
    PhotoFormat.JPS: ("JPEG", {"quality": 95, "subsampling": 0}),
}
"""Pillow's name of each format and how well it is written: such that only a magnifier tells it from the original."""


@dataclass(frozen=True)
class Photo:
    """A photograph, upright; `icc` and `exif` are kept as they are, but for the orientation, which has been carried out."""

    picture: Picture
    icc: bytes | None
    exif: bytes | None


def read_photo(path: Path) -> Photo:
    """Read a picture file. MissingSource, or UnsupportedMedia with the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged metadata, which is left out then
            with Image.open(path, formats=READABLE) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise UnsupportedMedia(f"{path.name} has {opened.width}x{opened.height} pixels; the limit is {MAX_PIXELS:,}.")
                icc = opened.info.get("icc_profile")
                upright = ImageOps.exif_transpose(opened)
                exif = upright.getexif()
                rgb, icc = in_rgb(upright, icc)
    except FileNotFoundError:
        raise MissingSource(f"There is no file {path}.") from None
    except UnidentifiedImageError:
        heic = path.suffix.lower() in {".heic", ".heif"}
        hint = "HEIC needs a library that is not free of patents: save it as JPEG, AVIF or PNG first." if heic else "Is it a picture?"
        raise UnsupportedMedia(f"{path.name} is not a picture that can be read.", hint=hint) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnsupportedMedia(f"{path.name} cannot be read: {error}.", hint="It may be damaged.") from error
    return Photo(as_picture(rgb), icc, exif.tobytes() if exif else None)


def in_rgb(image: Image.Image, icc: bytes | None) -> tuple[NDArray[np.uint8], bytes | None]:
    """RGB (height, width, 3) and the profile that it has. Transparency is laid on black; CMYK and Lab become sRGB, by their own profile."""
    if image.mode in {"CMYK", "LAB"} and icc:
        own, common = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        return np.asarray(ImageCms.profileToProfile(image, own, common, outputMode="RGB")), None
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layered = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), layered).convert("RGB")), icc
    if image.mode.startswith(("I", "F")):  # more than 8 bits of grey
        grey = np.asarray(image, np.float64)
        top = 65535.0 if grey.max(initial=0) > 255 else 255.0
        return np.repeat((grey.clip(0, top) * (255 / top) + 0.5).astype(np.uint8)[..., None], 3, axis=2), None
    return np.asarray(image.convert("RGB")), icc if image.mode == "RGB" else None


def as_picture(rgb: NDArray[np.uint8]) -> Picture:
    """RGB as planes."""
    green, blue, red = (np.ascontiguousarray(rgb[..., channel]) for channel in GBR_ORDER)
    return Picture((green, blue, red), rgb.shape[1], rgb.shape[0], GBR_FORMAT)


def as_image(picture: Picture) -> Image.Image:
    """Planes as an image."""
    return Image.fromarray(np.dstack([picture.cropped(plane) for plane in RGB_ORDER]))


def write_photo(path: Path, pictures: Sequence[Picture], kind: PhotoFormat, photo: Photo, *, right_first: bool) -> None:
    """Write one picture, or for MPO the left and the right one, with the profile and EXIF data of `photo`; whole or not at all.

    `right_first`: of a JPS, whether the right view is on the left. NoSpaceLeft or StorageUnavailable where it cannot be written.
    """
    images = [as_image(picture) for picture in pictures]
    name, options = SAVING[kind]
    extra: dict[str, Any] = {key: value for key, value in (("icc_profile", photo.icc), ("exif", photo.exif)) if value}
    if kind is PhotoFormat.MPO:
        extra |= {"save_all": True, "append_images": images[1:]}
    if kind is PhotoFormat.JPS:
        extra["extra"] = jps_marker(left_first=not right_first)
    part = path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")
    try:
        try:
            with part.open("xb+") as file:
                images[0].save(file, name, **options, **extra)
                if kind is PhotoFormat.MPO:
                    mark_disparity(file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        if error.errno == 28:  # ENOSPC
            raise NoSpaceLeft(f"There is no room for {path.name}.", hint="Free some space.") from error
        raise StorageUnavailable(f"{path.name} could not be written: {error}.") from error


def jps_marker(*, left_first: bool) -> bytes:
    """The APP3 segment of a JPS: separation, flags (4: the left view is on the left), layout 2 (side by side), type 1 (stereoscopic)."""
    body = b"_JPSJPS_" + struct.pack(">H4B", 4, 0, 4 if left_first else 0, 2, 1)
    return b"\xff\xe3" + struct.pack(">H", 2 + len(body)) + body


MP_ENTRY = 0xB002
DISPARITY, REPRESENTATIVE = 0x020002, 0x20000000


def mark_disparity(file: io.BufferedRandom) -> None:
    """Say in an MPO's index that its two pictures are the views of a stereo pair; Pillow calls them primary and undefined.

    The index is a TIFF directory (little endian, as Pillow writes it) behind the letters MPF; of each picture it holds 16 bytes
    that begin with what it is.
    """
    file.seek(0)
    head = file.read(1 << 20)
    base = head.index(b"MPF\0") + 4
    (entries,) = struct.unpack_from("<H", head, base + 8)
    fields = (struct.unpack_from("<HHLL", head, base + 10 + 12 * number) for number in range(entries))
    pictures = next(base + value for tag, _, _, value in fields if tag == MP_ENTRY)
    for number, kind in enumerate((REPRESENTATIVE | DISPARITY, DISPARITY)):
        file.seek(pictures + 16 * number)
        file.write(struct.pack("<L", kind))
