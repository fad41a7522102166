"""Text subtitles as WebVTT files (W3C), for players that cannot read them out of the finished video.

The packets are overheard while the tracks are joined, so the source is not read once more for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from av import Packet

from stereo_spot_media.carriage import TEXT_SUBTITLES, codec_name
from stereo_spot_media.subtitle_text import words_of
from stereo_spot_shared.manifest import Manifest, Track, TrackKind

MOST_CUES, MOST_CHARACTERS = 300_000, 20_000_000
"""Of all tracks together, so that a hostile file does not fill the memory; one track of a film has some 2,000 and 100,000."""

UNSTATED_SECONDS = Fraction(5)
"""How long a subtitle is shown that does not say it, unless another one follows sooner."""


@dataclass(frozen=True, order=True)
class Cue:
    """Words and when they are shown, in seconds of the output's clock."""

    start: Fraction
    end: Fraction | None
    """None where the source does not say it."""
    text: str


@dataclass
class TextTrack:
    """A text subtitle track of the source on its way into a file."""

    track: Track
    time_base: Fraction = Fraction(1)
    heard: list[tuple[int, int, str]] = field(default_factory=list)
    """Start and duration in ticks (0: not stated), words."""
    problem: str | None = None
    """Why there will be no file of it."""

    def cues(self, shift: Fraction) -> list[Cue]:
        """What was heard, by its start, `shift` seconds later."""
        cues = []
        for start, duration, text in sorted(self.heard, key=lambda heard: heard[0]):
            begin = start * self.time_base + shift
            cues.append(Cue(begin, begin + duration * self.time_base if duration > 0 else None, text))
        return cues


class Listener:
    """Takes the text subtitles out of the packets of a source; all tracks of which the manifest knows."""

    def __init__(self, manifest: Manifest) -> None:
        self._shift = manifest.start_shift
        self._span = manifest.span if manifest.excerpt else None
        texts = (track for track in manifest.tracks if track.kind is TrackKind.SUBTITLE and codec_name(track.codec) in TEXT_SUBTITLES)
        self._tracks = {track.index: TextTrack(track) for track in texts}
        self._cues_left, self._characters_left = MOST_CUES, MOST_CHARACTERS

    def hear(self, packet: Packet[Any]) -> None:
        """Take note of one packet, of whatever track, with the times of the source."""
        of = self._tracks.get(packet.stream_index)
        time = packet.pts if packet.pts is not None else packet.dts
        if of is None or of.problem is not None or time is None:
            return
        text = words_of(codec_name(of.track.codec), bytes(packet))
        if not text.strip():
            return
        self._cues_left -= 1
        self._characters_left -= len(text)
        if self._cues_left < 0 or self._characters_left < 0:
            of.heard.clear()
            of.problem = "it holds more words than any film"
        else:
            of.time_base = packet.time_base
            of.heard.append((time, packet.duration or 0, text))

    def write(self, folder: Path) -> tuple[list[Track], list[Track]]:
        """Write a file `<index>.vtt` of each track into `folder`; the tracks written, and those that were not, which say why."""
        written, skipped = [], []
        for of in self._tracks.values():
            if of.problem is not None:
                skipped.append(of.track.model_copy(update={"left_out": of.problem}))
                continue
            cues = cut_to(with_ends(of.cues(self._shift)), self._span)
            (folder / f"{of.track.index}.vtt").write_text(as_webvtt(cues), encoding="utf-8")
            written.append(of.track)
        return written, skipped


def with_ends(cues: list[Cue]) -> list[Cue]:
    """`cues`, sorted by their starts, each with its end: one that does not say it ends when the next one begins, or after a while."""
    ended: list[Cue] = []
    following: Fraction | None = None
    for place in reversed(range(len(cues))):
        cue = cues[place]
        if place + 1 < len(cues) and cues[place + 1].start > cue.start:
            following = cues[place + 1].start
        if cue.end is None:
            latest = cue.start + UNSTATED_SECONDS
            cue = Cue(cue.start, latest if following is None else min(latest, following), cue.text)
        ended.append(cue)
    return ended[::-1]


def cut_to(cues: Iterable[Cue], span: tuple[Fraction, Fraction] | None) -> list[Cue]:
    """The cues that are shown within the span, no longer than it lasts; without one, from 0 on."""
    begin, end = span or (Fraction(0), None)
    kept = []
    for cue in cues:
        assert cue.end is not None  # noqa: S101 - `with_ends` was there
        start, until = max(cue.start, begin), cue.end if end is None else min(cue.end, end)
        if start < until:
            kept.append(Cue(start, until, cue.text))
    return sorted(kept)


def as_webvtt(cues: Iterable[Cue]) -> str:
    """A WebVTT file of sorted cues. One that has no words is left out."""
    blocks = ["WEBVTT\n"]
    for cue in cues:
        if text := payload(cue.text):
            start, end = milliseconds(cue.start), milliseconds(cue.end or cue.start)
            blocks.append(f"{clock(start)} --> {clock(max(end, start + 1))}\n{text}\n")
    return "\n".join(blocks)


def payload(text: str) -> str:
    """Words as a cue holds them: escaped, and without empty lines, which would end it."""
    escaped = text.replace("\0", "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    lines = escaped.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line for line in lines if line.strip())


def milliseconds(seconds: Fraction) -> int:
    """The nearest millisecond."""
    return round(seconds * 1000)


def clock(milliseconds: int) -> str:
    """A time as WebVTT writes it: 00:01:02.345."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
