"""The joined picture: every frame once, at its exact time, marked as stereo."""

import dataclasses
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from zlib import crc32

import av
import pymediainfo
import pytest
from av.sidedata.sidedata import Type as SideDataType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joining_fixtures import X264, X265, plan, render

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.joining import ReassembleResult, reassemble
from stereo_spot_media.matroska import CRC_32, SEGMENT, TRACKS, elements, find, number
from stereo_spot_media.probe import content_light, mastering_display
from stereo_spot_media.scene import Scene
from stereo_spot_shared.manifest import ContentLight, Manifest, MasteringDisplay
from stereo_spot_shared.rendering import Container, FramePacking, RenderParams
from stereo_spot_shared.timing import Ticks

VFR = [0, 1500, 1510, 9000, 9001, 9002, 12000, 30000, 30003, 45000]
CLOCKS = {
    "90 kHz": (Fraction(1, 90000), [3600 * frame for frame in range(60)]),
    "90 kHz, first frame at 100 s": (Fraction(1, 90000), [9_000_000 + 3003 * frame for frame in range(30)]),
    "1 kHz of Matroska": (Fraction(1, 1000), [round(frame * 1001 / 24) for frame in range(60)]),
    "1001/24000": (Fraction(1001, 24000), list(range(60))),
    "1001/30000, first frame 7": (Fraction(1001, 30000), list(range(7, 60))),
    "1/25": (Fraction(1, 25), list(range(40))),
    "1/12288": (Fraction(1, 12288), [512 * frame for frame in range(50)]),
    "variable": (Fraction(1, 90000), VFR),
    "duplicate times": (Fraction(1, 600), [0, 20, 20, 40, 60, 60, 60, 80, 81, 82, 100, 120]),
    "one frame": (Fraction(1, 25), [3]),
    "a second between frames": (Fraction(1, 1000), [0, 1000, 2000, 3000]),
    "1/16000, start 0.128 s": (Fraction(1, 16000), [2048 + 1131 * frame for frame in range(30)]),
}


