"""Verification of a joined video against its manifest, before anybody gets to see it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import Packet
from av.container import InputContainer
from av.stream import Stream

from stereo_spot_media.hostile import open_media
from stereo_spot_media.join_tracks import MICROSECONDS, TrackRecord, nearest, payload_of, shows_something
from stereo_spot_media.join_video import Lost, PictureClock, all_kept_times
from stereo_spot_media.segment_io import OWN_LIMITS
from stereo_spot_media.timestamps import Times
from stereo_spot_shared.errors import UnsupportedMedia, VerificationFailed
from stereo_spot_shared.manifest import Manifest
from stereo_spot_shared.rendering import Container

SOUND_TOLERANCE_MICROSECONDS = 2000


def verify_output(path: Path, manifest: Manifest, lost: Lost, container: Container, tracks: Sequence[TrackRecord] = ()) -> None:
    """Demux the finished video at `path` and raise VerificationFailed unless it is what was promised.

    The picture: as many frames as the manifest has (less those in `lost`), each at its exact presentation time (MP4
    and MOV: the same rational number; MKV: within its clock tick). The `tracks` that were written: the same bytes,
    at the same times to 2 ms.
    """
    try:
        with open_media(path, OWN_LIMITS) as opened:
            check(opened, manifest, lost, container, tracks)
    except UnsupportedMedia as error:
        raise VerificationFailed(f"The finished video cannot be read back: {error.message}") from error


@dataclass
class TrackCheck:
    """Reads one carried track back and compares it with what was written."""

    record: TrackRecord
    time_base: Fraction
    size: int = 0
    misplaced: int = 0
    compared: int = 0
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def see(self, packet: Packet[Stream]) -> None:
        payload = payload_of(self.record.codec, packet)
        if not shows_something(self.record.codec, payload):
            return
        expected = self.record.times.get(self.size)
        if expected is not None and packet.pts is not None:
            found = nearest(packet.pts * self.time_base / MICROSECONDS)
            self.compared += 1
            self.misplaced = max(self.misplaced, abs(found - expected))
        self.size += len(payload)
        self._hash.update(payload)

    def conclude(self) -> None:
        name = f"{self.record.track.kind} track {self.record.track.index}"
        if self.size != self.record.size or self._hash.hexdigest() != self.record.digest():
            raise VerificationFailed(
                f"The finished video does not hold the {name} of the source unchanged ({self.size} of {self.record.size} bytes)."
            )
        if self.misplaced > SOUND_TOLERANCE_MICROSECONDS or (self.record.packets and not self.compared):
            raise VerificationFailed(f"The {name} is out of place by {self.misplaced / 1000:.1f} ms in the finished video.")


def check(opened: InputContainer, manifest: Manifest, lost: Lost, container: Container, tracks: Sequence[TrackRecord]) -> None:
    """Compare everything in one pass."""
    if not opened.streams.video:
        raise VerificationFailed("The finished video holds no picture.")
    video = opened.streams.video[0]
    own = video.time_base or Fraction(1, 1000)
    expected = all_kept_times(manifest, lost)
    found = np.zeros(expected.size, dtype=np.int64)
    try:
        streams = [opened.streams[record.output_index] for record in tracks]
    except IndexError as error:
        raise VerificationFailed("The finished video lacks a track.") from error
    checks = {stream.index: TrackCheck(record, stream.time_base or Fraction(1)) for record, stream in zip(tracks, streams, strict=True)}
    seen = 0
    for packet in opened.demux([video, *streams]):
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise VerificationFailed("The finished video is truncated or damaged.")
        if packet.stream_index != video.index:
            checks[packet.stream_index].see(packet)
            continue
        if packet.pts is None or packet.is_discard or seen == expected.size:
            raise VerificationFailed(f"The finished video shows other frames than the {expected.size} of the manifest.")
        found[seen] = packet.pts
        seen += 1
    if seen != expected.size:
        raise VerificationFailed(f"The finished video holds {seen} frames; the manifest promises {expected.size}.")
    check_times(np.sort(found), expected, PictureClock.of(manifest, own), container, own)
    for track in checks.values():
        track.conclude()


def check_times(found: Times, expected: Times, clock: PictureClock, container: Container, own: Fraction) -> None:
    """Compare the times of the picture, tick by tick."""
    if container is not Container.MKV and not clock.exact:
        raise VerificationFailed(f"The finished video's clock ({own} s) cannot hold the source's times.")
    wanted = np.fromiter((clock(int(ticks)) for ticks in expected), np.int64, expected.size)
    wrong = int((found != wanted).sum())
    if wrong:
        at = int(np.argmax(found != wanted))
        raise VerificationFailed(
            f"{wrong} frames of the finished video are at other times than the source's; the first is frame {at}, "
            f"at {found[at]} instead of {wanted[at]} ticks of {own} s."
        )
