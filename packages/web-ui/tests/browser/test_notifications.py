"""Being told in the browser: permission, subscription, and what the service worker shows of a message."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page, expect

from stereo_spot_runtime.paging import all_objects
from stereo_spot_shared import keys

pytestmark = pytest.mark.browser

ENDPOINT = "https://push.example/send/abc"
TELL, NO_MORE = "Tell this browser when a conversion has ended", "Tell it no more"
PUSH_SERVICE = """
let subscribed = null;
PushManager.prototype.getSubscription = async () => subscribed;
PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
  subscribed = {
    endpoint: '%s',
    toJSON: () => ({ endpoint: '%s', keys: { p256dh: '%s', auth: 'YXV0aGF1dGhhdXRoYXV0aA' } }),
    unsubscribe: async () => { subscribed = null; },
  };
  globalThis.askedWith = applicationServerKey;
  return subscribed;
};
"""


def subscriptions(server) -> list[dict]:
    found = all_objects(server.platform.storage, f"{keys.WEB_PREFIX}subscriptions/")
    return [json.loads(server.platform.storage.read_range(info.key)) for info in found]


def test_a_browser_that_is_not_allowed_is_told_so(page):
    page.goto("/settings")
    page.get_by_role("button", name=TELL).click()
    expect(page.get_by_role("status")).to_contain_text("This browser does not allow notifications here.")
    expect(page.get_by_role("button", name=TELL)).to_be_visible()


def test_a_browser_subscribes_and_ends_it(page, context, server, client):
    """The push service is the one part that cannot be had here: what the browser would get from it is put in its place."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    key = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    context.grant_permissions(["notifications"])
    page.add_init_script(PUSH_SERVICE % (ENDPOINT, ENDPOINT, base64.urlsafe_b64encode(key).rstrip(b"=").decode()))
    page.goto("/settings")
    page.get_by_role("button", name=TELL).click()
    expect(page.get_by_role("status")).to_contain_text("You will be told when a conversion has ended.")
    expect(page.get_by_role("button", name=TELL)).to_be_hidden()
    assert page.evaluate("askedWith") == client.get("/api/v1/push/key").json()["key"]
    assert [one["endpoint"] for one in subscriptions(server)] == [ENDPOINT]
    page.get_by_role("button", name=NO_MORE).click()
    expect(page.get_by_role("button", name=TELL)).to_be_visible()
    assert subscriptions(server) == []


@pytest.fixture
def push(page, context, server) -> Iterator:
    """Delivers a message to the page's service worker, as the browser does when one comes from the push service."""
    context.grant_permissions(["notifications"])
    session = context.new_cdp_session(page)
    known: list[dict] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda told: known.extend(told["registrations"]))
    session.send("ServiceWorker.enable")
    page.goto("/settings")
    expect(page.get_by_role("button", name=TELL)).to_be_visible()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")

    def deliver(**message: str) -> None:
        told = {"origin": server.address, "registrationId": known[-1]["registrationId"], "data": json.dumps(message)}
        session.send("ServiceWorker.deliverPushMessage", told)

    return deliver


def notifications(page: Page, count: int) -> list[dict]:
    """What the browser shows, once it is so many."""
    for _ in range(600):  # a service worker is started first, on a machine that may be busy
        shown = page.evaluate(
            "navigator.serviceWorker.ready.then((it) => it.getNotifications()).then((all) => all.map((one) =>"
            " ({ title: one.title, body: one.body, tag: one.tag, url: one.data.url })))"
        )
        if len(shown) >= count:
            break
        page.wait_for_timeout(50)
    return sorted(shown, key=lambda one: one["tag"])


def test_a_message_becomes_a_notification(page, push):
    first = {"title": "a film.mp4", "body": "Ready", "url": "/jobs/a1", "tag": "a1"}
    push(**first)
    assert notifications(page, 1) == [first]
    again, other = {**first, "body": "Failed"}, {"title": "b", "body": "Ready", "url": "/jobs/b2", "tag": "b2"}
    push(**again)  # of the same job: it takes the other one's place
    push(**other)
    assert notifications(page, 2) == [again, other]