@pytest.fixture(scope="session")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source without sound: joining takes nothing from it but its tags."""
    return write_clip(tmp_path_factory.mktemp("source") / "silent.mp4", Clip(Scene(64, 48), frames=2))


def times_of(path: Path) -> list[Fraction]:
    with av.open(str(path)) as opened:
        video = opened.streams.video[0]
        packets = [packet for packet in opened.demux(video) if packet.size]
        assert not any(packet.is_discard for packet in packets)
        dts = [packet.dts for packet in packets if packet.dts is not None]
        assert dts == sorted(dts)
        return sorted(packet.pts * video.time_base for packet in packets)


def decoded_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as opened:
        return [frame.pts * frame.time_base for frame in opened.decode(video=0)]


def joined(
    folder: Path,
    source: Path,
    manifest: Manifest,
    container: Container,
    *,
    encoder: tuple[str, dict[str, str]] = X264,
    params: RenderParams | None = None,
) -> tuple[Path, ReassembleResult]:
    output = folder / f"out.{container}"
    paths = render(folder, manifest, encoder)
    params = (params or RenderParams()).model_copy(update={"container": container})
    return output, reassemble(source, manifest, paths, output, params=params)


@pytest.mark.parametrize("encoder", [X264, X265], ids=["x264", "x265"])
@pytest.mark.parametrize("clock", CLOCKS)
def test_times_are_the_same_rationals_in_mp4(tmp_path: Path, silent: Path, clock: str, encoder: tuple[str, dict[str, str]]) -> None:
    time_base, times = CLOCKS[clock]
    manifest = plan(times, time_base, [7, 1, 2, 5, 1, 13, 50])
    output, result = joined(tmp_path, silent, manifest, Container.MP4, encoder=encoder)
    assert times_of(output) == [ticks * time_base for ticks in times]
    assert decoded_times(output) == [ticks * time_base for ticks in times]
    assert result.frames == len(times)
    assert result.codec == ("h264" if encoder is X264 else "hevc")
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize("container", [Container.MOV, Container.MKV])
@pytest.mark.parametrize("clock", CLOCKS)
def test_times_in_mov_are_exact_and_in_mkv_within_a_millisecond(tmp_path: Path, silent: Path, clock: str, container: Container) -> None:
    time_base, times = CLOCKS[clock]
    manifest = plan(times, time_base, [7, 1, 2, 5, 1, 13, 50])
    output, _ = joined(tmp_path, silent, manifest, container)
    allowed = Fraction(1, 2000) if container is Container.MKV else 0
    pairs = zip(times_of(output), [ticks * time_base for ticks in times], strict=True)
    assert all(abs(found - wanted) <= allowed for found, wanted in pairs)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 4000), min_size=1, max_size=30),
    first=st.integers(0, 10**7),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    time_base=st.sampled_from([Fraction(1, 90000), Fraction(1, 1000), Fraction(1001, 24000), Fraction(7, 600)]),
)
def test_any_times_and_any_cuts_join_exactly(
    tmp_path_factory: pytest.TempPathFactory, silent: Path, gaps: list[int], first: int, lengths: list[int], time_base: Fraction
) -> None:
    times = [first + sum(gaps[:number]) for number in range(len(gaps))]
    # Two segments that begin within the last moments are more than FFmpeg's demuxer finds its way through.
    manifest = plan(times, time_base, lengths, last_duration=int(1 / time_base) + 1)
    output, _ = joined(tmp_path_factory.mktemp("joined"), silent, manifest, Container.MP4)
    assert times_of(output) == [ticks * time_base for ticks in times]


def test_a_long_gap_before_the_last_segments_costs_no_frame(tmp_path: Path, silent: Path) -> None:
    times = [*range(0, 24_000, 3000), 9_000_000, 9_045_000, 9_090_000, 9_093_000, 9_096_000]
    manifest = plan(times, Fraction(1, 90000), [8, 1, 1, 3], last_duration=3000)
    output, _ = joined(tmp_path, silent, manifest, Container.MP4)
    assert times_of(output) == decoded_times(output) == [Fraction(time, 90000) for time in times]


def test_packed_pictures_may_be_larger_than_any_source(tmp_path: Path, silent: Path) -> None:
    manifest = plan([0, 1], Fraction(1, 25), [2])
    paths = render(tmp_path, manifest, ("ffv1", {}), size=(16640, 32))
    output = tmp_path / "out.mkv"
    result = reassemble(silent, manifest, paths, output, params=RenderParams(container=Container.MKV))
    assert result.width == 16640


def test_the_last_frame_is_shown_as_long_as_the_manifest_says(tmp_path: Path, silent: Path) -> None:
    manifest = plan([0, 10, 20, 30], Fraction(1, 100), [2, 2], last_duration=70)
    output, _ = joined(tmp_path, silent, manifest, Container.MP4)
    # By the edit list, which says when the picture ends; FFmpeg goes by the sum of decoding durations.
    assert pymediainfo.MediaInfo.parse(str(output)).video_tracks[0].duration == 1000


def test_a_start_shift_moves_every_frame(tmp_path: Path, silent: Path) -> None:
    start = 1_728_688_904
    manifest = plan([start + 3600 * frame for frame in range(20)], Fraction(1, 90000), [9, 9], start_shift=Fraction(-start, 90000))
    output, _ = joined(tmp_path, silent, manifest, Container.MP4)
    assert times_of(output) == [Fraction(frame, 25) for frame in range(20)]


def test_lost_frames_leave_a_gap_and_nothing_moves(tmp_path: Path, silent: Path) -> None:
    times = list(range(0, 600, 20))
    manifest = plan(times, Fraction(1, 600), [10, 10, 10])
    gone = {10 * 20, 11 * 20, 19 * 20}
    lost = {1: Ticks.of(sorted(gone))}
    paths = render(tmp_path, manifest, skip=frozenset(gone))
    output = tmp_path / "out.mp4"
    result = reassemble(silent, manifest, paths, output, params=RenderParams(container=Container.MP4), lost=lost)
    assert times_of(output) == [Fraction(time, 600) for time in times if time not in gone]
    assert result.frames == 27


def test_a_segment_whose_frames_are_all_lost_needs_no_picture(tmp_path: Path, silent: Path) -> None:
    manifest = plan(list(range(12)), Fraction(1, 25), [4, 4, 4])
    paths = render(tmp_path, manifest.model_copy(update={"segments": manifest.segments[1:]}))
    empty = tmp_path / "empty.nut"
    empty.touch()
    output = tmp_path / "out.mkv"
    lost = {0: manifest.segments[0].core}
    reassemble(silent, manifest, [empty, *paths], output, params=RenderParams(container=Container.MKV), lost=lost)
    assert len(times_of(output)) == 8


def test_segments_are_asked_for_one_at_a_time_and_may_be_deleted_behind(tmp_path: Path, silent: Path) -> None:
    manifest = plan(list(range(40)), Fraction(1, 25), [10, 10, 10, 10])
    paths = render(tmp_path, manifest)

    def fetched():
        for path in paths:
            yield path
            path.unlink()

    output = tmp_path / "out.mp4"
    seen: list[int] = []
    reassemble(silent, manifest, fetched(), output, params=RenderParams(container=Container.MP4), on_progress=seen.append)
    assert len(times_of(output)) == 40
    assert not any(path.exists() for path in paths)
    assert seen[-1] == 40


SBS, RL = "Side by Side (left eye first)", "Side by Side (right eye first)"
MARKS = {
    FramePacking.FULL_SBS: (2, SBS, 4, RL),
    FramePacking.HALF_SBS: (2, SBS, 4, RL),
    FramePacking.FULL_TB: (1, "Top-Bottom (left eye first)", None, "Top-Bottom (right eye first)"),
    FramePacking.HALF_TB: (1, "Top-Bottom (left eye first)", None, "Top-Bottom (right eye first)"),
    FramePacking.VR180: (2, SBS, 4, RL),
    FramePacking.ROWS: (None, "Row Interleaved (left eye first)", None, "Row Interleaved (right eye first)"),
    FramePacking.ANAGLYPH: (None, "Anaglyph (cyan/red)", None, None),
    FramePacking.ANAGLYPH_GREY: (None, "Anaglyph (cyan/red)", None, None),
    FramePacking.ANAGLYPH_COLOUR: (None, "Anaglyph (cyan/red)", None, None),
    FramePacking.ANAGLYPH_HALF_COLOUR: (None, "Anaglyph (cyan/red)", None, None),
    FramePacking.ANAGLYPH_GREEN_MAGENTA: (None, "Anaglyph (green/magenta)", None, None),
    FramePacking.ANAGLYPH_AMBER_BLUE: (None, None, None, None),
}
"""What the file says with the left eye first, in MP4 (st3d) and in Matroska, and with the right eye first."""

CASES = [
    *((RenderParams(layout=layout), *marks[:2]) for layout, marks in MARKS.items()),
    *((RenderParams(layout=layout, eye_swap=True), *marks[2:]) for layout, marks in MARKS.items()),
    (RenderParams(layout=FramePacking.CROSS_EYED), 4, RL),
    (RenderParams(layout=FramePacking.SEPARATE), None, None),
    (RenderParams(layout=FramePacking.RGBD), None, None),
    (RenderParams(layout=FramePacking.DEPTH), None, None),
]


def case(value: object) -> str | None:
    return f"{value.layout}{' swapped' * value.eye_swap}" if isinstance(value, RenderParams) else None


def test_every_layout_is_among_the_cases() -> None:
    assert {params.layout for params, _, _ in CASES} == set(FramePacking)


@pytest.mark.parametrize(("params", "mode", "_matroska"), CASES, ids=case)
@pytest.mark.parametrize("container", [Container.MP4, Container.MOV])
def test_mp4_and_mov_say_how_the_views_are_packed(
    tmp_path: Path, silent: Path, params: RenderParams, mode: int | None, _matroska: str | None, container: Container
) -> None:
    manifest = plan(list(range(30)), Fraction(1, 25), [20, 10])
    output, _ = joined(tmp_path, silent, manifest, container, params=params)
    trace = pymediainfo.MediaInfo.parse(str(output), mediainfo_options={"Details": "1"}, output="text")
    assert trace.count("st3d (13 bytes)") == (0 if mode is None else 1)
    assert pymediainfo.MediaInfo.parse(str(output)).general_tracks[0].isstreamable == "Yes"  # the index comes first
    with av.open(str(output)) as opened:
        frame = next(opened.decode(video=0))
        stereo = frame.side_data.get(SideDataType.STEREO3D)
        if mode in (1, 2):
            # AVStereo3D begins with its type: 1 is side by side, 2 is top and bottom.
            assert int.from_bytes(bytes(stereo)[:4], "little") == {2: 1, 1: 2}[mode]
        elif mode is None:
            assert stereo is None
    assert (b"\x00\x00\x00\x0dst3d\x00\x00\x00\x00" + bytes([mode or 0]) in output.read_bytes()) == (mode is not None)
    assert len(decoded_times(output)) == 30


@pytest.mark.parametrize(("params", "_mode", "matroska"), CASES, ids=case)
def test_mkv_says_how_the_views_are_packed(
    tmp_path: Path, silent: Path, params: RenderParams, _mode: int | None, matroska: str | None
) -> None:
    manifest = plan(list(range(30)), Fraction(1, 25), [20, 10])
    output, _ = joined(tmp_path, silent, manifest, Container.MKV, params=params)
    video = pymediainfo.MediaInfo.parse(str(output)).video_tracks[0]
    assert video.multiview_layout == matroska
    assert sorted(path.name for path in tmp_path.iterdir() if "template" in path.name) == []


@pytest.mark.parametrize("tool", ["ffprobe", "mkvinfo"])
def test_other_readers_see_it_where_they_are_installed(tmp_path: Path, silent: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    manifest = plan(list(range(4)), Fraction(1, 25), [2, 2])
    output, _ = joined(tmp_path, silent, manifest, Container.MKV)
    command = ["ffprobe", "-v", "error", "-show_streams", str(output)] if tool == "ffprobe" else ["mkvinfo", str(output)]
    assert "side by side" in subprocess.run(command, capture_output=True, text=True, check=True).stdout.lower()


@pytest.mark.parametrize("container", Container)
def test_half_domes_are_marked_as_such(tmp_path: Path, silent: Path, container: Container) -> None:
    """FFmpeg reads a panorama back that lacks the quarters on both sides (AVSphericalMapping: bounds as 0.32 numbers)."""
    manifest = plan(list(range(4)), Fraction(1, 25), [2, 2])
    output, _ = joined(tmp_path, silent, manifest, container, params=RenderParams(layout=FramePacking.VR180))
    with av.open(str(output)) as opened:
        projection, *_, left, top, right, bottom, _padding = struct.unpack("=i3i4II", bytes(spherical(next(opened.decode(video=0)))))
    assert projection in (0, 2)  # equirectangular, whole or tiled
    assert (left, top, right, bottom) == (1 << 30, 0, 1 << 30, 0)


def spherical(frame: av.VideoFrame) -> bytes:
    data = frame.side_data.get(SideDataType.SPHERICAL)
    assert data is not None
    return bytes(data)


DISPLAY = MasteringDisplay(
    red=(Fraction(34000, 50000), Fraction(16000, 50000)),
    green=(Fraction(13250, 50000), Fraction(34500, 50000)),
    blue=(Fraction(7500, 50000), Fraction(3000, 50000)),
    white=(Fraction(15635, 50000), Fraction(16450, 50000)),
    min_luminance=Fraction(50, 10000),
    max_luminance=Fraction(1000),
)


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize("encoder", [X264, X265], ids=["x264", "x265"])
def test_containers_say_what_light_the_picture_was_mastered_for(
    tmp_path: Path, silent: Path, container: Container, encoder: tuple[str, dict[str, str]]
) -> None:
    """The encoders of this test write no metadata of their own: what is found is the container's."""
    manifest = plan(list(range(4)), Fraction(1, 25), [2, 2])
    light = ContentLight(max_content=1000, max_average=400)
    video = manifest.video.model_copy(update={"mastering_display": DISPLAY, "content_light": light})
    output, _ = joined(tmp_path, silent, manifest.model_copy(update={"video": video}), container, encoder=encoder)
    with av.open(str(output)) as opened:
        frame = next(opened.decode(video=0))
        assert mastering_display(frame) == DISPLAY
        assert content_light(frame) == light
    found = pymediainfo.MediaInfo.parse(str(output)).video_tracks[0]
    assert found.mastering_display_luminance == "min: 0.0050 cd/m2, max: 1000 cd/m2"
    assert (found.mastering_display_color_primaries, found.masteringdisplay_colorprimaries_source) == ("Display P3", "Container")
    levels = found.maximum_content_light_level, found.maximum_frameaverage_light_level
    assert [level.split()[0] for level in levels] == ["1000", "400"]  # with its unit in MP4, without in Matroska


