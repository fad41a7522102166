"""What headset players ask, in their own words, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from stereo_spot_shared import keys
from stereo_spot_shared.jobs import Job, JobResult, JobStatus, Plan, Source, SubtitleFile, new_job_id
from stereo_spot_shared.rendering import FramePacking, RenderParams
from stereo_spot_web_ui.security.sign_in import PER_ADDRESS

CONTENT = bytes(range(256)) * 10
PASSWORD = "correct horse"

DEOVR = {"User-Agent": "UnityPlayer/2022.3 (UnityWebRequest/1.0)", "Content-Type": "application/x-www-form-urlencoded"}
HERESPHERE = {"User-Agent": "HereSphere/0.9 Quest3", "Content-Type": "application/json"}
SCANNING = {"username": "", "password": "", "needsMediaSource": False}
"""HereSphere's message while it reads a library, and nobody has typed a name or a password."""
PLAYING = {**SCANNING, "needsMediaSource": True}


def finished(server, **params) -> Job:
    """A job that is done, of two seconds, with subtitles."""
    job_id, chosen = new_job_id(), RenderParams(**params)
    key, words = keys.output_key(job_id, "a1", chosen.container.value), keys.subtitles_key(job_id, 2)
    stored = server.platform.storage.put_bytes(CONTENT, key)
    server.platform.storage.put_bytes(b"WEBVTT\n", words)
    result = JobResult(output_key=key, etag=stored.etag, bytes=len(CONTENT), frames=48, width=640, height=180, depth="basic")
    job = Job(
        job_id=job_id,
        status=JobStatus.COMPLETED,
        swept=True,
        source=Source(key=keys.source_key(job_id), name="a film.mkv", etag="e", size=5),
        params=chosen,
        plan=Plan(plan_id="p", segment_count=1, frame_count=48, duration=Fraction(2)),
        result=result.model_copy(update={"subtitles": (SubtitleFile(key=words, language="deu", title="Deutsch"),)}),
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    return server.platform.jobs.create(job)


@pytest.fixture
def closed(serving, tmp_path):
    with serving(tmp_path / "data", password=PASSWORD) as server:
        yield server


@pytest.mark.parametrize(
    ("params", "stereo", "screen", "title"),
    [
        ({"layout": FramePacking.FULL_SBS}, "sbs", "flat", "a film_3D_SBS_LRF"),
        ({"layout": FramePacking.HALF_TB}, "tb", "flat", "a film_3D_HTAB_TB"),
        ({"layout": FramePacking.VR180}, "sbs", "dome", "a film_180_LR"),
        ({"layout": FramePacking.ANAGLYPH}, "off", "flat", None),
    ],
)
def test_deovr(client, server, params, stereo, screen, title):
    job = finished(server, **params)
    for method in ("GET", "POST"):
        told = client.request(method, "/deovr", headers=DEOVR).json()
        assert (told["authorized"], told["scenes"][0]["name"]) == ("1", "StereoSpot")
        [listed] = told["scenes"][0]["list"]
        assert listed.keys() == {"title", "videoLength", "thumbnailUrl", "video_url"}
        assert (listed["videoLength"], listed["video_url"]) == (2, f"{server.address}/deovr/{job.job_id}")
        assert title is None or listed["title"].startswith(title)
        one = client.request(method, listed["video_url"], headers=DEOVR).json()
        assert one["id"] == job.job_id
        assert (one["authorized"], one["fullAccess"], one["is3d"]) == (1, True, stereo != "off")
        assert (one["screenType"], one["stereoMode"], one["videoLength"]) == (screen, stereo, 2)
        [source] = one["encodings"][0]["videoSources"]
        assert source.items() >= {"resolution": 180, "height": 180, "width": 640, "size": len(CONTENT)}.items()
        assert client.get(source["url"], headers={"Range": "bytes=1-3"}).content == CONTENT[1:4]
        assert client.get(one["thumbnailUrl"]).status_code == 200


def test_deovr_signs_in_by_a_form_and_is_refused_politely(closed):
    job = finished(closed)
    with closed.client(headers=DEOVR) as client:
        for path, refusal in (("/deovr", {"authorized": "-1", "scenes": []}), (f"/deovr/{job.job_id}", {"authorized": "-1"})):
            for form in ({}, {"login": "", "password": ""}, {"login": "me", "password": "wrong"}):
                answer = client.post(path, data=form)
                assert (answer.status_code, answer.json()) == (200, refusal)
            assert client.get(path).json() == refusal
        right = {"login": "anybody", "password": PASSWORD}
        assert client.post("/deovr", data=right).json()["authorized"] == "1"
        scene = client.post(f"/deovr/{job.job_id}", data=right).json()
        with closed.client() as player:  # plays without another word
            assert player.get(scene["encodings"][0]["videoSources"][0]["url"]).content == CONTENT
            assert player.get(scene["thumbnailUrl"]).status_code == 200


@pytest.mark.parametrize(
    ("params", "stereo", "projection", "swapped"),
    [
        ({"layout": FramePacking.HALF_SBS}, "sbs", "perspective", False),
        ({"layout": FramePacking.FULL_TB, "eye_swap": True}, "tb", "perspective", True),
        ({"layout": FramePacking.CROSS_EYED}, "sbs", "perspective", True),
        ({"layout": FramePacking.VR180}, "sbs", "equirectangular", False),
        ({"layout": FramePacking.ANAGLYPH}, "mono", "perspective", False),
    ],
)
def test_heresphere(client, server, params, stereo, projection, swapped):
    job = finished(server, **params)
    library = client.post("/heresphere", json=SCANNING, headers=HERESPHERE)
    assert library.headers["HereSphere-JSON-Version"] == "1"
    assert library.json() == {"access": 1, "library": [{"name": "StereoSpot", "list": [f"{server.address}/heresphere/{job.job_id}"]}]}
    answer = client.post(library.json()["library"][0]["list"][0], json=PLAYING, headers=HERESPHERE)
    assert answer.headers["HereSphere-JSON-Version"] == "1"
    one = answer.json()
    assert (one["access"], one["stereo"], one["projection"], one["isEyeSwapped"]) == (1, stereo, projection, swapped)
    assert (one["duration"], one["dateAdded"], one["lens"]) == (2000, "2026-01-02", "Linear")
    assert (one["writeFavorite"], one["writeRating"]) == (False, False)
    [source] = one["media"][0]["sources"]
    assert source.items() >= {"resolution": 180, "height": 180, "width": 640, "size": len(CONTENT)}.items()
    assert client.get(source["url"]).content == CONTENT
    assert client.get(one["thumbnailImage"]).status_code == 200
    [words] = one["subtitles"]
    assert (words["name"], words["language"], client.get(words["url"]).text) == ("Deutsch", "deu", "WEBVTT\n")


def test_heresphere_says_its_password_with_everything_it_asks(closed):
    """A library is read in one go, a request for each video: being right is no guessing, and neither is having said nothing."""
    job = finished(closed)
    with closed.client(headers=HERESPHERE) as client:
        for _ in range(PER_ADDRESS.amount + 1):
            for body in (SCANNING, {}, []):
                answer = client.post("/heresphere", json=body)
                assert (answer.status_code, answer.json()) == (200, {"access": -1, "library": []})
        assert client.post("/heresphere", content=b"{nonsense").json()["access"] == -1
        right = {**PLAYING, "username": "me", "password": PASSWORD}
        for _ in range(PER_ADDRESS.amount + 1):
            one = client.post(f"/heresphere/{job.job_id}", json=right).json()
            assert one["access"] == 1
        with closed.client() as player:
            for url in (one["media"][0]["sources"][0]["url"], one["subtitles"][0]["url"], one["thumbnailImage"]):
                assert player.get(url).status_code == 200


def test_guessing_in_a_headset_is_stopped_politely(closed):
    with closed.client(headers=HERESPHERE) as client:
        for number in range(PER_ADDRESS.amount + 1):
            answer = client.post("/heresphere", json={**SCANNING, "password": f"guess {number}"})
            assert (answer.status_code, answer.json()["access"]) == (200, -1)
        assert client.post("/heresphere", json={**SCANNING, "password": PASSWORD}).json()["access"] == -1


def test_heresphere_takes_a_token_for_the_password(closed, serving, tmp_path):
    job = finished(closed)
    with closed.client(headers=HERESPHERE) as client:
        refused = client.post("/heresphere/auth", json={"username": "me", "password": "wrong"})
        assert (refused.json(), refused.headers["HereSphere-JSON-Version"]) == ({"access": -1, "auth-token": ""}, "1")
        told = client.post("/heresphere/auth", json={"username": "me", "password": PASSWORD}).json()
        assert told["access"] == 1
        token = {"auth-token": told["auth-token"]}
        assert client.post("/heresphere", json=SCANNING, headers=token).json()["access"] == 1
        assert client.post(f"/heresphere/{job.job_id}", json=PLAYING, headers=token).json()["access"] == 1
        forged = {"auth-token": told["auth-token"][:-3] + "abc"}
        assert client.post("/heresphere", json=SCANNING, headers=forged).json()["access"] == -1
        assert client.get("/api/v1/jobs", headers=token).status_code == 401  # it is for films, and nothing else
    with serving(tmp_path / "data", password="another") as server, server.client(headers=HERESPHERE) as client:
        assert client.post("/heresphere", json=SCANNING, headers=token).json()["access"] == -1


def test_where_nobody_signs_in_a_headset_need_not(client):
    assert client.post("/heresphere/auth", json=SCANNING, headers=HERESPHERE).json()["access"] == 1


@pytest.mark.parametrize("path", ["/deovr", "/heresphere"])
def test_players_look_first_whether_there_is_anything(client, path):
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/deovr", "/heresphere"])
def test_a_video_that_is_not_there(client, path):
    assert client.post(f"{path}/01kb2y8m3nq5w0c7v4j9t6r2xh", headers=HERESPHERE, json=PLAYING).status_code == 404


def test_addresses_are_those_that_the_outside_knows(serving, tmp_path):
    with serving(tmp_path / "data", base_url="https://films.example") as server, server.client() as client:
        finished(server)
        [scene] = client.get("/deovr").json()["scenes"][0]["list"]
        assert scene["video_url"].startswith("https://films.example/deovr/")
        assert scene["thumbnailUrl"].startswith("https://films.example/jobs/")
        [address] = client.get("/heresphere").json()["library"][0]["list"]
        one = client.get(address.removeprefix("https://films.example")).json()
        addresses = [one["thumbnailImage"], one["media"][0]["sources"][0]["url"], one["subtitles"][0]["url"]]
        assert all(each.startswith("https://films.example/jobs/") for each in addresses)
