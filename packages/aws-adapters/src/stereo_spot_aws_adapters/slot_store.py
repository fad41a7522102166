"""Who holds which slots: one item for each pool, changed in place by single conditional requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.dynamo import ConditionFailed, Item, Table
from stereo_spot_aws_adapters.names import SLOTS
from stereo_spot_shared.errors import Conflict, NotFound, StoreUnavailable
from stereo_spot_shared.jobs import new_attempt_id

_TRIES = 20


class DynamoSlotStore:
    """`SlotStore` on DynamoDB. `clock` gives seconds since the epoch; those of all workers must agree to a few seconds."""

    def __init__(self, aws: Aws, *, clock: Callable[[], float] = time.time) -> None:
        self._table = Table(aws, SLOTS)
        self._clock = clock

    def take(self, pool: str, holder: str, *, limit: int, seconds: float) -> bool:
        mark = new_attempt_id()
        for _ in range(_TRIES):
            now = self._clock()
            slot: Item = {"until": _number(now + seconds), "mark": {"S": mark}}
            try:
                self._table.update(
                    _key(pool),
                    "SET #holders.#holder = :slot",
                    condition="attribute_exists(#holders) AND size(#holders) < :limit AND attribute_not_exists(#holders.#holder)",
                    names={"#holders": "holders", "#holder": holder},
                    values={":slot": {"M": slot}, ":limit": {"N": str(limit)}},
                )
            except ConditionFailed as refused:
                if refused.standing is None:
                    self._make(pool)
                    continue
                held = _holders(refused.standing)
                if (mine := held.get(holder)) is not None and mine["mark"]["S"] == mark:
                    return True  # the answer to the first request was lost, and the SDK asked again
                ended = {name: slot for name, slot in held.items() if _until(slot) <= now}
                if not ended:
                    if holder in held:
                        raise Conflict(f"{holder} holds a slot of {pool} already") from None
                    return False
                for name, slot in ended.items():
                    self._remove_ended(pool, name, slot)
            else:
                return True
        raise StoreUnavailable(f"no slot of {pool} could be looked for: others were first {_TRIES} times")

    def extend(self, pool: str, holder: str, seconds: float) -> None:
        now = self._clock()
        try:
            self._table.update(
                _key(pool),
                "SET #holders.#holder.#until = :until",
                condition="#holders.#holder.#until > :now",
                names={"#holders": "holders", "#holder": holder, "#until": "until"},
                values={":until": _number(now + seconds), ":now": _number(now)},
            )
        except ConditionFailed:
            raise NotFound(f"{holder} holds no slot of {pool} any more") from None

    def free(self, pool: str, holder: str) -> None:
        self._remove(pool, holder, "attribute_exists(#holders.#holder)", {}, {})

    def _make(self, pool: str) -> None:
        try:
            self._table.put({**_key(pool), "holders": {"M": {}}}, condition="attribute_not_exists(#pool)", names={"#pool": "pool"})
        except ConditionFailed:
            return  # somebody else was first

    def _remove_ended(self, pool: str, holder: str, slot: Mapping[str, Any]) -> None:
        """Remove a slot that has ended, unless its holder has extended it meanwhile."""
        self._remove(pool, holder, "#holders.#holder.#until = :until", {"#until": "until"}, {":until": slot["until"]})

    def _remove(self, pool: str, holder: str, condition: str, names: Mapping[str, str], values: Item) -> None:
        names = {"#holders": "holders", "#holder": holder, **names}
        try:
            self._table.update(_key(pool), "REMOVE #holders.#holder", condition=condition, names=names, values=values)
        except ConditionFailed:
            return


def _key(pool: str) -> Item:
    return {"pool": {"S": pool}}


def _number(value: float) -> dict[str, str]:
    return {"N": f"{value:.3f}"}


def _holders(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = item["holders"]["M"]
    return {name: slot["M"] for name, slot in found.items()}


def _until(slot: Mapping[str, Any]) -> float:
    return float(slot["until"]["N"])
