"""What the file system adds to the contract of object storage: links, directories, other people's files."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stereo_spot_local_adapters import files
from stereo_spot_local_adapters.object_storage import FileObjectStorage
from stereo_spot_shared.errors import Conflict, NotFound, StorageUnavailable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def storage(root: Path) -> FileObjectStorage:
    return FileObjectStorage(root)


BAD_KEYS = ["", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../x", "a/../../x", "a/./b", "a\\b", "a\nb", "a\0b", "a\x7f", "n" * 256]
BAD_KEYS += ["/".join(["n" * 200] * 6), "a/\ud800"]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_what_is_no_key_is_refused_everywhere(storage, tmp_path, key):
    (tmp_path / "in").write_bytes(b"x")
    for use in (
        lambda: storage.put_file(tmp_path / "in", key),
        lambda: storage.put_bytes(b"x", key),
        lambda: storage.get_file(key, tmp_path / "out"),
        lambda: storage.read_range(key),
        lambda: storage.stat(key),
        lambda: storage.delete(key),
        lambda: storage.uri(key),
    ):
        with pytest.raises(ValueError, match="not a key"):
            use()


@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "a", "/", "\\", "..\x00", "~", ""]), max_size=6).map("/".join))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_key_leaves_the_directory(storage, root, key):
    try:
        path = Path(unquote(urlsplit(storage.uri(key)).path))
    except ValueError:
        return
    assert path.is_relative_to(root / "objects")
    assert path != root / "objects"


def test_a_symbolic_link_leads_nowhere(storage, root, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "objects" / "link").symlink_to(tmp_path / "secret")
    (root / "objects" / "dir").symlink_to(tmp_path)
    for key in ("link", "dir/secret"):
        for use in (
            lambda key=key: storage.read_range(key),
            lambda key=key: storage.stat(key),
            lambda key=key: storage.put_bytes(b"x", key),
            lambda key=key: storage.delete(key),
        ):
            with pytest.raises(StorageUnavailable, match="symbolic link"):
                use()
    assert storage.list("").objects == ()
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_storing_and_fetching_share_the_file(storage, root, tmp_path):
    (tmp_path / "in").write_bytes(b"content")
    storage.put_file(tmp_path / "in", "a/b")
    storage.get_file("a/b", tmp_path / "out")
    assert (tmp_path / "in").samefile(root / "objects" / "a" / "b")
    assert (tmp_path / "in").samefile(tmp_path / "out")


def test_storing_a_link_stores_what_it_points_to(storage, root, tmp_path):
    (tmp_path / "in").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    storage.put_file(tmp_path / "link", "a/b")
    assert storage.read_range("a/b") == b"content"
    assert not (root / "objects" / "a" / "b").is_symlink()


def test_putting_the_same_file_again_leaves_nothing_behind(storage, root, tmp_path):
    (tmp_path / "in").write_bytes(b"content")
    first = storage.put_file(tmp_path / "in", "a/b")
    assert storage.put_file(tmp_path / "in", "a/b") == first  # rename does nothing where both names are one file
    assert list((root / "temporary").iterdir()) == []
    assert (tmp_path / "in").stat().st_nlink == 2


def test_an_owner_who_writes_to_a_shared_file_is_noticed(storage, tmp_path):
    (tmp_path / "in").write_bytes(b"content")
    etag = storage.put_file(tmp_path / "in", "a/b").etag
    with (tmp_path / "in").open("r+b") as file:
        file.write(b"C")
    assert storage.stat("a/b").etag != etag


def test_another_file_system_is_copied_from_and_to(storage, root):
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == root.stat().st_dev:
        pytest.skip("there is no second file system here")
    path = elsewhere / f"stereo-spot-test-{os.getpid()}"
    try:
        path.write_bytes(os.urandom(3_000_000))
        put = storage.put_file(path, "a/b")
        assert storage.read_range("a/b") == path.read_bytes()
        path.unlink()
        assert storage.get_file("a/b", path) == put == storage.stat("a/b")
        assert storage.read_range("a/b") == path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def test_objects_that_come_at_once_have_etags_of_their_own(storage):
    seen = {storage.put_bytes(b"%d" % (number % 10), "a/b").etag for number in range(100)}
    assert len(seen) == 100


def test_files_of_one_size_and_one_time_are_told_apart(storage, tmp_path):
    etags = set()
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, ns=(10**18, 10**18))
        etags.add(storage.put_file(tmp_path / name, "a/b").etag)
    assert len(etags) == 2


def test_a_directory_that_vanishes_under_a_put_is_made_again(storage, monkeypatch):
    publish = files.publish
    tries = []

    def remove_parent_first(temporary, target, *, if_absent):
        tries.append(target)
        if len(tries) <= 3:
            target.parent.rmdir()  # another process's delete left it empty at this moment
        publish(temporary, target, if_absent=if_absent)

    monkeypatch.setattr(files, "publish", remove_parent_first)
    storage.put_bytes(b"x", "a/b/c")
    assert storage.read_range("a/b/c") == b"x"
    assert len(tries) == 4


def test_a_key_cannot_continue_another(storage):
    storage.put_bytes(b"x", "a/b")
    for key in ("a", "a/b/c"):
        for if_absent in (True, False):
            with pytest.raises(Conflict):
                storage.put_bytes(b"y", key, if_absent=if_absent)
    assert [info.key for info in storage.list("").objects] == ["a/b"]


def test_deleting_leaves_no_empty_directories(storage, root):
    storage.put_bytes(b"x", "a/b/c/d")
    storage.put_bytes(b"x", "a/e")
    storage.delete("a/b/c/d")
    assert [path.name for path in (root / "objects" / "a").iterdir()] == ["e"]
    storage.delete("a/e")
    assert list((root / "objects").iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(storage, tmp_path):
    storage.put_bytes(b"x", "a/b")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable, match="a file is where a directory should be") as caught:
        storage.get_file("a/b", tmp_path / "file" / "out")
    assert caught.value.hint
    with pytest.raises(StorageUnavailable):
        FileObjectStorage(tmp_path / "file" / "data")


def test_a_pipe_is_not_stored(storage, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotFound):
        storage.put_file(tmp_path / "pipe", "a/b")


@pytest.mark.parametrize(("start", "length"), [(-1, None), (0, -1)])
def test_a_range_counts_from_the_beginning(storage, start, length):
    storage.put_bytes(b"x", "a/b")
    with pytest.raises(ValueError, match="range"):
        storage.read_range("a/b", start, length)


def test_it_travels_to_another_process_by_its_address(storage):
    storage.put_bytes(b"x", "a/b")
    assert pickle.loads(pickle.dumps(storage)).read_range("a/b") == b"x"
