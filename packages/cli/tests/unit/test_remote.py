"""What makes two commands at a server the same, how often something is tried again, and where a download grows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stereo_spot_cli.conversion.display import Silence
from stereo_spot_cli.remote import tries
from stereo_spot_cli.remote.address import address_of
from stereo_spot_cli.remote.client import Client
from stereo_spot_cli.remote.download import part_of
from stereo_spot_cli.remote.errors import Unreachable
from stereo_spot_cli.remote.identity import FileIdentity, UrlIdentity, key_of
from stereo_spot_cli.remote.upload import SourceChanged, upload
from stereo_spot_shared.api.jobs import OutputView
from stereo_spot_shared.rendering import RenderParams


def test_the_same_file_with_the_same_parameters_is_the_same_job_and_nothing_else_is(tmp_path: Path) -> None:
    film, other = tmp_path / "film.mp4", tmp_path / "other.mp4"
    film.write_bytes(b"1234")
    other.write_bytes(b"1234")
    look = RenderParams()
    key = key_of(FileIdentity.of(film, look), 0)
    assert key_of(FileIdentity.of(film, look), 0) == key
    found = {
        key,
        key_of(FileIdentity.of(film, look), 1),
        key_of(FileIdentity.of(other, look), 0),
        key_of(FileIdentity.of(film, RenderParams(max_disparity=3)), 0),
    }
    os.utime(film, (1, 1))
    found.add(key_of(FileIdentity.of(film, look), 0))
    film.write_bytes(b"12345")
    os.utime(film, (1, 1))
    found.add(key_of(FileIdentity.of(film, look), 0))
    assert len(found) == 6


def test_what_breaks_is_tried_again_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "PAUSES", (0.001, 0.001, 0.001))
    told: list[str] = []
    again = tries.Tries(told.append)
    error = Unreachable("the connection broke")
    for _ in range(3):
        again.again_after(error)
    with pytest.raises(Unreachable):
        again.again_after(error)
    again.went_on()
    again.again_after(error)
    assert told == ["the connection broke; trying again"] * 4


def test_another_content_grows_in_another_file_beside_its_place(tmp_path: Path) -> None:
    place = tmp_path / "out.mp4"
    file = OutputView(name="film.mp4", bytes=5, etag="a", url="/u", download_url="/d", player_url="/p")
    part = part_of(place, "0123456789", file)
    assert part.parent == tmp_path
    others = [
        part_of(place, "0123456789", file.model_copy(update={"etag": "b"})),
        part_of(place, "9876543210", file),
        part_of(tmp_path / "other.mp4", "0123456789", file),
    ]
    assert len({part, *others}) == 4


def test_of_a_film_that_shrank_before_it_was_sent_nothing_is_sent(tmp_path: Path) -> None:
    """The server would wait for what there is no more, and the command with it."""
    film = tmp_path / "film.mp4"
    film.write_bytes(b"1234")
    client = Client("http://127.0.0.1:9")
    for announced in (5, 3, None):
        with pytest.raises(SourceChanged):
            upload(client, "/uploads/1", film, announced, Silence())
    client.close()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://films.example", "https://films.example"),
        ("https://Films.Example/", "https://films.example"),
        ("http://192.168.1.7:8088", "http://192.168.1.7:8088"),
        ("http://[::1]:8088/", "http://[::1]:8088"),
    ],
)
def test_an_address_is_an_origin(given: str, meant: str) -> None:
    assert address_of(given) == meant


def test_the_same_address_signed_anew_is_the_same_job() -> None:
    look = RenderParams()
    key = key_of(UrlIdentity("https://films.example/film.mp4?signature=1", look), 0)
    assert key_of(UrlIdentity("https://films.example/film.mp4?signature=2", look), 0) == key
    assert key_of(UrlIdentity("https://films.example/other.mp4", look), 0) != key
    assert key_of(UrlIdentity("https://films.example/film.mp4?id=2", look), 0) != key
