"""The options of the encoders: what memory allows, and nothing that depends on the machine."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_inference.picture import PIXEL_FORMATS
from stereo_inference.video_io.encoders import (
    MEMORY,
    MEMORY_BYTES,
    MEMORY_PICTURES,
    OutputFormat,
    encoder_of,
    memory_options,
    shared_pictures,
)
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking, Quality

EVEN = st.integers(1, 8192).map(lambda n: 2 * n)


def output(width: int, height: int, name: str, quality: Quality) -> OutputFormat:
    return OutputFormat(
        width=width, height=height, format=PIXEL_FORMATS[name], layout=FramePacking.FULL_SBS, quality=quality,
        rate=Fraction(25), time_base=Fraction(1, 1000), aspect=Fraction(1), colour=Colour(),
    )  # fmt: skip


def held(form: OutputFormat) -> tuple[int, int]:
    """Pictures of lookahead and B-frames."""
    options = memory_options(encoder_of(form), form)
    return int(options["rc-lookahead"]), int(options["bframes"])


@given(EVEN, EVEN, st.sampled_from(sorted(PIXEL_FORMATS)), st.sampled_from(Quality))
def test_no_more_is_held_than_memory_allows(width: int, height: int, name: str, quality: Quality) -> None:
    form = output(width, height, name, quality)
    settings = encoder_of(form)
    lookahead, bframes = held(form)
    assert 0 <= lookahead <= settings.lookahead
    assert 0 <= bframes <= settings.bframes
    memory = MEMORY[settings.codec]
    if lookahead + bframes:
        pictures = memory.least + memory.each * (lookahead + bframes)
        assert pictures * form.picture_bytes <= max(MEMORY_BYTES, MEMORY_PICTURES * form.picture_bytes)


@pytest.mark.parametrize(
    ("width", "height", "name", "expected"),
    [
        (3840, 1080, "yuv420p", (10, 3)),
        (1920, 1080, "yuv420p", (10, 3)),
        (7680, 2160, "yuv420p", (2, 1)),
        (3840, 1080, "yuv420p10le", (0, 0)),
        (3840, 1080, "yuv422p", (3, 1)),
        (3840, 1080, "yuv444p", (0, 0)),
        (3840, 1080, "yuv422p10le", (0, 0)),
        (2560, 720, "yuv420p10le", (5, 1)),
        (1280, 360, "yuv420p10le", (10, 3)),
    ],
)
def test_the_sizes_that_people_watch(width: int, height: int, name: str, expected: tuple[int, int]) -> None:
    assert held(output(width, height, name, Quality.BALANCED)) == expected


def test_a_draft_and_what_is_lossless_look_nowhere_ahead() -> None:
    for quality in (Quality.DRAFT, Quality.LOSSLESS):
        assert held(output(640, 360, "yuv420p", quality)) == (0, 0)


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
def test_h265_is_for_10_bit_in_420(name: str) -> None:
    assert (encoder_of(output(640, 360, name, Quality.HIGH)).codec == "libx265") == (name == "yuv420p10le")


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
def test_what_would_be_too_large_at_1080p_goes_without(name: str) -> None:
    """Whole-pixel motion, and one picture shared with the encoder: in 10-bit 4:4:4 only, and not at other sizes."""
    large = output(3840, 1080, name, Quality.HIGH)
    assert ("subme" in memory_options(encoder_of(large), large)) == (name == "yuv444p10le")
    assert shared_pictures(large, 2) == (1 if name == "yuv444p10le" else 2)
    assert shared_pictures(large, 1) == 1
    for width, height in ((2560, 720), (7680, 2160)):
        other = output(width, height, name, Quality.HIGH)
        assert "subme" not in memory_options(encoder_of(other), other)
        assert shared_pictures(other, 2) == 2
