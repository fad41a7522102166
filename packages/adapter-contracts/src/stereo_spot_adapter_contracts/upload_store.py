"""What every `UploadStore` must do."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import ObjectStorage, PartAddress, UploadInfo, UploadStore

KEY = "jobs/aaaaaaaa/source"
_ROUNDS = 5
_LARGE = (20 << 20) + 7
"""Bytes of an upload that has more than one part on any platform."""


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

    def test_whoever_asks_where_the_next_part_belongs_brings_all(
        self, store: UploadStore, other: UploadStore, storage: ObjectStorage
    ) -> None:
        data = hashlib.shake_128(b"a film").digest(_LARGE)
        store.begin(KEY, _LARGE)
        info, rounds = UploadInfo(0, _LARGE), 0
        while info.offset < _LARGE:
            info = _bring(other if rounds % 2 else store, data, info.offset)
            assert store.stat(KEY) == other.stat(KEY) == info
            rounds += 1
        assert rounds > 1
        assert other.part(KEY, _LARGE) is None
        store.finish(KEY)
        assert storage.read_range(KEY) == data

    def test_a_part_is_asked_for_and_told_of_where_the_upload_goes_on(self, store: UploadStore) -> None:
        store.begin(KEY, _LARGE)
        offset = _bring(store, bytes(_LARGE), 0).offset
        for wrong in (0, offset - 1, offset + 1):
            with pytest.raises(Conflict):
                store.part(KEY, wrong)
            with pytest.raises(Conflict):
                store.part_arrived(KEY, wrong)
        with pytest.raises(Conflict):
            store.part_arrived(KEY, offset)  # nobody asked for its address
        for use in (store.part, store.part_arrived):
            with pytest.raises(NotFound):
                use("jobs/bbbbbbbb/source", 0)
        assert store.stat(KEY) == UploadInfo(offset, _LARGE)

    def test_a_part_that_never_comes_or_has_another_length_is_none(self, store: UploadStore, storage: ObjectStorage) -> None:
        store.begin(KEY, 1000)
        for length in (None, 999, 1001, 0):
            if (address := self._address(store)) is None:
                return
            if length is not None:
                with suppress(HTTPError):  # a platform may refuse it at once
                    _put(address, bytes(length))
            with pytest.raises(Conflict):
                store.part_arrived(KEY, 0)
            assert store.stat(KEY) == UploadInfo(0, 1000)
        _bring(store, b"x" * 1000, 0)
        store.finish(KEY)
        assert storage.read_range(KEY) == b"x" * 1000

    def test_of_two_parts_for_one_place_one_is_taken(self, store: UploadStore, other: UploadStore, storage: ObjectStorage) -> None:
        store.begin(KEY, 1000)
        addresses = [self._address(one) for one in (store, other)]
        if addresses[0] is None or addresses[1] is None:
            return
        _put(addresses[1], b"b" * 1000)
        assert other.part_arrived(KEY, 0) == UploadInfo(1000, 1000)
        _put(addresses[0], b"a" * 1000)
        with pytest.raises(Conflict):
            store.part_arrived(KEY, 0)
        store.finish(KEY)
        assert storage.read_range(KEY) == b"b" * 1000

    def test_bytes_that_were_appended_meanwhile_stand(self, store: UploadStore, other: UploadStore, storage: ObjectStorage) -> None:
        store.begin(KEY, 1000)
        if (address := self._address(store)) is None:
            return
        other.append(KEY, 0, b"appended")
        _put(address, bytes(1000))
        with pytest.raises(Conflict):
            store.part_arrived(KEY, 0)
        other.append(KEY, 8, bytes(992))
        store.finish(KEY)
        assert storage.read_range(KEY) == b"appended" + bytes(992)

    def _address(self, store: UploadStore) -> PartAddress | None:
        """Of the first part; None where the platform gives none, as it says by its `origin` too."""
        address = store.part(KEY, 0)
        assert (address is None) == (store.origin is None)
        if address is not None:
            place = urlsplit(address.url)
            assert store.origin == f"{place.scheme}://{place.netloc}"
        return address

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


def _bring(store: UploadStore, data: bytes, offset: int) -> UploadInfo:
    """Have the next part of the upload stored, where its bytes belong."""
    address = store.part(KEY, offset)
    if address is None:
        return store.append(KEY, offset, data[offset : offset + len(data) // 2 + 1])
    _put(address, data[offset : offset + address.size])
    return store.part_arrived(KEY, offset)


def _put(address: PartAddress, data: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    urlopen(Request(address.url, data, headers, method="PUT")).close()  # noqa: S310  # the platform's own address
