"""What must never become a finished video, and what is left on the disk when it does not."""

import resource
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from joining_fixtures import OFFSET, X264, X265, encode, plan, render

from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.join_tracks import TrackRecord
from stereo_spot_media.joining import reassemble
from stereo_spot_media.scene import Scene
from stereo_spot_media.segment_io import encoder_fingerprint, inspect_rendered
from stereo_spot_media.verify import verify_output
from stereo_spot_shared.errors import Interrupted, MissingSource, NoSpaceLeft, StereoSpotError, StorageUnavailable, VerificationFailed
from stereo_spot_shared.manifest import Manifest, Track, TrackKind
from stereo_spot_shared.rendering import Container, RenderParams
from stereo_spot_shared.timing import Ticks

TIME_BASE = Fraction(1, 90000)
TIMES = [3600 * frame for frame in range(30)]
SOUND = Track(index=1, kind=TrackKind.AUDIO, codec="aac")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = Clip(Scene(64, 48), frames=30, sounds=[Sound("aac")])
    return write_clip(tmp_path_factory.mktemp("source") / "source.mp4", clip)


@pytest.fixture
def manifest() -> Manifest:
    return plan(TIMES, TIME_BASE, [10, 10, 10], tracks=[SOUND])


def join(source: Path, manifest: Manifest, paths: list[Path], output: Path, container: Container = Container.MP4) -> None:
    reassemble(source, manifest, paths, output, params=RenderParams(container=container))


def reencoded(paths: list[Path], times: list[int], encoder: tuple[str, dict[str, str]] = X264, **how: object) -> None:
    encode(paths[1], times, TIME_BASE, encoder, **how)  # type: ignore[arg-type]


def cut_in_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


FAULTS: dict[str, tuple[Callable[[list[Path]], object], str]] = {
    "missing": (lambda paths: paths[1].unlink(), "Segment 1 is missing"),
    "too few paths": (lambda paths: paths.pop(), "Segment 2 is missing"),
    "too many paths": (lambda paths: paths.append(paths[0]), "more rendered segments"),
    "swapped": (lambda paths: paths.insert(1, paths.pop()), "Segment 1 holds frames at other times"),
    "the same twice": (lambda paths: shutil.copy(paths[0], paths[1]), "Segment 1 holds frames at other times"),
    "a frame less": (lambda paths: reencoded(paths, TIMES[10:19]), "Segment 1 holds 9 frames"),
    "a frame inside missing": (lambda paths: reencoded(paths, TIMES[10:14] + TIMES[15:20]), "Segment 1 holds 9 frames"),
    "a frame more": (lambda paths: reencoded(paths, TIMES[10:21]), "Segment 1 holds frames at other times"),
    "a frame twice": (lambda paths: reencoded(paths, sorted([*TIMES[10:20], TIMES[15]])), "Segment 1 holds more than 10 frames"),
    "a frame a tick late": (
        lambda paths: reencoded(paths, [*TIMES[10:14], TIMES[14] + 1, *TIMES[15:20]]),
        "Segment 1 holds frames at other times",
    ),
    "another codec": (lambda paths: reencoded(paths, TIMES[10:20], X265), "encoded with other settings"),
    "another size": (lambda paths: reencoded(paths, TIMES[10:20], size=(64, 48)), "encoded with other settings"),
    "another profile": (
        lambda paths: reencoded(paths, TIMES[10:20], ("libx264", {"preset": "slow"})),
        "encoded with other settings",
    ),
    "truncated": (lambda paths: cut_in_half(paths[1]), "Segment 1|cannot be read|damaged"),
    "not a video": (lambda paths: paths[1].write_bytes(b"\x00\x01junk" * 500), "cannot be read"),
    "empty": (lambda paths: paths[1].write_bytes(b""), "cannot be read"),
    "first one empty": (lambda paths: paths[0].write_bytes(b""), "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_segments_are_refused_and_nothing_is_left(tmp_path: Path, source: Path, manifest: Manifest, fault: str) -> None:
    paths = render(tmp_path, manifest)
    damage, sentence = FAULTS[fault]
    damage(paths)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(VerificationFailed, match=sentence):
        join(source, manifest, paths, tmp_path / "out.mp4")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_lost_frames_must_belong_to_the_segment(tmp_path: Path, source: Path, manifest: Manifest) -> None:
    with pytest.raises(VerificationFailed, match="Segment 2 reports frames lost"):
        reassemble(
            source,
            manifest,
            render(tmp_path, manifest),
            tmp_path / "out.mp4",
            params=RenderParams(container=Container.MP4),
            lost={2: Ticks.of([7])},
        )


def test_a_video_of_which_nothing_decoded_is_refused(tmp_path: Path, source: Path, manifest: Manifest) -> None:
    with pytest.raises(VerificationFailed, match="No picture"):
        reassemble(
            source,
            manifest,
            render(tmp_path, manifest),
            tmp_path / "out.mp4",
            params=RenderParams(container=Container.MP4),
            lost={spec.index: spec.core for spec in manifest.segments},
        )


def test_an_existing_output_stays_until_the_new_one_is_whole(tmp_path: Path, source: Path, manifest: Manifest) -> None:
    paths = render(tmp_path, manifest)
    output = tmp_path / "out.mp4"
    output.write_bytes(b"the old one")
    with pytest.raises(VerificationFailed):
        join(source, manifest, paths[:2], output)
    assert output.read_bytes() == b"the old one"
    join(source, manifest, paths, output)
    assert output.stat().st_size > 1000


def test_a_missing_source_is_said_to_be_missing(tmp_path: Path, manifest: Manifest) -> None:
    with pytest.raises(MissingSource):
        join(tmp_path / "gone.mp4", manifest, render(tmp_path, manifest), tmp_path / "out.mp4")


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path, source: Path, manifest: Manifest) -> None:
    paths = render(tmp_path, manifest)
    with pytest.raises(StorageUnavailable, match="could not be written"):
        join(source, manifest, paths, tmp_path / "nowhere" / "out.mp4")


@pytest.mark.parametrize("container", Container)
def test_a_full_disk_is_said_to_be_full_and_leaves_nothing(tmp_path: Path, source: Path, manifest: Manifest, container: Container) -> None:
    paths = render(tmp_path, manifest)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # the kernel refuses to write further, as on a full disk
    try:
        with pytest.raises(NoSpaceLeft):
            join(source, manifest, paths, tmp_path / f"out.{container}", container)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.suffix for path in tmp_path.iterdir()} == {".nut"}


