"""Words as WebVTT."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media.webvtt import Cue, as_webvtt, clock, cut_to, payload, with_ends


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("1 < 2 --> 3 > 2", "1 &lt; 2 --&gt; 3 &gt; 2"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("one\n\n \ntwo\n", "one\ntwo"),
        ("\0nothing\0", "nothing"),
        (" \n\t\n", ""),
    ],
)
def test_words_are_escaped_and_never_end_their_cue(text, shown):
    assert payload(text) == shown


@given(st.text())
def test_no_text_breaks_the_file(text):
    shown = payload(text)
    assert "-->" not in shown
    assert "<" not in shown
    assert "\n\n" not in f"\n{shown}\n" or not shown


def test_times_are_written_as_the_format_wants_them():
    assert [clock(ms) for ms in (0, 1, 61_001, 3_600_000, 360_000_000)] == [
        "00:00:00.000", "00:00:00.001", "00:01:01.001", "01:00:00.000", "100:00:00.000",
    ]  # fmt: skip


def cue(start, end, text="x"):
    return Cue(Fraction(start), None if end is None else Fraction(end), text)


def test_a_cue_without_an_end_is_shown_until_the_next_or_for_a_while():
    cues = with_ends([cue(0, None), cue(2, None), cue(2, None), cue(3, 4), cue(100, None)])
    assert [each.end for each in cues] == [2, 3, 3, 4, 105]


def test_cues_are_cut_to_what_is_shown():
    cues = [cue(-2, -1), cue(-1, 1), cue(2, 5), cue(4, 9), cue(6, 7)]
    assert [(each.start, each.end) for each in cut_to(cues, None)] == [(0, 1), (2, 5), (4, 9), (6, 7)]
    assert [(each.start, each.end) for each in cut_to(cues, (Fraction(3), Fraction(6)))] == [(3, 5), (4, 6)]


def test_a_file():
    text = as_webvtt([cue("1/3", "2/3", "a\nb"), cue(1, 2, " \n"), cue(5, "50001/10000", "c")])
    assert text == "WEBVTT\n\n00:00:00.333 --> 00:00:00.667\na\nb\n\n00:00:05.000 --> 00:00:05.001\nc\n"
