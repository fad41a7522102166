from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from stereo_spot_local_adapters import files
from stereo_spot_local_adapters.processes import this_process
from stereo_spot_shared.errors import SourceChanged


@pytest.fixture
def no_hard_links(monkeypatch):
    """A file system like exFAT."""

    def refuse(*_args, **_options):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture
def no_kernel_copy(monkeypatch):
    """A kernel that cannot copy between these two file systems."""

    def refuse(*_args):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)


@pytest.mark.parametrize("size", [0, 1, files.BLOCK, 3 * files.BLOCK + 17])
@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_copy_is_the_file(tmp_path: Path, request, no_hard_links, size, in_kernel):
    if not in_kernel:
        request.getfixturevalue("no_kernel_copy")
    (tmp_path / "in").write_bytes(os.urandom(size))
    found = files.share_or_copy(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    assert not (tmp_path / "out").samefile(tmp_path / "in")
    assert found.st_ino == (tmp_path / "in").stat().st_ino


def test_a_kernel_that_gives_up_midway_is_helped(tmp_path: Path, monkeypatch, no_hard_links):
    (tmp_path / "in").write_bytes(os.urandom(100_000))
    real = os.copy_file_range

    def some(reader, writer, _count, source, target):
        if source >= 30_000:
            raise OSError(errno.EINVAL, "enough")
        return real(reader, writer, 10_000, source, target)

    monkeypatch.setattr(os, "copy_file_range", some)
    files.share_or_copy(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


def test_a_file_that_grows_while_it_is_copied_is_refused(tmp_path: Path, monkeypatch, no_hard_links, no_kernel_copy):
    (tmp_path / "in").write_bytes(b"x" * 100)
    real = os.write

    def write(descriptor, block):
        with (tmp_path / "in").open("ab") as file:
            file.write(b"y")
            file.flush()
        monkeypatch.setattr(os, "write", real)
        return real(descriptor, block)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(SourceChanged):
        files.share_or_copy(tmp_path / "in", tmp_path / "out")


def test_names_are_taken_once_without_hard_links_too(tmp_path: Path, no_hard_links):
    won = []

    def publish(number):
        path = tmp_path / f"t{number}"
        path.write_text(str(number))
        try:
            files.publish(path, tmp_path / "name", if_absent=True)
        except FileExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "name").read_text() == str(won[0])
    assert len(won) == 1


def test_a_temporary_file_is_gone_whatever_happened(tmp_path: Path):
    def fail():
        with files.temporary_path(tmp_path) as path:
            path.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with files.temporary_path(tmp_path):
        pass  # it was never made
    assert list(tmp_path.iterdir()) == []


def test_only_what_dead_processes_left_behind_is_swept(tmp_path: Path):
    dead = str(this_process()).split("~")
    dead[1] = "1"
    for name in (f".stereo-spot-abc-{'~'.join(dead)}.part", "movie.mp4", ".stereo-spot-abc-odd.part", ".stereo-spot-~.part"):
        (tmp_path / name).write_bytes(b"")
    with files.temporary_path(tmp_path) as mine:
        mine.write_bytes(b"")
        assert files.sweep(tmp_path) == 1
        assert mine.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".stereo-spot-abc-odd.part", ".stereo-spot-~.part", "movie.mp4"]
    assert files.sweep(tmp_path / "missing") == 0


def test_a_directory_that_cannot_be_made_is_told_apart_from_an_object_that_exists(tmp_path):
    files.make_directory(tmp_path / "a" / "b")
    files.make_directory(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        files.make_directory(tmp_path / "file")
    # As a directory that another process removes between mkdir's two looks: there is something, and then there is not.
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        files.make_directory(tmp_path / "gone")
