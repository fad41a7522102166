"""Whatever is wrong between here and a server is said in one sentence, and the token is in none and goes nowhere else."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from stereo_spot_cli.remote.client import Client
from stereo_spot_cli.remote.errors import Unreachable
from stereo_spot_shared.api.jobs import NewJob
from stereo_spot_shared.api.problem import MEDIA_TYPE, Problem

SERVER = {
    "version": "9.9", "platform": "local", "imports": False, "ingest": "off", "previews": False, "max_upload_bytes": 10,
    "disk_free_bytes": 1, "queues": [],
}  # fmt: skip


@dataclass
class Stub:
    """Something that answers HTTP, and what it was asked."""

    address: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def stub() -> Iterator[Callable[..., Stub]]:
    """`stub(status, headers, body)` answers that to everything."""
    running = []

    def start(
        status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"", *, certificate: tuple[Path, Path] | None = None
    ) -> Stub:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                here.asked.append((f"{self.command} {self.path}", dict(self.headers)))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_HEAD = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        here = Stub(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}")
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return here

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def refused(shell, environment: dict[str, str], *words: str | Path, code: str, status: int = 1) -> str:
    """Run a command that must fail so; returns what a person reads."""
    answer = shell.run(*(words or ("jobs", "list")), "--json", env=environment)
    assert (answer.status, answer.json["error"]["code"]) == (status, code), answer
    assert "Traceback" not in answer.err
    if token := environment.get("STEREO_SPOT_TOKEN"):
        assert token not in answer.out + answer.err
    return answer.err


@pytest.fixture
def own_certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A key, and a certificate for this machine that nobody but its owner trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return tmp_path / "key.pem", tmp_path / "certificate.pem"


def as_json(content: object) -> tuple[dict[str, str], bytes]:
    return {"Content-Type": "application/json"}, json.dumps(content).encode()


def test_a_token_that_is_missing_or_wrong(shell, server, remote, clip: Path) -> None:
    words = ("convert", clip, "-o", "out.mp4")
    assert "wants a token" in refused(shell, remote(server.address, ""), *words, code="sign_in")
    told = refused(shell, remote(server.address, "wr0ng-token"), *words, code="sign_in")
    assert "does not know the token in STEREO_SPOT_TOKEN" in told
    debugged = shell.run("--debug", "jobs", "list", env=remote(server.address, "wr0ng-token"))
    assert "Traceback" in debugged.err
    assert "wr0ng-token" not in debugged.err
    assert not list(shell.folder.iterdir())


def test_a_server_that_has_another_name(shell, remote, stub) -> None:
    other = stub(421, {"Content-Type": "text/plain"}, b"This server does not know itself by that name.\n")
    assert "STEREO_SPOT_WEB_TRUSTED_HOSTS" in refused(shell, remote(other.address), code="misdirected")


def test_nobody_is_there(shell, remote, stub) -> None:
    assert "cannot be reached" in refused(shell, remote("http://127.0.0.1:1"), code="unreachable")
    told = refused(shell, remote(stub().address.replace("http:", "https:")), code="certificate")
    assert "speaks no HTTPS" in told


def test_a_certificate_of_ones_own_is_trusted_where_that_is_said(shell, remote, stub, own_certificate: tuple[Path, Path]) -> None:
    key, certificate = own_certificate
    other = stub(200, *as_json(SERVER), certificate=(certificate, key))
    told = refused(shell, remote(other.address), code="certificate")
    assert "SSL_CERT_FILE" in told
    trusting = {**remote(other.address), "SSL_CERT_FILE": str(certificate)}
    refused(shell, trusting, code="version_mismatch")  # it was let in, and answers the same to everything
    assert [asked for asked, _ in other.asked] == ["GET /api/v1/server", "GET /api/v1/jobs?limit=50"]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_something_that_is_not_stereo_spot(shell, remote, stub, status: int) -> None:
    other = stub(status, {"Content-Type": "text/html"}, b"<h1>It works!</h1>")
    assert "is not StereoSpot" in refused(shell, remote(other.address), code="not_stereo_spot")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_asks_to_wait_is_one_that_comes_back(stub, status: int) -> None:
    """As it does for a minute after others behind the same address showed wrong tokens: an upload of hours does not end by that."""
    problem = Problem(title="Wait", status=status, detail="Too many wrong tokens came from here.", code="wait").to_json()
    client = Client(stub(status, {"Content-Type": MEDIA_TYPE}, problem).address)
    with pytest.raises(Unreachable, match="Too many wrong tokens"):
        client.server()
    client.close()


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(shell, remote, stub) -> None:
    elsewhere = stub(200, *as_json(SERVER))
    told = refused(shell, remote(stub(307, {"Location": f"{elsewhere.address}/api/v1/server"}).address), code="redirected")
    assert f"--server {elsewhere.address}" in told
    assert elsewhere.asked == []


def test_a_result_that_another_host_hands_out_is_fetched_without_the_token(stub) -> None:
    store = stub(200, {"Content-Type": "video/mp4"}, b"film")
    here = stub(302, {"Location": f"{store.address}/bucket/film"})
    client = Client(here.address, SecretStr("t0ken"))
    for url in ("/jobs/1/video/film.mp4", f"{store.address}/straight"):
        with client.download(url, {}) as answer:
            assert answer.read() == b"film"
    client.close()
    assert [headers["Authorization"] for _, headers in here.asked] == ["Bearer t0ken"]
    assert [asked for asked, _ in store.asked] == ["GET /bucket/film", "GET /straight"]
    assert not any("Authorization" in headers for _, headers in store.asked)


def test_answers_of_another_version(shell, remote, stub) -> None:
    newer = stub(200, *as_json({**SERVER, "added_since": {"then": 1}}))
    client = Client(newer.address)
    assert client.server().version == "9.9"
    client.close()
    older = stub(200, *as_json({**SERVER, "max_upload_bytes": None}))
    told = refused(shell, remote(older.address), code="version_mismatch")
    assert "does not fit this version of stereo-spot (max_upload_bytes:" in told
    assert "Bring both to the same version" in told


def test_the_servers_own_sentence_and_hint(shell, remote, server, clip: Path) -> None:
    told = refused(shell, remote(server.address), "jobs", "retry", "0123456789", code="not_found")
    assert f"there is no job 0123456789 at {server.address}" in told
    client = Client(server.address, SecretStr(remote("")["STEREO_SPOT_TOKEN"]))
    job = client.create(NewJob(name="film.mp4", bytes=5), "a key of mine")
    client.close()
    told = refused(shell, remote(server.address), "jobs", "retry", job.id, code="conflict")
    assert job.id in told
    told = refused(
        shell, remote(server.address), "convert", clip, "--depth", "depth-anything-v2-small", "-o", "o.mp4", code="model_missing"
    )
    assert "there are: auto, basic" in told.lower()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["doctor"], "this command works on this machine only"),
        (["up"], "this command works on this machine only"),
        (["video-worker"], "this command works on this machine only"),
        (["models", "list"], "this command works on this machine only"),
        (["bench"], "this command works on this machine only"),
        (["bench", "pages"], "this command works on this machine only"),
        (["jobs", "list", "--data-dir", "."], "--data-dir cannot be used with a server"),
        (["convert", "CLIP", "--workers", "2", "--preview", "5"], "--preview and --workers cannot be used with a server"),
        (["convert", "CLIP", "--depth-file", "CLIP"], "--depth-file cannot be used with a server"),
        (["convert", "CLIP", "--depth", "CLIP"], "a model of your own lies on this machine"),
        (["--server", "films.example", "jobs", "list"], "write the whole address"),
        (["--server", "ftp://films.example", "jobs", "list"], "write the whole address"),
        (["--server", "https://films.example/app", "jobs", "list"], "without a path"),
        (["--server", "https://me:s3cret@films.example", "jobs", "list"], "leave user and password out"),
        (["--server", "https://films.example:port", "jobs", "list"], "no address of a server"),
    ],
)
def test_what_cannot_be_done_at_a_server_is_wrong_usage(shell, remote, clip: Path, words: list[str], told: str) -> None:
    answer = shell.run(*[str(clip) if word == "CLIP" else word for word in words], env=remote("http://127.0.0.1:1"))
    assert answer.status == 2, answer
    assert told in answer.err
    assert "s3cret" not in answer.err
    assert "Traceback" not in answer.err


def test_an_empty_server_is_none_and_help_is_always_given(shell, remote) -> None:
    assert shell.run("models", "list", env=remote("")).status == 0
    assert shell.run("--server", "", "models", "list", env=remote("http://127.0.0.1:1")).status == 0
    assert "Usage" in shell.run("up", "--help", env=remote("http://127.0.0.1:1")).out
