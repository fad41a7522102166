"""Sources that other tools put into the bucket: `aws s3 cp film.mp4 s3://BUCKET/incoming/` makes a job of it.

S3 sends an event to a queue; this process makes the job, whose source stays where it was put. Events come twice, late, and for what is
no longer there: a job's id is made of the object's key, etag and time, so that each version of an object becomes one job.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from stereo_spot_aws_adapters.clients import Aws, connect
from stereo_spot_aws_adapters.names import INCOMING_PREFIX, INTAKE_ATTEMPTS, INTAKE_VISIBILITY_SECONDS, intake_queue_name
from stereo_spot_aws_adapters.objects import check_key, etag_of
from stereo_spot_aws_adapters.platform import open_platform
from stereo_spot_aws_adapters.queue import SqsQueue
from stereo_spot_aws_adapters.settings import settings_of_environment
from stereo_spot_aws_adapters.vendor_errors import aws_errors, code_of
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict, InvalidMessage, RetryableError, StereoSpotError, StorageUnavailable
from stereo_spot_shared.interfaces import Delivery
from stereo_spot_shared.jobs import Job, JobStatus, Source, Stage
from stereo_spot_shared.messages import ChunkRequest
from stereo_spot_shared.pipeline import enter
from stereo_spot_shared.rendering import RenderParams

_POLL_SECONDS = 20.0
_PAUSE_SECONDS = 5.0
_ID_LENGTH = 32


def main() -> int:
    """Take in what arrives until SIGTERM or SIGINT; the exit status says whether that went well."""
    try:
        intake = Intake(connect(settings_of_environment()))
    except StereoSpotError as error:
        sys.stderr.write(f"stereo-spot: {error}\n{error.hint or ''}\n")
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            sentences = intake.take_in(wait_seconds=_POLL_SECONDS)
        except RetryableError as error:
            sentences = [f"nothing could be taken in: {error}"]
            stop.wait(_PAUSE_SECONDS)
        sys.stdout.writelines(f"{sentence}\n" for sentence in sentences)
        sys.stdout.flush()
    return 0


class Intake:
    """Makes jobs of what arrives in the bucket of the settings."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._platform = open_platform(aws.settings)
        self._queue = SqsQueue(aws, intake_queue_name(aws.settings.prefix), visibility_seconds=INTAKE_VISIBILITY_SECONDS)

    def take_in(self, *, wait_seconds: float) -> list[str]:
        """Handle a batch of events; one sentence for each object that became a job, and for each event that could not be handled."""
        deliveries = self._queue.receive(max_messages=10, wait_seconds=wait_seconds)
        return [sentence for delivery in deliveries for sentence in self._handle(delivery)]

    def _handle(self, delivery: Delivery) -> list[str]:
        try:
            try:
                jobs = [job for key in arrivals(delivery.body, self._aws.settings.bucket) if (job := self._job_of(key)) is not None]
            except RetryableError as error:
                self._queue.release(delivery, delay_seconds=_PAUSE_SECONDS, counted=delivery.attempt < INTAKE_ATTEMPTS)
                return [f"an event waits: {error}"]
            except (ValueError, StereoSpotError) as error:
                self._queue.dead_letter(delivery, str(error))
                return [f"an event was put aside: {error}"]
            self._queue.ack(delivery)
        except Conflict as error:
            return [f"an event comes again: {error}"]
        return [f"{job.source.key} is job {job.job_id}" for job in jobs]

    def _job_of(self, key: str) -> Job | None:
        """The job of an object as it is now, made if there is none; None where the object is gone, or is nothing to convert."""
        what = f"the bucket {self._aws.settings.bucket}"
        with aws_errors(StorageUnavailable, what):
            try:
                found: Mapping[str, Any] = self._aws.s3.head_object(Bucket=self._aws.settings.bucket, Key=check_key(key))
            except ClientError as error:
                if code_of(error) == "404":
                    return None
                raise
        if not found["ContentLength"]:
            return None
        etag = etag_of(found)
        job_id = _job_id(key, etag, found["LastModified"].isoformat())
        source = Source(key=key, name=key.rpartition("/")[2], etag=etag, size=found["ContentLength"])
        fresh = Job(job_id=job_id, source=source, params=RenderParams(), keep_source=True)
        try:
            job = self._platform.jobs.create(enter(fresh, JobStatus.QUEUED, hinted_at=utc_now()))
        except Conflict:
            job = self._platform.jobs.get(job_id)
        if job.status is JobStatus.QUEUED:  # whoever made it may not have lived to say so
            self._platform.queues[Stage.CHUNK].send(ChunkRequest(job_id=job_id).encode())
        return job


def arrivals(body: str, bucket: str) -> list[str]:
    """The keys of the objects below `incoming/` that an event of S3 says were stored. InvalidMessage for what is no such event."""
    try:
        event = json.loads(body)
        if event.get("Event") == "s3:TestEvent":  # sent when the notification is set up
            return []
        return [
            key
            for record in event["Records"]
            if record["eventName"].removeprefix("s3:").startswith("ObjectCreated:") and record["s3"]["bucket"]["name"] == bucket
            if (key := unquote_plus(record["s3"]["object"]["key"])).startswith(INCOMING_PREFIX)
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidMessage(f"an event of S3 could not be read: {error!r}") from error


def _job_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:_ID_LENGTH]


if __name__ == "__main__":
    sys.exit(main())
