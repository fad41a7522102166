"""Who wants to know is told that a job has ended: webhooks, and browsers through their push services."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import stat
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import ValidationError

from stereo_spot_runtime.operations import cancel_job, submit
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared import pipeline
from stereo_spot_shared.errors import StorageUnavailable
from stereo_spot_shared.jobs import JobError
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_web_ui.app import create_app
from stereo_spot_web_ui.notify.ended import EndedJobs
from stereo_spot_web_ui.notify.outbox import LONGEST_PAUSE, PAUSES, Outbox, TryLater, seconds_asked_for
from stereo_spot_web_ui.notify.push import Subscription
from stereo_spot_web_ui.settings import WebSettings

ERROR = JobError(code="render_failed", message="Segment 3 is broken.")
KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Listener:
    """A server that remembers what it is told, (path, headers, body), and answers as it is told to: (status, headers)."""

    def __init__(self):
        told, answers = self.told, self.answers = [], []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                told.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                status, headers = answers.pop(0) if answers else (201, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


class Browser:
    """A browser's side of a subscription (RFC 8291)."""

    def __init__(self, endpoint):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth, self.endpoint = b"sixteen bytes ..", endpoint

    def subscription(self):
        point = self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": {"p256dh": base64url(point), "auth": base64url(self.auth)}}

    def read(self, body):
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def job_of(server, name="a film.mp4"):
    path = server.data_dir / name
    path.write_bytes(b"x")
    return submit(server.platform, path, RenderParams(), keep_source=True)


def web_of(server, **settings):
    """The parts of a second server on the same platform, nothing of which runs by itself."""
    return create_app(server.platform, WebSettings(**settings)).state.web


def failed(server, web, name="a film.mp4"):
    """A job that has failed, as `web` notices it."""
    ended = EndedJobs(web)
    job = job_of(server, name)
    ended.look()
    update_job(server.platform, job.job_id, lambda now: pipeline.fail(now, ERROR))
    ended.look()
    return job


def test_each_end_is_told_once_and_only_what_nobody_asked_for(server, listener):
    web = web_of(server, webhook_url=listener.address)
    ended = EndedJobs(web)
    job, stopped = job_of(server), job_of(server)
    ended.look()
    update_job(server.platform, job.job_id, lambda now: pipeline.fail(now, ERROR))
    cancel_job(server.platform, stopped.job_id)  # whoever stops a job knows
    ended.look()
    assert listener.told == []  # whoever looks waits for nobody
    web.webhook.outbox.hand_over(0)
    ended.look()
    web.webhook.outbox.hand_over(0)
    [(_, _, body)] = listener.told
    told = json.loads(body)
    assert (told["type"], told["data"]["id"], told["data"]["error"]["message"]) == ("job.failed", job.job_id, ERROR.message)


def test_a_server_tells_by_itself(serving, tmp_path, listener, monkeypatch):
    for module in ("ended", "outbox"):
        monkeypatch.setattr(f"stereo_spot_web_ui.notify.{module}.LOOK_SECONDS", 0.05)
    chosen = {"webhook_url": f"{listener.address}/hook", "push_inside": True}
    with serving(tmp_path / "data", **chosen) as server, server.client() as client:
        browser = Browser(f"{listener.address}/push")
        assert client.post("/api/v1/push/subscriptions", json=browser.subscription()).status_code == 204
        while {path for path, _, _ in list(listener.told)} != {"/hook", "/push"}:
            job = job_of(server)
            time.sleep(0.3)  # so that it is seen while it runs, sooner or later
            update_job(server.platform, job.job_id, lambda now: pipeline.fail(now, ERROR))


def test_what_goes_wrong_with_one_end_stops_no_other(server, listener, monkeypatch):
    web = web_of(server, webhook_url=listener.address)
    ended = EndedJobs(web)
    jobs = [job_of(server) for _ in range(2)]
    ended.look()
    for job in jobs:
        update_job(server.platform, job.job_id, lambda now: pipeline.fail(now, ERROR))
    real, broken = server.platform.jobs.get, []

    def get(job_id):
        if not broken:
            broken.append(job_id)
            raise StorageUnavailable("for a moment")
        return real(job_id)

    monkeypatch.setattr(server.platform.jobs, "get", get)
    for _ in range(2):
        ended.look()
    web.webhook.outbox.hand_over(0)
    assert len(listener.told) == 1


