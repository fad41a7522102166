"""Opening media that nobody vouches for.

The file is opened by us, as a regular file, and handed to FFmpeg as a stream of bytes. FFmpeg may only use the
demuxers and decoders named here, no protocol, and may open nothing else: playlists in disguise (HLS, DASH, concat,
image sequences, MOV references) never read another file and never call out. Limits are checked before decoding.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from stereo_spot_shared.errors import (
    MissingSource,
    NoSpaceLeft,
    StereoSpotError,
    StorageUnavailable,
    UnsupportedMedia,
)

DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "mpegts",
    "mpeg",
    "avi",
    "flv",
    "live_flv",
    "asf",
    "ogg",
    "nut",
    "mxf",
    "ivf",
    "dv",
    "wtv",
    "gif",
    "apng",
    "yuv4mpegpipe",
    "rm",
)
"""Containers that are opened. None of them refers to other files with protocols closed."""

VIDEO_DECODERS = (
    "h264", "hevc", "vvc", "libdav1d", "av1", "libaom-av1", "vp9", "libvpx-vp9", "vp8", "libvpx", "vp6", "vp6f",
    "vp6a", "vp7", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4", "msmpeg4v2", "h261", "h263", "h263p",
    "h263i", "flv", "mjpeg", "mjpegb", "jpeg2000", "prores", "prores_raw", "dnxhd", "cfhd", "ffv1", "ffvhuff",
    "huffyuv", "utvideo", "magicyuv", "lagarith", "rawvideo", "v210", "v308", "v408", "v410", "r210", "wmv1", "wmv2",
    "wmv3", "vc1", "theora", "dirac", "dvvideo", "svq1", "svq3", "cinepak", "indeo3", "indeo4", "indeo5", "rv10",
    "rv20", "rv30", "rv40", "qtrle", "png", "apng", "gif", "bmp", "webp",
)  # fmt: skip
"""Decoders that may run on the picture, and on cover art while a file is being probed."""

AUDIO_DECODERS = (
    "aac", "aac_fixed", "aac_latm", "ac3", "ac3_fixed", "eac3", "mp3", "mp3float", "mp2", "mp2float", "mp1", "mp1float",
    "opus", "libopus", "vorbis", "libvorbis", "flac", "alac", "dca", "truehd", "mlp", "wmav1", "wmav2", "wmapro",
    "wmavoice", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "ape", "tta", "wavpack", "speex",
    "libspeex", "gsm", "gsm_ms", "qdm2", "cook", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf",
    "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le",
    "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_bluray", "pcm_dvd", "s302m",
)  # fmt: skip
"""Decoders that may look at sound while a file is being probed (its packets are copied, never decoded)."""

SUBTITLE_DECODERS = (
    "mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text", "dvbsub", "dvdsub", "pgssub", "xsub", "cc_dec",
)  # fmt: skip

SIGNATURES_OF_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"<?xml", b"[playlist]", b"v=0")


@dataclass(frozen=True)
class MediaLimits:
    """What a source may be at most. A file beyond a limit is refused before a picture of it is decoded."""

    max_bytes: int = 512 * 1024**3
    max_pixels: int = 8192 * 8192
    """Width times height of one picture."""
    max_side: int = 16384
    max_frame_rate: int = 1000
    """Mean frames per second of the whole video."""
    max_frames: int = 10_000_000
    max_streams: int = 128
    max_seconds: int = 48 * 3600


DEFAULT_LIMITS = MediaLimits()


OF_THE_SYSTEM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)
"""Errors that FFmpeg hands on from the system and that say nothing about the media."""


class LenientFile:
    """A file whose `seek` answers nonsense (a damaged file's negative offset) as FFmpeg's own files do: by a number.

    An exception would end the reading of a file that FFmpeg knows how to go on with.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell = file.read, file.tell
        self._seek = file.seek

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new position, or a negative error number."""
        try:
            return self._seek(offset, whence)
        except OSError as error:
            return -(error.errno or errno.EIO)


class ForbiddenReference(Exception):
    """A demuxer asked to open something beside the file; it is told that there is nothing."""


@contextmanager
def open_media(source: str | os.PathLike[str], limits: MediaLimits = DEFAULT_LIMITS) -> Iterator[InputContainer]:
    """Open a video file for reading, as the module text says, for the length of a `with` block.

    Raises MissingSource where there is no such file and UnsupportedMedia where it is not media that is allowed
    here; FFmpeg's and the system's errors inside the block are translated the same way.
    """
    path = Path(source)
    with open_regular_file(path, limits) as file, translated(path.name), open_stream(file, path.name) as container:
        check_streams(container, path.name, limits)
        yield container


def open_regular_file(path: Path, limits: MediaLimits = DEFAULT_LIMITS) -> BinaryIO:
    """Open `path` for reading if it is a regular, non-empty file within the size limit."""
    with translated(path.name):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(descriptor)
        reason = refusal(path.name, status, limits)
        if reason is not None:
            os.close(descriptor)
            raise reason
        return os.fdopen(descriptor, "rb", buffering=0)


def refusal(name: str, status: os.stat_result, limits: MediaLimits) -> UnsupportedMedia | None:
    """Why what was opened is not a file to read as video; None when it is."""
    if stat.S_ISDIR(status.st_mode):
        return UnsupportedMedia(f"{name} is a directory, not a video file.", hint="Name the file inside it.")
    if not stat.S_ISREG(status.st_mode):
        return UnsupportedMedia(f"{name} is not a regular file.", hint="Copy the video to a file first.")
    if status.st_size == 0:
        return UnsupportedMedia(f"{name} is empty (0 bytes).", hint="Copy or download the video again.")
    if status.st_size > limits.max_bytes:
        return UnsupportedMedia(
            f"{name} is {status.st_size:,} bytes long; the limit is {limits.max_bytes:,}.",
            hint="Cut the video into parts, or raise the limit.",
        )
    return None


def open_stream(file: BinaryIO, name: str) -> InputContainer:
    """Let FFmpeg read an open file, with the allow-lists of this module and nothing else."""
    try:
        return av.open(
            LenientFile(file),
            mode="r",
            buffer_size=256 * 1024,
            metadata_errors="replace",
            io_open=refuse_to_open,
            container_options={
                "format_whitelist": ",".join(DEMUXERS),
                "codec_whitelist": ",".join(VIDEO_DECODERS + AUDIO_DECODERS + SUBTITLE_DECODERS),
                "protocol_whitelist": "none",
            },
        )
    except (av.FFmpegError, ForbiddenReference, ValueError) as error:
        file.seek(0)
        raise not_media(name, file.read(4096)) from error


def refuse_to_open(*_request: object) -> NoReturn:
    """Answer FFmpeg's wish to open something else."""
    raise ForbiddenReference("media files may not refer to other files")


def not_media(name: str, head: bytes) -> UnsupportedMedia:
    """The sentence for a file that FFmpeg does not open, from what its first bytes look like."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(SIGNATURES_OF_PLAYLISTS):
        return UnsupportedMedia(
            f"{name} is a playlist that refers to other files, not a video.",
            hint="Give the video file itself; playlists are not followed.",
        )
    if looks_like_text(head):
        return UnsupportedMedia(f"{name} is a text file, not a video.", hint="Give a video file.")
    if head[4:8] == b"ftyp":
        return UnsupportedMedia(
            f"{name} is an MP4 or MOV file without a readable index: it is truncated or damaged.",
            hint="Copy or download the video again; a recording that was cut off needs its index repaired.",
        )
    return UnsupportedMedia(
        f"{name} is not a video file of a known format, or it is damaged at the start.",
        hint="Give an MP4, MOV, MKV, WebM, AVI, MPEG-TS or similar file.",
    )


def looks_like_text(head: bytes) -> bool:
    """Whether these first bytes of a file are printable UTF-8 (the last character may be cut)."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)


def check_streams(container: InputContainer, name: str, limits: MediaLimits) -> None:
    """Refuse what is over a limit by the container's own words."""
    if len(container.streams) > limits.max_streams:
        raise UnsupportedMedia(f"{name} has {len(container.streams)} streams; the limit is {limits.max_streams}.")
    seconds = Fraction(container.duration or 0, av.time_base)
    if seconds > limits.max_seconds:
        raise UnsupportedMedia(
            f"{name} says that it lasts {float(seconds) / 3600:.1f} hours; the limit is {limits.max_seconds / 3600:.0f}.",
            hint="Cut the video into parts, or raise the limit.",
        )
    for stream in container.streams.video:
        width, height = picture_size(stream)
        if width * height > limits.max_pixels or max(width, height) > limits.max_side:
            raise UnsupportedMedia(
                f"{name} has pictures of {width}x{height}; the limit is {limits.max_pixels:,} pixels and {limits.max_side} on a side.",
                hint="Scale the video down first, or raise the limit.",
            )


def picture_size(stream: VideoStream) -> tuple[int, int]:
    """Width and height as the header says; (0, 0) where it does not or where FFmpeg knows no decoder."""
    context = cast("VideoCodecContext | None", stream.codec_context)  # None without a decoder, whatever the stubs say
    return (0, 0) if context is None else (context.width, context.height)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what FFmpeg and the system raise about the file `name` into errors of the one tree."""
    try:
        yield
    except StereoSpotError:
        raise
    except av.FFmpegError as error:
        if error.errno in OF_THE_SYSTEM:
            raise os_error(OSError(error.errno, error.strerror)) from error
        raise UnsupportedMedia(
            f"{name} could not be read: {error.strerror or 'it is damaged'}.",
            hint="The file may be damaged; copy or download it again.",
        ) from error
    except FileNotFoundError as error:
        raise MissingSource(f"There is no file {name}.", hint="Check the path.") from error
    except NotADirectoryError as error:
        raise MissingSource(f"There is no file {name}.", hint="Check the path.") from error
    except PermissionError as error:
        raise MissingSource(f"{name} may not be read.", hint="Check the file's permissions.") from error
    except IsADirectoryError as error:
        raise UnsupportedMedia(f"{name} is a directory, not a video file.") from error
    except OSError as error:
        raise os_error(error) from error


def os_error(error: OSError) -> StereoSpotError:
    """The error of the tree for a system call that failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceLeft("There is no space left on the disk.", hint="Free some space; the work goes on by itself.")
    return StorageUnavailable(f"The disk could not be used: {error.strerror or error}.")
