"""Sources from a real server that misbehaves in every way that servers do."""

from __future__ import annotations

import logging
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial

import pytest
from video_server import serving, write_certificate

from media_worker import ingest as ingest_module
from media_worker.fetch import MOST_REDIRECTS
from media_worker.ingest import ingest
from stereo_spot_runtime import retry
from stereo_spot_runtime import scratch as scratch_module
from stereo_spot_runtime.consumer import QueueConsumer
from stereo_spot_runtime.operations import cancel_job, delete_job, retry_job, start_job, submit_url
from stereo_spot_runtime.reconciler import reconcile
from stereo_spot_shared import keys
from stereo_spot_shared.errors import NoSpaceLeft, NotFound, StorageUnavailable
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import JobStatus, Stage
from stereo_spot_shared.messages import IngestRequest
from stereo_spot_shared.pipeline import STAGES
from stereo_spot_shared.rendering import RenderParams

PIECE = 10_000
CONTENT = random.Random(1).randbytes(10 * PIECE + 123)


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch):
    monkeypatch.setattr(ingest_module, "PIECE", PIECE)
    monkeypatch.setattr(ingest_module, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def video():
    with serving(CONTENT) as video:
        yield video


@pytest.fixture
def fetch(platform, work):
    """Make a job of a URL and have its message handled; returns the job."""

    def fetch(url, **options):
        job = submit_url(platform, url, RenderParams(), **options)
        assert work(platform, Stage.INGEST)
        return platform.jobs.get(job.job_id)

    return fetch


@pytest.fixture
def content(platform):
    return lambda job: platform.storage.read_range(job.source.key)


def again(platform, job):
    platform.queues[Stage.INGEST].send(IngestRequest(job_id=job.job_id).encode())


def test_a_video_is_fetched_and_its_job_goes_on(video, fetch, content, platform):
    job = fetch(video.url("/films/a%20film.mp4?signature=secret"))
    assert (job.status, job.source.name, job.source.size) == (JobStatus.QUEUED, "a film.mp4", len(CONTENT))
    assert content(job) == CONTENT
    assert job.source.etag == platform.storage.stat(job.source.key).etag
    assert job.source.url == video.url("/films/a%20film.mp4"), "what lets anybody fetch is forgotten"
    [(path, headers)] = video.asked
    assert path == "/films/a%20film.mp4?signature=secret"
    assert headers["Host"] == f"127.0.0.1:{video.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert platform.queues[Stage.CHUNK].depth().waiting == 1
    assert platform.queues[Stage.INGEST].depth().in_flight == 0


def test_a_job_that_nobody_has_started_waits_when_its_video_is_here(video, fetch, platform, work):
    job = fetch(video.url(), start=False)
    assert (job.status, job.source.size) == (JobStatus.INGESTING, len(CONTENT))
    reconcile(platform, patience=0)
    assert not work(platform, Stage.INGEST)
    assert start_job(platform, job.job_id).status is JobStatus.QUEUED


def test_a_message_that_comes_twice_or_late_fetches_nothing(video, fetch, platform, work):
    job = fetch(video.url())
    again(platform, job)
    assert work(platform, Stage.INGEST)
    assert platform.jobs.get(job.job_id) == job
    assert len(video.asked) == 1


def test_a_message_that_is_lost_is_sent_again(video, platform, work):
    job = submit_url(platform, video.url(), RenderParams())
    [lost] = platform.queues[Stage.INGEST].receive()
    platform.queues[Stage.INGEST].ack(lost)
    reconcile(platform, patience=0)
    assert work(platform, Stage.INGEST)
    assert platform.jobs.get(job.job_id).status is JobStatus.QUEUED


class TestBrokenConnections:
    def test_it_goes_on_in_the_middle(self, video, fetch, content):
        video.break_after = 3 * PIECE + 7
        job = fetch(video.url())
        assert content(job) == CONTENT
        assert video.served == len(CONTENT), "no byte was sent twice"
        assert video.ranges_asked == [None, *(f"bytes={n * video.break_after}-" for n in (1, 2, 3))]
        assert all(headers["If-Range"] == '"v1"' for _, headers in video.asked[1:])

    def test_what_is_less_than_a_piece_is_kept_too(self, video, fetch, content):
        video.break_after = PIECE // 2
        assert content(fetch(video.url())) == CONTENT
        assert video.served == len(CONTENT)

    @pytest.mark.parametrize("change", [{"etag": '"v2"'}, {"etag": None, "modified": "Tue, 02 Jan 2024 00:00:00 GMT"}])
    def test_content_that_changed_meanwhile_is_begun_anew(self, video, fetch, content, change):
        video.break_after = 3 * PIECE

        def change_once(_):
            if len(video.asked) == 2:
                video.content, video.break_after = bytes(reversed(CONTENT)), None
                for name, value in change.items():
                    setattr(video, name, value)

        video.redirect = change_once
        job = fetch(video.url())
        assert content(job) == bytes(reversed(CONTENT))
        assert video.ranges_asked == [None, f"bytes={3 * PIECE}-"]

    def test_a_part_of_other_content_is_not_taken_from_a_server_that_does_not_look(self, video, fetch, content):
        video.break_after = 3 * PIECE

        def change_once(_):
            if len(video.asked) == 2:
                video.content, video.break_after, video.headers = bytes(reversed(CONTENT)), None, {"ETag": '"v2"'}

        video.redirect = change_once  # it answers 206 to If-Range: "v1", with "v2"
        assert content(fetch(video.url())) == bytes(reversed(CONTENT))
        assert video.ranges_asked == [None, f"bytes={3 * PIECE}-", None]

    @pytest.mark.parametrize(
        "range_", [f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}", "bytes */100", "nonsense", None, f"bytes {'9' * 5000}-1/2"]
    )
    def test_a_part_that_was_not_asked_for_is_not_taken(self, video, fetch, content, range_):
        video.break_after = 3 * PIECE

        def lie_once(_):
            video.headers = {"Content-Range": range_} if len(video.asked) == 2 else {}
            video.break_after = None if len(video.asked) == 3 else video.break_after

        video.redirect = lie_once
        assert content(fetch(video.url())) == CONTENT
        assert video.ranges_asked == [None, f"bytes={3 * PIECE}-", None]

    def test_a_server_without_ranges_begins_anew(self, video, fetch, content):
        video.ranges, video.break_after = False, 3 * PIECE

        def mend(_):
            video.break_after = None if len(video.asked) == 2 else video.break_after

        video.redirect = mend
        assert content(fetch(video.url())) == CONTENT
        assert video.served == 3 * PIECE + len(CONTENT)

    @pytest.mark.parametrize("etag", ['W/"v1"', None, '"v\xe41"'])
    def test_without_a_name_for_the_content_it_is_begun_anew(self, video, fetch, content, etag):
        """A weak ETag says that content is as good as other content, and not that it is the same."""
        video.etag, video.break_after = etag, 3 * PIECE
        video.redirect = lambda _: setattr(video, "break_after", None) if len(video.asked) == 2 else None
        assert content(fetch(video.url())) == CONTENT
        assert video.ranges_asked == [None, None]

    def test_one_that_brings_nothing_counts_and_in_the_end_fails_the_job(self, video, fetch, platform, work, monkeypatch):
        monkeypatch.setattr(retry, "backoff", lambda *_, **__: 0.0)
        video.break_after = 0
        job = fetch(video.url())
        assert job.status is JobStatus.INGESTING
        assert platform.queues[Stage.INGEST].depth().waiting == 1, "handed back"
        [waits] = [sign.note for sign in platform.activity.list(job.job_id)]
        assert "broke" in waits
        while work(platform, Stage.INGEST):
            pass
        failed = platform.jobs.get(job.job_id)
        assert failed.status is JobStatus.FAILED
        assert failed.error.code == "source_unreachable"
        assert "fetching the video failed (tried 8 times): The connection to 127.0.0.1" in failed.error.message
        assert (failed.error.stage, failed.error.hint) == (Stage.INGEST, "Try again later.")
        video.break_after = None
        retry_job(platform, job.job_id)
        assert work(platform, Stage.INGEST)
        assert platform.jobs.get(job.job_id).status is JobStatus.QUEUED

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    def test_a_server_that_cannot_now_is_asked_again(self, video, fetch, content, platform, work, status):
        video.status = status
        job = fetch(video.url())
        assert job.status is JobStatus.INGESTING
        video.status = None
        again(platform, job)
        assert work(platform, Stage.INGEST)
        assert content(platform.jobs.get(job.job_id)) == CONTENT

    @pytest.mark.parametrize("said", [len(CONTENT) + 50, len(CONTENT) - 50])
    def test_a_length_that_is_not_true_makes_no_source(self, video, fetch, platform, said):
        """Of one that is too short the rest is not read: that is content of the length that was announced, and its probe decides."""
        video.headers = {"Content-Length": str(said)}
        job = fetch(video.url())
        if said > len(CONTENT):
            assert job.status is JobStatus.INGESTING
            with pytest.raises(NotFound):
                platform.storage.stat(job.source.key)
        else:
            assert (job.status, job.source.size) == (JobStatus.QUEUED, said)

    @pytest.mark.parametrize("said", [PIECE, 2 * len(CONTENT)])
    def test_a_part_that_is_not_as_long_as_its_range_makes_no_source(self, video, fetch, platform, work, content, said):
        video.break_after = 3 * PIECE

        def lie(_):
            if len(video.asked) == 2:
                video.content, video.break_after, video.headers = CONTENT * 3, None, {"Content-Length": str(said)}
                video.headers["Content-Range"] = f"bytes {3 * PIECE}-{len(CONTENT) - 1}/{len(CONTENT)}"
            elif len(video.asked) == 3:
                video.content, video.headers = CONTENT, {}

        video.redirect = lie
        job = fetch(video.url())
        while job.status is JobStatus.INGESTING:
            assert platform.queues[Stage.INGEST].depth().waiting == 1, "nothing is answered before it is done"
            again(platform, job)
            work(platform, Stage.INGEST)
            job = platform.jobs.get(job.job_id)
        assert content(job) == CONTENT


class TestRefusals:
    """What is certain fails the job at once, with a sentence and what to do."""

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ({"status": 404}, "has no such video: it answered 404 (Not Found)"),
            ({"status": 410}, "has no such video"),
            ({"status": 401}, "does not give out the video: it answered 401"),
            ({"status": 403}, "does not give out the video: it answered 403"),
            ({"status": 204}, "it answered 204"),
            ({"status": 206}, "it answered 206"),
            ({"status": 599, "headers": {}}, None),
            ({"status": 300}, "it answered 300"),
            ({"headers": {"Content-Type": "text/html; charset=utf-8"}}, "leads to a web page"),
            ({"headers": {"Content-Encoding": "gzip"}}, "packed (gzip)"),
            ({"headers": {"Content-Length": str(10**13)}}, "larger than the 100 GB"),
            ({"content": b""}, "is empty"),
        ],
    )
    def test_what_is_no_video(self, video, fetch, platform, answer, told):
        for name, value in answer.items():
            setattr(video, name, value)
        job = fetch(video.url("/a.mp4?signature=secret"))
        if told is None:
            assert job.status is JobStatus.INGESTING, "a server's own trouble may pass"
            return
        assert (job.status, job.error.code, job.error.stage) == (JobStatus.FAILED, "source_refused", Stage.INGEST)
        assert told in job.error.message
        assert job.error.hint
        assert "secret" not in job.error.model_dump_json()
        assert platform.queues[Stage.INGEST].depth().dead == 1

    def test_a_host_that_does_not_exist(self, fetch, monkeypatch):
        def getaddrinfo(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        assert "There is no server called nowhere.invalid" in fetch("http://nowhere.invalid/a.mp4").error.message

    def test_a_server_that_is_not_there(self, fetch):
        with serving(b"") as gone:
            url = gone.url()
        assert fetch(url).status is JobStatus.INGESTING

    def test_one_that_hands_out_forever(self, video, settings, platform):
        video.endless, video.headers = True, {"Content-Length": None}
        job = submit_url(platform, video.url(), RenderParams())
        handle(platform, settings.model_copy(update={"ingest_max_bytes": 30 * PIECE}))
        failed = platform.jobs.get(job.job_id)
        assert "larger than" in failed.error.message
        assert list(settings.scratch_dir.iterdir()) == []

    def test_one_that_takes_forever(self, video, settings, platform):
        job = submit_url(platform, video.url(), RenderParams())
        handle(platform, settings.model_copy(update={"ingest_max_seconds": 1e-9}))
        assert "did not arrive within" in platform.jobs.get(job.job_id).error.message

    def test_where_it_is_not_allowed(self, video, settings, platform):
        job = submit_url(platform, video.url(), RenderParams())
        handle(platform, settings.model_copy(update={"ingest": IngestPolicy.OFF}))
        failed = platform.jobs.get(job.job_id)
        assert "STEREO_SPOT_INGEST=https" in failed.error.hint
        assert video.asked == []


def handle(platform, settings, **options):
    """Have the next message handled by a worker with other settings."""
    spec = replace(STAGES[Stage.INGEST], **options)
    consumer = QueueConsumer(
        Stage.INGEST, partial(ingest, settings=settings), platform, worker="other", stop=threading.Event(), on_hung=print, spec=spec
    )
    for delivery in platform.queues[Stage.INGEST].receive():
        consumer.handle(delivery)


class TestInside:
    """Nothing inside is asked, whatever leads there."""

    @pytest.fixture
    def public(self, settings, platform):
        """Fetch as a worker does that may fetch from public addresses only."""

        def public(url):
            job = submit_url(platform, url, RenderParams())
            handle(platform, settings.model_copy(update={"ingest": IngestPolicy.HTTP}))
            return platform.jobs.get(job.job_id)

        return public

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1"])
    def test_by_its_own_name(self, video, public, host):
        job = public(video.url(host=host))
        assert (job.status, job.error.code) == (JobStatus.FAILED, "source_refused")
        assert "an address inside" in job.error.message
        assert video.asked == []

    @pytest.mark.parametrize("place", ["http://169.254.169.254/latest/meta-data/", "//169.254.169.254/x", "http://[fd00:ec2::254]/x"])
    def test_by_a_redirect(self, video, fetch, place):
        """Even where private addresses are allowed, those are not."""
        video.redirect = lambda _: place
        job = fetch(video.url())
        assert (job.status, job.error.code) == (JobStatus.FAILED, "source_refused")
        assert "an address inside" in job.error.message

    @pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://me:secret@127.0.0.1/x", "gopher://127.0.0.1/_x"])
    def test_by_a_redirect_to_another_kind_of_place(self, video, fetch, place):
        video.redirect = lambda _: place
        assert fetch(video.url()).error.code == "source_refused"

    @pytest.mark.parametrize("place", ["http://[x", "http://127.0.0.1:99999/"])
    def test_by_a_redirect_to_no_place(self, video, fetch, place):
        video.redirect = lambda path: place if path.startswith("/a") else None
        assert fetch(video.url()).error.code == "source_refused"
        assert len(video.asked) == 1

    def test_every_step_of_a_redirect_is_looked_at(self, video, fetch, content):
        def onwards(path):
            number = int(path.strip("/") or 0)
            return f"/{number + 1}" if number < MOST_REDIRECTS else None

        video.redirect = onwards
        assert content(fetch(video.url("/0"))) == CONTENT
        assert [path for path, _ in video.asked] == [f"/{number}" for number in range(MOST_REDIRECTS + 1)]

    def test_a_ring_of_redirects_ends(self, video, fetch):
        video.redirect = lambda _: "/again"
        assert "more than 5 times" in fetch(video.url()).error.message
        assert len(video.asked) == MOST_REDIRECTS + 1

    def test_from_https_nothing_leads_to_http_where_that_is_not_allowed(self, video, settings, platform, tmp_path, monkeypatch):
        certificate = write_certificate(tmp_path / "server.pem", "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setattr("media_worker.addresses.may_be_asked", lambda *_, **__: True)
        with serving(CONTENT, certificate=certificate) as secure:
            secure.redirect = lambda _: video.url()
            job = submit_url(platform, secure.url(host="localhost"), RenderParams())
            handle(platform, settings.model_copy(update={"ingest": IngestPolicy.HTTPS}))
        assert "http://" in platform.jobs.get(job.job_id).error.message
        assert video.asked == []


class TestHttps:
    def test_a_server_that_proves_who_it_is(self, fetch, content, tmp_path, monkeypatch):
        certificate = write_certificate(tmp_path / "server.pem", "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with serving(CONTENT, certificate=certificate) as video:
            video.break_after = 4 * PIECE
            assert content(fetch(video.url(host="localhost"))) == CONTENT
            assert video.asked[0][1]["Host"] == f"localhost:{video.port}"

    def test_one_that_is_called_otherwise(self, fetch, tmp_path, monkeypatch):
        """The address is pinned, and yet it is the name of the URL that must be proved."""
        certificate = write_certificate(tmp_path / "server.pem", "other.example")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with serving(CONTENT, certificate=certificate) as video:
            job = fetch(video.url(host="localhost"))
        assert "does not prove" in job.error.message

    def test_one_that_nobody_vouches_for(self, fetch, tmp_path):
        with serving(CONTENT, certificate=write_certificate(tmp_path / "server.pem", "localhost")) as video:
            job = fetch(video.url(host="localhost"))
        assert (job.status, job.error.code) == (JobStatus.FAILED, "source_refused")
        assert "self-signed" in job.error.message
        assert video.asked == []


class TestUnknownLength:
    @pytest.mark.parametrize("told", [{"headers": {"Content-Length": None}}, {"chunked": True, "headers": {"Content-Length": "77"}}])
    def test_it_is_put_together_beside(self, video, fetch, content, scratch, told):
        """A length beside chunks means nothing (RFC 9112, 6.3)."""
        for name, value in told.items():
            setattr(video, name, value)
        job = fetch(video.url())
        assert (content(job), job.source.size, job.status) == (CONTENT, len(CONTENT), JobStatus.QUEUED)
        assert list(scratch.iterdir()) == []

    def test_also_where_an_earlier_answer_had_a_length(self, video, fetch, content, platform, work):
        video.break_after, video.redirect = 3 * PIECE, lambda _: setattr(video, "status", 503) if len(video.asked) == 2 else None
        job = fetch(video.url())
        assert platform.uploads.stat(job.source.key).offset == 3 * PIECE
        video.status, video.break_after, video.ranges, video.headers = None, None, False, {"Content-Length": None}
        again(platform, job)
        assert work(platform, Stage.INGEST)
        done = platform.jobs.get(job.job_id)
        assert (content(done), done.status) == (CONTENT, JobStatus.QUEUED)
        with pytest.raises(NotFound):
            platform.uploads.stat(job.source.key)

    def test_a_full_disk_makes_it_wait(self, video, fetch, content, platform, work, monkeypatch):
        """Nobody knew beforehand that it would not fit."""
        video.headers, looks = {"Content-Length": None}, []

        def require_free(*_):
            looks.append(1)
            if len(looks) == 3:
                raise NoSpaceLeft("the disk is full")

        with monkeypatch.context() as full:
            full.setattr(ingest_module, "require_free", require_free)
            job = fetch(video.url())
        assert (job.status, platform.activity.list(job.job_id)[0].note) == (JobStatus.INGESTING, "the disk is full")
        again(platform, job)
        assert work(platform, Stage.INGEST)
        assert content(platform.jobs.get(job.job_id)) == CONTENT


def test_what_does_not_fit_waits_before_it_is_begun(video, fetch, content, platform, work, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(scratch_module, "SPARE_BYTES", 1 << 60)
        job = fetch(video.url())
    assert (job.status, stored(platform, job)) == (JobStatus.INGESTING, 0)
    assert "not enough space for fetching a film.mp4" in platform.activity.list(job.job_id)[0].note
    again(platform, job)
    assert work(platform, Stage.INGEST)
    assert content(platform.jobs.get(job.job_id)) == CONTENT


def test_a_full_disk_keeps_what_came_and_waits(video, platform, work, content):
    class Full:
        def __getattr__(self, name):
            return getattr(platform.uploads, name)

        def append(self, key, offset, data):
            if offset >= 4 * PIECE:
                raise NoSpaceLeft("the disk is full")
            return platform.uploads.append(key, offset, data)

    job = submit_url(platform, video.url(), RenderParams())
    assert work(replace(platform, uploads=Full()), Stage.INGEST)
    waiting = platform.activity.list(job.job_id)[0]
    assert (platform.jobs.get(job.job_id).status, waiting.note) == (JobStatus.INGESTING, "the disk is full")
    again(platform, job)
    assert work(platform, Stage.INGEST)
    assert content(platform.jobs.get(job.job_id)) == CONTENT
    assert int(video.ranges_asked[1].removeprefix("bytes=").removesuffix("-")) >= 4 * PIECE


class TestStopping:
    @pytest.fixture
    def held(self, video, platform, work):
        """A job whose server has stopped in the middle; `held(stop)` returns it with the thread that fetches."""
        video.hold_at = 5 * PIECE

        def held(stop=None):
            job = submit_url(platform, video.url(), RenderParams())
            thread = threading.Thread(target=work, args=(platform, Stage.INGEST, stop))
            thread.start()
            wait_for(lambda: stored(platform, job) >= 4 * PIECE)
            return job, thread

        return held

    @pytest.mark.parametrize("end", [cancel_job, delete_job])
    def test_a_job_that_is_no_longer_wanted_ends_the_work(self, held, platform, end, monkeypatch):
        job, thread = held()
        end(platform, job.job_id)
        thread.join(30)
        assert not thread.is_alive()
        with pytest.raises(NotFound):
            platform.uploads.stat(job.source.key)
        assert platform.queues[Stage.INGEST].depth() == type(platform.queues[Stage.INGEST].depth())(0, 0, 0)

    def test_what_a_job_that_ended_left_is_removed(self, video, platform, work, monkeypatch):
        """Cancelled between the look at the job and the beginning of the upload."""
        job = submit_url(platform, video.url(), RenderParams())
        begin = type(platform.uploads).begin

        def cancelled_before(self, key, size):
            monkeypatch.undo()
            cancel_job(platform, job.job_id)
            return begin(self, key, size)

        monkeypatch.setattr(type(platform.uploads), "begin", cancelled_before)
        assert work(platform, Stage.INGEST)
        assert platform.jobs.get(job.job_id).status is JobStatus.CANCELLED
        with pytest.raises(NotFound):
            platform.uploads.stat(job.source.key)
        with pytest.raises(NotFound):
            platform.storage.stat(job.source.key)

    def test_a_worker_that_is_told_to_stop_keeps_what_came(self, video, held, platform, work, content):
        stop = threading.Event()
        job, thread = held(stop)
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
        assert stored(platform, job) == 5 * PIECE, "also what was less than a piece"
        assert platform.queues[Stage.INGEST].depth().waiting == 1
        video.let_go.set()
        assert work(platform, Stage.INGEST)
        assert content(platform.jobs.get(job.job_id)) == CONTENT
        assert video.ranges_asked == [None, f"bytes={5 * PIECE}-"]

    def test_a_server_that_says_nothing_more_is_given_up(self, video, platform, settings):
        video.hold_at = 5 * PIECE
        job = submit_url(platform, video.url(), RenderParams())
        handle(platform, settings, stall_seconds=1)
        [sign] = platform.activity.list(job.job_id)
        assert "no progress" in sign.note
        assert stored(platform, job) == 5 * PIECE

    def test_two_at_once_make_one_source(self, video, platform, work, content):
        """The slower one is handed back, neither counted nor answered: should the other die, somebody must go on."""

        class Faster:
            """The uploads, where somebody else is faster with each piece."""

            def __getattr__(self, name):
                return getattr(platform.uploads, name)

            def append(self, key, offset, data):
                platform.uploads.append(key, offset, data)
                return platform.uploads.append(key, offset, data)

        job = submit_url(platform, video.url(), RenderParams())
        assert work(replace(platform, uploads=Faster()), Stage.INGEST)
        assert platform.jobs.get(job.job_id).status is JobStatus.INGESTING
        assert platform.queues[Stage.INGEST].depth().waiting == 1
        assert "Another worker" in platform.activity.list(job.job_id)[0].note
        again(platform, job)
        assert work(platform, Stage.INGEST)
        assert content(platform.jobs.get(job.job_id)) == CONTENT


def stored(platform, job):
    try:
        return platform.uploads.stat(job.source.key).offset
    except NotFound:
        return 0


def wait_for(condition):
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("length", [len(CONTENT), None])
def test_a_worker_that_died_with_the_last_byte_is_not_missed(video, platform, work, content, monkeypatch, finished, length):
    """Its bytes are here, or even the object, and the job does not know: nothing is fetched again. Nothing was acknowledged either."""
    if length is None:
        video.headers = {"Content-Length": None}

    def die(platform, job_id):
        if video.asked and finished and length is not None:
            platform.uploads.finish(keys.source_key(job_id))
        if video.asked:
            raise StorageUnavailable("as good as killed")
        return platform.jobs.get(job_id)

    job = submit_url(platform, video.url(), RenderParams())
    with monkeypatch.context() as dying:
        dying.setattr(ingest_module, "accept_upload", die)
        assert work(platform, Stage.INGEST)
    assert platform.jobs.get(job.job_id).status is JobStatus.INGESTING
    assert platform.queues[Stage.INGEST].depth().waiting == 1
    again(platform, job)
    assert work(platform, Stage.INGEST)
    done = platform.jobs.get(job.job_id)
    assert (content(done), done.status) == (CONTENT, JobStatus.QUEUED)
    assert len(video.asked) == 1


WORKER = """
import sys
from media_worker import ingest
ingest.PIECE = int(sys.argv[1])
from media_worker.main import main
main()
"""


def test_a_worker_that_is_killed_loses_nothing_that_was_stored(video, platform, tmp_path, content):
    """kill -9 in the middle; another goes on, and the server sends the first bytes no second time."""
    environment = {
        "STEREO_SPOT_DATA_DIR": str(tmp_path / "data"), "STEREO_SPOT_SCRATCH_DIR": str(tmp_path / "scratch"),
        "STEREO_SPOT_INGEST": "private", "STEREO_SPOT_RECONCILE_SECONDS": "0", "PATH": "/usr/bin:/bin",
    }  # fmt: skip

    def worker():
        return subprocess.Popen([sys.executable, "-c", WORKER, str(PIECE)], env=environment, stderr=subprocess.DEVNULL)

    video.hold_at = 6 * PIECE + 50
    job = submit_url(platform, video.url(), RenderParams(), start=False)
    first = worker()
    wait_for(lambda: stored(platform, job) >= 6 * PIECE)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = stored(platform, job)
    video.let_go.set()
    second = worker()
    try:
        wait_for(lambda: platform.jobs.get(job.job_id).source.etag is not None)
    finally:
        second.terminate()
        second.wait()
    assert content(platform.jobs.get(job.job_id)) == CONTENT
    assert video.ranges_asked == [None, f"bytes={kept}-"]


def test_the_log_says_nothing_that_is_secret(video, fetch, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    video.status = 403
    fetch(video.url("/a.mp4?signature=secret"))
    out, err = capfd.readouterr()
    assert "secret" not in out + err + caplog.text
    assert "source_refused" in out + err + caplog.text
