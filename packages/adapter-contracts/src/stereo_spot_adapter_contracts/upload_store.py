"""What every `UploadStore` must do."""

from __future__ import annotations

from functools import partial

import pytest

from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import ObjectStorage, UploadInfo, UploadStore

KEY = "jobs/aaaaaaaa/source"
_ROUNDS = 5


class UploadStoreContract:
    """Inherit and provide `recipe`: how to open a client of one fresh, empty store, and `storage`, where what is finished goes."""

    @pytest.fixture
    def store(self, recipe: Recipe[UploadStore]) -> UploadStore:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[UploadStore]) -> UploadStore:
        return recipe()

    def test_what_is_appended_becomes_the_object(self, store: UploadStore, other: UploadStore, storage: ObjectStorage) -> None:
        assert store.begin(KEY, 11) == UploadInfo(0, 11)
        assert store.append(KEY, 0, b"hello ") == UploadInfo(6, 11)
        assert other.stat(KEY) == UploadInfo(6, 11)
        assert other.append(KEY, 6, b"world") == UploadInfo(11, 11)
        with pytest.raises(NotFound):
            storage.stat(KEY)
        stored = other.finish(KEY)
        assert stored == storage.stat(KEY)
        assert storage.read_range(KEY) == b"hello world"
        with pytest.raises(NotFound):
            store.stat(KEY)

    def test_one_that_is_under_way_goes_on(self, store: UploadStore, other: UploadStore) -> None:
        store.begin(KEY, 4)
        store.append(KEY, 0, b"ab")
        assert other.begin(KEY, 4) == UploadInfo(2, 4)
        with pytest.raises(Conflict):
            other.begin(KEY, 5)

    def test_bytes_that_do_not_follow_are_refused(self, store: UploadStore, storage: ObjectStorage) -> None:
        store.begin(KEY, 6)
        store.append(KEY, 0, b"abc")
        for offset in (0, 2, 4):
            with pytest.raises(Conflict):
                store.append(KEY, offset, b"d")
        with pytest.raises(Conflict):
            store.append(KEY, 3, b"more than the rest")
        store.append(KEY, 3, b"def")
        store.finish(KEY)
        assert storage.read_range(KEY) == b"abcdef"

    def test_an_upload_that_is_not_whole_makes_no_object(self, store: UploadStore, storage: ObjectStorage) -> None:
        store.begin(KEY, 6)
        store.append(KEY, 0, b"abc")
        with pytest.raises(Conflict):
            store.finish(KEY)
        with pytest.raises(NotFound):
            storage.stat(KEY)
        assert store.stat(KEY) == UploadInfo(3, 6)

    def test_an_object_that_is_there_is_never_replaced(self, store: UploadStore, storage: ObjectStorage) -> None:
        stored = storage.put_bytes(b"first", KEY)
        store.begin(KEY, 3)
        store.append(KEY, 0, b"new")
        with pytest.raises(Conflict):
            store.finish(KEY)
        assert storage.stat(KEY) == stored

    def test_an_empty_one_is_an_object_too(self, store: UploadStore, storage: ObjectStorage) -> None:
        store.begin(KEY, 0)
        store.finish(KEY)
        assert storage.read_range(KEY) == b""

    def test_one_that_is_aborted_is_forgotten(self, store: UploadStore) -> None:
        store.begin(KEY, 4)
        store.append(KEY, 0, b"abc")
        store.abort(KEY)
        store.abort(KEY)
        for use in (store.stat, store.finish, lambda key: store.append(key, 3, b"d")):
            with pytest.raises(NotFound):
                use(KEY)
        assert store.begin(KEY, 7) == UploadInfo(0, 7)

    def test_uploads_of_several_keys_do_not_meet(self, store: UploadStore, storage: ObjectStorage) -> None:
        keys = [f"jobs/{letter * 8}/source" for letter in "abc"]
        for key in keys:
            store.begin(key, 8)
        for key in keys:
            store.append(key, 0, key[5:13].encode())
        for key in keys:
            store.finish(key)
        assert [storage.read_range(key) for key in keys] == [b"a" * 8, b"b" * 8, b"c" * 8]

    @pytest.mark.parametrize("key", ["", "../x", "a//b", "/etc/passwd", "a/../../b"])
    def test_what_is_no_key_is_refused(self, store: UploadStore, key: str) -> None:
        with pytest.raises(ValueError, match="key"):
            store.begin(key, 1)

    def test_of_racing_connections_one_adds_each_byte(
        self, store: UploadStore, storage: ObjectStorage, recipe: Recipe[UploadStore]
    ) -> None:
        store.begin(KEY, RACERS * _ROUNDS)
        race(partial(_append_own_bytes, KEY), recipe)
        store.finish(KEY)
        assert sorted(storage.read_range(KEY)) == sorted(number for number in range(RACERS) for _ in range(_ROUNDS))


def _append_own_bytes(key: str, store: UploadStore, number: int) -> list[int]:
    """Add one's own number _ROUNDS times, wherever the upload is by then."""
    added = 0
    while added < _ROUNDS:
        try:
            store.append(key, store.stat(key).offset, bytes([number]))
        except Conflict:
            continue
        added += 1
    return [number]
