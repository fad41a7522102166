"""Every object key is built here and parsed here.

    jobs/<job>/source
    jobs/<job>/manifest.json
    jobs/<job>/poster.jpg
    jobs/<job>/segments/<index>/source.<container>
    jobs/<job>/segments/<index>/rendered/<attempt>.nut
    jobs/<job>/segments/<index>/rendered/<attempt>.json
    jobs/<job>/segments/<index>/requests/<attempt>-<failures>.json
    jobs/<job>/output/<attempt>.<container>
    jobs/<job>/output/<attempt>-right.<container>
    jobs/<job>/output/rendition.mp4
    jobs/<job>/output/subtitles/<index>.vtt
    jobs/<job>/output/result.json
    records/<job>.json

No part of a key comes from a person: ids are ours, and a file's name is only metadata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

JOBS_PREFIX = "jobs/"
RECORDS_PREFIX = "records/"
WEB_PREFIX = "web/"


def job_prefix(job_id: str) -> str:
    """Where everything of a job lies, its record aside."""
    return f"{JOBS_PREFIX}{job_id}/"


def source_key(job_id: str) -> str:
    """The source as it was uploaded."""
    return f"{job_prefix(job_id)}source"


def manifest_key(job_id: str) -> str:
    """The manifest that chunking writes (`Manifest`)."""
    return f"{job_prefix(job_id)}manifest.json"


def poster_key(job_id: str) -> str:
    """A picture of the source, as JPEG; a source of which none could be made has no such object."""
    return f"{job_prefix(job_id)}poster.jpg"


def segments_prefix(job_id: str) -> str:
    """Where the segments of a job lie."""
    return f"{job_prefix(job_id)}segments/"


def segment_key(job_id: str, index: int, container: str) -> str:
    """A segment as it was cut from the source; `container` is the manifest's `segment_container`."""
    return f"{segments_prefix(job_id)}{index:06d}/source.{container}"


def rendered_prefix(job_id: str, index: int) -> str:
    """Where the results of all attempts at a segment lie."""
    return f"{segments_prefix(job_id)}{index:06d}/rendered/"


def rendered_key(job_id: str, index: int, attempt_id: str) -> str:
    """The result of one attempt at a segment."""
    return f"{rendered_prefix(job_id, index)}{attempt_id}.nut"


def answer_key(job_id: str, index: int, attempt_id: str) -> str:
    """The backend's answer (a RenderResult), stored before the object that it describes."""
    return f"{rendered_prefix(job_id, index)}{attempt_id}.json"


def request_key(job_id: str, index: int, attempt_id: str, failures: int) -> str:
    """What an asynchronous backend is asked (a RenderRequest), after so many failed attempts."""
    return f"{segments_prefix(job_id)}{index:06d}/requests/{attempt_id}-{failures}.json"


def output_key(job_id: str, attempt_id: str, container: str, *, right: bool = False) -> str:
    """The finished video that one attempt made; `right`: the right view, where each has a file of its own."""
    return f"{job_prefix(job_id)}output/{attempt_id}{'-right' if right else ''}.{container}"


def rendition_key(job_id: str) -> str:
    """The version of the output that every browser plays; it is made when somebody asks for it."""
    return f"{job_prefix(job_id)}output/rendition.mp4"


def subtitles_key(job_id: str, index: int) -> str:
    """A text subtitle track as WebVTT; `index` is that of its stream in the source."""
    return f"{job_prefix(job_id)}output/subtitles/{index}.vtt"


def result_key(job_id: str) -> str:
    """What was published (`JobResult`): written once, it decides which output stands."""
    return f"{job_prefix(job_id)}output/result.json"


def record_key(job_id: str) -> str:
    """The record of a finished conversion (`ConversionRecord`)."""
    return f"{RECORDS_PREFIX}{job_id}.json"


def web_key(name: str) -> str:
    """What the web UI keeps for itself: its secrets, what people chose, whom it tells."""
    return f"{WEB_PREFIX}{name}.json"


@dataclass(frozen=True)
class ParsedKey:
    """What a key names."""

    kind: Literal[
        "source",
        "manifest",
        "poster",
        "segment",
        "rendered",
        "answer",
        "request",
        "output",
        "rendition",
        "subtitles",
        "result",
        "record",
        "web",
    ]
    job_id: str = ""
    """Empty where the key is no job's."""
    segment_index: int | None = None
    attempt_id: str | None = None
    extension: str | None = None
    failures: int | None = None
    view: str | None = None
    stream_index: int | None = None
    name: str | None = None


_JOB = r"(?P<job_id>[0-9a-z]{8,40})"
_INDEX = r"(?P<segment_index>\d{6,})"
_STREAM = r"(?P<stream_index>0|[1-9][0-9]*)"
_ATTEMPT = r"(?P<attempt_id>[0-9a-z]+)"
_EXTENSION = r"(?P<extension>[a-z0-9]+)"
_PATTERNS = {
    "source": re.compile(rf"jobs/{_JOB}/source"),
    "manifest": re.compile(rf"jobs/{_JOB}/manifest\.json"),
    "poster": re.compile(rf"jobs/{_JOB}/poster\.jpg"),
    "segment": re.compile(rf"jobs/{_JOB}/segments/{_INDEX}/source\.{_EXTENSION}"),
    "rendered": re.compile(rf"jobs/{_JOB}/segments/{_INDEX}/rendered/{_ATTEMPT}\.nut"),
    "answer": re.compile(rf"jobs/{_JOB}/segments/{_INDEX}/rendered/{_ATTEMPT}\.json"),
    "request": re.compile(rf"jobs/{_JOB}/segments/{_INDEX}/requests/{_ATTEMPT}-(?P<failures>0|[1-9][0-9]*)\.json"),
    "result": re.compile(rf"jobs/{_JOB}/output/result\.json"),
    "rendition": re.compile(rf"jobs/{_JOB}/output/rendition\.mp4"),
    "subtitles": re.compile(rf"jobs/{_JOB}/output/subtitles/{_STREAM}\.vtt"),
    "output": re.compile(rf"jobs/{_JOB}/output/{_ATTEMPT}(-(?P<view>right))?\.{_EXTENSION}"),
    "record": re.compile(rf"records/{_JOB}\.json"),
    "web": re.compile(r"web/(?P<name>[a-z0-9-]+(/[a-z0-9-]+)*)\.json"),
}


def parse_key(key: str) -> ParsedKey:
    """What `key` names. ValueError when it is none of ours."""
    for kind, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(key):
            found: dict[str, str | int | None] = dict(match.groupdict())
            for name in ("segment_index", "stream_index", "failures"):
                if isinstance(index := found.get(name), str):
                    found[name] = int(index)
            return ParsedKey(kind=kind, **found)  # type: ignore[arg-type]  # the groups are the fields
    raise ValueError(f"not a key of this system: {key!r}")
