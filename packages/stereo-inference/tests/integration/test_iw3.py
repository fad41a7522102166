"""The engine iw3: exact whatever the other program does with time, and a clear error for everything that it may do wrong.

Most tests run a small program that plays iw3's command line. Those marked slow run iw3 itself, where STEREO_SPOT_IW3_DIR and
STEREO_SPOT_IW3_PYTHON say where it is, by the ways that need no weights.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from rendering_fixtures import Cut, cut, decoded, luma, shared_encoder, times_of

from stereo_inference.iw3 import installation as installations
from stereo_inference.iw3.engine import render_segment_with_iw3
from stereo_inference.iw3.installation import Installation
from stereo_inference.settings import Settings
from stereo_spot_media.demo_clip import Clip
from stereo_spot_media.scene import Scene, read_frame_number
from stereo_spot_shared.errors import EngineUnavailable, Interrupted, RenderFailed
from stereo_spot_shared.rendering import RenderParams

SCENE = Scene(width=128, height=72, rate=Fraction(24))
PLAYS_IW3 = Path(__file__).parents[1] / "plays_iw3.py"
NO_DEPTH = {"depth_model": "NULL"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with the program that plays iw3, whose commit counts as the pinned one."""
    folder = tmp_path / "nunif"
    (folder / "iw3" / "pretrained_models").mkdir(parents=True)
    (folder / "iw3" / "__init__.py").write_text("")
    (folder / "iw3" / "cli.py").write_text(PLAYS_IW3.read_text())
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    head = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    monkeypatch.setattr(installations, "COMMIT", head)
    return Installation(folder, Path(sys.executable), None, frame_seconds=30.0, start_seconds=60.0)


def job_for(folder: Path, clip: Clip | None = None, method: str = "backward", **look: object) -> Cut:
    clip = clip or Clip(scene=SCENE, frames=10, options={"g": "5"})
    return cut(folder, clip, depth="auto", engine="iw3", iw3={"method": method, **NO_DEPTH}, **look)


def render(job: Cut, installation: Installation, index: int = 0, **options: object):
    target = job.segments[index].with_suffix(".rendered")
    source = job.segments[index]
    return render_segment_with_iw3(
        job.request(index), source=source, output=target, installation=installation, encoder=shared_encoder(), **options
    ), target


def test_every_frame_keeps_its_exact_time_whatever_iw3_makes_of_time(tmp_path, checkout):
    """Variable: gaps and steps of one tick, which a program that works at a constant rate would double or drop."""
    times = (0, 3003, 6756, 6757, 96_757, 99_760, 99_762, 102_765)
    clip = Clip(scene=SCENE, frames=len(times), times=times, time_base=Fraction(1, 90_000))
    job = job_for(tmp_path, clip, quality="lossless")
    heard: list[int] = []
    result, path = render(job, checkout, on_progress=heard.append)
    assert (result.frames, result.width, result.height, result.depth) == (len(times), 256, 72, "iw3 NULL, backward")
    assert times_of(path, job.manifest) == list(job.manifest.frames.times())
    numbers = [read_frame_number(luma(frame)[:, :128]) for _, frame in decoded(path, job.manifest)]
    assert numbers == list(range(len(times)))
    assert heard[-1] == len(times)
    assert heard.count(0) > len(times)  # a sign of life while iw3 is at work


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_a_picture_that_iw3_leaves_alone_comes_back_as_it_was(tmp_path, checkout, form):
    """Through RGB and back: within two steps of luma in 8 bit, and less in 10."""
    job = job_for(tmp_path, Clip(scene=SCENE, frames=3, pixel_format=form, codec="ffv1"), quality="lossless")
    _, path = render(job, checkout)
    with av.open(str(tmp_path / "source.mkv")) as container:
        sources = [luma(frame).astype(int) for frame in container.decode(video=0)]
    for source, (_, frame) in zip(sources, decoded(path, job.manifest), strict=True):
        left, right = luma(frame)[:, :128].astype(int), luma(frame)[:, 128:].astype(int)
        assert np.array_equal(left, right)
        assert abs(left - source).max() <= 2
        assert abs(left - source).mean() < 0.6


@pytest.mark.parametrize("layout", ["half-sbs", "full-tb", "cross-eyed", "anaglyph", "vr180", "rows", "separate"])
def test_every_layout_with_views_takes_them_from_iw3(tmp_path, checkout, layout):
    job = job_for(tmp_path, layout=layout)
    result, path = render(job, checkout)
    assert result.frames == 10
    assert times_of(path, job.manifest) == list(job.manifest.frames.times())


