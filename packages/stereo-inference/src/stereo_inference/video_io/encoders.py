"""Which encoder makes a segment: one table, and the choice from it. What options follow besides is in `encoder_options`."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from stereo_inference.picture import PixelFormat
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Colour, ContentLight, MasteringDisplay
from stereo_spot_shared.rendering import Codec, Encoder, FramePacking, Quality


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """All that decides the encoded stream, and so whether segments can be joined: the same for all of a job's segments."""

    width: int
    height: int
    format: PixelFormat
    layout: FramePacking
    quality: Quality
    rate: Fraction
    time_base: Fraction
    aspect: Fraction
    colour: Colour
    right_first: bool = False
    codec: Codec = Codec.AUTO
    encoder: Encoder = Encoder.SOFTWARE
    streams: int = 1
    """Videos that are encoded: two where each view has its own, which lie side by side in a picture of `width` x `height`."""
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None

    @property
    def stream_width(self) -> int:
        """Columns of one video."""
        return self.width // self.streams

    @property
    def picture_bytes(self) -> int:
        """Bytes of one raw picture."""
        return self.format.picture_bytes(self.width, self.height)

    @property
    def is_420(self) -> bool:
        """Whether chroma has half the width and half the height."""
        return self.format.sub_x == self.format.sub_y == 1


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """A line of `ENCODERS`: FFmpeg's name of the encoder, what decides quality and speed (FFmpeg's options and the encoder's
    own parameters), and the pictures of lookahead and the B-frames that it is to use where memory allows."""

    name: str
    options: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    lookahead: int = 0
    bframes: int = 0


DRAFT, BALANCED, HIGH, LOSSLESS = Quality
H264, HEVC, AV1 = Codec.H264, Codec.HEVC, Codec.AV1
SOFTWARE, NVENC, VIDEOTOOLBOX, QSV = Encoder

CONSTANT_QUALITY = {"flags": "+qscale"}
"""Makes VideoToolbox read global_quality as 118 (FFmpeg's FF_QP2LAMBDA) times a quality from 1 to 100."""

X265_HIGH = {"ref": "2", "weightp": "0", "ctu": "32"}
"""Of x265's preset "fast" these parameters are changed to keep it within its memory at 1080p."""

ENCODERS = {
    (SOFTWARE, H264, DRAFT): EncoderSettings("libx264", {"preset": "ultrafast", "crf": "26"}),
    (SOFTWARE, H264, BALANCED): EncoderSettings("libx264", {"preset": "veryfast", "crf": "20"}, lookahead=10, bframes=3),
    (SOFTWARE, H264, HIGH): EncoderSettings("libx264", {"preset": "medium", "crf": "17"}, lookahead=10, bframes=3),
    (SOFTWARE, H264, LOSSLESS): EncoderSettings("libx264", {"preset": "veryfast", "qp": "0"}),
    (SOFTWARE, HEVC, DRAFT): EncoderSettings("libx265", {"preset": "ultrafast", "crf": "28"}),
    (SOFTWARE, HEVC, BALANCED): EncoderSettings("libx265", {"preset": "superfast", "crf": "22"}, lookahead=10, bframes=3),
    (SOFTWARE, HEVC, HIGH): EncoderSettings("libx265", {"preset": "fast", "crf": "18"}, X265_HIGH, lookahead=10, bframes=3),
    (SOFTWARE, HEVC, LOSSLESS): EncoderSettings("libx265", {"preset": "ultrafast"}, {"lossless": "1"}),
    (SOFTWARE, AV1, DRAFT): EncoderSettings("libsvtav1", {"preset": "12", "crf": "40"}),
    (SOFTWARE, AV1, BALANCED): EncoderSettings("libsvtav1", {"preset": "10", "crf": "30"}),
    (SOFTWARE, AV1, HIGH): EncoderSettings("libsvtav1", {"preset": "8", "crf": "22"}),
    (SOFTWARE, AV1, LOSSLESS): EncoderSettings("libsvtav1", {"preset": "10"}, {"lossless": "1"}),
    (NVENC, H264, DRAFT): EncoderSettings("h264_nvenc", {"preset": "p1", "rc": "vbr", "cq": "30"}),
    (NVENC, H264, BALANCED): EncoderSettings("h264_nvenc", {"preset": "p4", "rc": "vbr", "cq": "24"}, bframes=2),
    (NVENC, H264, HIGH): EncoderSettings("h264_nvenc", {"preset": "p6", "rc": "vbr", "cq": "19"}, bframes=2),
    (NVENC, HEVC, DRAFT): EncoderSettings("hevc_nvenc", {"preset": "p1", "rc": "vbr", "cq": "32"}),
    (NVENC, HEVC, BALANCED): EncoderSettings("hevc_nvenc", {"preset": "p4", "rc": "vbr", "cq": "26"}),
    (NVENC, HEVC, HIGH): EncoderSettings("hevc_nvenc", {"preset": "p6", "rc": "vbr", "cq": "21"}),
    (NVENC, AV1, DRAFT): EncoderSettings("av1_nvenc", {"preset": "p1", "rc": "vbr", "cq": "38"}),
    (NVENC, AV1, BALANCED): EncoderSettings("av1_nvenc", {"preset": "p4", "rc": "vbr", "cq": "32"}),
    (NVENC, AV1, HIGH): EncoderSettings("av1_nvenc", {"preset": "p6", "rc": "vbr", "cq": "26"}),
    (VIDEOTOOLBOX, H264, DRAFT): EncoderSettings("h264_videotoolbox", CONSTANT_QUALITY | {"global_quality": "5310"}),
    (VIDEOTOOLBOX, H264, BALANCED): EncoderSettings("h264_videotoolbox", CONSTANT_QUALITY | {"global_quality": "7080"}),
    (VIDEOTOOLBOX, H264, HIGH): EncoderSettings("h264_videotoolbox", CONSTANT_QUALITY | {"global_quality": "8850"}),
    (VIDEOTOOLBOX, HEVC, DRAFT): EncoderSettings("hevc_videotoolbox", CONSTANT_QUALITY | {"global_quality": "5310"}),
    (VIDEOTOOLBOX, HEVC, BALANCED): EncoderSettings("hevc_videotoolbox", CONSTANT_QUALITY | {"global_quality": "7080"}),
    (VIDEOTOOLBOX, HEVC, HIGH): EncoderSettings("hevc_videotoolbox", CONSTANT_QUALITY | {"global_quality": "8850"}),
    (QSV, H264, DRAFT): EncoderSettings("h264_qsv", {"preset": "veryfast", "global_quality": "30"}),
    (QSV, H264, BALANCED): EncoderSettings("h264_qsv", {"preset": "medium", "global_quality": "24"}, bframes=2),
    (QSV, H264, HIGH): EncoderSettings("h264_qsv", {"preset": "slow", "global_quality": "19"}, bframes=2),
    (QSV, HEVC, DRAFT): EncoderSettings("hevc_qsv", {"preset": "veryfast", "global_quality": "32"}),
    (QSV, HEVC, BALANCED): EncoderSettings("hevc_qsv", {"preset": "medium", "global_quality": "26"}),
    (QSV, HEVC, HIGH): EncoderSettings("hevc_qsv", {"preset": "slow", "global_quality": "21"}),
    (QSV, AV1, DRAFT): EncoderSettings("av1_qsv", {"preset": "veryfast", "global_quality": "40"}),
    (QSV, AV1, BALANCED): EncoderSettings("av1_qsv", {"preset": "medium", "global_quality": "32"}),
    (QSV, AV1, HIGH): EncoderSettings("av1_qsv", {"preset": "slow", "global_quality": "26"}),
}
"""What encodes, by encoder, codec and quality. The lines of software were chosen by measurement; those of hardware follow the vendors'
scales of quality and were not measured."""

