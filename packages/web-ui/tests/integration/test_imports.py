"""Videos that lie on the server already."""

from __future__ import annotations

from pathlib import Path

import pytest

from stereo_spot_shared.keys import source_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An import folder, and what lies beside it."""
    folder = tmp_path / "films"
    (folder / "series").mkdir(parents=True)
    (folder / "series" / "one & two.mkv").write_bytes(b"an episode")
    (folder / "A film.MP4").write_bytes(b"a film")
    (folder / ".hidden.mp4").write_bytes(b"")
    (folder / "notes.txt").write_bytes(b"")
    for name in ("private.mp4", "x.mp4"):
        (tmp_path / name).write_bytes(b"private")
    (folder / "link.mp4").symlink_to(tmp_path / "private.mp4")
    return folder


@pytest.fixture
def server(serving, tmp_path, folder):
    with serving(tmp_path / "data", import_dir=folder) as server:
        yield server


def test_they_are_listed_and_offered(client):
    listed = client.get("/api/v1/imports").json()
    assert [(one["path"], one["bytes"]) for one in listed] == [("A film.MP4", 6), ("series/one & two.mkv", 10)]
    page = client.get("/new").text
    assert 'data-import="series/one &amp; two.mkv"' in page
    assert "notes.txt" not in page


def test_one_is_taken_without_an_upload_and_stays_where_it_is(client, server, folder):
    answer = client.post("/api/v1/jobs/import", json={"path": "series/one & two.mkv", "params": {"layout": "anaglyph"}})
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["source"]["name"], job["source"]["is_here"], job["params"]["layout"]) == ("one & two.mkv", True, "anaglyph")
    assert server.platform.storage.read_range(source_key(job["id"])) == b"an episode"
    assert client.post(f"/api/v1/jobs/{job['id']}/start").json()["status"] == "queued"
    assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 204
    assert (folder / "series" / "one & two.mkv").read_bytes() == b"an episode"


@pytest.mark.parametrize("path", ["../private.mp4", "link.mp4", "/etc/passwd", "notes.txt", "series", "gone.mp4", "series/../../x.mp4"])
def test_nothing_else_is_taken(client, path):
    answer = client.post("/api/v1/jobs/import", json={"path": path})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.get("/api/v1/jobs").json()["jobs"] == []


def test_without_a_folder_nothing_is_offered(serving, tmp_path):
    with serving(tmp_path / "other") as server, server.client() as client:
        assert client.get("/api/v1/imports").json() == []
        assert client.post("/api/v1/jobs/import", json={"path": "A film.MP4"}).status_code == 404
        assert "Videos on the server" not in client.get("/new").text
