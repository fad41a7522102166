"""The error tree: as its module draws it, with stable codes, and able to cross a process border."""

from __future__ import annotations

import re

from stereo_spot_shared import errors
from stereo_spot_shared.errors import StereoSpotError, all_error_types


def test_the_tree_is_as_it_is_drawn() -> None:
    drawn: dict[str, str] = {}
    parents: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if (match := re.search(r"[├└]── (\w+)", line)) is not None:
            parents[match.start() // 4 + 1] = match[1]
            drawn[match[1]] = parents.get(match.start() // 4, "StereoSpotError")
    ours = {name: kind for name, kind in all_error_types().items() if kind.__module__ == errors.__name__}
    assert drawn == {name: kind.__bases__[0].__name__ for name, kind in ours.items() if name != "StereoSpotError"}


def test_every_error_has_a_code_of_its_own() -> None:
    ours = [kind for kind in all_error_types().values() if kind.__module__ == errors.__name__]
    assert all("code" in vars(kind) for kind in ours)
    assert len({kind.code for kind in ours}) == len(ours)


def test_an_error_is_rebuilt_from_its_name_and_words() -> None:
    for name, kind in all_error_types().items():
        if kind.__module__ == errors.__name__:
            again = all_error_types()[name]("it happened", hint="do this")
            assert type(again) is kind
            assert isinstance(again, StereoSpotError)
            assert (str(again), again.hint) == ("it happened", "do this")