def test_segments_join_at_seams_without_context(tmp_path, checkout):
    job = job_for(tmp_path, Clip(scene=SCENE, frames=36, options={"g": "12"}), segment_seconds=0.5)
    assert len(job.segments) == 3
    assert all(len(segment.before) == len(segment.after) == 0 for segment in job.manifest.segments)
    found = [time for index in range(3) for time in times_of(render(job, checkout, index)[1], job.manifest)]
    assert found == list(job.manifest.frames.times())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("loses_one", "was given 10 frames and wrote 9"),
        ("adds_one", "was given 10 frames and wrote 11 or more"),
        ("halves", "wrote pictures of 128x72 where 256x72 were expected"),
        ("crashes", r"iw3 failed \(exit status 3\). It said: no such model"),
        ("writes_nothing", "ended well, but wrote nothing"),
    ],
)
def test_what_iw3_does_wrong_fails_the_segment_with_the_reason_and_leaves_nothing(tmp_path, checkout, fault, reason):
    job = job_for(tmp_path)
    (checkout.folder / "fault").write_text(fault)
    with pytest.raises(RenderFailed, match=reason):
        render(job, checkout)
    assert [path.suffix for path in job.segments[0].parent.iterdir() if path.is_file() and path.suffix != ".mp4"] == [".nut"]
    assert not [path for path in job.segments[0].parent.iterdir() if path.name.startswith("stereo-spot-iw3-")]


def test_it_is_killed_with_all_that_it_started_when_its_time_is_up(tmp_path, checkout):
    checkout = Installation(checkout.folder, checkout.python, None, frame_seconds=0.001, start_seconds=1.0)
    (checkout.folder / "fault").write_text("hangs")
    with pytest.raises(RenderFailed, match="not done with 10 frames in time, and was killed"):
        render(job_for(tmp_path), checkout)
    child = int((checkout.folder / "grandchild").read_text())
    assert is_gone(child)


def test_it_stops_when_rendering_is_asked_to(tmp_path, checkout):
    asked = iter([False] * 30)
    (checkout.folder / "fault").write_text("hangs")
    with pytest.raises(Interrupted):
        render(job_for(tmp_path), checkout, should_stop=lambda: next(asked, True))


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


ASKS = """
import sys
from pathlib import Path
from stereo_inference.iw3.installation import Installation
from stereo_inference.iw3.program import run_iw3
from stereo_spot_shared.rendering import RenderParams
folder = Path(sys.argv[1])
run_iw3(Installation(folder, Path(sys.executable), None, 60, 60), folder / "in.mkv", folder / "out.mkv", params=RenderParams(engine="iw3"),
        bits=8, frames=1, on_life=lambda: None, should_stop=lambda: False)
"""


def test_it_dies_with_the_process_that_asked_for_it(checkout):
    """As a rendering process is killed when it is stuck, or its job was cancelled: nothing computes on for nobody."""
    (checkout.folder / "fault").write_text("hangs")
    with subprocess.Popen([sys.executable, "-c", ASKS, checkout.folder]) as asking:
        deadline = time.monotonic() + 60
        while not (checkout.folder / "grandchild").exists():
            assert asking.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        asking.kill()
    iw3 = int((checkout.folder / "itself").read_text())
    while not is_gone(iw3):
        assert time.monotonic() < deadline, "iw3 outlives whoever asked for it"
        time.sleep(0.05)
    os.kill(int((checkout.folder / "grandchild").read_text()), 9)


def test_what_is_not_there_or_not_the_right_one_is_named(tmp_path, checkout, monkeypatch):
    options = RenderParams(engine="iw3", iw3={"method": "backward", **NO_DEPTH}).iw3
    with pytest.raises(EngineUnavailable, match="not set up on this machine"):
        Installation.of(Settings(iw3_dir=None))
    nowhere = Installation(tmp_path / "nowhere", Path(sys.executable), None, 1, 1)
    with pytest.raises(EngineUnavailable, match="There is no iw3 in"):
        nowhere.check(options)
    checkout.check(options)
    (checkout.folder / "iw3" / "cli.py").write_text("import os\n")
    with pytest.raises(EngineUnavailable, match=r"another one than expected .* with changes"):
        checkout.check(options)
    monkeypatch.setattr(installations, "COMMIT", "0" * 40)
    with pytest.raises(EngineUnavailable, match="another one than expected"):
        checkout.check(options)


