"""Who is let in, whose changes are believed, and what a page may do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from pydantic import ValidationError

from stereo_spot_shared.base import utc_now
from stereo_spot_web_ui.security.headers import ALLOWED
from stereo_spot_web_ui.security.sessions import SESSION_SECONDS, Sessions
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
        for path in ("/api/v1/jobs", "/api/v1/server", "/api/v1/openapi.json", "/jobs/01m8k18cgz7vfa61j1hcp9zvcz/live"):
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


def tries(server, client, number, **headers):
    """How so many wrong passwords are answered."""
    headers = {"Origin": server.address, **headers}
    return [client.post("/sign-in", data={"password": f"guess {n}"}, headers=headers).status_code for n in range(number)]


def test_guessing_is_stopped(closed):
    with closed.client() as client:
        assert tries(closed, client, PER_ADDRESS.amount + 1) == [401] * PER_ADDRESS.amount + [429]
        assert client.post("/sign-in", data={"password": PASSWORD}, headers={"Origin": closed.address}).status_code == 429


def test_who_knows_the_password_may_say_it_often(closed):
    for _ in range(PER_ADDRESS.amount + 1):
        with closed.client() as client:
            signed_in(closed, client)


def test_guessing_a_token_is_stopped_and_nobody_else_with_it(closed):
    with closed.client() as client:
        wrong = {"Authorization": "Bearer wrong"}
        answers = [client.get("/api/v1/jobs", headers=wrong).status_code for _ in range(PER_ADDRESS.amount + 1)]
        assert answers == [401] * PER_ADDRESS.amount + [429]
        assert client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 429
        signed_in(closed, client)


def test_behind_a_proxy_everybody_has_tries_of_their_own(serving, tmp_path):
    with serving(tmp_path / "data", password=PASSWORD, base_url="http://127.0.0.1") as server, server.client() as client:
        by = lambda address: {"X-Forwarded-For": address}  # noqa: E731
        assert tries(server, client, PER_ADDRESS.amount + 1, **by("203.0.113.7"))[-1] == 429
        assert tries(server, client, 1, **by("203.0.113.7"))[-1] == 429
        assert tries(server, client, 1, **by("198.51.100.1, 203.0.113.7"))[-1] == 429  # what a stranger writes there himself
        assert tries(server, client, 1, **by("203.0.113.8"))[-1] == 401
        assert tries(server, client, PER_ADDRESS.amount + 1, **by("2001:db8:0:1::1"))[-1] == 429
        assert tries(server, client, 1, **by("2001:db8:0:1:ffff::2"))[-1] == 429  # one owner, many addresses
        assert tries(server, client, 1, **by("2001:db8:0:2::1"))[-1] == 401


def test_a_proxy_is_an_address_or_a_network():
    with pytest.raises(ValidationError, match="is no address and no network"):
        WebSettings(trusted_proxies=("10.0.0.0/8", "proxy.example"))


@pytest.mark.parametrize("settings", [{}, {"base_url": "http://127.0.0.1", "trusted_proxies": ("10.0.0.0/8",)}])
def test_who_is_no_proxy_is_not_believed(serving, tmp_path, settings):
    with serving(tmp_path / "data", password=PASSWORD, **settings) as server, server.client() as client:
        answers = [tries(server, client, 1, **{"X-Forwarded-For": f"203.0.113.{n}"})[0] for n in range(PER_ADDRESS.amount + 1)]
        assert answers == [401] * PER_ADDRESS.amount + [429]


def test_a_sign_out_ends_every_copy_of_the_cookie(serving, tmp_path):
    with serving(tmp_path / "data", password=PASSWORD) as server, serving(tmp_path / "data", password=PASSWORD) as second:
        with server.client() as client:
            csrf = signed_in(server, client)
            cookies = dict(client.cookies)
            client.post("/sign-out", headers={"Origin": server.address, "X-CSRF-Token": csrf})
        for same in (server, second):
            with same.client(cookies=cookies) as thief:
                assert thief.get("/api/v1/jobs").status_code == 401


def test_ends_are_forgotten_when_the_cookies_are_dead(serving, tmp_path):
    with serving(tmp_path / "data", password=PASSWORD) as server, server.client() as client:
        client.post("/sign-out", headers={"Origin": server.address, "X-CSRF-Token": signed_in(server, client)})
        sessions = Sessions(server.platform.storage, WebSettings(), b"secret")
        for later, left in ((-60, 1), (60, 0)):
            sessions.sweep(utc_now() + timedelta(seconds=SESSION_SECONDS + later))
            assert len(server.platform.storage.list("web/ended/").objects) == left


def test_another_password_ends_what_the_old_one_began(serving, tmp_path):
    with serving(tmp_path / "data", password=PASSWORD) as server, server.client() as client:
        signed_in(server, client)
        cookies = dict(client.cookies)
    for password, status in ((PASSWORD, 200), ("another", 401)):
        with serving(tmp_path / "data", password=password) as server, server.client(cookies=cookies) as client:
            assert client.get("/api/v1/jobs").status_code == status


@pytest.mark.parametrize(("settings", "secure"), [({}, False), ({"base_url": "https://films.example"}, True)])
def test_the_cookie_is_for_this_server_alone(serving, tmp_path, settings, secure):
    with serving(tmp_path / "data", password=PASSWORD, **settings) as server, server.client() as client:
        headers = {"Origin": "https://films.example" if secure else server.address}
        cookie = client.post("/sign-in", data={"password": PASSWORD}, headers=headers).headers["set-cookie"].lower()
        flags = {part.strip() for part in cookie.split(";")[1:]}
        assert {"path=/", "httponly", "samesite=lax", f"max-age={SESSION_SECONDS}"} <= flags
        assert ("secure" in flags) == secure
        assert not [flag for flag in flags if flag.startswith("domain")]


@pytest.mark.parametrize("path", ["/sign-in", "/heresphere", "/deovr"])
def test_strangers_send_little(closed, path):
    """In pieces, so that nothing says beforehand how much it is."""
    with closed.client() as client:
        kind = {"Origin": closed.address, "Content-Type": "application/x-www-form-urlencoded"}
        answer = client.post(path, content=(b"a=" + b"b" * 65536 for _ in range(64)), headers=kind)
        assert answer.status_code == 413


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
