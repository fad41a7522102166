"""What every `SlotStore` must do."""

from __future__ import annotations

import time
from functools import partial

import pytest

from stereo_spot_adapter_contracts.racing import RACERS, Recipe, race
from stereo_spot_shared.errors import Conflict, NotFound
from stereo_spot_shared.interfaces import SlotStore

_LONG = 600.0
_SHORT = 0.3
_LIMIT = 5


class SlotStoreContract:
    """Inherit and provide `recipe`: how to open a client of one fresh, empty store."""

    @pytest.fixture
    def store(self, recipe: Recipe[SlotStore]) -> SlotStore:
        return recipe()

    @pytest.fixture
    def other(self, recipe: Recipe[SlotStore]) -> SlotStore:
        return recipe()

    def test_no_more_are_taken_than_there_are(self, store: SlotStore, other: SlotStore) -> None:
        assert [one.take("pool", name, limit=2, seconds=_LONG) for one, name in ((store, "a"), (other, "b"), (store, "c"))] == [
            True, True, False,
        ]  # fmt: skip
        other.free("pool", "a")
        assert store.take("pool", "c", limit=2, seconds=_LONG)

    def test_pools_know_nothing_of_each_other(self, store: SlotStore) -> None:
        assert store.take("one", "a", limit=1, seconds=_LONG)
        assert store.take("two", "a", limit=1, seconds=_LONG)

    def test_a_holder_has_one_slot(self, store: SlotStore, other: SlotStore) -> None:
        store.take("pool", "a", limit=1, seconds=_LONG)
        for limit in (1, 2):
            with pytest.raises(Conflict):
                other.take("pool", "a", limit=limit, seconds=_LONG)

    def test_a_slot_that_is_not_freed_ends_by_itself(self, store: SlotStore, other: SlotStore) -> None:
        store.take("pool", "a", limit=1, seconds=_SHORT)
        time.sleep(2 * _SHORT)
        with pytest.raises(NotFound):
            store.extend("pool", "a", _LONG)
        assert other.take("pool", "a", limit=1, seconds=_LONG)

    def test_an_extended_slot_stays(self, store: SlotStore, other: SlotStore) -> None:
        store.take("pool", "a", limit=1, seconds=_SHORT)
        store.extend("pool", "a", _LONG)
        time.sleep(2 * _SHORT)
        assert not other.take("pool", "b", limit=1, seconds=_LONG)

    def test_freeing_what_is_not_held_does_nothing(self, store: SlotStore) -> None:
        store.take("pool", "a", limit=1, seconds=_LONG)
        store.free("pool", "b")
        store.free("other", "a")
        assert not store.take("pool", "b", limit=1, seconds=_LONG)
        with pytest.raises(NotFound):
            store.extend("pool", "b", _LONG)

    def test_racing_processes_never_hold_more_than_there_are(self, store: SlotStore, recipe: Recipe[SlotStore]) -> None:
        taken = race(partial(_take_all), recipe)
        assert sum(map(len, taken)) == _LIMIT
        holders = [name for names in taken for name in names]
        assert len(set(holders)) == _LIMIT
        for name in holders:
            store.free("pool", name)
        assert sum(store.take("pool", f"again-{number}", limit=_LIMIT, seconds=_LONG) for number in range(RACERS * 3)) == _LIMIT


def _take_all(store: SlotStore, number: int) -> list[str]:
    names = [f"{number}-{turn}" for turn in range(3)]
    return [name for name in names if store.take("pool", name, limit=_LIMIT, seconds=_LONG)]
