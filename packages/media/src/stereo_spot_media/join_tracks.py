"""The source's own tracks on their way into the finished video: sound and subtitles, copied packet for packet.

What passes is remembered in a `TrackRecord` (a hash and sample times), so that the finished file can be verified
without reading the source again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Discard, Stream
from av.subtitles.stream import SubtitleStream

from stereo_spot_media.carriage import PCM, carriage, codec_name
from stereo_spot_media.subtitle_text import ASS_HEADER, words_of, wrapped
from stereo_spot_shared.errors import SourceChanged
from stereo_spot_shared.manifest import Manifest, Track, TrackKind
from stereo_spot_shared.rendering import Container

CHECKPOINT_EVERY = 50
"""Packets between remembered times; a ten-hour film then needs some 35,000 of them per track."""

MICROSECONDS = Fraction(1, 1_000_000)
DROPPED_METADATA = ("DURATION", "_STATISTICS", "NUMBER_OF_", "BPS", "rotate", "encoder", "vendor_id", "timecode", "stereo_mode")
"""Statements about the old file that are made anew for the new one, or that are no longer true."""


@dataclass
class TrackRecord:
    """What was written of one track."""

    track: Track
    output_index: int
    codec: str
    packets: int = 0
    size: int = 0
    """Bytes."""
    times: dict[int, int] = field(default_factory=dict)
    """Presentation time in microseconds by the offset of a packet's first byte in the track's bytes."""
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def note(self, payload: bytes | memoryview, microseconds: int) -> None:
        """Remember one packet, in order."""
        if self.packets % CHECKPOINT_EVERY == 0:
            self.times[self.size] = microseconds
        self.packets += 1
        self.size += len(payload)
        self._hash.update(payload)

    def digest(self) -> str:
        """SHA-256 (hex) of all bytes so far."""
        return self._hash.hexdigest()


class CarriedTrack:
    """One track on its way: knows its stream in both files, converts times and, for some subtitles, the wrapping."""

    def __init__(self, track: Track, source: Stream, stream: Stream, codec: str) -> None:
        self.source, self.stream = source, stream
        self.record = TrackRecord(track, stream.index, codec)
        self._codec = codec_name(source.codec_context.name)
        self._latest: int | None = None
        self._cue: Cue | None = None

    def open(self, shift: Fraction, *, strict: bool, span: tuple[Fraction, Fraction] | None = None) -> None:
        """Take the time base that the muxer chose. `strict`: it wants every time to be later than the last.

        `span`: the seconds of the output outside of which nothing is wanted.
        """
        self._time_base = self.source.time_base or Fraction(1, 1000)
        self._target = self.stream.time_base or Fraction(1, 1000)
        self._scale, self._shift = self._time_base / self._target, shift / self._target
        self._step = 1 if strict else 0
        self._next = 0
        self._span = None if span is None else (nearest(span[0] / self._target), nearest(span[1] / self._target))

    @property
    def converts(self) -> bool:
        return self.record.codec != self._codec

    def packets(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """What `packet` of the source becomes: usually itself, with the times of the output."""
        start, duration = self._start(packet), self._ticks(packet.duration or 0)
        if self._span is not None:
            begin, end = self._span
            if start >= end or start + duration <= begin:
                return
            if (
                self.record.track.kind is not TrackKind.AUDIO
            ):  # sound is cut by players, to the sample; the rest is shown from the beginning
                start, duration = max(start, begin), min(start + duration, end) - max(start, begin)
        if self._latest is not None and start < self._latest + self._step:
            if packet.is_discard:
                return  # an edit list cut it away, and nobody hears it where it stands
            start = self._latest + self._step
        if self.converts:
            yield from self._cues(packet, start, duration)
            return
        if not shows_something(self._codec, memoryview(packet)):
            return  # the muxer puts its own where nothing is shown
        self._latest = start
        packet.duration = duration
        packet.pts = packet.dts = start
        packet.time_base, packet.stream = self._target, self.stream
        self._note(packet, start)
        yield packet

    def finished_cue(self, before: float | None = None) -> Iterator[Packet[Stream]]:
        """The subtitle that was held back for others of the same start, once time (seconds) has moved past it."""
        cue = self._cue
        if cue is not None and (before is None or before > float(cue.start * self._target)):
            self._cue = None
            self._latest = cue.start
            packet: Packet[Stream] = Packet(wrapped(self.record.codec, cue.text))
            packet.pts = packet.dts = cue.start
            packet.duration = cue.duration
            packet.time_base, packet.stream, packet.is_keyframe = self._target, self.stream, True
            self._note(packet, cue.start)
            yield packet

    def _cues(self, packet: Packet[Stream], start: int, duration: int) -> Iterator[Packet[Stream]]:
        text = words_of(self._codec, bytes(packet))
        if not text:
            return
        if self._cue is not None and self._cue.start == start:
            # Timed text shows one thing at a time: what begins together is shown together.
            self._cue = Cue(start, max(duration, self._cue.duration), f"{self._cue.text}\n{text}")
            return
        yield from self.finished_cue()
        self._cue = Cue(start, duration, text)

    def _start(self, packet: Packet[Stream]) -> int:
        """Presentation time in ticks of the output; without one in the source, where the last packet ended."""
        known = packet.pts if packet.pts is not None else packet.dts
        ticks = self._next if known is None else known
        self._next = ticks + (packet.duration or 0)
        return nearest(ticks * self._scale + self._shift)

    def _ticks(self, duration: int) -> int:
        return nearest(duration * self._scale)

    def _note(self, packet: Packet[Stream], start: int) -> None:
        self.record.note(payload_of(self.record.codec, packet), nearest(start * self._target / MICROSECONDS))


@dataclass(frozen=True)
class Cue:
    """A subtitle of changed wrapping, in ticks of the output."""

    start: int
    duration: int
    text: str


def add_tracks(output: OutputContainer, source: InputContainer, manifest: Manifest, container: Container) -> list[CarriedTrack]:
    """Add a stream to `output` for every track that the manifest carries; attachments are written at once."""
    carried = []
    wanted = {track.index: track for track in manifest.tracks if track.left_out is None}
    for stream in source.streams:
        track = wanted.pop(stream.index, None)
        if track is None or track.kind is TrackKind.ATTACHMENT:
            stream.discard = Discard.all
        if track is not None:
            added = added_track(output, stream, track, container)
            if added is not None:
                carried.append(added)
    if wanted:
        raise SourceChanged("The source no longer has all the tracks that it had when the job was planned.")
    return carried


def added_track(output: OutputContainer, source: Stream, track: Track, container: Container) -> CarriedTrack | None:
    """Add one track; None for an attachment, which is written with the header."""
    if isinstance(source, AttachmentStream):
        output.add_attachment(source.name or "attachment", source.mimetype or "application/octet-stream", source.data)
        return None
    own = codec_name(source.codec_context.name)
    codec = carriage(container, track.kind, own).codec or own
    stream: Stream
    if codec == own:
        stream = output.add_stream_from_template(source, opaque=True)
    elif codec == "mov_text":
        # Only through the encoder does the stream get the sample description that players insist on.
        text: SubtitleStream = output.add_stream("mov_text")
        text.codec_context.subtitle_header = ASS_HEADER.encode()
        text.codec_context.time_base = Fraction(1, 1000)
        text.time_base = Fraction(1, 1000)
        stream = text
    else:
        stream = output.add_mux_stream(codec)
    if container is Container.MP4 and codec in PCM and isinstance(stream, AudioStream) and stream.layout.name.endswith(" channels"):
        # AVI and Matroska state a number of channels only; MP4's PCM wants to know which.
        stream.layout = USUAL_LAYOUTS.get(stream.channels, stream.layout.name)
    stream.disposition = source.disposition
    stream.metadata.update(kept_metadata(source.metadata))
    if container is Container.MOV and (language := source.metadata.get("language")) in QUICKTIME_LANGUAGES:
        stream.metadata["language"] = QUICKTIME_LANGUAGES[language]
    return CarriedTrack(track, source, stream, codec)


USUAL_LAYOUTS = {2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""FFmpeg's default layouts."""

