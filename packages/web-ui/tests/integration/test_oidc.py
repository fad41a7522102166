"""Signing in by a provider: the whole way, and everything that must not lead in."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import expect
from pydantic import ValidationError

from stereo_spot_web_ui.settings import WebSettings

HTML = {"Accept": "text/html"}


@pytest.fixture
def settings_of():
    """The settings of a server that trusts a provider."""

    def settings(provider, **others):
        names = {"oidc_issuer": provider.issuer, "oidc_client_id": provider.client_id, "oidc_client_secret": provider.client_secret}
        return {**names, "oidc_users": ("ada@films.example",), **others}

    return settings


@pytest.fixture
def closed(serving, tmp_path, provider, settings_of):
    """A server whose only way in is the provider."""
    with serving(tmp_path / "data", **settings_of(provider)) as server:
        yield server


def back_from(client, path="/sign-in/oidc"):
    """Begin to sign in, agree at the provider; where that leads back to, not yet asked for."""
    begun = client.get(path)
    assert begun.status_code == 302
    agreed = httpx.post(begun.headers["location"])
    assert agreed.status_code == 303
    return agreed.headers["location"]


def csrf_of(page):
    return re.search(r'name="csrf" content="([^"]+)"', page.text).group(1)


def refused(answer, status, sentence):
    assert (answer.status_code, answer.json()["detail"]) == (status, sentence)


def test_from_the_page_that_was_asked_for_to_the_provider_and_back(closed):
    with closed.client(headers=HTML) as client:
        asked = client.get("/?show=failed")
        assert asked.status_code == 303
        form = client.get(asked.headers["location"])
        assert '/sign-in/oidc?next=/%3Fshow%3Dfailed"' in form.text
        done = client.get(back_from(client, "/sign-in/oidc?next=/%3Fshow%3Dfailed"))
        assert (done.status_code, done.headers["location"]) == (303, "/?show=failed")
        assert client.get("/settings").status_code == 200


@pytest.mark.parametrize("wanted", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/%09/elsewhere.example"])
def test_a_sign_in_leads_nowhere_else(closed, wanted):
    with closed.client() as client:
        assert client.get(back_from(client, f"/sign-in/oidc?next={wanted}")).headers["location"] == "/"


def test_whoever_came_in_is_let_in_by_no_older_cookie(closed):
    """A session that somebody else may have planted goes on as nobody's."""
    with closed.client() as client, closed.client() as other:
        other.get("/sign-in")
        planted, known = other.cookies["stereo_spot"], csrf_of(other.get("/sign-in"))
        client.cookies.set("stereo_spot", planted, domain="127.0.0.1")
        client.get(back_from(client))
        assert client.get("/api/v1/jobs").status_code == 200
        assert client.cookies["stereo_spot"] != planted
        assert csrf_of(client.get("/settings")) != known
        assert other.get("/api/v1/jobs").status_code == 401


def test_a_state_that_is_not_ours_is_refused(closed):
    with closed.client() as client, closed.client() as other:
        begun_by_another = back_from(other)
        client.get("/sign-in/oidc")
        refused(client.get(begun_by_another), 401, "The sign-in did not work out.")
        refused(client.get("/sign-in/oidc/done"), 401, "The sign-in did not work out.")
        assert client.get("/api/v1/jobs").status_code == 401


def test_a_code_is_good_once(closed, provider):
    with closed.client() as client:
        back = back_from(client)
        before = dict(client.cookies)
        assert client.get(back).status_code == 303
        refused(client.get(back), 401, "The sign-in did not work out.")  # our session knows the state no more
        with closed.client(cookies=before) as again:
            refused(again.get(back), 401, "The sign-in did not work out.")
    assert provider.refused == ["invalid_grant"]


def signed(change, header=None, key=None):
    """A way to sign: the claims as `change` makes them."""

    def sign(provider, claims):
        now = {name: value for name, value in {**claims, **change(claims)}.items() if value is not None}
        return jwt.encode(header or {"alg": "RS256", "kid": "first"}, now, key or provider.key)

    return sign


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(provider, claims):
    return f"{base64url(json.dumps({'alg': 'none'}).encode())}.{base64url(json.dumps(claims).encode())}."


