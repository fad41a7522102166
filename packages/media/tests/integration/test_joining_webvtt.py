"""Text subtitles come out of a join as WebVTT too, in the clock of the output."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from joining_fixtures import plan_of, render

from stereo_spot_media import webvtt
from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.joining import ReassembleResult, reassemble
from stereo_spot_media.scene import Scene
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.rendering import Container, RenderParams

SMALL = Scene(64, 48, Fraction(24))
OVERLAPPING = ((250, 900, "<i>first</i> & {\\an8}foremost"), (500, 1000, "two\nlines"), (1100, 1200, "\n"))


def join(source: Path, manifest: Manifest, container: Container = Container.MP4) -> tuple[ReassembleResult, Path]:
    folder = source.parent / "words"
    folder.mkdir()
    output = source.parent / f"out.{container}"
    paths = render(source.parent, manifest)
    return reassemble(source, manifest, paths, output, params=RenderParams(container=container), webvtt=folder), folder


@pytest.mark.parametrize("container", [Container.MP4, Container.MKV])
def test_every_track_of_words_is_written_under_its_own_index(tmp_path: Path, container: Container) -> None:
    tracks = (
        Captions(OVERLAPPING, language="eng"),
        Captions(((250, 900, "0,0,Default,,0,0,0,,{\\b1}One\\Ntwo"), (950, 1000, "1,0,Default,,0,0,0,,{\\p1}m 0 0{\\p0}")), codec="ass"),
        Captions(((0, 100, "<v Mary>a &lt; b"),), codec="webvtt"),
    )
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=36, sounds=[Sound()], captions=tracks))
    result, folder = join(source, plan_of(source, 0.7, container), container)
    assert ([track.index for track in result.webvtt], result.without_webvtt) == ([2, 3, 4], ())
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "2.vtt": "WEBVTT\n\n00:00:00.250 --> 00:00:00.900\nfirst &amp; foremost\n\n00:00:00.500 --> 00:00:01.000\ntwo\nlines\n",
        "3.vtt": "WEBVTT\n\n00:00:00.250 --> 00:00:00.900\nOne\ntwo\n",
        "4.vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:00.100\na &lt; b\n",
    }


def test_timed_text_of_an_mp4(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "source.mp4", Clip(SMALL, frames=36, captions=[Captions(((250, 500, "a"), (500, 1250, "b")), codec="mov_text")])
    )
    _, folder = join(source, plan_of(source, 0.7, Container.MKV), Container.MKV)
    assert (folder / "1.vtt").read_text() == "WEBVTT\n\n00:00:00.250 --> 00:00:00.500\na\n\n00:00:00.500 --> 00:00:01.250\nb\n"


def test_an_excerpt_begins_at_0_and_a_shifted_clock_is_shifted(tmp_path: Path) -> None:
    lines = ((0, 200, "before"), (400, 700, "in part"), (800, 900, "in"), (1200, 1400, "after"))
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=36, captions=[Captions(lines)]))
    whole = plan_of(source, 10, Container.MKV)
    times = [time for time in whole.frames.times() if 500 <= time < 1000]
    part = whole.segments[0].model_copy(update={"core": whole.frames.of(times)})
    excerpt = whole.model_copy(
        update={"frames": part.core, "segments": (part,), "excerpt": True, "start_shift": -times[0] * whole.video.time_base}
    )
    _, folder = join(source, excerpt, Container.MKV)
    assert times[0] == 500
    assert (folder / "1.vtt").read_text() == "WEBVTT\n\n00:00:00.000 --> 00:00:00.200\nin part\n\n00:00:00.300 --> 00:00:00.400\nin\n"


def test_a_track_that_holds_too_much_is_skipped_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webvtt, "MOST_CUES", 2)
    tracks = (Captions(((0, 100, "a"), (200, 300, "b"), (400, 500, "c"))), Captions(((600, 700, " "),)))
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=24, captions=tracks))
    result, folder = join(source, plan_of(source, 10, Container.MKV), Container.MKV)
    assert [(track.index, track.left_out) for track in result.without_webvtt] == [(1, "it holds more words than any film")]
    assert [path.name for path in folder.iterdir()] == ["2.vtt"]
    with av.open(str(tmp_path / "out.mkv")) as opened:
        assert len(opened.streams.subtitles) == 2, "the finished video has both all the same"
