"""Writing a segment: times that no encoder touches, headers that join, HDR metadata, whole files or none."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideDataType

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.video_io import encoders
from stereo_inference.video_io.encode import REORDER_DEPTH, SegmentEncoder, encoder_errors, segment_writer
from stereo_inference.video_io.encoders import ENCODERS, EncoderSettings, OutputFormat
from stereo_inference.video_io.hardware import encodes
from stereo_spot_media.segment_io import inspect_rendered
from stereo_spot_media.timestamps import container_offset
from stereo_spot_shared.errors import NoSpaceLeft, RenderFailed
from stereo_spot_shared.manifest import Colour, ContentLight, MasteringDisplay
from stereo_spot_shared.rendering import Codec, Encoder, FramePacking, Quality

WIDTH, HEIGHT = 64, 32

TIMES = {
    "variable": (Fraction(1, 90_000), list(accumulate([0, 3003, 3753, 1, 90_000, 3003, 2, 3003] * 4))),
    "duplicates": (Fraction(1, 1000), [0, 0, 40, 80, 80, 80, 120, 160, 200, 240]),
    "coarse": (Fraction(1, 24), list(range(30))),
    "ntsc": (Fraction(1001, 24_000), list(range(30))),
    "nanoseconds": (Fraction(1, 1_000_000_000), [41_708_333 * i for i in range(30)]),
    "gap": (Fraction(1, 1000), [0, 40, 80, 3_000_000, 3_000_040, 3_000_080]),
    "negative": (Fraction(1, 1000), [-80, -40, 0, 40]),
    "one-frame": (Fraction(1, 1000), [0]),
    "two-frames": (Fraction(1, 1000), [0, 41]),
    "three-frames": (Fraction(1, 1000), [7, 48, 90]),
}


SOFTWARE = [(codec, quality) for encoder, codec, quality in ENCODERS if encoder is Encoder.SOFTWARE]


def output(bits: int = 8, quality: Quality = Quality.BALANCED, time_base: Fraction = Fraction(1, 1000), **changed: object) -> OutputFormat:
    form = PIXEL_FORMATS["yuv420p" if bits == 8 else "yuv420p10le"]
    fields = {"layout": FramePacking.FULL_SBS, "rate": Fraction(24), "aspect": Fraction(1), "colour": Colour()}
    return OutputFormat(width=WIDTH, height=HEIGHT, format=form, quality=quality, time_base=time_base, **fields | changed)


def encode(
    path: Path, form: OutputFormat, times: Sequence[int], *, listed: Sequence[int] | None = None, threads: int = 1
) -> SegmentEncoder:
    """Encode moving noise, one frame at each time; returns the encoder, closed."""
    texture = np.random.default_rng(1).integers(0, 200 << (form.format.bits - 8), 4 * WIDTH * HEIGHT).astype(form.format.dtype)
    with segment_writer(path) as part, part.open("r+b") as file, encoder_errors():
        encoder = SegmentEncoder(
            file, form, times=listed or times, end=times[-1] + 33, pts_offset=container_offset(min(times), form.time_base), threads=threads
        )
        with contextlib.closing(encoder):
            left = 0
            for number, time in enumerate(times):
                frame = av.VideoFrame(form.width, form.height, form.format.name)
                for plane in frame.planes:
                    samples = np.frombuffer(plane, form.format.dtype)
                    samples[:] = texture[5 * number : 5 * number + samples.size]
                left += encoder.encode([frame], time)
            assert left + encoder.finish() == len(times)
    return encoder


@pytest.mark.parametrize("case", TIMES)
@pytest.mark.parametrize("quality", [Quality.BALANCED, Quality.HIGH])
@pytest.mark.parametrize(("codec", "bits"), [(Codec.H264, 8), (Codec.HEVC, 10), (Codec.AV1, 8), (Codec.AV1, 10)])
def test_times_are_exact(tmp_path: Path, case: str, quality: Quality, codec: Codec, bits: int) -> None:
    clock, times = TIMES[case]
    encoder = encode(tmp_path / "out", output(bits, quality, clock, codec=codec), times)
    offset = container_offset(min(times), clock)
    info = inspect_rendered(tmp_path / "out", time_base=clock, pts_offset=offset)
    assert list(info.times.times()) == times
    assert info.fingerprint == encoder.fingerprint
    with av.open(str(tmp_path / "out")) as container:
        assert next(container.demux(video=0)).is_keyframe
    with av.open(str(tmp_path / "out")) as container:
        frames = list(container.decode(video=0))
        assert [frame.pts * frame.time_base / clock - offset for frame in frames] == times


@pytest.mark.parametrize("bits", [8, 10])
def test_frames_that_were_lost_leave_the_other_times_as_they_are(tmp_path: Path, bits: int) -> None:
    listed = [40 * i for i in range(20)]
    kept = [time for time in listed if time not in {0, 80, 120, 160, 200, 760}]
    encode(tmp_path / "out", output(bits, Quality.HIGH), kept, listed=listed)
    info = inspect_rendered(tmp_path / "out", time_base=Fraction(1, 1000), pts_offset=1000)
    assert list(info.times.times()) == kept


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize(("codec", "quality"), SOFTWARE)
def test_no_encoder_of_the_table_reorders_further_than_assumed(tmp_path: Path, codec: Codec, quality: Quality, bits: int) -> None:
    """With the memory of a small picture, where encoders may use all their B-frames."""
    encode(tmp_path / "out", output(bits, quality, codec=codec), [40 * i for i in range(60)])
    with av.open(str(tmp_path / "out")) as container:
        order = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    shown = sorted(order)
    assert max(max(0, i - shown.index(pts)) for i, pts in enumerate(order)) <= REORDER_DEPTH


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize(("codec", "quality"), SOFTWARE)
def test_headers_depend_on_nothing_but_the_format(tmp_path: Path, codec: Codec, quality: Quality, bits: int) -> None:
    one = encode(tmp_path / "one", output(bits, quality, codec=codec), [0, 40, 80, 120])
    other = encode(tmp_path / "other", output(bits, quality, codec=codec), [5, 7], threads=3)
    wider = encode(tmp_path / "wider", output(bits, quality, codec=codec, layout=FramePacking.HALF_TB, rate=Fraction(24)), [0])
    assert one.fingerprint == other.fingerprint
    assert one.codec == wider.codec == codec


@pytest.mark.parametrize("bits", [8, 10])
def test_colour_and_pixel_shape_are_written(tmp_path: Path, bits: int) -> None:
    colour = Colour(primaries=9, transfer=16, matrix=9, full_range=False)
    encode(tmp_path / "out", output(bits, colour=colour, aspect=Fraction(8, 9)), [0])
    with av.open(str(tmp_path / "out")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (9, 16, 9, 1)
        assert container.streams.video[0].sample_aspect_ratio == Fraction(8, 9)


DISPLAY = MasteringDisplay(
    red=(Fraction(34_000, 50_000), Fraction(16_000, 50_000)), green=(Fraction(13_250, 50_000), Fraction(34_500, 50_000)),
    blue=(Fraction(7500, 50_000), Fraction(3000, 50_000)), white=(Fraction(15_635, 50_000), Fraction(16_450, 50_000)),
    min_luminance=Fraction(5, 1000), max_luminance=Fraction(1000),
)  # fmt: skip


@pytest.mark.parametrize("quality", [Quality.BALANCED, Quality.LOSSLESS], ids=["x265", "x264"])
def test_hdr10_metadata_come_back_from_the_decoder(tmp_path: Path, quality: Quality) -> None:
    light = ContentLight(max_content=1000, max_average=400)
    encode(tmp_path / "out", output(10, quality, mastering_display=DISPLAY, content_light=light), [0, 40])
    with av.open(str(tmp_path / "out")) as container:
        frame = next(container.decode(video=0))
    data = {entry.type.name: bytes(entry) for entry in frame.side_data}
    assert list(np.frombuffer(data["CONTENT_LIGHT_LEVEL"], np.int32)[:2]) == [1000, 400]
    pairs = np.frombuffer(data["MASTERING_DISPLAY_METADATA"], np.int32)[:20].reshape(10, 2)
    found = [Fraction(int(n), int(d)) for n, d in pairs]
    expected = [*DISPLAY.red, *DISPLAY.green, *DISPLAY.blue, *DISPLAY.white, DISPLAY.min_luminance, DISPLAY.max_luminance]
    assert found == expected


SIDE_BY_SIDE, TOP_BOTTOM, LINES = 1, 2, 6
"""AVStereo3DType, as FFmpeg's decoder reads the frame packing arrangement SEI."""


