"""The options in a person's words: what each choice on the page means in the pipeline's parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stereo_spot_shared.rendering import (
    Codec,
    Container,
    DepthProfile,
    FramePacking,
    Quality,
    RenderParams,
)


@dataclass(frozen=True)
class Choice:
    """A choice: its name in the form, and the parameters that it sets. Its words are in the template, where they are translated."""

    name: str
    params: dict[str, Any] = field(default_factory=dict)

    def is_made(self, params: RenderParams) -> bool:
        """Whether these parameters are what it sets."""
        return all(getattr(params, key) == value for key, value in self.params.items())


STRENGTHS = (
    Choice("gentle", {"max_disparity": 1.2}),
    Choice("natural", {"max_disparity": 2.0}),
    Choice("strong", {"max_disparity": 3.0}),
)
"""Percent of the picture's width, from the nearest to the farthest."""

SCREENS = (
    Choice("headset", {"layout": FramePacking.FULL_SBS}),
    Choice("tv", {"layout": FramePacking.HALF_SBS}),
    Choice("glasses", {"layout": FramePacking.ANAGLYPH}),
    Choice("phone", {"layout": FramePacking.HALF_SBS, "codec": Codec.H264}),
)
"""In order of preference where two fit."""

TEMPOS = (
    Choice("draft", {"depth_profile": DepthProfile.FAST, "quality": Quality.DRAFT}),
    Choice("balanced", {"depth_profile": DepthProfile.BALANCED, "quality": Quality.BALANCED}),
    Choice("best", {"depth_profile": DepthProfile.QUALITY, "quality": Quality.HIGH}),
)

DEPTHS = ("auto", "basic")


def all_options(params: RenderParams) -> list[dict[str, Any]]:
    """Every other parameter that the page offers, with the command line's name and its values where it has a few."""
    values: dict[str, list[str] | None] = {
        "layout": [layout.value for layout in FramePacking],
        "max_disparity": None,
        "convergence": None,
        "foreground_scale": None,
        "depth_profile": [profile.value for profile in DepthProfile],
        "quality": [quality.value for quality in Quality],
        "codec": [codec.value for codec in Codec],
        "container": [container.value for container in Container],
        "segment_seconds": None,
        "screen_cm": None,
    }
    switches = ("floating_window", "eye_swap", "autocrop")
    return [
        *({"name": name, "option": option_of(name), "few": few, "value": shown(getattr(params, name))} for name, few in values.items()),
        *({"name": name, "option": option_of(name), "few": None, "value": getattr(params, name)} for name in switches),
    ]


def option_of(name: str) -> str:
    """The command line's name of a parameter."""
    return "--" + {"screen_cm": "screen-width"}.get(name, name.replace("_", "-"))


def shown(value: object) -> str:
    """A value in a form field."""
    return "" if value is None else str(value)