def by_the_public_key(provider, claims):
    """HMAC whose secret is what everybody may read. By hand: libraries refuse to make it."""
    message = f"{base64url(json.dumps({'alg': 'HS256', 'kid': 'first'}).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{message}.{base64url(hmac.digest(provider.key.as_pem(private=False), message.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(signed(lambda _: {"nonce": "another"}), id="another nonce"),
        pytest.param(signed(lambda _: {"nonce": None}), id="no nonce"),
        pytest.param(signed(lambda _: {"exp": int(time.time()) - 600}), id="over"),
        pytest.param(signed(lambda _: {"exp": None}), id="without an end"),
        pytest.param(signed(lambda _: {"aud": "another-client"}), id="for another"),
        pytest.param(signed(lambda claims: {"aud": [claims["aud"], "b"], "azp": "b"}), id="handed to another"),
        pytest.param(signed(lambda _: {"iss": "https://elsewhere.example"}), id="by another"),
        pytest.param(signed(lambda _: {"sub": None}), id="about nobody"),
        pytest.param(signed(lambda _: {}, key=RSAKey.generate_key(2048, {"kid": "first"})), id="another key"),
        pytest.param(unsigned, id="not signed"),
        pytest.param(by_the_public_key, id="signed with the public key"),
        pytest.param(lambda provider, claims: "nonsense", id="nonsense"),
    ],
)
def test_what_the_provider_did_not_say_so_is_refused(closed, provider, sign):
    provider.sign = sign
    provider.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    with closed.client() as client:
        refused(client.get(back_from(client)), 401, "The sign-in did not work out.")
        assert client.get("/api/v1/jobs").status_code == 401


def test_no_means_no(closed):
    with closed.client() as client:
        state = httpx.URL(client.get("/sign-in/oidc").headers["location"]).params["state"]
        answer = client.get("/sign-in/oidc/done", params={"state": state, "error": "access_denied"})
        refused(answer, 401, "The sign-in did not work out.")
        assert client.get("/api/v1/jobs").status_code == 401


@pytest.mark.parametrize(
    ("claims", "others"),
    [
        ({"email": "eve@films.example"}, {}),
        ({"email_verified": False}, {}),
        ({"email_verified": None}, {}),
        ({"sub": "ada@films.example", "email": None}, {}),  # a provider may let people choose their subject
        ({"email": "ada@films.example.evil.example"}, {"oidc_users": ("@films.example",)}),
        ({"groups": ["editors", "admins"]}, {"oidc_users": (), "oidc_groups": ("admin",)}),
        ({"groups": "film-admins"}, {"oidc_users": (), "oidc_groups": ("admins",)}),
    ],
)
def test_whom_the_settings_do_not_name_stays_outside(serving, tmp_path, provider, settings_of, claims, others):
    provider.claims.update(claims)
    with serving(tmp_path / "data", **settings_of(provider, **others)) as server, server.client() as client:
        refused(client.get(back_from(client)), 403, "You are signed in there, but not known here.")
        assert client.get("/api/v1/jobs").status_code == 401


@pytest.mark.parametrize(
    ("claims", "others"),
    [
        ({}, {"oidc_users": ("somebody", "ada-1815")}),
        ({}, {"oidc_users": ("@films.example",)}),
        ({"email_verified": "true"}, {}),
        ({"groups": ["editors", "admins"]}, {"oidc_users": (), "oidc_groups": ("admins",)}),
    ],
)
def test_whom_they_name_comes_in(serving, tmp_path, provider, settings_of, claims, others):
    provider.claims.update(claims)
    with serving(tmp_path / "data", **settings_of(provider, **others)) as server, server.client() as client:
        assert client.get(back_from(client)).status_code == 303
        assert client.get("/api/v1/jobs").status_code == 200


