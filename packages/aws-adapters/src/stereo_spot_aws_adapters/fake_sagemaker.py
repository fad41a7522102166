"""Asynchronous endpoints of SageMaker on this machine, for tests: what moto takes and then does nothing with.

It speaks the runtime's API (AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME) and calls a container by the container contract: the request object goes to
`POST /invocations`, the answer becomes an object, and a notification in SNS's envelope goes to a queue, as a subscription would bring it.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from stereo_spot_aws_adapters.clients import Aws
from stereo_spot_aws_adapters.object_storage import S3ObjectStorage

OUTPUTS = "sagemaker/"


class FakeSageMaker:
    """One endpoint, whose container answers at `container`; while that is None the endpoint has no instance, and requests wait."""

    def __init__(self, aws: Aws, queue: str) -> None:
        self.container: str | None = None
        self.tells = True
        """Whether notifications arrive."""
        self.requests: list[str] = []
        """Where the objects of all requests lie."""
        self.url = ""
        self._aws, self._queue = aws, queue
        self._storage = S3ObjectStorage(aws)
        self._may_run = threading.Condition()

    def scale_to(self, container: str | None) -> None:
        """Give the endpoint an instance, or take it away."""
        with self._may_run:
            self.container = container
            self._may_run.notify_all()

    def accept(self, headers: Any) -> dict[str, str]:
        """Take a request; the headers of the answer."""
        identifier = headers.get("X-Amzn-SageMaker-Inference-Id") or str(uuid.uuid4())
        place = headers["X-Amzn-SageMaker-InputLocation"]
        self.requests.append(place)
        name = f"s3://{self._aws.settings.bucket}/{OUTPUTS}{uuid.uuid4()}"
        told = {"endpointName": "fake", "inputLocation": place}
        threading.Thread(target=self._run, args=(identifier, told, f"{name}.out", f"{name}-error.out"), daemon=True).start()
        return {"X-Amzn-SageMaker-OutputLocation": f"{name}.out", "X-Amzn-SageMaker-FailureLocation": f"{name}-error.out"}

    def _run(self, identifier: str, request: dict[str, str], output: str, failure: str) -> None:
        with self._may_run:
            self._may_run.wait_for(lambda: self.container is not None)
            container = self.container
        body = self._storage.read_range(self._key(request["inputLocation"]))
        call = Request(f"{container}/invocations", data=body, headers={"Content-Type": "application/json"}, method="POST")  # noqa: S310
        told: dict[str, Any] = {"inferenceId": identifier, "requestParameters": request, "eventSource": "aws:sagemaker"}
        try:
            with urlopen(call) as answer:  # noqa: S310 - the test's own server
                self._storage.put_bytes(answer.read(), self._key(output))
            told |= {"invocationStatus": "Completed", "responseParameters": {"outputLocation": output}}
        except HTTPError as error:
            self._storage.put_bytes(error.read(), self._key(failure))
            reason = f"ClientError: Received server error ({error.code}) from model."
            told |= {"invocationStatus": "Failed", "failureReason": reason, "failureLocation": failure}
        except (URLError, OSError):
            told |= {"invocationStatus": "Failed", "failureReason": "ClientError: The container did not answer."}
        if self.tells:
            envelope = {"Type": "Notification", "MessageId": str(uuid.uuid4()), "Message": json.dumps(told)}
            url = self._aws.sqs.get_queue_url(QueueName=self._queue)["QueueUrl"]
            self._aws.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(envelope))

    def _key(self, uri: str) -> str:
        return uri.removeprefix(f"s3://{self._aws.settings.bucket}/")


@contextmanager
def fake_sagemaker(aws: Aws, queue: str) -> Iterator[FakeSageMaker]:
    """An endpoint without an instance, for as long as the context lasts; what becomes of requests is told to the queue called `queue`."""
    fake = FakeSageMaker(aws, queue)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = fake.accept(self.headers)
            body = json.dumps({"InferenceId": self.headers.get("X-Amzn-SageMaker-Inference-Id")}).encode()
            self.send_response(HTTPStatus.ACCEPTED)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield fake
        finally:
            server.shutdown()
