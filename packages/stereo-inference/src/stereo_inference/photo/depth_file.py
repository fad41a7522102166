"""Depth in files: relative inverse depth 0..1, larger is nearer, as .npy (float32) or as PNG (16 bit, the whole range)."""

from __future__ import annotations

import secrets
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo_spot_shared.errors import MissingSource, StorageUnavailable, UnsupportedMedia

DEPTH_SUFFIXES = (".npy", ".png")
MAX_BYTES = 2_000_000_000


def read_depth(path: Path) -> NDArray[np.float32]:
    """The depth (h, w) of a file. MissingSource, or UnsupportedMedia in a sentence where it is not depth as described above."""
    if not path.is_file():
        raise MissingSource(f"There is no depth file {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise UnsupportedMedia(f"The depth file {path.name} is larger than {MAX_BYTES:,} bytes.")
    depth = from_array(path) if path.suffix.lower() == ".npy" else from_picture(path)
    if depth.ndim != 2 or 0 in depth.shape:
        raise UnsupportedMedia(f"The depth file {path.name} has the shape {depth.shape}; it must be (height, width).")
    if not np.isfinite(depth).all() or depth.min() < 0 or depth.max() > 1:
        raise UnsupportedMedia(
            f"The depth file {path.name} holds values outside of 0 to 1.", hint="It must be inverse depth: 0 the farthest, 1 the nearest."
        )
    return np.ascontiguousarray(depth, np.float32)


def from_array(path: Path) -> NDArray[np.float32]:
    """A .npy file; pickled objects are never loaded."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UnsupportedMedia(f"The depth file {path.name} is not a NumPy array: {error}.") from error
    if not isinstance(loaded, np.ndarray) or loaded.dtype.kind != "f":
        raise UnsupportedMedia(f"The depth file {path.name} must be one array of floats.")
    return loaded.astype(np.float32)


def from_picture(path: Path) -> NDArray[np.float32]:
    """A grey picture of 16 bits (or of 8, coarsely)."""
    picture = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise UnsupportedMedia(f"The depth file {path.name} is neither .npy nor a picture that can be read.")
    full = 255.0 if picture.dtype == np.uint8 else 65535.0
    return np.asarray(picture.astype(np.float32) / full, np.float32)


def write_depth(path: Path, depth: NDArray[np.float32]) -> None:
    """Write depth in the form that the suffix says, whole or not at all. StorageUnavailable where that fails."""
    part = path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")
    try:
        if path.suffix.lower() == ".npy":
            with part.open("xb") as file:
                np.save(file, depth)
        else:
            _, data = cv2.imencode(".png", np.rint(depth * 65535).astype(np.uint16))
            part.write_bytes(data.tobytes())
        part.replace(path)
    except OSError as error:
        raise StorageUnavailable(f"{path.name} could not be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
