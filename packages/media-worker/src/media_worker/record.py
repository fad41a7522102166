"""What a finished conversion was: the published result, and the record from which later estimates are made."""

from __future__ import annotations

import math
import os
import platform as system
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

from stereo_spot_media.carriage import metadata_left_out
from stereo_spot_media.joining import ReassembleResult
from stereo_spot_shared import keys
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.comfort import comfort_warning
from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.interfaces import ObjectInfo
from stereo_spot_shared.jobs import Job, JobResult, LeftOut, OutputFile, SegmentCompletion, SubtitleFile
from stereo_spot_shared.manifest import Manifest, Track
from stereo_spot_shared.records import ConversionRecord, Machine
from stereo_spot_shared.timing import Ticks


def job_result(
    job: Job, manifest: Manifest, completions: Sequence[SegmentCompletion], joined: ReassembleResult, outputs: Sequence[ObjectInfo]
) -> JobResult:
    """What is published: the output objects, and all that its owner should know of it."""
    lost = lost_times(completions)
    files = [OutputFile(key=output.key, etag=output.etag, bytes=output.size) for output in outputs]
    return JobResult(
        output_key=files[0].key,
        etag=files[0].etag,
        bytes=files[0].bytes,
        right=files[1] if len(files) > 1 else None,
        frames=joined.frames,
        width=joined.width,
        height=joined.height,
        depth=completions[0].depth,
        left_out=(
            *(LeftOut(track=_track_name(track), reason=track.left_out) for track in joined.left_out if track.left_out),
            *metadata_left_out(manifest.video),
        ),
        lost=lost,
        warnings=(
            *filter(None, [comfort_warning(job.params)]),
            *_lost_sentence(manifest, lost),
            *manifest.damaged,
            *(f"There is no WebVTT file of {_track_name(track)}: {track.left_out}." for track in joined.without_webvtt),
        ),
        subtitles=tuple(
            SubtitleFile(key=keys.subtitles_key(job.job_id, track.index), language=track.language, title=track.title)
            for track in joined.webvtt
        ),
        render=_sum_seconds(completions),
        render_cost=_sum_costs(completions),
    )


def _sum_costs(completions: Sequence[SegmentCompletion]) -> float | None:
    costs = [completion.cost for completion in completions if completion.cost is not None]
    return math.fsum(costs) if len(costs) == len(completions) else None


def conversion_record(job: Job, manifest: Manifest, completions: Sequence[SegmentCompletion], result: JobResult) -> ConversionRecord:
    """The record of a job that is being completed."""
    now = utc_now()
    return ConversionRecord(
        job_id=job.job_id,
        name=job.source.name,
        finished_at=now,
        params=job.params,
        depth=result.depth,
        source_width=manifest.video.width,
        source_height=manifest.video.height,
        source_bytes=job.source.size or 0,
        output_bytes=sum(file.bytes for file in result.files),
        frames=result.frames,
        context_frames=sum(completion.context for completion in completions),
        duration=job.plan.duration if job.plan else Fraction(0),
        segments=len(completions),
        workers=len({completion.worker for completion in completions}),
        chunk_seconds=job.plan.chunk_seconds if job.plan else 0.0,
        render=result.render,
        reassemble_seconds=result.reassemble_seconds,
        total_seconds=(now - job.created_at).total_seconds(),
        machine=Machine(system=f"{system.system()} {system.machine()}", processor=_processor(), cores=os.cpu_count() or 1),
    )


def lost_times(completions: Sequence[SegmentCompletion]) -> Ticks:
    """Times of all frames that the source's damage left undecodable, in order of segments, which is that of time."""
    return Ticks.of(list(chain.from_iterable(completion.lost.times() for completion in completions)))


def _lost_sentence(manifest: Manifest, lost: Ticks) -> list[str]:
    if not len(lost):
        return []
    times = list(lost.times())
    first, last = _clock(manifest, times[0]), _clock(manifest, times[-1])
    where = f"at {first}" if first == last else f"between {first} and {last}"
    return [f"{len(lost)} of {manifest.frame_count} frames could not be decoded since the source is damaged {where}; they are left out."]


def _clock(manifest: Manifest, time: int) -> str:
    """A time as its owner sees it in a player: minutes and seconds from the first frame."""
    seconds = (time - (manifest.frames.start or 0)) * manifest.video.time_base
    minutes, rest = divmod(float(seconds), 60)
    return f"{int(minutes)}:{rest:05.2f}"


def _track_name(track: Track) -> str:
    """How a person recognises a track: "audio track 2 (truehd, eng, Commentary)"."""
    details = ", ".join(detail for detail in (track.codec, track.language, track.title) if detail)
    return f"{track.kind} track {track.index} ({details})"


def _sum_seconds(completions: Sequence[SegmentCompletion]) -> StageSeconds:
    fields = StageSeconds.model_fields
    return StageSeconds(**{name: sum(getattr(completion.seconds, name) for completion in completions) for name in fields})


def _processor() -> str:
    """The processor's name as the system knows it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return system.processor() or system.machine()
