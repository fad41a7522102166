"""Reading a segment: the listed frames and no others, each in its place, upright."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stereo_inference.video_io.decode import SegmentReader, SourceFrame
from stereo_spot_media.timestamps import regenerate_dts
from stereo_spot_shared.errors import Interrupted, RenderFailed
from stereo_spot_shared.inference import RenderRequest
from stereo_spot_shared.manifest import SegmentSpec, VideoStream
from stereo_spot_shared.rendering import RenderParams
from stereo_spot_shared.timing import Ticks

CLOCK = Fraction(1, 1000)
WIDTH, HEIGHT = 32, 18


def numbered(number: int, form: str = "yuv444p", size: tuple[int, int] = (WIDTH, HEIGHT)) -> av.VideoFrame:
    """A picture whose grey says its number, brighter at its top right corner."""
    grey = np.full((size[1], size[0]), 16 + 8 * number, np.uint8)
    grey[: size[1] // 3, -size[0] // 4 :] = 235
    return av.VideoFrame.from_ndarray(grey, format="gray").reformat(format=form, src_color_range=2, dst_color_range=2)


def write(path: Path, times: Sequence[int], *, offset: int = 1000, clock: Fraction = CLOCK, form: str = "yuv444p",
          missing: Collection[int] = (), spoilt: Collection[int] = ()) -> Path:  # fmt: skip
    """A NUT file of FFV1 pictures numbered 0, 1, ... at `times`; packets in `missing` are left out, in `spoilt` broken."""
    decoding = regenerate_dts(times, time_base=clock)
    with av.open(str(path), "w", format="nut") as container:
        stream = container.add_stream("ffv1", rate=25, options={"slicecrc": "1", "level": "3"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, form
        stream.codec_context.time_base = stream.time_base = clock
        stream.codec_context.gop_size = 1
        container.start_encoding()
        for number, time in enumerate(times):
            frame = numbered(number, form)
            frame.pts, frame.time_base = number, clock
            for packet in [*stream.encode(frame)]:
                if number in missing:
                    continue
                if number in spoilt:
                    broken = av.Packet(b"\xff" * packet.size)
                    broken.is_keyframe, broken.stream, broken.time_base = True, stream, packet.time_base
                    packet = broken  # noqa: PLW2901 - it takes the good one's place
                packet.pts, packet.dts = time + offset, decoding[number] + offset
                container.mux(packet)
    return path


def request(
    before: Sequence[int], core: Sequence[int], after: Sequence[int] = (), *, first_frame: int | None = None, **video: object
) -> RenderRequest:
    """What asks for these frames of a file of `write`."""
    fields = {"index": 0, "codec": "ffv1", "width": WIDTH, "height": HEIGHT, "pixel_format": "yuv444p", "bit_depth": 8,
              "time_base": CLOCK, "average_rate": Fraction(25), "sample_aspect_ratio": Fraction(1)}  # fmt: skip
    return RenderRequest(
        job_id="job", attempt_id="a", input_uri="file:///in", output_uri="file:///out", pts_offset=1000, last_duration=40,
        video=VideoStream(**fields | video),
        segment=SegmentSpec(
            index=0, first_frame=len(before) if first_frame is None else first_frame,
            before=Ticks.of(before), core=Ticks.of(core), after=Ticks.of(after), packets=(0, 99),
        ),
        params=RenderParams(),
    )  # fmt: skip


def number_of(frame: SourceFrame) -> int:
    picture: NDArray[np.uint8] = frame.picture.cropped(0)
    return round((float(np.median(picture)) - 16) / 8)


def read(path: Path, asked: RenderRequest, threads: int = 1) -> tuple[list[tuple[int, int, bool, int]], SegmentReader]:
    """(index, time, in the core, number seen) of every frame."""
    reader = SegmentReader(path, asked, threads=threads)
    return [(frame.index, frame.time, frame.core, number_of(frame)) for frame in reader.frames()], reader


@pytest.mark.parametrize("threads", [1, 3])
def test_only_listed_frames_come_with_their_place_in_the_video(tmp_path: Path, threads: int) -> None:
    path = write(tmp_path / "a.nut", [0, 40, 80, 120, 160, 200, 240])
    found, reader = read(path, request([80], [120, 160], [200], first_frame=503), threads)
    assert found == [(502, 80, False, 2), (503, 120, True, 3), (504, 160, True, 4), (505, 200, False, 5)]
    assert reader.lost == []


def test_equal_times_stand_for_as_many_frames_as_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nut", [0, 40, 40, 40, 80])
    found, reader = read(path, request([0], [40, 40, 40], [80]))
    assert [(time, number) for _, time, _, number in found] == [(0, 0), (40, 1), (40, 2), (40, 3), (80, 4)]
    assert reader.lost == []


@pytest.mark.parametrize("missing", [{0}, {1}, {2}, {3, 4}, {5}, {6}, {5, 6}, {1, 2, 3, 4, 5}])
@pytest.mark.parametrize("how", ["missing", "spoilt"])
def test_what_does_not_decode_is_lost_where_it_belongs_to_the_core(tmp_path: Path, missing: set[int], how: str) -> None:
    times = [0, 40, 80, 120, 160, 200, 240]
    path = write(tmp_path / "a.nut", times, **{how: missing})
    found, reader = read(path, request(times[:1], times[1:6], times[6:]))
    assert found == [(i, times[i], 1 <= i < 6, i) for i in range(7) if i not in missing]
    assert reader.lost == [times[i] for i in sorted(missing & {1, 2, 3, 4, 5})]


def test_a_finer_clock_of_the_file_is_converted_exactly_and_a_strange_one_refused(tmp_path: Path) -> None:
    fine = write(tmp_path / "fine.nut", [0, 400, 800], offset=10_000, clock=CLOCK / 10)
    assert [time for _, time, _, _ in read(fine, request([], [0, 40, 80]))[0]] == [0, 40, 80]
    strange = write(tmp_path / "strange.nut", [0, 1, 2], clock=Fraction(1, 1024))
    with pytest.raises(RenderFailed, match="clock"):
        read(strange, request([], [0, 40, 80]))


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_sources_stand_upright(tmp_path: Path, form: str, rotation: int) -> None:
    path = write(tmp_path / "a.nut", [0], form=form)
    (frame,) = SegmentReader(path, request([], [0], pixel_format=form, rotation=rotation)).frames()
    corner = np.argwhere(frame.picture.cropped(0) > 200).mean(axis=0)
    stored = np.zeros((HEIGHT, WIDTH))
    stored[: HEIGHT // 3, -WIDTH // 4 :] = 1
    expected = np.rot90(stored, -rotation // 90)
    assert (frame.picture.height, frame.picture.width) == expected.shape
    assert corner == pytest.approx(np.argwhere(expected).mean(axis=0), abs=0.6)
    columns, rows = frame.picture.format.chroma_size(frame.picture.width, frame.picture.height)
    assert frame.picture.cropped(1).shape == frame.picture.cropped(2).shape == (rows, columns)
    assert np.abs(frame.picture.cropped(1).astype(int) - 128).max() <= 1


def test_a_stop_is_noticed_between_packets(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nut", [40 * i for i in range(20)])
    asked = request([], [40 * i for i in range(20)])
    seen: list[int] = []

    def read_on() -> None:
        for frame in SegmentReader(path, asked, should_stop=lambda: len(seen) >= 3).frames():
            seen.append(frame.time)  # noqa: PERF401 - the list is what the stop depends on

    with pytest.raises(Interrupted):
        read_on()
    assert seen == [0, 40, 80]


def test_a_size_that_changes_in_mid_stream_is_scaled_to_the_streams(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.nut"), "w", format="nut") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj444p"
        stream.codec_context.time_base = stream.time_base = CLOCK
        container.start_encoding()
        for number, size in enumerate([(WIDTH, HEIGHT), (48, 48), (WIDTH, HEIGHT)]):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = *size, "yuvj444p", CLOCK
            for packet in [*encoder.encode(numbered(number, "yuvj444p", size)), *encoder.encode(None)]:
                packet.stream, packet.time_base = stream, CLOCK
                packet.pts = packet.dts = 1000 + 40 * number
                container.mux(packet)
    asked = request([], [0, 40, 80], codec="mjpeg", pixel_format="yuvj444p")
    frames = list(SegmentReader(tmp_path / "a.nut", asked).frames())
    assert [(frame.picture.width, frame.picture.height) for frame in frames] == [(WIDTH, HEIGHT)] * 3