def test_a_webhook_can_tell_who_calls(server, listener):
    """By the rules of Standard Webhooks: base64 of HMAC-SHA256 over number, time and body."""
    web = web_of(server, webhook_url=f"{listener.address}/told", webhook_secret=SECRET)
    job = failed(server, web)
    before = time.time()
    web.webhook.outbox.hand_over(0)
    [(path, headers, body)] = listener.told
    assert path == "/told"
    assert headers["webhook-id"].startswith(job.job_id)
    assert "." not in headers["webhook-id"]
    assert before - 1 <= int(headers["webhook-timestamp"]) <= time.time()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("secret", ["secret", "whsec_", f"whsec_{base64.b64encode(bytes(8)).decode()}", "whsec_%%%%"])
def test_a_secret_that_is_none_is_said_at_the_start(secret):
    with pytest.raises(ValidationError, match="openssl rand -base64 32"):
        WebSettings(webhook_secret=secret)


@pytest.mark.parametrize("answer", [(500, {}), (404, {}), (307, {"Location": "/elsewhere"}), (429, {"Retry-After": "60"})])
def test_a_webhook_is_told_again_when_it_did_not_listen(server, listener, answer):
    web = web_of(server, webhook_url=f"{listener.address}/told", webhook_secret=SECRET)
    failed(server, web)
    listener.answers[:] = [answer]
    web.webhook.outbox.hand_over(0)
    web.webhook.outbox.hand_over(PAUSES[0] - 1)
    assert len(listener.told) == 1
    web.webhook.outbox.hand_over(60)
    assert [path for path, _, _ in listener.told] == ["/told", "/told"]
    assert listener.told[0][1]["webhook-id"] == listener.told[1][1]["webhook-id"]
    web.webhook.outbox.hand_over(1e9)
    assert len(listener.told) == 2


def test_a_webhook_that_is_gone_is_not_told_again(server, listener):
    web = web_of(server, webhook_url=listener.address)
    failed(server, web)
    listener.answers[:] = [(410, {})]
    for now in (0, 1e9):
        web.webhook.outbox.hand_over(now)
    assert len(listener.told) == 1


