"""The page about the API says what the document says, in lines that work."""

from __future__ import annotations

import html
import re
import shlex
import shutil
import subprocess

import pytest

ENDLESS = re.compile(r"/events$|/fetch$")
"""A stream that ends with its job; and what would go out into the network."""


def curls(text):
    return [html.unescape(line) for line in re.findall(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)]


def test_every_operation_and_shape_is_there(client):
    document = client.get("/api/v1/openapi.json").json()
    text = client.get("/api/docs").text
    operations = [told["operationId"] for methods in document["paths"].values() for told in methods.values()]
    assert len(operations) > 25
    for name in operations:
        assert f'id="{name}"' in text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in text
    assert "Have a browser told no more." in text
    assert "?endpoint=https%3A%2F%2Fpush.example%2Fsend%2Fabc" in text
    assert '<a href="/api/docs">' in client.get("/settings").text


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_lines_work_as_they_are(serving, tmp_path):
    """Whatever they ask for is not there, or is done; none is malformed."""
    (tmp_path / "video.mp4").write_bytes(b"12345")
    with serving(tmp_path / "data", ingest="https") as server, server.client() as client:
        every = curls(client.get("/api/docs").text)
        lines = [line for line in every if not ENDLESS.search(line.rpartition("/api/")[2])]
        assert len(lines) == len(every) - 2
        for line in lines:
            words = [*shlex.split(line), "--silent", "--show-error", "--output", "answer", "--write-out", "%{http_code}"]
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
            assert int(done.stdout) in {200, 201, 202, 204, 404}, f"{line}: {done.stdout} {(tmp_path / 'answer').read_text()}"


def test_where_a_token_is_needed_the_lines_have_one(serving, tmp_path):
    with serving(tmp_path / "data", token="the token") as server:
        with server.client(headers={"Authorization": "Bearer the token"}) as client:
            for line in curls(client.get("/api/docs").text):
                assert "'Authorization: Bearer TOKEN'" in line
                assert "the token" not in line
        with server.client(headers={"Accept": "text/html"}) as stranger:
            assert stranger.get("/api/docs").headers["location"] == "/sign-in?next=/api/docs"


@pytest.mark.browser
def test_a_browser_shows_it_without_complaint(server, browser):
    context = browser.new_context(base_url=server.address)
    page = context.new_page()
    troubles = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto("/settings")
    page.get_by_role("link", name="/api/docs").click()
    page.get_by_role("heading", name="POST /api/v1/jobs", exact=True).wait_for()
    page.get_by_role("link", name="NewJob").first.click()
    page.get_by_text("A video that is going to be uploaded.").wait_for(state="visible")
    context.close()
    assert troubles == []
