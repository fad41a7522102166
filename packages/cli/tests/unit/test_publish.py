"""An output appears whole, never over another file unless that was asked for, with the person's own permissions."""

import os
from pathlib import Path

import pytest

from stereo_spot_cli.conversion import checks
from stereo_spot_cli.conversion.checks import publish
from stereo_spot_cli.output import CommandFailed


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    path = tmp_path / ".finished"
    path.write_text("new")
    path.chmod(0o600)
    return path


def test_a_new_name_is_taken(finished: Path, tmp_path: Path) -> None:
    publish([(finished, tmp_path / "out.mp4")], overwrite=False)
    assert (tmp_path / "out.mp4").read_text() == "new"
    assert not finished.exists()
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "out.mp4").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_came_meanwhile_is_left_alone(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("somebody's")
    with pytest.raises(CommandFailed, match="by somebody else meanwhile"):
        publish([(finished, tmp_path / "out.mp4")], overwrite=False)
    assert (tmp_path / "out.mp4").read_text() == "somebody's"


def test_with_overwrite_it_is_replaced(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("old")
    publish([(finished, tmp_path / "out.mp4")], overwrite=True)
    assert (tmp_path / "out.mp4").read_text() == "new"


def test_two_files_are_on_the_disk_before_the_first_has_its_name(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long comes first: between the two names there is no time to be stopped in."""
    other = tmp_path / ".other"
    other.write_text("new, too")
    happened: list[tuple[str, set[str]]] = []
    monkeypatch.setattr(checks, "synchronise", lambda path: happened.append((path.name, {each.name for each in tmp_path.iterdir()})))
    publish([(finished, tmp_path / "left.mp4"), (other, tmp_path / "right.mp4")], overwrite=False)
    unnamed, named = {".finished", ".other"}, {"left.mp4", "right.mp4"}
    assert happened == [(".finished", unnamed), (".other", unnamed), (tmp_path.name, named)]
