"""Ingest: fetch a job's source from its URL into storage, going on where an earlier attempt ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from media_worker.fetch import Answer, Begun, asked
from media_worker.settings import MediaWorkerSettings
from media_worker.sweep import leaving_nothing_unwanted
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.operations import accept_upload
from stereo_spot_runtime.scratch import attempt_directory, require_free
from stereo_spot_runtime.updates import update_job
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.errors import Conflict, Interrupted, NotFound, SourceRefused, SourceUnreachable
from stereo_spot_shared.ingest import checked_url
from stereo_spot_shared.jobs import Job, JobStatus
from stereo_spot_shared.messages import Message

PIECE = 1 << 20
"""Bytes that are gathered before they are stored: what a killed worker fetches again, and what must come within the stage's stall time."""
PAUSE_SECONDS = 1.0


def ingest(message: Message, context: WorkContext, *, settings: MediaWorkerSettings) -> None:
    """Fetch the source of a job that waits for it; does nothing for any other job.

    What an earlier attempt stored is kept, if the server still has the same content and can go on in its middle. A job that is cancelled,
    deleted or failed meanwhile ends the work quietly.
    """
    platform = context.platform
    with leaving_nothing_unwanted(platform, message.job_id):
        job = accept_upload(platform, message.job_id)  # whoever took in the last byte may not have lived to tell
        if job.status is not JobStatus.INGESTING or job.source.etag is not None:
            return
        watch = context.watch({JobStatus.INGESTING})
        with watch.quiet_end():
            _Fetching(job, context, settings, watch.given_up).run()
            if (after := accept_upload(platform, job.job_id)).status is JobStatus.INGESTING and after.source.etag is None:
                raise SourceUnreachable("The server sent less than it had announced.", hint="Try again later.")


class _Fetching:
    """One attempt at a source: connects as often as that brings more of it."""

    def __init__(self, job: Job, context: WorkContext, settings: MediaWorkerSettings, given_up: Callable[[], bool]) -> None:
        self._job, self._context, self._settings, self._given_up = job, context, settings, given_up
        self._key, self._uploads = job.source.key, context.platform.uploads
        self._url = checked_url(job.source.url or "", settings.ingest)

    def run(self) -> None:
        """Store the whole source. SourceUnreachable where a connection broke that brought nothing that lasts."""
        reached = self._here()
        while True:
            try:
                self._connect()
            except SourceUnreachable:
                if (here := self._here()) <= reached:
                    raise
                reached = here
                self._pause()
            else:
                return

    def _connect(self) -> None:
        settings = self._settings
        with asked(self._url, policy=settings.ingest, should_stop=self._should_stop, begun=self._begun()) as answer:
            _check_size(self._job, answer.size, settings.ingest_max_bytes)
            # Looked at ahead, and in the scratch folder: what does not fit there could not be cut either.
            require_free(settings.scratch_dir, (answer.size or 0) - answer.offset, f"fetching {self._job.source.name}")
            if answer.offset == 0:
                self._begin_anew(answer.size, answer.validator)
            if answer.size is None:
                self._through_scratch(answer)
            else:
                self._append(answer, answer.size)

    def _begin_anew(self, size: int | None, validator: str | None) -> None:
        """Expect this content from its first byte on. In this order: what is stored is never of other content than the job says."""
        self._uploads.abort(self._key)
        content = {"size": size, "validator": validator}

        def change(job: Job) -> Job | None:
            if job.status is not JobStatus.INGESTING:
                raise Interrupted("the job no longer waits for its source")
            return job.evolve(source=job.source.model_copy(update=content))

        self._job = update_job(self._context.platform, self._job.job_id, change)
        if size is not None:
            with _alone():
                self._uploads.begin(self._key, size)

    def _append(self, answer: Answer, size: int) -> None:
        offset = answer.offset
        for piece in _pieces(answer.body):
            if offset + len(piece) > size:
                raise SourceUnreachable("The server sent more than it had announced.", hint="Give the video as a file.")
            with _alone():
                offset = self._uploads.append(self._key, offset, piece).offset
            self._moved(offset, size)

    def _through_scratch(self, answer: Answer) -> None:
        """Content of unknown size: it is whole when it has ended, and nothing of it is kept until then."""
        storage, name = self._context.platform.storage, self._job.source.name
        with attempt_directory(self._settings.scratch_dir) as scratch:
            path = Path(scratch) / "source"
            with path.open("wb") as file:
                for piece in _pieces(answer.body):
                    require_free(scratch, len(piece), f"fetching {name}")
                    file.write(piece)
                    _check_size(self._job, file.tell(), self._settings.ingest_max_bytes)
                    self._moved(file.tell(), 0)
            with _alone():
                storage.put_file(path, self._key, if_absent=True)

    def _moved(self, offset: int, size: int) -> None:
        self._context.progress(offset, size)
        began = next((passage.at for passage in reversed(self._job.history) if passage.status is JobStatus.INGESTING), None)
        if began is not None and (utc_now() - began).total_seconds() > self._settings.ingest_max_seconds:
            hours = self._settings.ingest_max_seconds / 3600
            raise SourceRefused(
                f"{self._job.source.name} did not arrive within {hours:g} h.", hint="Try again, or give the video as a file."
            )

    def _here(self) -> int:
        """How many bytes are stored."""
        try:
            return self._uploads.stat(self._key).offset
        except NotFound:
            return 0

    def _begun(self) -> Begun | None:
        """What a server may go on with; None where nothing is here, or nobody can tell of what it is a part."""
        source, here = self._job.source, self._here()
        return Begun(here, source.size, source.validator) if here and source.size and source.validator else None

    def _pause(self) -> None:
        give_up = time.monotonic() + PAUSE_SECONDS
        while time.monotonic() < give_up:
            if self._should_stop():
                raise Interrupted("told to stop between two connections")
            time.sleep(0.05)

    def _should_stop(self) -> bool:
        return self._context.should_stop() or self._given_up()


def _pieces(body: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, PIECE or more at a time; what came before it breaks off is not lost."""
    pending = bytearray()
    try:
        for part in body:
            pending += part
            if len(pending) >= PIECE:
                yield bytes(pending)
                pending.clear()
    except (SourceUnreachable, Interrupted):
        if pending:
            yield bytes(pending)
        raise
    if pending:
        yield bytes(pending)


def _check_size(job: Job, size: int | None, most: int) -> None:
    if size is not None and size > most:
        raise SourceRefused(
            f"{job.source.name} is larger than the {most / 1e9:g} GB that are fetched at most.",
            hint="Give the video as a file, or have the operator raise STEREO_SPOT_INGEST_MAX_BYTES.",
        )
    if size == 0:
        raise SourceRefused(f"{job.source.name} is empty.", hint="Check the URL.")


@contextmanager
def _alone() -> Iterator[None]:
    """Somebody else may store the same source: a message can come twice. Then the message waits, until it is done or nobody is at it."""
    try:
        yield
    except (Conflict, NotFound) as error:
        raise Interrupted(f"Another worker fetches this video at the moment ({error}).") from error
