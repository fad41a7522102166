"""What every `ObjectStorage` must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest

from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.disposition import attachment
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import ObjectInfo, ObjectStorage

_THREADS = 4
_SIZE = 300_000
_ROUNDS = 30
_MORE_THAN_A_REQUEST_TAKES = 1001

ODD_KEYS = (
    "a b/c  d.mp4",
    "a/%2F+?#&='\"!~*();:@$,[]{}^`|<>",
    "a/.hidden",
    "a/-rf",
    "a/...",
    "a/日本語 ü 🎬",
    "a/" + "n" * 200,
    "/".join("abcdefghij") + "/deep",
    "a-b/x",
    "a.b",
)
"""Legal keys that trip whoever takes a key for a path, a pattern, a URL or an option."""


class ObjectStorageContract:
    """Inherit and provide `recipe`: how to open a client of one fresh, empty storage."""

    @pytest.fixture
    def storage(self, recipe: Recipe[ObjectStorage]) -> ObjectStorage:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[ObjectStorage]) -> ObjectStorage:
        return recipe()

    def test_a_file_comes_back_as_it_was_put(self, storage: ObjectStorage, other: ObjectStorage, tmp_path: Path) -> None:
        content = bytes(range(256)) * 5000
        (tmp_path / "in").write_bytes(content)
        put = storage.put_file(tmp_path / "in", "jobs/j/source")
        got = other.get_file("jobs/j/source", tmp_path / "out")
        assert put == got == other.stat("jobs/j/source")
        assert (put.key, put.size) == ("jobs/j/source", len(content))
        assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes() == content

    def test_bytes_come_back_as_they_were_put(self, storage: ObjectStorage, other: ObjectStorage) -> None:
        put = storage.put_bytes(b"manifest", "a/b")
        assert other.read_range("a/b") == b"manifest"
        assert other.stat("a/b") == put

    def test_an_empty_object_is_an_object(self, storage: ObjectStorage, tmp_path: Path) -> None:
        storage.put_bytes(b"", "a/empty")
        assert storage.stat("a/empty").size == 0
        assert storage.read_range("a/empty") == b""
        storage.get_file("a/empty", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b""

    def test_putting_again_replaces(self, storage: ObjectStorage, tmp_path: Path) -> None:
        (tmp_path / "in").write_bytes(b"second, longer")
        storage.put_bytes(b"first", "a/b")
        info = storage.put_file(tmp_path / "in", "a/b")
        assert storage.read_range("a/b") == b"second, longer"
        assert storage.stat("a/b") == info

    def test_getting_replaces_a_file_whole(self, storage: ObjectStorage, tmp_path: Path) -> None:
        (tmp_path / "out").write_bytes(b"what was there before")
        storage.put_bytes(b"new", "a/b")
        for _ in range(2):
            storage.get_file("a/b", tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == b"new"
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out"]

    def test_an_etag_is_of_one_content(self, storage: ObjectStorage) -> None:
        contents: dict[str, bytes] = {}
        for number in range(60):
            content = b"%03d" % (number % 7)
            etag = storage.put_bytes(content, "a/b").etag
            assert storage.stat("a/b").etag == etag
            assert contents.setdefault(etag, content) == content

    def test_an_etag_stays_while_the_object_is_only_read(self, storage: ObjectStorage, tmp_path: Path) -> None:
        etag = storage.put_bytes(b"content", "a/b").etag
        storage.get_file("a/b", tmp_path / "out")
        storage.read_range("a/b", 1, 2)
        assert storage.stat("a/b").etag == storage.list("a/").objects[0].etag == etag

    def test_an_object_outlives_the_file_that_it_came_from(self, storage: ObjectStorage, tmp_path: Path) -> None:
        (tmp_path / "in").write_bytes(b"content")
        info = storage.put_file(tmp_path / "in", "a/b")
        (tmp_path / "in").unlink()
        (tmp_path / "in").write_bytes(b"another file of the same name")
        assert storage.read_range("a/b") == b"content"
        assert storage.stat("a/b") == info

    def test_a_fetched_file_outlives_the_object(self, storage: ObjectStorage, tmp_path: Path) -> None:
        storage.put_bytes(b"content", "a/b")
        storage.get_file("a/b", tmp_path / "out")
        storage.put_bytes(b"replaced", "a/b")
        storage.delete("a/b")
        assert (tmp_path / "out").read_bytes() == b"content"

    def test_a_taken_key_stays_as_it_is(self, storage: ObjectStorage, other: ObjectStorage, tmp_path: Path) -> None:
        (tmp_path / "in").write_bytes(b"late")
        first = storage.put_bytes(b"first", "a/b", if_absent=True)
        with pytest.raises(Conflict):
            other.put_bytes(b"second", "a/b", if_absent=True)
        with pytest.raises(Conflict):
            other.put_file(tmp_path / "in", "a/b", if_absent=True)
        assert storage.read_range("a/b") == b"first"
        assert storage.stat("a/b") == first
        storage.delete("a/b")
        storage.put_file(tmp_path / "in", "a/b", if_absent=True)
        assert storage.read_range("a/b") == b"late"

    def test_one_of_sixteen_racing_writers_finds_the_key_free(self, storage: ObjectStorage, recipe: Recipe[ObjectStorage]) -> None:
        won = [key for keys in race(_put_if_absent, recipe) for key in keys]
        assert sorted(key for key, _ in won) == [f"race/{number:02d}" for number in range(_ROUNDS)]
        assert all(storage.read_range(key) == content for key, content in won)

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 4, b"3456"), (8, 100, b"89"), (10, 5, b""), (99, None, b""), (2, 0, b"")],
    )
    def test_a_range_ends_with_the_object(self, storage: ObjectStorage, start: int, length: int | None, expected: bytes) -> None:
        storage.put_bytes(b"0123456789", "a/b")
        assert storage.read_range("a/b", start, length) == expected

    def test_what_is_not_there_is_not_found(self, storage: ObjectStorage, tmp_path: Path) -> None:
        storage.put_bytes(b"content", "a/b/c")
        for key in ("a/b/d", "a/b", "a", "a/b/c/d", "z"):
            with pytest.raises(NotFound):
                storage.stat(key)
            with pytest.raises(NotFound):
                storage.read_range(key)
            with pytest.raises(NotFound):
                storage.get_file(key, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_file_that_is_not_there_cannot_be_put(self, storage: ObjectStorage, tmp_path: Path) -> None:
        for path in (tmp_path / "missing", tmp_path):
            with pytest.raises(NotFound):
                storage.put_file(path, "a/b")
        assert storage.list("").objects == ()

    def test_deleting_removes_one_object_and_may_be_repeated(self, storage: ObjectStorage) -> None:
        for key in ("a/b/c", "a/b/d", "a/bb"):
            storage.put_bytes(b"content", key)
        for _ in range(2):
            storage.delete("a/b/c")
        for key in ("a/b", "nothing/here", "a/b/d/e"):
            storage.delete(key)
        assert keys(storage) == ["a/b/d", "a/bb"]
        storage.delete("a/b/d")
        storage.delete("a/bb")
        assert keys(storage) == []
        storage.put_bytes(b"again", "a/b/c")
        assert keys(storage) == ["a/b/c"]

    def test_many_are_deleted_at_once_and_those_that_are_not_there_do_not_matter(
        self, storage: ObjectStorage, other: ObjectStorage
    ) -> None:
        for key in (*ODD_KEYS, "kept", "kept2"):
            storage.put_bytes(b"content", key)
        storage.delete()
        missing = [f"nothing/{number}" for number in range(_MORE_THAN_A_REQUEST_TAKES)]
        other.delete(*ODD_KEYS[:3], *missing, *ODD_KEYS[3:])
        assert keys(storage) == ["kept", "kept2"]

    def test_odd_keys_are_keys(self, storage: ObjectStorage, other: ObjectStorage, tmp_path: Path) -> None:
        for number, key in enumerate(ODD_KEYS):
            storage.put_bytes(b"%d" % number, key, if_absent=True)
        assert keys(other) == sorted(ODD_KEYS, key=str.encode)
        for number, key in enumerate(ODD_KEYS):
            assert other.stat(key).key == key
            other.get_file(key, tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == b"%d" % number
        assert len({storage.uri(key) for key in ODD_KEYS}) == len(ODD_KEYS)
        for key in ODD_KEYS:
            other.delete(key)
        assert keys(storage) == []

    def test_an_address_hands_the_object_to_anybody_under_its_name(self, storage: ObjectStorage) -> None:
        for number, key in enumerate(ODD_KEYS):
            storage.put_bytes(b"%d" % number, key)
            name = key.rpartition("/")[2]
            for called, said in ((None, None), (name, attachment(name))):
                address = storage.address(key, seconds=60, name=called)
                if address is None:
                    continue  # only the web server hands out what is here
                with urlopen(address) as answer:  # noqa: S310  # the platform's own address
                    assert (answer.read(), answer.headers["Content-Disposition"]) == (b"%d" % number, said)

    def test_lists_are_in_order_of_keys_and_pages_hold_each_once(self, storage: ObjectStorage) -> None:
        wanted = ["a", "b-/x", "b.", "b/1", "b/1-", "b/10", "b/2/z", "b0", "ba/1", "c"]  # "/" sorts among other characters
        for key in reversed(wanted):
            storage.put_bytes(key.encode(), key)
        for limit in (1, 3, 10):
            assert keys(storage, limit=limit) == wanted
        assert storage.list("", limit=10).cursor is None
        assert all(info == storage.stat(info.key) for info in storage.list("").objects)

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("jobs/1/", ["jobs/1/a", "jobs/1/b/c"]),
            ("jobs/1", ["jobs/1/a", "jobs/1/b/c", "jobs/10/a"]),
            ("jobs/1/b", ["jobs/1/b/c"]),
            ("jobs/1/b/c", ["jobs/1/b/c"]),
            ("jobs/1/b/c/", []),
            ("jobs/3", []),
            ("x", []),
            ("jobs/2/../1", []),
        ],
    )
    def test_a_prefix_is_the_beginning_of_a_key(self, storage: ObjectStorage, prefix: str, expected: list[str]) -> None:
        for key in ("jobs/1/a", "jobs/1/b/c", "jobs/10/a", "jobs/2/a"):
            storage.put_bytes(b"", key)
        assert keys(storage, prefix) == expected
        assert keys(storage, prefix, limit=1) == expected

    def test_a_copy_is_an_object_of_its_own(self, storage: ObjectStorage, other: ObjectStorage) -> None:
        storage.put_bytes(b"content", "a/b")
        storage.put_bytes(b"before", "c")
        assert other.copy("a/b", "c") == storage.stat("c")
        storage.delete("a/b")
        assert other.read_range("c") == b"content"
        with pytest.raises(NotFound):
            storage.copy("a/b", "d")

    def test_objects_that_come_and_go_meanwhile_disturb_no_walk(self, storage: ObjectStorage, other: ObjectStorage) -> None:
        staying = [f"d{number}/x" for number in range(8)]
        for key in staying:
            storage.put_bytes(b"", key)
        page = storage.list("", limit=2)
        seen = [info.key for info in page.objects]
        for number in range(50):
            if page.cursor is None:
                break
            other.put_bytes(b"", f"d{number}/{number}")
            other.delete(f"d{number - 1}/{number - 1}" if number else "none")
            page = storage.list("", cursor=page.cursor, limit=2)
            seen.extend(info.key for info in page.objects)
        assert len(seen) == len(set(seen))
        assert [key for key in seen if key in staying] == staying

    def test_readers_never_see_a_half_written_object(self, storage: ObjectStorage, recipe: Recipe[ObjectStorage]) -> None:
        storage.put_bytes(_content(0), "a/b")
        assert sum(race(_replace_or_read, recipe)) == RACERS * _ROUNDS

    def test_putting_and_deleting_side_by_side_fails_for_nobody(self, storage: ObjectStorage, recipe: Recipe[ObjectStorage]) -> None:
        race(_put_and_delete, recipe)
        assert keys(storage) == [f"a/b/c/last{number}" for number in range(RACERS)]


def keys(storage: ObjectStorage, prefix: str = "", *, limit: int = 1000) -> list[str]:
    """All keys that begin with `prefix`, page by page."""
    page = storage.list(prefix, limit=limit)
    found: list[ObjectInfo] = list(page.objects)
    while page.cursor is not None:
        page = storage.list(prefix, cursor=page.cursor, limit=limit)
        assert len(page.objects) <= limit
        found.extend(page.objects)
    return [info.key for info in found]


def _put_if_absent(storage: ObjectStorage, number: int) -> list[tuple[str, bytes]]:
    """Write every key with _THREADS threads at once; the keys that this process won, and what it wrote there."""

    def put(thread: int, key: str) -> tuple[str, bytes] | None:
        content = b"%d-%d" % (number, thread)
        try:
            storage.put_bytes(content, key, if_absent=True)
        except Conflict:
            return None
        return key, content

    with ThreadPoolExecutor(_THREADS) as threads:
        tries = [threads.submit(put, thread, f"race/{key:02d}") for key in range(_ROUNDS) for thread in range(_THREADS)]
        return [won for attempt in tries if (won := attempt.result()) is not None]


def _content(number: int) -> bytes:
    """Contents of different lengths, each of one byte all through."""
    return bytes([number % 251]) * (_SIZE + number * 1000)


def _replace_or_read(storage: ObjectStorage, number: int) -> int:
    """Process 0 replaces the object again and again; the others read it in every way. How often it was whole."""
    whole = 0
    with TemporaryDirectory() as directory:
        out = Path(directory) / "out"
        for turn in range(_ROUNDS):
            if number == 0:
                whole += storage.put_bytes(_content(turn), "a/b").size == len(_content(turn))
                continue
            storage.get_file("a/b", out)
            whole += _is_whole(storage.read_range("a/b")) and _is_whole(out.read_bytes())
    return whole


def _is_whole(data: bytes) -> bool:
    return len(set(data)) == 1 and data == _content(data[0])


def _put_and_delete(storage: ObjectStorage, number: int) -> None:
    """Make and remove objects whose directories (where a backend has such) come and go under the others' hands."""
    for turn in range(_ROUNDS):
        storage.put_bytes(b"x", f"a/b/c/{number}-{turn}")
        storage.delete(f"a/b/c/{number}-{turn}")
    storage.put_bytes(b"x", f"a/b/c/last{number}")