@pytest.mark.parametrize("container", [Container.MP4, Container.MOV])
def test_hevc_is_tagged_as_apple_wants_it(tmp_path: Path, silent: Path, container: Container) -> None:
    manifest = plan(list(range(10)), Fraction(1, 25), [5, 5])
    output, _ = joined(tmp_path, silent, manifest, container, encoder=X265)
    with av.open(str(output)) as opened:
        assert opened.streams.video[0].codec_context.codec_tag == "hvc1"


def test_the_rotation_of_the_source_is_not_applied_twice(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "rotated.mp4", dataclasses.replace(Clip(Scene(64, 48), frames=2), rotation=-90))
    manifest = plan(list(range(4)), Fraction(1, 25), [2, 2])
    output, _ = joined(tmp_path, source, manifest, Container.MP4)
    with av.open(str(output)) as opened:
        assert next(opened.decode(video=0)).rotation == 0


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(64, 45), Fraction(8, 9)], ids=str)
@pytest.mark.parametrize("layout", ["full-sbs", "half-tb", "cross-eyed", "rows", "anaglyph", "separate", "rgbd"])
@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize("size", [(640, 360), (128, 48)], ids=["large", "small"])
def test_pixels_keep_their_shape(
    tmp_path: Path, silent: Path, aspect: Fraction, layout: str, container: Container, size: tuple[int, int]
) -> None:
    manifest = plan(list(range(4)), Fraction(1, 25), [2, 2])
    output = tmp_path / f"out.{container}"
    paths = render(tmp_path, manifest, size=size, aspect=aspect)
    result = reassemble(silent, manifest, paths, output, params=RenderParams(layout=layout, container=container))
    assert result.sample_aspect_ratio == aspect
    if container is Container.MKV:
        data = bytearray(output.read_bytes())
        tracks = find(data, 0, len(data), SEGMENT, TRACKS)
        checksum = next(elements(data, tracks.start, tracks.end))
        assert checksum.id == CRC_32
        assert number(data, checksum) == int.from_bytes(crc32(data[checksum.end : tracks.end]).to_bytes(4, "little"), "big")
    with av.open(str(output)) as opened:
        found = opened.streams.video[0].sample_aspect_ratio
        assert abs(found / aspect - 1) < (Fraction(1, 200) if container is Container.MKV else Fraction(1, 10**9))