def test_nobody_at_the_webhook_is_an_end_that_waits(server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        web = web_of(server, webhook_url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        failed(server, web)
        web.webhook.outbox.hand_over(0)
        assert len(web.webhook.outbox._waiting) == 1


def test_a_browser_reads_what_it_was_sent(server, listener):
    """Through a push service that can tell who sends, and can read nothing."""
    browser = Browser(f"{listener.address}/send/1")
    with server.client() as client:
        known = client.get("/api/v1/push/key").json()["key"]
    web = web_of(server, push_inside=True)
    web.push.add(subscribe(browser))
    job = failed(server, web, "Größe & ähnlich.mp4")
    web.push.outbox.hand_over(0)
    [(path, headers, body)] = listener.told
    assert (path, headers["Content-Encoding"], headers["TTL"]) == ("/send/1", "aes128gcm", "86400")
    assert b"Segment" not in body
    assert browser.read(body) == {
        "title": "A conversion failed",
        "body": "Größe & ähnlich.mp4: Segment 3 is broken.",
        "url": f"/jobs/{job.job_id}",
        "tag": job.job_id,
    }
    token, key = re.fullmatch(r"vapid t=([^,]+),k=([^,]+)", headers["Authorization"]).groups()
    assert key == known  # what the browser subscribed with
    point = base64.urlsafe_b64decode(key + "=")
    claims = jwt.decode(
        token, ECKey.import_key({"kty": "EC", "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:])})
    ).claims
    assert (claims["aud"], claims["sub"]) == (listener.address, "mailto:nobody@localhost")
    assert time.time() < claims["exp"] <= time.time() + 24 * 3600


def test_a_push_service_is_told_whose_server_it_is(server, listener):
    web = web_of(server, push_inside=True, base_url="https://films.example:8443/")
    web.push.add(subscribe(Browser(f"{listener.address}/send/1")))
    failed(server, web)
    web.push.outbox.hand_over(0)
    token = listener.told[0][1]["Authorization"].partition("t=")[2].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(token + "=="))["sub"] == "https://films.example"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(server, listener, status):
    web = web_of(server, push_inside=True)
    gone, here = (Browser(f"{listener.address}/{name}") for name in ("gone", "here"))
    for browser in (gone, here):
        web.push.add(subscribe(browser))
    failed(server, web)
    order = [read(server, info).endpoint for info in server.platform.storage.list("web/subscriptions/").objects]
    listener.answers[:] = [(status, {}) if endpoint == gone.endpoint else (201, {}) for endpoint in order]
    web.push.outbox.hand_over(0)
    assert len(listener.told) == 2
    [left] = server.platform.storage.list("web/subscriptions/").objects
    assert read(server, left).endpoint == here.endpoint


@pytest.mark.parametrize(
    ("answer", "again"), [((429, {"Retry-After": "90"}), 90), ((500, {}), PAUSES[0]), ((503, {"Retry-After": "1"}), PAUSES[0])]
)
def test_a_push_service_that_is_busy_is_asked_again(server, listener, answer, again):
    web = web_of(server, push_inside=True)
    browser = Browser(f"{listener.address}/send/1")
    web.push.add(subscribe(browser))
    failed(server, web)
    listener.answers[:] = [answer]
    web.push.outbox.hand_over(0)
    web.push.outbox.hand_over(again - 1)
    assert len(listener.told) == 1
    web.push.outbox.hand_over(again)
    assert len(listener.told) == 2
    assert browser.read(listener.told[1][2])["title"] == "A conversion failed"
    assert len(server.platform.storage.list("web/subscriptions/").objects) == 1


@pytest.mark.parametrize("status", [400, 403, 413, 307])
def test_a_refusal_is_no_reason_to_ask_again(server, listener, status):
    web = web_of(server, push_inside=True)
    web.push.add(subscribe(Browser(f"{listener.address}/send/1")))
    failed(server, web)
    listener.answers[:] = [(status, {"Location": f"{listener.address}/elsewhere"})]
    for now in (0, 1e9):
        web.push.outbox.hand_over(now)
    assert [path for path, _, _ in listener.told] == ["/send/1"]
    assert len(server.platform.storage.list("web/subscriptions/").objects) == 1


def test_nothing_inside_is_called_by_a_name_that_leads_there(server, listener, monkeypatch):
    """The name was a public server's when it was registered."""
    web = web_of(server)
    browser = Browser(listener.address.replace("http://127.0.0.1", "https://push.example"))
    web.push.add(subscribe(browser))
    failed(server, web)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1" if host == "push.example" else host, *rest, **more)
    )
    web.push.outbox.hand_over(0)
    assert listener.told == []
    assert web.push.outbox._waiting == []


def test_subscriptions_are_kept_under_one_key(server, client):
    key = client.get("/api/v1/push/key").json()["key"]
    assert key == client.get("/api/v1/push/key").json()["key"]
    body = Browser("https://push.example/send/1").subscription()
    for _ in range(2):
        assert client.post("/api/v1/push/subscriptions", json=body).status_code == 204
    assert len(server.platform.storage.list("web/subscriptions/").objects) == 1
    assert client.delete("/api/v1/push/subscriptions", params={"endpoint": body["endpoint"]}).status_code == 204
    assert server.platform.storage.list("web/subscriptions/").objects == ()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://localhost/x",
        "https://localhost./x",
        "https://db.internal/x",
        "https://user@push.example/x",
        "https://push.example:99999/x",
        "https://push.example/x y",
        "ftp://push.example/x",
    ],
)
def test_nothing_inside_is_called_through_a_subscription(client, endpoint):
    body = {**Browser("https://push.example/x").subscription(), "endpoint": endpoint}
    assert client.post("/api/v1/push/subscriptions", json=body).status_code == 422


