"""Finished videos are handed out in parts, under their names, to players and headsets."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from stereo_spot_shared import keys
from stereo_spot_shared.jobs import Activity, Job, JobResult, JobStatus, Plan, Source, Stage, SubtitleFile, new_job_id
from stereo_spot_shared.messages import RenditionRequest
from stereo_spot_shared.rendering import FramePacking, RenderParams
from stereo_spot_web_ui.media import AT_A_TIME

CONTENT = bytes(range(256)) * 10
SIZE = len(CONTENT)


def finished(server, name="a film.mkv", **params) -> Job:
    """A job that is done, with an output that a test can tell every byte of."""
    job_id, chosen = new_job_id(), RenderParams(**params)
    key = keys.output_key(job_id, "a1", chosen.container.value)
    stored = server.platform.storage.put_bytes(CONTENT, key)
    result = JobResult(output_key=key, etag=stored.etag, bytes=SIZE, frames=48, width=640, height=180, depth="basic")
    job = Job(
        job_id=job_id,
        status=JobStatus.COMPLETED,
        swept=True,
        source=Source(key=keys.source_key(job_id), name=name, etag="e", size=5),
        params=chosen,
        plan=Plan(plan_id="p", segment_count=1, frame_count=48, duration=Fraction(2)),
        result=result,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    return server.platform.jobs.create(job)


def view(client, job):
    return client.get(f"/api/v1/jobs/{job.job_id}").json()


def test_it_is_called_what_players_know(client, server):
    file = view(client, finished(server, "Größe & Co.mkv", layout=FramePacking.HALF_SBS))["result"]["files"][0]
    assert file["name"] == "Größe & Co_3D_HSBS_LR.mp4"
    answer = client.get(file["download_url"])
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%26%20Co_3D_HSBS_LR.mp4"
    assert (answer.content, answer.headers["content-type"]) == (CONTENT, "video/mp4")


@pytest.mark.parametrize(
    ("asked", "status", "begin", "end"),
    [
        (None, 200, 0, SIZE),
        ("bytes=0-", 206, 0, SIZE),
        ("bytes=100-199", 206, 100, 200),
        ("bytes=2000-", 206, 2000, SIZE),
        ("bytes=-7", 206, SIZE - 7, SIZE),
        ("bytes=0-99999", 206, 0, SIZE),
        ("bytes=5-4", 416, 0, 0),
        (f"bytes={SIZE}-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=0-1,5-6", 200, 0, SIZE),
        ("lines=1-2", 200, 0, SIZE),
    ],
)
def test_parts(client, server, asked, status, begin, end):
    url = view(client, finished(server))["result"]["files"][0]["url"]
    answer = client.get(url, headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{SIZE}"
        return
    assert answer.content == CONTENT[begin:end]
    assert int(answer.headers["content-length"]) == end - begin
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{SIZE}"
    head = client.head(url, headers={"Range": asked} if asked else {})
    assert (head.status_code, head.content, head.headers["content-length"]) == (status, b"", str(end - begin))


def test_what_has_not_changed_is_not_sent_again(client, server):
    url = view(client, finished(server))["result"]["files"][0]["url"]
    etag = client.get(url).headers["etag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"another"'}).status_code == 200


def test_playlists(client, server):
    jobs = [finished(server, f"film {number}.mp4") for number in range(2)]
    lines = client.get(f"/jobs/{jobs[0].job_id}/playlist.m3u").text.splitlines()
    assert lines[:2] == ["#EXTM3U", "#EXTINF:2,film 0_3D_SBS_LRF.mp4"]
    assert lines[2].startswith(f"{server.address}/jobs/{jobs[0].job_id}/video/")
    client.post("/api/v1/jobs", json={"name": "not finished.mp4", "bytes": 5})
    everything = client.get("/library.m3u")
    assert everything.headers["content-disposition"] == 'attachment; filename="library.m3u"'
    assert [line for line in everything.text.splitlines() if line.startswith("#EXTINF")] == [
        f"#EXTINF:2,film {number}_3D_SBS_LRF.mp4" for number in (1, 0)
    ]


def test_a_playlist_of_all_holds_all(client, server):
    for number in range(AT_A_TIME + 1):
        finished(server, f"film {number}.mp4")
    assert client.get("/library.m3u").text.count("#EXTINF") == AT_A_TIME + 1


def test_a_link_for_a_player_opens_one_file_and_no_more(serving, tmp_path):
    with serving(tmp_path / "data", password="secret", token="t") as server:
        one, other = finished(server), finished(server)
        with server.client(headers={"Authorization": "Bearer t"}) as client:
            urls = [view(client, job)["result"]["files"][0] for job in (one, other)]
        with server.client() as stranger:
            assert stranger.get(urls[0]["player_url"]).content == CONTENT
            assert stranger.get(urls[0]["url"]).status_code == 401
            key = urls[0]["player_url"].partition("?")[2]
            assert stranger.get(f"{urls[1]['url']}?{key}").status_code == 401
            assert stranger.get(f"{urls[0]['url']}?{key[:-2]}xx").status_code == 401


def test_a_poster_is_there_before_there_is_one(client, server):
    job = finished(server)
    assert client.get(f"/jobs/{job.job_id}/poster.jpg").headers["content-type"] == "image/svg+xml"
    server.platform.storage.put_bytes(b"jpeg", keys.poster_key(job.job_id))
    answer = client.get(f"/jobs/{job.job_id}/poster.jpg")
    assert (answer.content, answer.headers["content-type"]) == (b"jpeg", "image/jpeg")


def test_costs_are_said_where_rates_are_set(serving, tmp_path):
    with serving(tmp_path / "data", worker_hour_cost=3600.0, egress_gigabyte_cost=1e9 / SIZE) as server, server.client() as client:
        job = finished(server)
        result = job.result.model_copy(update={"render": job.result.render.model_copy(update={"wall": 2.0})})
        server.platform.jobs.update(job.evolve(result=result))
        assert view(client, job)["cost"] == {"currency": "USD", "rendering": 2.0, "handing_out": pytest.approx(1.0)}
    with serving(tmp_path / "data") as server, server.client() as client:
        assert view(client, job)["cost"] is None
        job = server.platform.jobs.get(job.job_id)
        server.platform.jobs.update(job.evolve(result=job.result.model_copy(update={"render_cost": 1.5})))
        assert view(client, job)["cost"]["rendering"] == 1.5, "what the workers' own rates made of it"


def test_a_version_for_browsers_is_asked_for_and_handed_out(client, server):
    job = finished(server, layout=FramePacking.HALF_SBS, container="mkv")
    place = f"/api/v1/jobs/{job.job_id}/rendition"
    assert client.get(place).json() == {"url": None, "fraction": 0.0, "note": None}
    assert client.post(place).status_code == 202
    delivery = server.platform.queues[Stage.RENDITION].receive()[0]
    assert RenditionRequest.decode(delivery.body).job_id == job.job_id
    server.platform.activity.report(Activity(job_id=job.job_id, stage=Stage.RENDITION, worker="w", done=12, total=48))
    assert client.get(place).json()["fraction"] == 0.25
    server.platform.storage.put_bytes(CONTENT, keys.rendition_key(job.job_id))
    assert client.get(client.get(place).json()["url"], headers={"Range": "bytes=1-2"}).content == CONTENT[1:3]


def test_a_version_that_failed_is_tried_again_without_its_old_failure(client, server):
    job = finished(server)
    place = f"/api/v1/jobs/{job.job_id}/rendition"
    server.platform.activity.report(Activity(job_id=job.job_id, stage=Stage.RENDITION, worker="w", note="It is broken."))
    assert client.get(place).json()["note"] == "It is broken."
    assert client.post(place).json()["note"] is None
    assert client.get(place).json()["note"] is None


def test_subtitles_are_handed_out(client, server):
    job = finished(server)
    key = keys.subtitles_key(job.job_id, 3)
    server.platform.storage.put_bytes(b"WEBVTT\n", key)
    with_subtitles = job.result.model_copy(update={"subtitles": (SubtitleFile(key=key, language="deu", title="<b>"),)})
    server.platform.jobs.update(job.evolve(result=with_subtitles))
    answer = client.get(f"/jobs/{job.job_id}/subtitles/0.vtt")
    assert (answer.text, answer.headers["content-type"]) == ("WEBVTT\n", "text/vtt; charset=utf-8")
    assert client.get(f"/jobs/{job.job_id}/subtitles/1.vtt").status_code == 404
    assert 'label="&lt;b&gt;"' in client.get(f"/jobs/{job.job_id}").text
