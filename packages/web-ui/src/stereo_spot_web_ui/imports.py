"""The import folder: videos that lie on the server already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from stereo_spot_shared.base import Value
from stereo_spot_shared.errors import NotFound
from stereo_spot_web_ui.settings import WebSettings

EXTENSIONS = frozenset(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv".split()  # noqa: SIM905 - a list is longer
)
MOST = 1000


class ImportFile(Value):
    """A video in the folder."""

    path: str
    """Relative to the folder."""
    bytes: int
    modified: datetime


def list_imports(settings: WebSettings) -> list[ImportFile]:
    """The videos of the folder and those below it, by path; at most MOST. Empty where there is no such folder."""
    if settings.import_dir is None:
        return []
    found, root = [], settings.import_dir.resolve()
    for path in walk(settings.import_dir):
        if not path.resolve().is_relative_to(root):
            continue  # a link that leads out: `import_path` takes none
        status = path.stat()
        found.append(
            ImportFile(
                path=path.relative_to(settings.import_dir).as_posix(),
                bytes=status.st_size,
                modified=datetime.fromtimestamp(status.st_mtime, UTC),
            )
        )
        if len(found) == MOST:
            break
    return found


def import_path(settings: WebSettings, path: str) -> Path:
    """The file that a relative path names. NotFound for what is no video of the folder, or leads out of it."""
    if settings.import_dir is not None:
        root = settings.import_dir.resolve()
        found = (root / path).resolve()
        if found.is_relative_to(root) and found.is_file() and found.suffix.lower() in EXTENSIONS:
            return found
    raise NotFound(f"There is no video {path} in the import folder.")


def walk(folder: Path) -> Iterator[Path]:
    """Every video below a folder, in order of names; links to folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in EXTENSIONS and not name.startswith("."):
                path = Path(parent) / name
                if path.is_file():
                    yield path
