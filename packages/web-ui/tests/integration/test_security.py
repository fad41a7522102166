"""Who is let in, whose changes are believed, and what a page may do."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from stereo_spot_web_ui.security.headers import ALLOWED
from stereo_spot_web_ui.security.sign_in import PER_ADDRESS
from stereo_spot_web_ui.settings import WebSettings

JOB = {"name": "a.mp4", "bytes": 10}
PASSWORD, TOKEN = "correct horse", "t0ken-t0ken"


@pytest.fixture
def closed(serving, tmp_path):
    """A server that wants a sign-in."""
    with serving(tmp_path / "data", password=PASSWORD, token=TOKEN) as server:
        yield server


def signed_in(server, client):
    answer = client.post("/sign-in", data={"password": PASSWORD}, headers={"Origin": server.address})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return csrf_of(client)


def csrf_of(client):
    return re.search(r'name="csrf" content="([^"]+)"', client.get("/").text).group(1)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "films.example"])
def test_an_address_that_others_reach_needs_a_sign_in(host):
    with pytest.raises(ValidationError, match="can be reached by others"):
        WebSettings(host=host)
    assert WebSettings(host=host, password="x").signs_in


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_this_machines_own_address_needs_none(host):
    assert not WebSettings(host=host).signs_in


def test_strangers_see_nothing(closed):
    with closed.client() as client:
        for path in ("/", "/new", "/settings", "/library.m3u"):
            answer = client.get(path, headers={"Accept": "text/html"})
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
        for path in ("/api/v1/jobs", "/api/v1/server", "/api/v1/openapi.json", "/live"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")
        answer = client.post("/api/v1/jobs", json=JOB)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")
        assert client.get("/health").status_code == 200


def test_the_password_lets_in_and_a_sign_out_ends_it(closed):
    with closed.client() as client:
        csrf = signed_in(closed, client)
        assert client.get("/api/v1/jobs").status_code == 200
        assert client.post("/api/v1/jobs", json=JOB, headers={"Origin": closed.address, "X-CSRF-Token": csrf}).status_code == 201
        assert client.post("/sign-out", headers={"Origin": closed.address, "X-CSRF-Token": csrf}).status_code == 204
        assert client.get("/api/v1/jobs").status_code == 401


def test_guessing_is_stopped(closed):
    with closed.client() as client:
        tries = [
            client.post("/sign-in", data={"password": f"guess {number}"}, headers={"Origin": closed.address}).status_code
            for number in range(PER_ADDRESS.amount + 1)
        ]
        assert tries == [401] * PER_ADDRESS.amount + [429]
        assert client.post("/sign-in", data={"password": PASSWORD}, headers={"Origin": closed.address}).status_code == 429


def test_the_token_lets_programs_in(closed):
    with closed.client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        assert client.post("/api/v1/jobs", json=JOB).status_code == 201
    with closed.client(headers={"Authorization": "Bearer another"}) as client:
        for answer in (client.get("/api/v1/jobs"), client.post("/api/v1/jobs", json=JOB)):
            assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},  # ours, but without the page's token
        {"Origin": "HERE"},
        {"Origin": "HERE", "X-CSRF-Token": "wrong"},
    ],
)
def test_changes_that_another_site_asks_for_are_refused(server, headers):
    headers = {name: server.address if value == "HERE" else value for name, value in headers.items()}
    with server.client() as client:
        client.get("/")  # the session's cookie is there
        answer = client.post("/api/v1/jobs", json=JOB, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forged")


def test_our_own_pages_are_believed(server):
    with server.client() as client:
        headers = {"Origin": server.address, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": csrf_of(client)}
        assert client.post("/api/v1/jobs", json=JOB, headers=headers).status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8088", "localhost.evil.example", ""])
def test_another_name_that_leads_here_is_refused(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8088", "192.168.1.9"])
def test_its_own_names_and_addresses_are_answered(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_every_answer_says_what_a_page_may_do(client):
    for path in ("/", "/api/v1/jobs", "/nothing", "/static/app.css"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == "; ".join(ALLOWED)
        assert headers["x-content-type-options"] == "nosniff"
    assert not [rule for rule in ALLOWED if "unsafe" in rule or "*" in rule]


def test_names_are_data_on_every_page(client):
    name = "<img src=x onerror=alert(1)>'\"{{7*7}}.mp4"
    job = client.post("/api/v1/jobs", json={"name": name, "bytes": 10}).json()
    for path in ("/", f"/new/{job['id']}", f"/jobs/{job['id']}"):
        text = client.get(path).text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
        assert "{{7*7}}" in text


@pytest.mark.parametrize("wanted", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)"])
def test_a_sign_in_leads_nowhere_else(closed, wanted):
    with closed.client() as client:
        answer = client.post("/sign-in", data={"password": PASSWORD, "next": wanted}, headers={"Origin": closed.address})
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "endpoint", ["http://push.example/x", "https://127.0.0.1/x", "https://[::1]/x", "https://localhost/x", "https://db.internal/x"]
)
def test_nothing_inside_is_called_through_a_subscription(client, endpoint):
    body = {"endpoint": endpoint, "keys": {"p256dh": "x", "auth": "y"}}
    assert client.post("/api/v1/push/subscriptions", json=body).status_code == 422


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}])
def test_a_token_that_leaked_is_of_no_use_to_another_site(server, headers):
    with server.client() as client:
        answer = client.post("/api/v1/jobs", json=JOB, headers={"X-CSRF-Token": csrf_of(client), **headers})
        assert (answer.status_code, answer.json()["code"]) == (403, "forged")


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_other_site_signs_anybody_in(closed, headers):
    with closed.client() as client:
        assert client.post("/sign-in", data={"password": PASSWORD}, headers=headers).status_code == 403
        assert client.get("/api/v1/jobs").status_code == 401
