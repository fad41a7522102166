"""Write the demo scene as a real video file: what the demo command converts, and what tests convert all over.

Every property that has broken somebody's pipeline can be asked for: codec, pixel format, odd sizes, variable and
duplicate times, open GOP (through the encoder's options), a start that is not 0, interlacing, rotation, several audio
tracks, subtitles, chapters, attachments, cover art.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from stereo_spot_media.scene import Picture, Scene


@dataclass(frozen=True)
class Sound:
    """One audio track of the scene's sound (mono)."""

    codec: str = "aac"
    sample_rate: int = 48000
    language: str | None = None
    title: str | None = None
    default: bool = False


@dataclass(frozen=True)
class Captions:
    """One subtitle track: `lines` are (start, end, text), times in milliseconds."""

    lines: Sequence[tuple[int, int, str]]
    codec: str = "subrip"
    language: str | None = None


@dataclass(frozen=True)
class Clip:
    """What to write. The defaults are an ordinary H.264 video without sound."""

    scene: Scene = field(default_factory=Scene)
    frames: int = 48
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    """The encoder's own options."""
    time_base: Fraction | None = None
    """Default: 512 ticks a frame."""
    times: Sequence[int] | None = None
    """Presentation times in ticks, one a frame; default: the scene's rate, from 0. Negative ones make an edit list."""
    interlaced: bool = False
    """Two fields a frame, top first, the lower one half a frame later; the encoder's options must say so too."""
    rotation: int = 0
    """Angle of the display matrix in degrees, as FFmpeg counts (clockwise is negative)."""
    sample_aspect_ratio: Fraction | None = None
    sounds: Sequence[Sound] = ()
    captions: Sequence[Captions] = ()
    chapters: Sequence[tuple[int, int, str]] = ()
    """(start, end, title), times in milliseconds."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    attachment: tuple[str, str, bytes] | None = None
    """Name, MIME type and content (Matroska only)."""
    muxer_options: Mapping[str, str] = field(default_factory=dict)

    @property
    def ticks(self) -> Fraction:
        """The time base that is written."""
        return self.time_base or 1 / (512 * self.scene.rate)

    def presentation_times(self) -> list[int]:
        """Ticks of every frame."""
        if self.times is not None:
            return list(self.times)
        return [int(frame / self.scene.rate / self.ticks) for frame in range(self.frames)]


def write_clip(path: str | Path, clip: Clip) -> Path:
    """Encode `clip` into a file whose suffix names the container; returns the path."""
    clock = str(clip.ticks.denominator)
    options = {"video_track_timescale": clock} if Path(path).suffix in {".mp4", ".mov", ".3gp"} else {}
    with av.open(str(path), "w", options={**options, **clip.muxer_options}) as container:
        container.metadata.update(clip.metadata)
        video = add_video(container, clip)
        sounds = [(add_sound(container, sound), sound) for sound in clip.sounds]
        captions = [(add_captions(container, track), track) for track in clip.captions]
        if clip.attachment is not None:
            container.add_attachment(*clip.attachment)
        if clip.chapters:
            container.set_chapters([chapter(*entry) for entry in clip.chapters])
        container.start_encoding()
        streams = [picture_packets(video, clip)]
        streams += [sound_packets(stream, sound, clip) for stream, sound in sounds]
        streams += [caption_packets(stream, track) for stream, track in captions]
        for _, packet in heapq.merge(*streams, key=lambda timed: timed[0]):
            container.mux(packet)
    return Path(path)


Timed = Iterator[tuple[Fraction, Any]]
"""Packets of one stream, each with the seconds at which it is muxed."""


def add_video(container: OutputContainer, clip: Clip) -> VideoStream:
    """The picture's stream, its encoder set up."""
    stream = container.add_stream(clip.codec, rate=clip.scene.rate, options={"threads": "1", **clip.options})
    assert isinstance(stream, VideoStream)  # noqa: S101 - a video codec makes a video stream
    stream.width, stream.height, stream.pix_fmt = clip.scene.width, clip.scene.height, clip.pixel_format
    stream.time_base = clip.ticks
    # MPEG-1, -2 and -4 encoders know no clock but the frame rate's.
    stream.codec_context.time_base = 1 / clip.scene.rate if clip.codec.startswith("mpeg") else clip.ticks
    if clip.sample_aspect_ratio is not None:
        stream.codec_context.sample_aspect_ratio = clip.sample_aspect_ratio
    if clip.rotation:
        stream.set_display_rotation(clip.rotation)
    return stream


def add_sound(container: OutputContainer, sound: Sound) -> AudioStream:
    """An audio stream, its encoder set up."""
    stream = container.add_stream(sound.codec, rate=sound.sample_rate, layout="mono")
    assert isinstance(stream, AudioStream)  # noqa: S101 - an audio codec makes an audio stream
    describe(stream, sound.language, sound.title)
    if sound.default:
        stream.disposition = Disposition.default
    return stream


def add_captions(container: OutputContainer, track: Captions) -> Stream:
    """A subtitle stream; its packets are written by hand."""
    stream = container.add_mux_stream(track.codec)
    stream.time_base = Fraction(1, 1000)
    describe(stream, track.language, None)
    return stream


def describe(stream: Stream, language: str | None, title: str | None) -> None:
    """Set the tags of a stream that are given."""
    if language is not None:
        stream.metadata["language"] = language
    if title is not None:
        stream.metadata["title"] = title


def chapter(start: int, end: int, title: str) -> Any:
    """One chapter as PyAV wants it."""
    return {"id": start, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}


def picture_packets(stream: VideoStream, clip: Clip) -> Timed:
    """Encode every picture at its time."""
    for number, time in enumerate(clip.presentation_times()):
        frame = av.VideoFrame.from_ndarray(draw(clip, number), format="rgb24").reformat(format=clip.pixel_format)
        frame.pts, frame.time_base = time, clip.ticks
        yield from ((max(time, 0) * clip.ticks, packet) for packet in stream.encode(frame))
    yield from ((Fraction(1 << 40), packet) for packet in stream.encode(None))


def draw(clip: Clip, number: int) -> Picture:
    """One stored picture; two fields of two moments where interlaced."""
    picture = clip.scene.picture(number)
    if clip.interlaced:
        picture[1::2] = clip.scene.picture(number + Fraction(1, 2))[1::2]
    return picture


def sound_packets(stream: AudioStream, sound: Sound, clip: Clip) -> Timed:
    """Encode the sound for as long as the pictures last."""
    times = clip.presentation_times()
    total = int((times[-1] - times[0]) * clip.ticks * sound.sample_rate) + sound.sample_rate // 24
    start = int(max(times[0], 0) * clip.ticks * sound.sample_rate)
    size = stream.codec_context.frame_size or 1024
    for first in range(0, total, size):
        samples = clip.scene.sound(start + first, min(size, total - first), sample_rate=sound.sample_rate)
        whole = np.rint(samples * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sound.sample_rate, start + first, Fraction(1, sound.sample_rate)
        yield from ((Fraction(start + first, sound.sample_rate), packet) for packet in stream.encode(frame))
    yield from ((Fraction(1 << 40), packet) for packet in stream.encode(None))


def caption_packets(stream: Stream, track: Captions) -> Timed:
    """The lines as packets (for `mov_text` with the length that its format wants in front)."""
    for start, end, text in track.lines:
        data = text.encode()
        packet = av.Packet(len(data).to_bytes(2, "big") + data if track.codec == "mov_text" else data)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = end - start
        yield Fraction(start, 1000), packet