def test_what_a_provider_tells_only_when_asked_counts(closed, provider):
    provider.userinfo = {name: provider.claims.pop(name) for name in ("email", "email_verified")}
    with closed.client() as client:
        assert client.get(back_from(client)).status_code == 303


def test_what_it_tells_of_somebody_else_does_not(closed, provider):
    provider.userinfo = {"sub": "another", **{name: provider.claims.pop(name) for name in ("email", "email_verified")}}
    with closed.client() as client:
        refused(client.get(back_from(client)), 401, "The sign-in did not work out.")
        assert client.get("/api/v1/jobs").status_code == 401


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", None])
def test_a_provider_that_is_another_than_the_settings_say_is_not_asked(closed, provider, issuer):
    provider.metadata = {"issuer": issuer}
    provider.sign = signed(lambda _: {"iss": issuer or "https://elsewhere.example"})
    with closed.client() as client:
        answer = client.get("/sign-in/oidc")
        refused(answer, 502, "The provider of the sign-in is not what the settings of this server say.")
        assert "location" not in answer.headers, "nobody is sent there"


def test_a_provider_without_keys_lets_nobody_in(closed, provider):
    provider.metadata = {"jwks_uri": None}
    with closed.client() as client:
        refused(client.get(back_from(client)), 401, "The sign-in did not work out.")
        assert client.get("/api/v1/jobs").status_code == 401


def test_a_provider_that_is_down_is_said_to_be(serving, tmp_path, provider, settings_of):
    provider.issuer = "http://127.0.0.1:9"
    with serving(tmp_path / "data", **settings_of(provider)) as server, server.client() as client:
        answer = client.get("/sign-in/oidc")
        assert (answer.status_code, answer.json()["detail"]) == (502, "The provider of the sign-in does not answer.")


def test_a_sign_in_that_was_begun_often_can_still_be_finished(closed):
    with closed.client() as client:
        for _ in range(20):
            client.get("/sign-in/oidc")
        back = back_from(client)
        assert len(client.cookies["stereo_spot"]) < 4000  # of a longer cookie browsers take none
        assert client.get(back).status_code == 303


def test_whom_the_settings_name_no_more_is_out(serving, tmp_path, provider, settings_of):
    with serving(tmp_path / "data", **settings_of(provider)) as server, server.client() as client:
        client.get(back_from(client))
        cookies = dict(client.cookies)
    for users, status in ((("ada@films.example", "bob"), 200), (("bob",), 401)):
        with serving(tmp_path / "data", **settings_of(provider, oidc_users=users)) as server, server.client(cookies=cookies) as client:
            assert client.get("/api/v1/jobs").status_code == status


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"oidc_users": ()}, "which name who may come in"),
        ({"oidc_users": ("ada@films.example", "@")}, "which name who may come in"),
        ({"oidc_users": ("",)}, "which name who may come in"),
        ({"oidc_client_secret": None}, "_OIDC_CLIENT_SECRET"),
        ({"oidc_issuer": "http://provider.example"}, "must begin with https"),
        ({"oidc_scope": "email"}, "the word openid"),
    ],
)
def test_a_server_does_not_start_open_to_whom_a_provider_knows(provider, settings_of, change, sentence):
    assert WebSettings(**settings_of(provider)).signs_in
    with pytest.raises(ValidationError, match=sentence):
        WebSettings(**{**settings_of(provider), **change})


@pytest.mark.browser
def test_in_a_browser(closed, browser):
    context = browser.new_context(base_url=closed.address)
    page = context.new_page()
    troubles = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.goto("/settings")
    expect(page).to_have_url(f"{closed.address}/sign-in?next=/settings")
    page.get_by_role("link", name="Sign in with your organisation").click()
    page.get_by_role("button", name="Continue as Ada").click()
    expect(page).to_have_url(f"{closed.address}/settings")
    [cookie] = [cookie for cookie in context.cookies() if cookie["name"] == "stereo_spot"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{closed.address}/sign-in")
    page.goto("/settings")
    expect(page).to_have_url(f"{closed.address}/sign-in?next=/settings")
    context.close()
    assert troubles == []
