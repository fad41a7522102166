"""Exact time: ticks of a rational time base, and lists of them in a compact form.

A presentation time is an integer number of ticks; a tick lasts `time_base` seconds. Seconds as a float exist
only where a person reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, groupby, pairwise, repeat
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from stereo_spot_shared.base import Value


def parse_fraction(value: Any) -> Fraction:
    """Read "num/den", an int or a Fraction (never a float: it would not be exact)."""
    if isinstance(value, float):
        raise ValueError("a rational is written 'numerator/denominator', not as a float")
    try:
        return Fraction(value)
    except (TypeError, ZeroDivisionError) as error:
        raise ValueError(f"not a rational number: {value!r}") from error


Rational = Annotated[
    Fraction,
    BeforeValidator(parse_fraction),
    PlainSerializer(lambda value: f"{value.numerator}/{value.denominator}", return_type=str),
]
"""A Fraction that is written as "num/den" in JSON."""


class Ticks(Value):
    """A non-decreasing list of presentation times, run-length coded by their differences.

    Constant frame rate of any length is one run, so the manifest of a ten-hour film stays small:
    `start=0, runs=[(512, 863_999)]` is 864,000 frames. Equal neighbours (difference 0) are allowed, since real
    files hold duplicate times.
    """

    start: int | None = None
    runs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, times: Iterable[int]) -> Ticks:
        """Encode `times`, which must be in presentation order (ValueError otherwise)."""
        items = times if isinstance(times, Sequence) else list(times)
        if not items:
            return cls()
        steps = (b - a for a, b in pairwise(items))
        runs = tuple((step, sum(1 for _ in same)) for step, same in groupby(steps))
        if any(step < 0 for step, _ in runs):
            raise ValueError("presentation times must not decrease")
        return cls(start=items[0], runs=runs)

    def __len__(self) -> int:
        return 0 if self.start is None else 1 + sum(count for _, count in self.runs)

    def times(self) -> Iterator[int]:
        """The presentation times, in order."""
        if self.start is None:
            return
        yield (now := self.start)
        for step in chain.from_iterable(repeat(step, count) for step, count in self.runs):
            yield (now := now + step)