LARGEST_H264 = 4096 * 2304
"""Pixels of the largest picture that decoders of H.264 take (level 5.2): those in headsets, displays and browsers end there."""

HARDWARE_FORMATS = {8: "nv12", 10: "p010le"}
"""How hardware wants a picture in 4:2:0, by its bits: the same samples, U and V side by side."""


def codec_of(output: OutputFormat) -> Codec:
    """The codec that an output asks for, `auto` resolved.

    4:2:2 and 4:4:4 become H.264 in 10 bit too: the profiles of H.265 for them are decoded by hardly more displays than those of
    H.264, and x265 would take 430 to 540 MB at 1080p. So does what is lossless, where x264 is much the faster one.
    """
    if output.codec is not Codec.AUTO:
        return output.codec
    if not output.is_420 or output.quality is Quality.LOSSLESS:
        return Codec.H264
    large = output.stream_width * output.height > LARGEST_H264
    return Codec.HEVC if large or output.format.bits > 8 else Codec.H264


def encoder_of(output: OutputFormat) -> EncoderSettings:
    """The line of the table for an output. UnsupportedMedia, in a sentence, where there is none that could encode it."""
    codec = codec_of(output)
    if not output.is_420 and (codec is Codec.AV1 or output.encoder is not Encoder.SOFTWARE):
        what = "AV1" if codec is Codec.AV1 else f"The encoder {output.encoder}"
        raise UnsupportedMedia(
            f"{what} takes 4:2:0 only, and this video's chroma is finer ({output.format.name}).",
            hint="Leave codec and encoder to auto, or choose h264 or hevc and the encoder software.",
        )
    if codec is Codec.H264 and output.encoder is not Encoder.SOFTWARE and output.format.bits > 8:
        raise UnsupportedMedia(
            f"The encoder {output.encoder} does not encode H.264 in 10 bit.", hint="Choose the codec hevc, or the encoder software."
        )
    line = ENCODERS.get((output.encoder, codec, output.quality))
    if line is None:
        raise UnsupportedMedia(
            f"The encoder {output.encoder} does not encode {codec} at the quality {output.quality}.", hint="Choose the encoder software."
        )
    return line


def pixel_format_of(output: OutputFormat) -> str:
    """FFmpeg's name of the pixel format that the encoder takes."""
    return output.format.name if output.encoder is Encoder.SOFTWARE else HARDWARE_FORMATS[output.format.bits]