@pytest.mark.parametrize("keys", [{"p256dh": "x"}, {"auth": "y"}, {"p256dh": base64url(b"\x04" + bytes(64))}, {"p256dh": "%%%%"}])
def test_keys_that_nothing_can_be_encrypted_with_are_refused(client, keys):
    body = Browser("https://push.example/x").subscription()
    body["keys"] |= keys
    assert client.post("/api/v1/push/subscriptions", json=body).status_code == 422


def test_secrets_are_their_owners_alone(server):
    secrets = [file for file in (server.data_dir / "objects" / "web").rglob("*") if file.is_file()]
    assert {file.name for file in secrets} == {"secret.json", "vapid.json"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}


@pytest.mark.browser
def test_a_browser_shows_what_it_was_sent(server, listener, browser):
    """What came through the push service is handed to a real service worker, as the browser would."""
    receiver = Browser(f"{listener.address}/send/1")
    web = web_of(server, push_inside=True)
    web.push.add(subscribe(receiver))
    job = failed(server, web)
    web.push.outbox.hand_over(0)
    context = browser.new_context(base_url=server.address, permissions=["notifications"])
    page = context.new_page()
    page.goto("/settings")
    page.get_by_role("button", name="Tell this browser").wait_for(state="visible")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    session, registrations = context.new_cdp_session(page), []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda told: registrations.extend(told["registrations"]))
    session.send("ServiceWorker.enable")
    while not registrations:
        page.wait_for_timeout(50)
    message = json.dumps(receiver.read(listener.told[0][2]))
    number = registrations[0]["registrationId"]
    session.send("ServiceWorker.deliverPushMessage", {"origin": server.address, "registrationId": number, "data": message})
    shown = "navigator.serviceWorker.ready.then(r => r.getNotifications()).then(all => all.map(n => [n.title, n.body, n.data.url]))"
    while not (found := page.evaluate(shown)):
        page.wait_for_timeout(50)
    assert found == [["A conversion failed", "a film.mp4: Segment 3 is broken.", f"/jobs/{job.job_id}"]]
    context.close()


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.just(0.0), st.floats(0, 1e6)), max_size=len(PAUSES) + 3), max_size=5))
def test_messages_are_handed_over_once_or_given_up(answers):
    """`answers`: how often, and for how long, each message's receiver asks to be left alone before it listens."""
    outbox, now, tried, taken = Outbox(), 0.0, {}, []

    def sender(number, waits):
        def send():
            tried.setdefault(number, []).append(now)
            if waits:
                asked = waits.pop(0)
                raise TryLater("not now", asked)
            taken.append(number)

        return send

    for number, waits in enumerate(answers):
        outbox.put(str(number), sender(number, list(waits)))
    for _ in range(len(answers) * (len(PAUSES) + 1)):
        outbox.hand_over(now)
        if not outbox._waiting:
            break
        now = min(message.due for message in outbox._waiting)
    assert outbox._waiting == []
    assert sorted(taken) == [number for number, waits in enumerate(answers) if len(waits) <= len(PAUSES)]
    for number, waits in enumerate(answers):
        times = tried[number]
        assert len(times) == min(len(waits), len(PAUSES)) + 1
        for pause, asked, first, second in zip(PAUSES, waits, times, times[1:], strict=False):
            assert second - first >= min(LONGEST_PAUSE, max(pause, asked or 0)) - 1e-3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        ((NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 90),
        ((NOW - timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_how_long_to_wait_is_read(header, seconds):
    assert seconds_asked_for(header, NOW) == seconds


def subscribe(browser):
    return Subscription.model_validate(browser.subscription())


def read(server, info):
    return Subscription.model_validate_json(server.platform.storage.read_range(info.key))