QUICKTIME_LANGUAGES = {
    "bod": "tib", "cym": "wel", "cze": "ces", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fre": "fra",
    "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut", "rum": "ron",
    "slo": "slk", "sqi": "alb", "swe": "sve", "zho": "chi",
}  # fmt: skip
"""FFmpeg's table of QuickTime languages knows these by their other ISO 639-2 code (or its own, for Swedish) only."""


def kept_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Tags without those that describe the old file."""
    return {name: value for name, value in metadata.items() if not name.startswith(DROPPED_METADATA)}


def track_packets(
    source: InputContainer, tracks: Sequence[CarriedTrack], overhear: Callable[[Packet[Stream]], None] = lambda _: None
) -> Iterator[tuple[float, Packet[Stream]]]:
    """Packets of all carried tracks, in the source's order, ready to be muxed: (time in seconds, packet).

    `overhear` is given each as the source holds it, before it is changed.
    """
    by_index = {track.source.index: track for track in tracks}
    texts = [track for track in tracks if track.converts]
    for packet in source.demux([track.source for track in tracks]) if tracks else ():
        if packet.size == 0:
            continue
        overhear(packet)
        track = by_index[packet.stream_index]
        now = -1.0
        for ready in track.packets(packet):
            now = seconds_of(ready)
            yield now, ready
        for text in texts:
            yield from timed(text.finished_cue(before=now))
    for text in texts:
        yield from timed(text.finished_cue())


def timed(packets: Iterable[Packet[Stream]]) -> Iterator[tuple[float, Packet[Stream]]]:
    """Packets with the seconds by which they are merged."""
    return ((seconds_of(packet), packet) for packet in packets)


def seconds_of(packet: Packet[Stream]) -> float:
    """Decoding time in seconds, for ordering only."""
    return (packet.dts or 0) * packet.time_base.numerator / packet.time_base.denominator


def payload_of(codec: str, packet: Packet[Stream]) -> memoryview:
    """The bytes that a container stores: without the ADTS header that AAC has in MPEG-TS only."""
    payload = memoryview(packet)
    if codec == "aac" and len(payload) > 7 and payload[0] == 0xFF and payload[1] & 0xF6 == 0xF0:
        return payload[7 if payload[1] & 1 else 9 :]
    return payload


def shows_something(codec: str, payload: memoryview) -> bool:
    """False for the empty timed text packets that MP4 has wherever no subtitle is shown."""
    return codec != "mov_text" or bytes(payload[:2]) != b"\0\0"


def nearest(value: Fraction | int) -> int:
    """The nearest whole number, halves up."""
    return value if isinstance(value, int) else (2 * value.numerator + value.denominator) // (2 * value.denominator)