@pytest.mark.parametrize("right_first", [False, True])
@pytest.mark.parametrize("layout", FramePacking)
def test_h264_says_how_the_views_are_packed_where_it_can_say_so_truthfully(tmp_path: Path, layout: FramePacking, right_first: bool) -> None:
    """x264's message always calls the left view the first: with the right one first there is none."""
    encode(tmp_path / "out", output(layout=layout, right_first=right_first), [0, 40])
    with av.open(str(tmp_path / "out")) as container:
        found = next(container.decode(video=0)).side_data.get(SideDataType.STEREO3D)
    expected = {
        **dict.fromkeys(("full-sbs", "half-sbs", "cross-eyed", "vr180"), SIDE_BY_SIDE),
        **dict.fromkeys(("full-tb", "half-tb"), TOP_BOTTOM),
        "rows": LINES,
    }.get(layout)
    assert (None if found is None else int.from_bytes(bytes(found)[:4], "little")) == (None if right_first else expected)


class FullDisk(io.FileIO):
    """A file on a disk that is full after 1000 bytes."""

    def write(self, data: object) -> int:
        if self.tell() > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_said_to_be_full_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "open", lambda self, mode: FullDisk(self, mode.replace("b", "")))
    with pytest.raises(NoSpaceLeft):
        encode(tmp_path / "out", output(quality=Quality.LOSSLESS), [40 * i for i in range(30)])
    assert not list(tmp_path.iterdir())