def test_what_progress_raises_ends_the_joining_and_leaves_nothing(tmp_path: Path, source: Path) -> None:
    manifest = plan(list(range(300)), Fraction(1, 25), [150, 150])
    paths = render(tmp_path, manifest)

    def stop(frames: int) -> None:
        raise Interrupted(str(frames))

    with pytest.raises(Interrupted):
        reassemble(source, manifest, paths, tmp_path / "o.mp4", params=RenderParams(container=Container.MP4), on_progress=stop)
    assert {path.suffix for path in tmp_path.iterdir()} == {".nut"}


@pytest.fixture(params=list(Container))
def finished(request: pytest.FixtureRequest, tmp_path: Path, source: Path, manifest: Manifest) -> tuple[Path, Container]:
    output = tmp_path / f"out.{request.param}"
    join(source, manifest, render(tmp_path, manifest), output, request.param)
    return output, request.param


def test_truncated_results_are_refused_wherever_they_end(finished: tuple[Path, Container], manifest: Manifest) -> None:
    output, container = finished
    whole = output.read_bytes()
    verify_output(output, manifest, {}, container)
    record = TrackRecord(SOUND, 1, "aac")
    with av.open(str(output)) as opened:
        audio = opened.streams.audio[0]
        for packet in opened.demux(audio):
            if packet.size:
                record.note(bytes(packet), round(packet.pts * packet.time_base * 1_000_000))
    verify_output(output, manifest, {}, container, [record])
    for share in range(1, 10):
        output.write_bytes(whole[: len(whole) * share // 10])
        with pytest.raises(VerificationFailed):
            verify_output(output, manifest, {}, container, [record])


def test_a_last_picture_that_is_not_whole_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    silent = write_clip(tmp_path / "silent.mp4", Clip(Scene(64, 48), frames=2))
    quiet = manifest.model_copy(update={"tracks": ()})
    output = tmp_path / "out.mp4"
    join(silent, quiet, render(tmp_path, quiet), output)
    whole = output.read_bytes()
    for missing in (1, 2, 5):
        output.write_bytes(whole[:-missing])
        with pytest.raises(VerificationFailed):
            verify_output(output, quiet, {}, Container.MP4)


def test_frames_that_an_edit_list_hides_do_not_count(tmp_path: Path) -> None:
    times = [512 * frame - 1024 for frame in range(10)]
    hidden = write_clip(tmp_path / "hidden.mp4", Clip(Scene(64, 48), times=times))
    with pytest.raises(VerificationFailed, match="other frames"):
        verify_output(hidden, plan(times, Fraction(1, 12288), [10]), {}, Container.MP4)


def test_results_of_another_manifest_are_refused(finished: tuple[Path, Container], manifest: Manifest) -> None:
    output, container = finished
    moved = [*TIMES[:15], TIMES[15] + 200, *TIMES[16:]]
    others = {
        "holds 30 frames; the manifest promises 31": plan([*TIMES, 3600 * 30], TIME_BASE, [31]),
        "other frames than the 29": plan(TIMES[:-1], TIME_BASE, [29]),
        "1 frames of the finished video": plan(moved, TIME_BASE, [30]),
        "30 frames of the finished video": plan(TIMES, TIME_BASE, [30], start_shift=Fraction(1, 10)),
    }
    for sentence, other in others.items():
        with pytest.raises(VerificationFailed, match=sentence):
            verify_output(output, other, {}, container)


@pytest.mark.parametrize(
    ("payload_change", "late", "sentence"),
    [(b"x", 0, "unchanged"), (b"", 2500, "out of place by 2.5 ms"), (b"", -2500, "out of place by 2.5 ms")],
)
def test_changed_or_moved_sound_is_refused(
    finished: tuple[Path, Container], manifest: Manifest, payload_change: bytes, late: int, sentence: str
) -> None:
    output, container = finished
    record = TrackRecord(SOUND, 1, "aac")
    with av.open(str(output)) as opened:
        for number, packet in enumerate(packet for packet in opened.demux(audio=0) if packet.size):
            payload = bytes(packet)
            if number == 7 and payload_change:
                payload = payload_change + payload[1:]
            record.note(payload, round(packet.pts * packet.time_base * 1_000_000) + late)
    with pytest.raises(VerificationFailed, match=sentence):
        verify_output(output, manifest, {}, container, [record])


@pytest.mark.parametrize("encoder", [X264, X265], ids=["x264", "x265"])
def test_a_rendered_segment_tells_what_it_is(tmp_path: Path, encoder: tuple[str, dict[str, str]]) -> None:
    path = encode(tmp_path / "s.nut", TIMES[10:20], TIME_BASE, encoder, aspect=Fraction(1, 2))
    info = inspect_rendered(path, time_base=TIME_BASE, pts_offset=OFFSET)
    assert list(info.times.times()) == TIMES[10:20]
    assert (info.codec, info.width, info.height) == ("h264" if encoder is X264 else "hevc", 128, 48)
    assert info.sample_aspect_ratio == Fraction(1, 2)
    assert info.bytes == path.stat().st_size
    codec, options = encoder
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = 128, 48, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.sample_aspect_ratio = Fraction(1, 2)
    context.flags |= av.codec.context.Flags.global_header
    context.options = {"threads": "1", **options}
    context.open()
    assert encoder_fingerprint(context) == info.fingerprint


def test_a_segment_that_begins_without_a_keyframe_is_refused(tmp_path: Path) -> None:
    no_reordering = ("libx264", {"preset": "ultrafast", "tune": "zerolatency"})
    whole, headless = encode(tmp_path / "whole.nut", TIMES[:10], TIME_BASE, no_reordering), tmp_path / "headless.nut"
    with av.open(str(whole)) as opened, av.open(str(headless), "w") as output:
        stream = output.add_stream_from_template(opened.streams.video[0], opaque=True)
        for packet in [packet for packet in opened.demux(video=0) if packet.size][1:]:
            packet.stream = stream
            output.mux(packet)
    with pytest.raises(VerificationFailed, match="keyframe"):
        inspect_rendered(headless, time_base=TIME_BASE, pts_offset=OFFSET)


def test_a_rendered_segment_with_times_between_ticks_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "s.nut", [0, 1, 2], Fraction(1, 25))
    with pytest.raises(VerificationFailed, match="whole number of ticks"):
        inspect_rendered(path, time_base=Fraction(1, 24), pts_offset=OFFSET)


@pytest.mark.parametrize("content", [b"", b"\x00" * 1000, b"#EXTM3U\nfile:///etc/passwd\n"])
def test_what_is_no_segment_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.nut"
    path.write_bytes(content)
    with pytest.raises(StereoSpotError):
        inspect_rendered(path, time_base=TIME_BASE, pts_offset=OFFSET)
