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
    """What it serves: one file at one address. `breaks_after`: the next download ends after so many bytes; `missing`: there is none."""

    content: bytes
    path: str = f"/somebody/some-model/resolve/{REVISION}/onnx/model.onnx"
    breaks_after: int | None = None
    missing: bool = False
    address: str = ""
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of every download."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve on an address of this machine for the length of a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            if self.path != hub.path or hub.missing:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            asked = self.headers.get("Range")
            begin = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
            body = hub.content[begin:]
            self.send_response(206 if asked else 200)
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("ETag", f'"{hub.sha256}"')
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(body)))
            if asked:
                self.send_header("Content-Range", f"bytes {begin}-{len(hub.content) - 1}/{len(hub.content)}")
            self.end_headers()
            if with_body:
                hub.ranges.append(asked)
                stop, hub.breaks_after = hub.breaks_after, None
                self.wfile.write(body[:stop])
                if stop is not None:
                    self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