def test_a_result_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"of an attempt before")

    def fail_midway() -> None:
        with segment_writer(tmp_path / "out") as part:
            part.write_bytes(b"half of it")
            raise RenderFailed("Something broke.")

    with pytest.raises(RenderFailed):
        fail_midway()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"of an attempt before")]
    with segment_writer(tmp_path / "out") as part:
        part.write_bytes(b"all of it")
        assert (tmp_path / "out").read_bytes() == b"of an attempt before"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"all of it")]


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC, Codec.AV1])
def test_lossless_is_lossless(tmp_path: Path, codec: Codec, bits: int) -> None:
    """The same pictures as by x264, whose quantiser of 0 is lossless by definition."""
    shown = []
    for one in (codec, Codec.H264):
        encode(tmp_path / one, output(bits, Quality.LOSSLESS, codec=one), [0, 40, 80])
        with av.open(str(tmp_path / one)) as container:
            form = PIXEL_FORMATS["yuv420p" if bits == 8 else "yuv420p10le"]
            pictures = [Picture.view(frame, form) for frame in container.decode(video=0)]
        shown.append([np.concatenate([picture.cropped(plane).ravel() for plane in range(3)]) for picture in pictures])
    assert len(shown[0]) == 3
    assert all(np.array_equal(mine, reference) for mine, reference in zip(*shown, strict=True))


def test_pictures_are_put_into_the_form_that_hardware_wants_and_stay_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """x264 in the place of hardware: it takes the same form, and shows what became of the picture."""
    stand_in = EncoderSettings("libx264", {"preset": "ultrafast", "qp": "0"})
    monkeypatch.setitem(encoders.ENCODERS, (Encoder.NVENC, Codec.H264, Quality.BALANCED), stand_in)
    encode(tmp_path / "hardware", output(encoder=Encoder.NVENC, codec=Codec.H264), [0, 40, 80])
    encode(tmp_path / "software", output(quality=Quality.LOSSLESS), [0, 40, 80])
    shown = []
    for name in ("hardware", "software"):
        with av.open(str(tmp_path / name)) as container:
            shown.append([frame.reformat(format="yuv420p").to_ndarray() for frame in container.decode(video=0)])
    assert len(shown[0]) == 3
    assert all(np.array_equal(one, other) for one, other in zip(*shown, strict=True))


@pytest.mark.parametrize("name", ["h264_nvenc", "h264_videotoolbox", "hevc_qsv"])
def test_an_encoder_that_this_machine_lacks_is_named(tmp_path: Path, name: str) -> None:
    if encodes(name):
        pytest.skip(f"this machine has {name}")
    ((encoder, codec),) = {(kind, codec) for (kind, codec, _), line in ENCODERS.items() if line.name == name}
    with pytest.raises(RenderFailed, match=f"The encoder {name} cannot be used on this machine") as failed:
        encode(tmp_path / "out", output(encoder=encoder, codec=codec), [0])
    assert "--encoder software" in (failed.value.hint or "")
    assert not list(tmp_path.iterdir())
