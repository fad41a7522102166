"""An AWS API on this machine, spoken to over HTTP: moto in server mode, as a process of its own.

For tests, and for trying the platform out without an account: `python -m stereo_spot_aws_adapters.moto_server` prints the address for
AWS_ENDPOINT_URL and serves until its standard input ends. It keeps everything in memory. It checks no rights, and of signatures only
those of addresses, which must be by CREDENTIALS. It can be told to misbehave as AWS and networks do, and says what it was asked for.
Needs the extra `moto` of this package.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.request import Request, urlopen

from stereo_spot_aws_adapters.moto_faults import CONTROL, Fault, FaultyApp
from stereo_spot_aws_adapters.objects import SMALLEST_PART_BYTES

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What the SDK must be told."""


class MotoServer:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the SDK of any process speaks to it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def reset(self) -> None:
        """Forget everything, and behave."""
        self._ask("/moto-api/reset", {})
        self.misbehave()

    def misbehave(self, *faults: Fault) -> None:
        """From now on, until it is told otherwise."""
        self._ask(f"{CONTROL}faults", [asdict(fault) for fault in faults])

    def requests(self) -> Counter[str]:
        """How often each operation was asked for since the server started, as `s3 GET`, `s3 POST delete` or `sqs SendMessage`."""
        return Counter(self._ask(f"{CONTROL}requests", {}))

    def _ask(self, path: str, body: Any) -> Any:
        with urlopen(Request(f"{self.url}{path}", data=json.dumps(body).encode(), method="POST")) as answer:  # noqa: S310  # its own address
            return json.load(answer)


@contextmanager
def moto_server(*, smallest_part: int = SMALLEST_PART_BYTES) -> Iterator[MotoServer]:
    """A server of one's own, on a free port, for as long as the context lasts; it ends with this process too.

    `smallest_part`: the bytes that a part of an upload must have, the last aside.
    """
    command = [sys.executable, "-m", __name__, str(smallest_part)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        if process.stdout is None or process.stdin is None or not (url := process.stdout.readline().strip()):
            raise RuntimeError("moto did not start: is the extra `moto` of stereo-spot-aws-adapters installed?")
        try:
            yield MotoServer(url)
        finally:
            process.stdin.close()
            process.wait()


def main() -> None:
    """Serve until standard input ends."""
    import moto.settings
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto.settings.S3_UPLOAD_PART_MIN_SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else SMALLEST_PART_BYTES
    # moto looks and then acts without a lock. Python shall change threads only where one waits, so that a condition and the write
    # that hangs on it are one step, as they are in DynamoDB and S3.
    sys.setswitchinterval(3600)
    server = make_server(
        "127.0.0.1", 0, FaultyApp(DomainDispatcherApplication(create_backend_app), CREDENTIALS["AWS_SECRET_ACCESS_KEY"]), threaded=True
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
