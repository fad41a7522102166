"""A typed client of the JSON API of a StereoSpot server (`/api/v1`); what it takes and answers are the models of `stereo_spot_shared.api`.

Fields that a newer server adds are passed over. The token goes to the server's own address and nowhere else, wherever the server, or
whoever poses as it, points to.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, TypeVar

import httpx
import httpx_sse
from pydantic import SecretStr, TypeAdapter, ValidationError

from stereo_spot_cli.output import CommandFailed
from stereo_spot_cli.remote.address import address_of
from stereo_spot_cli.remote.errors import Refused, check, no_stereo_spot, speaking_to
from stereo_spot_cli.settings import CliSettings
from stereo_spot_shared.api.jobs import JobDetail, JobListView, NewJob, UrlJob
from stereo_spot_shared.api.server import Model, ServerView
from stereo_spot_shared.jobs import JobStatus

Answer = TypeVar("Answer")

API = "/api/v1"
TIMEOUT = httpx.Timeout(60, connect=20)
"""Events come every 15 seconds at least; nothing else takes longer than a request should, but for the end of an upload."""
LAST_BYTE_TIMEOUT = httpx.Timeout(60, connect=20, read=300)
MOST_REDIRECTS = 5
OCTETS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


class Bearer(httpx.Auth):
    """Shows the token to one origin. What httpx follows to another one it strips of it."""

    def __init__(self, address: str, token: SecretStr) -> None:
        self._origin, self._token = origin_of(httpx.URL(address)), token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if origin_of(request.url) == self._origin:
            request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request


class Client:
    """One server. What cannot be carried out is raised: Refused (by the server), Unreachable (try again), or another CommandFailed."""

    def __init__(self, address: str, token: SecretStr | None = None) -> None:
        self.address = address
        self._token = token
        self._http = httpx.Client(
            base_url=address,
            auth=None if token is None else Bearer(address, token),
            headers={"User-Agent": f"stereo-spot/{version('stereo-spot-cli')}", "Accept": "application/json"},
            timeout=TIMEOUT,
            verify=ssl.create_default_context(),  # whom the machine trusts; SSL_CERT_FILE names others
            max_redirects=MOST_REDIRECTS,
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def server(self) -> ServerView:
        """What the server is. The first thing to ask: it finds out whether it is one."""
        return self._ask(ServerView, "GET", f"{API}/server")

    def models(self) -> list[Model]:
        """The depth models that the server knows; none where it does not render itself."""
        return self._ask(list[Model], "GET", f"{API}/models")

    def jobs(self, *, statuses: Iterable[JobStatus] = (), cursor: str | None = None, limit: int = 50) -> JobListView:
        """A page of jobs, newest first."""
        wanted: dict[str, Any] = {"status": [status.value for status in statuses], "limit": limit}
        return self._ask(JobListView, "GET", f"{API}/jobs", params={**wanted, "cursor": cursor} if cursor else wanted)

    def job(self, job_id: str) -> JobDetail:
        """One job. Refused (404) where there is none."""
        return self._ask(JobDetail, "GET", f"{API}/jobs/{job_id}")

    def create(self, new: NewJob, key: str) -> JobDetail:
        """Make a job, or find the one that a request with this idempotency key made before.

        Refused: 404 where that one was deleted since, 409 where it is about another video or other parameters.
        """
        return self._ask(JobDetail, "POST", f"{API}/jobs", json=new.model_dump(mode="json"), headers={"Idempotency-Key": key})

    def create_from_url(self, new: UrlJob, key: str) -> JobDetail:
        """The same with a video that the server fetches. Refused with 422 where it fetches none from there."""
        return self._ask(JobDetail, "POST", f"{API}/jobs/url", json=new.model_dump(mode="json"), headers={"Idempotency-Key": key})

    def retry(self, job_id: str) -> JobDetail:
        """Let a failed job go on."""
        return self._ask(JobDetail, "POST", f"{API}/jobs/{job_id}/retry")

    def cancel(self, job_id: str) -> JobDetail:
        """Stop a job for good."""
        return self._ask(JobDetail, "POST", f"{API}/jobs/{job_id}/cancel")

    def delete(self, job_id: str) -> None:
        """Remove a job and all that it holds."""
        self._request("DELETE", f"{API}/jobs/{job_id}")

    def events(self, job_id: str) -> Iterator[JobDetail]:
        """The job whenever it has changed, until it has ended. A stream that ends before was broken off by the server."""
        with speaking_to(self.address), httpx_sse.connect_sse(self._http, "GET", f"{API}/jobs/{job_id}/events") as source:
            self._check(source.response)
            for event in source.iter_sse():
                if event.event == "job":
                    yield self._read(JobDetail, event.data)

    def offset(self, upload_url: str) -> int:
        """How many bytes of an upload have arrived (tus)."""
        answer = self._request("HEAD", upload_url, headers={"Tus-Resumable": OCTETS["Tus-Resumable"]})
        return self._offset_of(answer)

    def send(self, upload_url: str, offset: int, content: Iterable[bytes], size: int) -> int:
        """Add `size` bytes at `offset` (tus), and say how many have arrived then. Refused (409) where it does not go on there."""
        headers = {**OCTETS, "Upload-Offset": str(offset), "Content-Length": str(size)}
        return self._offset_of(self._request("PATCH", upload_url, content=content, headers=headers, timeout=LAST_BYTE_TIMEOUT))

    def has(self, url: str) -> bool:
        """Whether a file is still there."""
        try:
            self._request("HEAD", url, follow_redirects=True)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    @contextmanager
    def download(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """An answer whose content is still to be read. Redirects are followed: what keeps the files may hand them out itself."""
        headers = {"Accept-Encoding": "identity", "Accept": "*/*", **headers}
        with speaking_to(self.address), self._http.stream("GET", url, headers=headers, follow_redirects=True) as answer:
            self._check(answer)
            yield answer

    def _ask(self, kind: type[Answer], method: str, url: str, **more: Any) -> Answer:
        answer = self._request(method, url, **more)
        content_type = answer.headers.get("content-type", "nothing").partition(";")[0]
        if content_type != "application/json":
            raise no_stereo_spot(self.address, f"it answers with {content_type}")
        return self._read(kind, answer.content)

    def _request(self, method: str, url: str, **more: Any) -> httpx.Response:
        with speaking_to(self.address):
            answer = self._http.request(method, url, **more)
        self._check(answer)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            answer.read()
            check(answer, self.address, with_token=self._token is not None)

    def _read(self, kind: type[Answer], content: str | bytes) -> Answer:
        try:
            return TypeAdapter(kind).validate_json(content, extra="ignore")
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "all of it"
            raise CommandFailed(
                "version_mismatch",
                f"the answer of {self.address} does not fit this version of stereo-spot ({place}: {first['msg']})",
                hint=f"bring both to the same version; this one is {version('stereo-spot-cli')}",
            ) from error

    def _offset_of(self, answer: httpx.Response) -> int:
        told = answer.headers.get("upload-offset", "")
        if not told.isdecimal():
            raise no_stereo_spot(self.address, "it tells no offset of an upload")
        return int(told)


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port


@contextmanager
def connected() -> Iterator[Client]:
    """A client of the server that is asked for, which answers as StereoSpot does, for the length of a `with` block."""
    settings = CliSettings()
    token = settings.token if settings.token and settings.token.get_secret_value() else None
    client = Client(address_of(settings.server or ""), token)
    try:
        client.server()
        yield client
    finally:
        client.close()
