"""Words out of one wrapping and into another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media.subtitle_text import MAX_TIMED_TEXT_BYTES, words_of, wrapped


@pytest.mark.parametrize(
    ("codec", "payload", "words"),
    [
        ("subrip", b'<i>Hello</i> <font color="#fff">you</font>\r\nthere', "Hello you\nthere"),
        ("subrip", b"{\\an8}Above", "Above"),
        ("subrip", b"1 < 2 > 0 <3", "1 < 2 > 0 <3"),
        ("subrip", b"caf\xe9", "caf\ufffd"),
        ("subrip", b"\n", ""),
        ("webvtt", b"<v Mary>Hi &amp; <c.yellow>bye</c><00:01.000>", "Hi & bye"),
        ("ass", b"0,0,Default,,0,0,0,,One\\Ntwo, three\\h{\\b1}four", "One\ntwo, three\u00a0four"),
        ("ass", b"0,0,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}", ""),
        ("ass", b"broken", ""),
        ("mov_text", b"\x00\x05Hello\x00\x00\x00\x0cstyl1234", "Hello"),
        ("mov_text", b"\x00\x06\xfe\xff\x00H\x00i", "Hi"),
        ("mov_text", b"\x00\x00", ""),
        ("mov_text", b"", ""),
        ("text", b"plain", "plain"),
    ],
)
def test_words_of(codec, payload, words):
    assert words_of(codec, payload) == words


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_timed_text_gives_the_same_words_back(text):
    if text[0] != "\ufeff":
        assert words_of("mov_text", wrapped("mov_text", text)) == text.replace("\r\n", "\n").strip("\n")


def test_too_long_text_is_cut_between_letters():
    payload = wrapped("mov_text", "é" * 40_000)
    assert int.from_bytes(payload[:2], "big") == len(payload) - 2 <= MAX_TIMED_TEXT_BYTES
    assert set(words_of("mov_text", payload)) == {"é"}


@given(st.sampled_from(["subrip", "webvtt", "ass", "mov_text", "text"]), st.binary(max_size=100))
def test_any_bytes_are_survived(codec, payload):
    assert isinstance(words_of(codec, payload), str)
