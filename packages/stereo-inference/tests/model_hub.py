"""A server that plays the Hugging Face hub, as far as fetching one file goes, and that can be made to fail."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What it serves: one file at one address, from which it sends on to `elsewhere`, as the hub does for large files.

    `breaks_after`: the next download ends after so many bytes; `missing`: there is none; `silent_about_size`: as servers of releases are.
    """

    content: bytes
    path: str = f"/somebody/some-model/resolve/{REVISION}/onnx/model.onnx"
    breaks_after: int | None = None
    missing: bool = False
    silent_about_size: bool = False
    elsewhere: str = ""
    address: str = ""
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of every download."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Playing(BaseHTTPRequestHandler):
    """Answers as the hub would; `hub` is set where it is served."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        if self.path == self.hub.path and self.hub.elsewhere:
            self.send_on()
            return
        if self.path != self.hub.path or self.hub.missing:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        begin = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if begin and begin >= len(self.hub.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(self.hub.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.hub.content[begin:]
        self.send_response(206 if asked else 200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{self.hub.sha256}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(self.hub.content) - 1}/{len(self.hub.content)}")
        self.end_headers()
        if with_body:
            self.hub.ranges.append(asked)
            stop, self.hub.breaks_after = self.hub.breaks_after, None
            self.wfile.write(body[:stop])
            if stop is not None:
                self.close_connection = True

    def send_on(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.hub.elsewhere)
        if not self.hub.silent_about_size:
            self.send_header("X-Linked-Size", str(len(self.hub.content)))
            self.send_header("X-Linked-ETag", f'"{self.hub.sha256}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve on an address of this machine for the length of a `with` block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Playing,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