def test_models_are_loaded_only_if_somebody_listed_them(tmp_path, checkout):
    options = RenderParams(engine="iw3", iw3={"method": "row_flow", "depth_model": "Any_V2_S"}).iw3
    weights = checkout.folder / "iw3" / "pretrained_models" / "hub" / "checkpoints" / "some.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    with pytest.raises(EngineUnavailable, match="not vouched for by anybody"):
        checkout.check(options)
    sums = tmp_path / "SUMS"
    listed = Installation(checkout.folder, checkout.python, sums, 1, 1)
    with pytest.raises(EngineUnavailable, match="SUMS cannot be read"):
        listed.check(options)
    sums.write_text("")
    with pytest.raises(EngineUnavailable, match=r"some\.pth is not listed"):
        listed.check(options)
    sums.write_text(f"{hashlib.sha256(b'weights').hexdigest()}  ./hub/checkpoints/some.pth\n")
    listed.check(options)
    weights.write_bytes(b"other weights")
    with pytest.raises(EngineUnavailable, match=r"some\.pth has another SHA-256"):
        listed.check(options)


@pytest.mark.parametrize(
    "look",
    [{"layout": "rgbd"}, {"depth": "basic"}, {"convergence": "auto"}, {"keep_eye": "left"}, {"floating_window": True}, {"autocrop": True}],
)
def test_what_iw3_does_not_do_is_refused(look):
    with pytest.raises(ValueError, match="the engine iw3 knows no"):
        RenderParams(engine="iw3", **look)


@pytest.fixture
def iw3() -> Installation:
    """The real one."""
    settings = Settings()
    if settings.iw3_dir is None or settings.iw3_python is None:
        pytest.skip("no iw3: STEREO_SPOT_IW3_DIR and STEREO_SPOT_IW3_PYTHON do not say where it is")
    return Installation.of(settings)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["backward", "forward_fill"])
@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le"])
def test_iw3_itself_renders_every_frame_at_its_time(tmp_path, iw3, method, form):
    times = (0, 3003, 6756, 6757, 96_757, 99_760, 99_762, 102_765)
    clip = Clip(scene=Scene(width=320, height=180), frames=8, times=times, time_base=Fraction(1, 90_000), pixel_format=form)
    job = job_for(tmp_path, clip, method=method, quality="lossless", max_disparity=1.0)
    result, path = render(job, iw3)
    assert result.frames == 8
    assert times_of(path, job.manifest) == list(job.manifest.frames.times())
    for number, (_, frame) in enumerate(decoded(path, job.manifest)):
        assert read_frame_number(luma(frame)[:, :320] >> (form.endswith("10le") and 2)) == number


@pytest.mark.slow
@pytest.mark.parametrize("method", ["backward", "forward_fill"])
def test_its_disparity_means_what_ours_does(tmp_path, iw3, method):
    """NULL depth is brightness: a dark and a bright half move apart by the difference of their depth."""
    generator = np.random.default_rng(1)
    grey = np.clip(np.where(np.arange(400) < 200, 60, 190) + 24 * generator.standard_normal((224, 400)), 2, 253)
    grey[:8, :8], grey[:8, -8:] = 0, 255  # the range is that of the picture
    path = tmp_path / "source.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 400, 224, "yuv444p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame.reformat(format="yuv444p")))
        container.mux(stream.encode(None))
    job = cut(tmp_path / "cut", path, depth="auto", engine="iw3", iw3={"method": method, **NO_DEPTH}, quality="lossless", max_disparity=5.0)
    _, rendered = render(job, iw3)
    _, frame = next(decoded(rendered, job.manifest))
    left, right = luma(frame)[20:-20, :400].astype(float), luma(frame)[20:-20, 400:].astype(float)

    def shift(begin: int, end: int) -> int:
        """Columns by which the right view lies further left."""
        errors = [np.abs(left[:, begin:end] - right[:, begin - by : end - by]).mean() for by in range(-25, 26)]
        return int(np.argmin(errors)) - 25

    depth = (190 - 60) / 255
    assert abs((shift(260, 340) - shift(60, 140)) - 0.05 * 400 * depth) <= 2
