"""What requests and answers look like: an example or two of each value of the API, for its OpenAPI document.

They are made of the models themselves, so none can show a field that there is not.
"""

from __future__ import annotations

from datetime import UTC, datetime

from stereo_spot_shared.api.jobs import (
    CostView,
    Duplicate,
    Event,
    ImportedJob,
    JobDetail,
    JobListView,
    JobView,
    NewJob,
    Options,
    OutputView,
    Progress,
    ResultView,
    SegmentState,
    SegmentView,
    SourceView,
    UrlJob,
    Work,
)
from stereo_spot_shared.api.problem import Problem
from stereo_spot_shared.api.server import Model, QueueView, ServerView
from stereo_spot_shared.api.uploads import PartView, PartWanted, UploadView
from stereo_spot_shared.base import Value
from stereo_spot_shared.ingest import IngestPolicy
from stereo_spot_shared.jobs import JobStatus, LeftOut, Stage
from stereo_spot_shared.rendering import FramePacking, RenderParams
from stereo_spot_web_ui.api.system import PushKey
from stereo_spot_web_ui.imports import ImportFile
from stereo_spot_web_ui.moments import MomentsView, MomentView
from stereo_spot_web_ui.notify.push import Subscription, SubscriptionKeys
from stereo_spot_web_ui.preferences import Preferences
from stereo_spot_web_ui.renditions import RenditionView

ID = "01kb2y8m3nq5w0c7v4j9t6r2xh"
SIZE = 734_003_200
BEGUN, CUT, DONE = (datetime(2026, 5, 1, 20, minute, tzinfo=UTC) for minute in (0, 1, 9))
LOOK = RenderParams(layout=FramePacking.HALF_SBS, max_disparity=2.5)
PLACE = f"/jobs/{ID}/video/holiday_3D_HSBS_LR.mp4"
PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRg=="

AWAITED = JobDetail(
    id=ID,
    status=JobStatus.UPLOADING,
    version=1,
    source=SourceView(name="holiday.mp4", bytes=SIZE, received=104_857_600, is_here=False),
    params=LOOK,
    start_when_uploaded=True,
    progress=Progress(fraction=0.0, frames_done=0),
    poster_url=f"/jobs/{ID}/poster.jpg",
    url=f"/jobs/{ID}",
    upload_url=f"/api/v1/uploads/{ID}",
    created_at=BEGUN,
    updated_at=BEGUN,
    events=(Event(at=BEGUN, kind="uploading"), Event(at=BEGUN, kind="created")),
)
"""A job whose video is on its way."""

FINISHED = JobDetail(
    id=ID,
    status=JobStatus.COMPLETED,
    version=9,
    source=SourceView(name="holiday.mp4", bytes=SIZE, received=SIZE, is_here=True),
    params=LOOK,
    start_when_uploaded=True,
    progress=Progress(fraction=1.0, frames_done=480, frames_total=480),
    result=ResultView(
        files=(
            OutputView(
                name="holiday_3D_HSBS_LR.mp4",
                bytes=801_112_064,
                etag="2fc0b1c0-18a3f0c2b7d5e000-4d2",
                url=PLACE,
                download_url=f"{PLACE}?download=1",
                player_url=f"{PLACE}?key=Ii9qb2JzIg.aBcDeF.0123456789",
            ),
        ),
        width=1920,
        height=1080,
        frames=480,
        seconds=20.0,
        depth="depth-anything-v2-small",
        left_out=(LeftOut(track="subtitles 1 (hdmv_pgs_subtitle)", reason="MP4 holds no subtitles that are pictures"),),
        warnings=(),
        playlist_url=f"/jobs/{ID}/playlist.m3u",
    ),
    cost=CostView(currency="EUR", rendering=0.04),
    poster_url=f"/jobs/{ID}/poster.jpg",
    url=f"/jobs/{ID}",
    created_at=BEGUN,
    updated_at=DONE,
    segments=(SegmentView(index=0, state=SegmentState.DONE, fraction=1.0, worker="video-worker-0", frames=480, seconds=430.0),),
    events=(Event(at=DONE, kind="completed"), Event(at=CUT, kind="rendering"), Event(at=BEGUN, kind="queued")),
    work=Work(chunk=4.2, render=430.0, reassemble=3.1),
)
"""A job that is done."""

VALUES: tuple[Value, ...] = (
    NewJob(name="holiday.mp4", bytes=SIZE, params=LOOK, start=True),
    ImportedJob(path="films/holiday.mp4", params=LOOK, start=True),
    UrlJob(url="https://films.example/holiday.mp4", params=LOOK, start=True),
    Options(params=LOOK),
    Duplicate(params=RenderParams(layout=FramePacking.ANAGLYPH), start=True),
    AWAITED,
    FINISHED,
    JobListView(jobs=(JobView(**{name: getattr(FINISHED, name) for name in JobView.model_fields}),), cursor="MDFrYjJ5OG0z"),
    PartWanted(offset=104_857_600),
    PartView(url=f"https://storage.example/films/jobs/{ID}/source?partNumber=7", bytes=16_777_216),
    UploadView(offset=121_634_816, bytes=SIZE),
    MomentsView(
        depth="basic",
        width=1920,
        height=1080,
        frames=86_400,
        moments=(MomentView(seconds=95.5, picture=PICTURE, depth=PICTURE, left=PICTURE, right=PICTURE),),
    ),
    RenditionView(fraction=0.25),
    RenditionView(url=f"/jobs/{ID}/rendition.mp4", fraction=1.0),
    ServerView(
        version="0.1.0",
        platform="local",
        place="/srv/stereo-spot",
        imports=True,
        ingest=IngestPolicy.HTTPS,
        previews=True,
        max_upload_bytes=200_000_000_000,
        disk_free_bytes=1_200_000_000_000,
        queues=(QueueView(stage=Stage.RENDER, waiting=12, in_flight=2, dead=0),),
    ),
    Model(
        name="depth-anything-v2-small",
        about="Depth Anything V2, the small one",
        bytes=99_000_000,
        licence="Apache-2.0",
        commercial=True,
        page="https://models.example/depth-anything-v2-small",
        speed="fast",
        present=True,
        default=True,
    ),
    ImportFile(path="films/holiday.mp4", bytes=SIZE, modified=BEGUN),
    Preferences(keep_sources_days=30, keep_results_days=None, keep_uploads_days=7),
    PushKey(key="BKd0FOnmkARoQBfYqW5JtEDhnFYd2T9yTzYpYb5k1yA"),
    Subscription(
        endpoint="https://push.example/send/abc",
        keys=SubscriptionKeys(
            p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", auth="BTBZMqHH6r4Tts7J_aSIgg"
        ),
    ),
    Problem(
        title="Conflict",
        status=409,
        detail=f"Job {ID} is rendering: its options cannot be changed any more.",
        code="conflict",
        hint="Convert it again with other options.",
    ),
)


def examples_by_schema() -> dict[str, list[object]]:
    """The examples of each model, by its name."""
    found: dict[str, list[object]] = {}
    for value in VALUES:
        found.setdefault(type(value).__name__, []).append(value.model_dump(mode="json"))
    return found


def event_stream() -> str:
    """What `events` sends."""
    return f"event: job\nid: {FINISHED.version}\ndata: {FINISHED.model_dump_json()}\n\n"
