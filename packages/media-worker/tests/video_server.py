"""A real server of one video in the tests' own process, which can misbehave in every way that servers do."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class VideoServer:
    """Serves `content` under every path. What a test sets here changes its next answers."""

    content: bytes
    etag: str | None = '"v1"'
    modified: str | None = None
    ranges: bool = True
    break_after: int | None = None
    """Each answer ends in the middle, after so many bytes; None: none does."""
    hold_at: int | None = None
    """Answers wait when so many bytes of the content were sent, until `let_go` is set."""
    let_go: threading.Event = field(default_factory=threading.Event)
    status: int | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    """Sent with every answer; None: that header is left out."""
    chunked: bool = False
    """The content is sent in chunks (RFC 9112), whatever length the headers name."""
    endless: bool = False
    """Content without a length that does not end."""
    redirect: Callable[[str], str | None] = lambda _: None
    """Where a path leads, if anywhere else."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """The path and the headers of every request."""
    served: int = 0
    """Bytes of content that were sent in all."""
    port: int = 0
    scheme: str = "http"

    def url(self, path: str = "/a%20film.mp4", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    video: VideoServer

    def do_GET(self):
        video = self.video
        video.asked.append((self.path, dict(self.headers)))
        self.close_connection = True
        if (place := video.redirect(self.path)) is not None:
            self.answer(302, {"Location": place, "Content-Length": "0"})
            return
        begin = self.begin()
        headers = {"Content-Type": "video/mp4", "Content-Length": str(len(video.content) - begin), "ETag": video.etag}
        headers |= {"Last-Modified": video.modified}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(video.content) - 1}/{len(video.content)}"
        headers |= {"Transfer-Encoding": "chunked"} if video.chunked else {}
        self.answer(video.status or (206 if begin else 200), {**headers, **video.headers})
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.send(begin)

    def begin(self) -> int:
        wanted, seen = self.headers.get("Range"), self.headers.get("If-Range")
        if not self.video.ranges or wanted is None or seen not in {None, self.video.etag, self.video.modified}:
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def answer(self, status: int, headers: dict[str, str | None]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def send(self, begin: int) -> None:
        video, end = self.video, len(self.video.content)
        if video.endless:
            while not video.let_go.is_set():
                self.write(b"x" * 65536)
        if video.break_after is not None:
            end = min(end, begin + video.break_after)
        if video.hold_at is not None and begin < video.hold_at < end:
            self.write(video.content[begin : video.hold_at])
            video.let_go.wait(60)
            begin = video.hold_at
        self.write(video.content[begin:end])
        if video.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def write(self, data: bytes) -> None:
        for place in range(0, len(data), 65536):
            piece = data[place : place + 65536]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self.video.chunked else piece)
            self.video.served += len(piece)

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away in the middle is what is tested


@contextlib.contextmanager
def serving(content: bytes, *, certificate: Path | None = None) -> Iterator[VideoServer]:
    """Serve for the length of a `with` block, over https where there is a certificate with its key."""
    video = VideoServer(content)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"video": video}))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        video.scheme = "https"
    video.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield video
    finally:
        video.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def write_certificate(path: Path, name: str) -> Path:
    """Write a certificate for `name` that signs itself, with its key, to one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    parts = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(*parts) + certificate.public_bytes(serialization.Encoding.PEM))
    return path
