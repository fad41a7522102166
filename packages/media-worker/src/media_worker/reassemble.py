"""Reassemble: join a job's rendered segments with the source's own tracks, verify the result, and publish it."""

from __future__ import annotations

from collections.abc import Sequence

from media_worker.attempt import Attempt
from media_worker.record import conversion_record, job_result
from media_worker.relay import SegmentRelay
from media_worker.settings import MediaWorkerSettings
from media_worker.source import check_unchanged, fetch_source
from media_worker.sweep import leaving_nothing_unwanted
from media_worker.tasks import JoinTask
from stereo_spot_media.joining import ReassembleResult
from stereo_spot_runtime.advance import advance, published_result
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.manifests import load_manifest
from stereo_spot_runtime.paging import all_completions
from stereo_spot_runtime.scratch import attempt_directory, require_free
from stereo_spot_shared import keys
from stereo_spot_shared.errors import Conflict, Interrupted, VerificationFailed
from stereo_spot_shared.interfaces import ObjectInfo
from stereo_spot_shared.jobs import JobResult, JobStatus, SegmentCompletion, Stage
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.messages import Message
from stereo_spot_shared.rendering import views_of


def reassemble(message: Message, context: WorkContext, *, settings: MediaWorkerSettings) -> None:
    """Publish the output of a job all of whose segments are rendered; does nothing for any other job.

    The output appears under a key of this attempt; the result that names it is stored only if there is none, so of two
    attempts at once one is published, and the other removes what it made.
    """
    platform = context.platform
    with leaving_nothing_unwanted(platform, message.job_id) as ending:
        job = platform.jobs.get(message.job_id)
        if job.status is not JobStatus.REASSEMBLING or job.plan is None:
            return
        # Where nobody was before nothing is looked for; should somebody have been, the first result stands.
        began_before = context.redelivered or job.announced > 0
        published = published_result(platform, job.job_id) if began_before else None
        if published is None:
            attempt = Attempt(context, job, Stage.REASSEMBLE)
            with attempt.watch.quiet_end():
                manifest = load_manifest(platform.storage, job.job_id, job.plan.plan_id)
                completions = tuple(all_completions(platform.completions, job.job_id))
                check_completions(job.plan.plan_id, manifest, completions)
                joined, outputs = _join(attempt, manifest, completions, settings)
                published = _publish(attempt, manifest, completions, joined, outputs)
        # What was seen before all this is good enough for a compare-and-set, and not to say how the job is now.
        ending.job = advance(platform, job.job_id, seen=job if published else None, published=published)


def check_completions(plan_id: str, manifest: Manifest, completions: Sequence[SegmentCompletion]) -> None:
    """VerificationFailed, naming the segments, where these are not what the plan asks for or do not fit each other."""
    planned = {spec.index: len(spec.core) for spec in manifest.segments}
    found = {completion.segment_index: completion for completion in completions}
    pictures = [completion for completion in completions if completion.frames]
    problems = {
        "not rendered": planned.keys() - found.keys(),
        "not part of the plan": found.keys() - planned.keys(),
        "rendered for another plan": [i for i, c in found.items() if c.plan_id != plan_id],
        "short of frames": [i for i, c in found.items() if c.frames + len(c.lost) != planned.get(i)],
        "encoded differently from the first": [c.segment_index for c in pictures if c.fingerprint != pictures[0].fingerprint],
        "rendered with another depth estimator than the first": [c.segment_index for c in pictures if c.depth != pictures[0].depth],
    }
    for problem, segments in problems.items():
        if segments:
            raise VerificationFailed(
                f"{_names(sorted(segments))} of {len(planned)} {'is' if len(segments) == 1 else 'are'} {problem}: they cannot be joined.",
                hint="Run the same version on all workers and submit the video again.",
            )


