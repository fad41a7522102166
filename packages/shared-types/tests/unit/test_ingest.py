"""URLs of sources: which are taken, and what of them is shown."""

from __future__ import annotations

from itertools import product

import hypothesis.strategies as st
import pytest
from hypothesis import given

from stereo_spot_shared.errors import SourceRefused
from stereo_spot_shared.ingest import LONGEST_URL, IngestPolicy, checked_url, name_in_url, same_video, shown_url
from stereo_spot_shared.naming import LONGEST_NAME, UNNAMED

ANY = IngestPolicy.PRIVATE


@pytest.mark.parametrize(
    ("typed", "fetched"),
    [
        (" HTTPS://A.Example/film.mp4 ", "https://a.example/film.mp4"),
        ("https://a.example/f.mp4?token=1#t=30", "https://a.example/f.mp4?token=1"),
        ("https://bücher.example/ä b.mp4", "https://xn--bcher-kva.example/%C3%A4%20b.mp4"),
        ("https://a.example", "https://a.example/"),
        ("https://a.exa\nmple/\r\nHost: b.example", "https://a.example/Host:%20b.example"),
        ("http://0x7f.1/x", "http://127.0.0.1/x"),
        ("http://2130706433:8000/x", "http://127.0.0.1:8000/x"),
        ("http://[::ffff:7f00:1]/x", "http://[::ffff:7f00:1]/x"),
    ],
)
def test_a_url_is_written_down_as_browsers_read_it(typed: str, fetched: str) -> None:
    assert checked_url(typed, ANY) == fetched


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("file:///etc/passwd", "no URL of a video"),
        ("ftp://a.example/f.mp4", "no URL of a video"),
        ("gopher://a.example/_", "no URL of a video"),
        ("https://", "no URL of a video"),
        ("film.mp4", "no URL of a video"),
        ("https://me:secret@a.example/f.mp4", "user name or a password"),
        ("https://token@a.example/f.mp4", "user name or a password"),
        ("https://a.example/" + "x" * LONGEST_URL, "longer than"),
    ],
)
def test_what_is_not_to_be_fetched_is_refused_without_repeating_it(typed: str, told: str) -> None:
    with pytest.raises(SourceRefused, match=told) as refused:
        checked_url(typed, ANY)
    assert "secret" not in str(refused.value)
    assert refused.value.hint


def test_each_policy_allows_more_than_the_one_before() -> None:
    least = {"https://a.example/f": IngestPolicy.HTTPS, "http://a.example/f": IngestPolicy.HTTP}
    ranks = list(IngestPolicy)
    for url, policy in product(least, ranks):
        if ranks.index(policy) >= ranks.index(least[url]):
            assert checked_url(url, policy) == url
        else:
            with pytest.raises(SourceRefused) as refused:
                checked_url(url, policy)
            assert "STEREO_SPOT_INGEST=" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("films/a%20film.mp4?name=other.mkv", "a film.mp4"),
        ("..%2F..%2Fetc%2Fpasswd", ".._.._etc_passwd"),
        ("a%0Ab%00c.mp4", "a_b_c.mp4"),
        ("%2e%2e", UNNAMED),
        ("", UNNAMED),
        ("films/", UNNAMED),
        ("%FF.mp4", "\ufffd.mp4"),
    ],
)
def test_a_video_is_called_what_its_url_ends_with(path: str, name: str) -> None:
    assert name_in_url(checked_url(f"https://a.example/{path}", ANY)) == name


@given(st.text(max_size=300), st.text(max_size=50))
def test_whatever_a_path_is_its_name_is_one_harmless_name(path: str, query: str) -> None:
    try:
        url = checked_url(f"https://a.example/{path}?{query}", ANY)
    except SourceRefused:
        return
    name = name_in_url(url)
    assert name.strip(". ")
    assert len(name.encode()) <= LONGEST_NAME
    assert name.isprintable()
    assert not {"/", "\\", "\0"} & set(name)
    assert "?" not in shown_url(url)
    assert shown_url(same_video(url)) == shown_url(url)
    assert same_video(same_video(url)) == same_video(url), "what is kept of a URL still says which video it was"
    assert checked_url(url, ANY) == url, "what was checked stays as it is"


FILM = "https://a.example/get"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("X-Amz-Date=1&X-Amz-Signature=a", "x-amz-date=2&x-amz-signature=b"),
        ("X-Goog-Date=1&X-Goog-Signature=a", "X-Goog-Date=2&X-Goog-Signature=b"),
        ("AWSAccessKeyId=A&Expires=1&Signature=a", "AWSAccessKeyId=A&Expires=2&Signature=b"),
        ("Expires=1&Signature=a&Key-Pair-Id=K", "Policy=p&Signature=b&Key-Pair-Id=K"),
        ("sv=2024&se=1&sr=b&sp=r&sig=a", "sv=2024&se=2&sr=b&sp=r&sig=b"),
        ("id=7&X-Amz-Signature=a", "X-Amz-Signature=b&id=7"),
    ],
)
def test_a_video_whose_signature_was_renewed_is_the_same(one: str, other: str) -> None:
    assert same_video(f"{FILM}?{one}") == same_video(f"{FILM}?{other}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("id=7", "id=8"),
        ("id=7", ""),
        ("st=1&se=2", "st=1&se=3"),
        ("token=a", "token=b"),
        ("expires=1", "expires=2"),
        ("id=7&sig=a", "id=8&sig=a"),
        ("a=1&b=2", "a=2&b=1"),
    ],
)
def test_whatever_may_name_another_video_does(one: str, other: str) -> None:
    assert same_video(f"{FILM}?{one}") != same_video(f"{FILM}?{other}")


def test_what_is_kept_of_a_url_lets_nobody_fetch() -> None:
    kept = same_video(f"{FILM}?key=open-sesame&X-Amz-Signature=secret")
    assert kept.startswith(f"{FILM}#")
    assert "sesame" not in kept
    assert "secret" not in kept
