"""What an output container can carry of a source's tracks: one table, used when chunking and when joining.

Codec names are FFmpeg's. "Carry" means that FFmpeg's muxer accepts the packets as they are and that its demuxer
gives the same bytes back; tests try every row for which an encoder exists. Text subtitles may change their
wrapping (SubRip, ASS, WebVTT and timed text hold the same words), sound never changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from av import Codec
from av.codec.codec import UnknownCodecError

from stereo_spot_shared.jobs import LeftOut
from stereo_spot_shared.manifest import TrackKind, VideoStream
from stereo_spot_shared.rendering import Container

PCM = frozenset(f"pcm_{sample}{order}" for sample in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be"))
EVERYWHERE = frozenset({"aac", "ac3", "eac3", "mp3", "mp2", "alac"})

AUDIO: dict[Container, frozenset[str]] = {
    Container.MP4: EVERYWHERE | PCM | {"dts", "flac", "opus", "vorbis"},
    Container.MOV: EVERYWHERE | PCM | {"adpcm_ima_qt", "amr_nb", "amr_wb", "dts", "pcm_alaw", "pcm_mulaw", "pcm_s8", "pcm_u8"},
    Container.MKV: EVERYWHERE
    | (PCM - {"pcm_f32be", "pcm_f64be"})
    | {"dts", "flac", "mlp", "opus", "pcm_u8", "truehd", "tta", "vorbis", "wavpack"},
}
"""Sound that is copied packet for packet."""

TEXT_SUBTITLES = frozenset({"ass", "mov_text", "subrip", "text", "webvtt"})
"""Subtitles made of words; a container that has another wrapping for words carries them in that."""

SUBTITLES: dict[Container, frozenset[str]] = {
    Container.MP4: frozenset({"mov_text"}),
    Container.MOV: frozenset({"mov_text"}),
    Container.MKV: frozenset({"ass", "dvb_subtitle", "dvd_subtitle", "hdmv_pgs_subtitle", "subrip", "text", "webvtt"}),
}
"""Subtitles that are copied packet for packet."""

TEXT_WRAPPING: dict[Container, str] = {Container.MP4: "mov_text", Container.MOV: "mov_text", Container.MKV: "subrip"}
"""What text subtitles become that are not copied."""


@dataclass(frozen=True)
class Carriage:
    """How one track goes into the output: as codec `codec`, or not at all, because of `left_out` (a sentence)."""

    codec: str | None
    left_out: str | None = None


def carriage(container: Container, kind: TrackKind, codec: str) -> Carriage:
    """Say how `container` carries a track of `kind` whose FFmpeg codec (or decoder) is named `codec`.

    This is what `Track.left_out` is filled from, so it must be asked when the manifest is made; joining asks
    again for the codec. Other video tracks than the one that is converted are never carried.
    """
    name = codec_name(codec)
    if kind is TrackKind.AUDIO:
        return _sound(container, name)
    if kind is TrackKind.SUBTITLE:
        return _subtitles(container, name)
    if kind is TrackKind.ATTACHMENT:
        if container is Container.MKV:
            return Carriage(name)
        return Carriage(None, f"{container.upper()} has no attachments; MKV keeps them.")
    if kind is TrackKind.VIDEO:
        return Carriage(None, "One picture is converted, the largest; other video tracks and cover art are left out.")
    return Carriage(None, "Data tracks (time code, telemetry) describe the original recording and are not carried.")


def metadata_left_out(video: VideoStream) -> list[LeftOut]:
    """Metadata of single scenes that the picture has and the output does not: nothing here writes it for a new picture."""
    reason = "It describes the original picture, scene by scene; the picture that stands without it (HDR10, HLG) is converted."
    dolby = f"{reason} A source that has no such picture (profile 5) comes out in false colours."
    return [LeftOut(track=name, reason=dolby if name == "Dolby Vision" else reason) for name in video.dynamic_metadata]


def codec_name(name: str) -> str:
    """The codec's own name for a decoder's (`srt` is `subrip`, `mp3float` is `mp3`); unknown names stay."""
    try:
        return Codec(name, "r").canonical_name
    except UnknownCodecError:
        return name


def _sound(container: Container, name: str) -> Carriage:
    if name in AUDIO[container]:
        return Carriage(name)
    others = [other.upper() for other in Container if name in AUDIO[other]]
    hint = f"; {' and '.join(others)} can" if others else ""
    return Carriage(None, f"{container.upper()} cannot carry {name} sound unchanged{hint}.")


def _subtitles(container: Container, name: str) -> Carriage:
    if name in SUBTITLES[container]:
        return Carriage(name)
    if name in TEXT_SUBTITLES:
        return Carriage(TEXT_WRAPPING[container])
    others = [other.upper() for other in Container if name in SUBTITLES[other]]
    hint = f"; {' and '.join(others)} can" if others else ""
    return Carriage(None, f"{container.upper()} cannot carry {name} subtitles{hint}.")
