"""Colours arrive as they were: HDR with all that displays are told about it, HLG, full range, whatever the codec and container."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pymediainfo
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.probe import probe
from stereo_spot_media.scene import Scene
from stereo_spot_shared.jobs import JobStatus
from stereo_spot_shared.manifest import MasteringDisplay
from stereo_spot_shared.rendering import Codec, Container, FramePacking, Quality

SCENE = Scene(width=160, height=96)
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HDR10 = f"colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited:max-cll=1000,400:master-display={DISPLAY}"
HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:range=limited"
FULL = "colorprim=bt709:transfer=bt709:colormatrix=bt709:range=full"


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    """Parameters of x265."""
    bits: int
    seen: dict[str, str] = field(default_factory=dict)
    """What mediainfo says of the result."""


CASES = [
    Case(
        "HDR10",
        HDR10,
        10,
        {
            "transfer_characteristics": "PQ",
            "color_primaries": "BT.2020",
            "mastering_display_luminance": "min: 0.0050 cd/m2, max: 1000 cd/m2",
            "maximum_content_light_level": "1000",
        },
    ),
    Case("HLG", HLG, 10, {"transfer_characteristics": "HLG", "color_primaries": "BT.2020", "matrix_coefficients": "BT.2020 non-constant"}),
    Case("full range", FULL, 8, {"color_range": "Full", "matrix_coefficients": "BT.709"}),
]
OUTPUTS = [
    (Codec.AUTO, Container.MP4),
    (Codec.AUTO, Container.MKV),
    (Codec.HEVC, Container.MOV),
    (Codec.AV1, Container.MP4),
    (Codec.AV1, Container.MKV),
    (Codec.H264, Container.MP4),
]


@pytest.mark.parametrize(("codec", "container"), OUTPUTS, ids=lambda value: value.value)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_colours_and_hdr_metadata_are_those_of_the_source(running, tmp_path, case: Case, codec: Codec, container: Container) -> None:
    form = "yuv420p10le" if case.bits == 10 else "yuv420p"
    clip = Clip(SCENE, 6, "libx265", form, {"x265-params": f"log-level=none:{case.source}"})
    source = write_clip(tmp_path / "source.mkv", clip)
    job = running.submit(source, codec=codec, container=container, quality=Quality.HIGH, max_disparity=0.0)
    output = running.output(job, tmp_path)
    before, after = probe(source).video, probe(output).video
    assert (after.colour, after.bit_depth) == (before.colour, case.bits)
    assert after.content_light == before.content_light
    assert numbers(after.mastering_display) == pytest.approx(numbers(before.mastering_display), abs=1e-3 if codec is Codec.AV1 else 0)
    assert (before.mastering_display is not None) == (case.name == "HDR10")
    track = pymediainfo.MediaInfo.parse(str(output)).video_tracks[0]
    for name, value in case.seen.items():
        assert str(getattr(track, name)).removesuffix(" cd/m2") == value.removesuffix(" cd/m2"), name
    assert level(output) == pytest.approx(level(source), abs=1.5)


def numbers(display: MasteringDisplay | None) -> list[float]:
    """All of it; AV1 holds binary fractions (AV1 specification, 6.7.4), so that decimal ones are rounded."""
    if display is None:
        return []
    points = (display.red, display.green, display.blue, display.white)
    return [*(float(value) for point in points for value in point), float(display.min_luminance), float(display.max_luminance)]


def level(path: Path) -> float:
    """Mean luma of the first frame of a view, in 8-bit steps: a wrong range would move it."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        bits = frame.format.components[0].bits
        plane = np.frombuffer(frame.planes[0], np.uint8 if bits == 8 else np.uint16)
        luma = plane.reshape(frame.height, -1)[:, : SCENE.width]
        return float(luma.mean()) / (1 << (bits - 8))


def test_dolby_vision_is_said_to_be_left_out(running, tmp_path) -> None:
    """A stream whose pictures are each followed by a NAL unit of the type that carries Dolby Vision's metadata (62, unspecified)."""
    plain = write_clip(tmp_path / "plain.mkv", Clip(SCENE, 6, "libx265", "yuv420p10le", {"x265-params": f"log-level=none:{HDR10}"}))
    source = tmp_path / "source.mkv"
    with av.open(str(plain)) as reading, av.open(str(source), "w") as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0], opaque=True)
        for packet in reading.demux(video=0):
            if packet.size:
                unit = bytes([62 << 1, 1, 25, 8, 9, 110, 128])
                changed = av.Packet(bytes(packet) + len(unit).to_bytes(4, "big") + unit)
                changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
                changed.is_keyframe, changed.stream = packet.is_keyframe, stream
                writing.mux(changed)
    job = running.submit(source)
    running.output(job, tmp_path)
    done = running.platform.jobs.get(job.job_id)
    assert done.status is JobStatus.COMPLETED
    assert [item.track for item in done.result.left_out] == ["Dolby Vision"]
    assert "HDR10" in json.dumps([item.reason for item in done.result.left_out])


@pytest.mark.parametrize("layout", [FramePacking.VR180, FramePacking.RGBD, FramePacking.ROWS])
def test_layouts_keep_hdr_too(running, tmp_path, layout: FramePacking) -> None:
    clip = Clip(SCENE, 3, "libx265", "yuv420p10le", {"x265-params": f"log-level=none:{HDR10}"})
    source = write_clip(tmp_path / "source.mkv", clip)
    output = running.output(running.submit(source, layout=layout), tmp_path)
    assert probe(output).video.mastering_display == probe(source).video.mastering_display is not None
    assert probe(output).video.colour == probe(source).video.colour