def _names(segments: Sequence[int]) -> str:
    """ "Segment 3", "Segments 3, 4 and 9 more"."""
    if len(segments) == 1:
        return f"Segment {segments[0]}"
    more = f" and {len(segments) - 10} more" if len(segments) > 10 else ""
    return f"Segments {', '.join(map(str, segments[:10]))}{more}"


def _join(
    attempt: Attempt, manifest: Manifest, completions: Sequence[SegmentCompletion], settings: MediaWorkerSettings
) -> tuple[ReassembleResult, list[ObjectInfo]]:
    """Join and verify each view that has a file of its own, and store it under a key of this attempt; the result is the left one's."""
    job, storage = attempt.job, attempt.context.platform.storage
    results, outputs = [], []
    views = views_of(job.params)
    with attempt_directory(settings.scratch_dir) as scratch:
        source, size = fetch_source(storage, job, scratch)
        # The output, and once more while the index of an MP4 is moved to its front.
        require_free(scratch, 2 * (size + sum(completion.bytes for completion in completions)), f"the output of {job.source.name}")
        for view in range(views):
            webvtt = scratch / f"webvtt-{view}"
            webvtt.mkdir()
            task = JoinTask(
                source=source,
                manifest=manifest,
                segments=scratch / f"segments-{view}",
                lost={completion.segment_index: completion.lost for completion in completions if len(completion.lost)},
                params=job.params,
                view=view,
                output=scratch / f"output-{view}.{job.params.container.value}",
                webvtt=webvtt,
            )
            results.append(_joined(attempt, task, completions))
            check_unchanged(storage, job)
            key = keys.output_key(job.job_id, attempt.context.attempt_id, job.params.container.value, right=view == 1)
            outputs.append(storage.put_file(task.output, key))
            task.output.unlink()
        for track in results[0].webvtt:
            # The same from every attempt, so of two at once either may be the last.
            storage.put_file(scratch / "webvtt-0" / f"{track.index}.vtt", keys.subtitles_key(job.job_id, track.index))
    return results[0], outputs


def _joined(attempt: Attempt, task: JoinTask, completions: Sequence[SegmentCompletion]) -> ReassembleResult:
    """One file, joined in a child process from the segments that are fetched ahead of it."""
    storage, total = attempt.context.platform.storage, task.manifest.frame_count
    with SegmentRelay(storage, [completion.object_key for completion in completions], task.segments) as relay:
        try:
            return attempt.in_child(
                "media_worker.tasks:join",
                task,
                returns=ReassembleResult,
                on_progress=lambda frames: attempt.context.progress(frames, total),
                should_stop=relay.failed,
            )
        except Interrupted:
            if relay.error is not None:
                raise relay.error from None
            raise


def _publish(
    attempt: Attempt,
    manifest: Manifest,
    completions: Sequence[SegmentCompletion],
    joined: ReassembleResult,
    outputs: Sequence[ObjectInfo],
) -> JobResult | None:
    """Store the record and the result; remove the outputs where another attempt was first or nobody wants it now.

    Returns the result that stands; None where nobody wants it.
    """
    job, storage = attempt.job, attempt.context.platform.storage
    result_key = keys.result_key(job.job_id)
    result = job_result(job, manifest, completions, joined, outputs).model_copy(update={"reassemble_seconds": attempt.seconds})
    if not attempt.watch.still_wanted():
        storage.delete(*(output.key for output in outputs))
        return None
    # The record goes first: once a result exists nobody comes here again.
    storage.put_bytes(conversion_record(job, manifest, completions, result).to_json(), keys.record_key(job.job_id))
    try:
        storage.put_bytes(result.to_json(), result_key, if_absent=True)
    except Conflict:
        if (standing := published_result(attempt.context.platform, job.job_id)) is not None:
            if standing.output_key != result.output_key:  # it would be this one's own, did a put's answer get lost
                storage.delete(*(output.key for output in outputs))
            return standing
        storage.put_bytes(result.to_json(), result_key)  # over one whose output was lost
    return result
