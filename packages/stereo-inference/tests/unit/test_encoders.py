"""The options of the encoders: what memory allows, and nothing that depends on the machine."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_inference.picture import PIXEL_FORMATS
from stereo_inference.video_io.encoder_options import MEMORY, MEMORY_BYTES, MEMORY_PICTURES, memory_options, options, shared_pictures
from stereo_inference.video_io.encoders import ENCODERS, HARDWARE_FORMATS, OutputFormat, codec_of, encoder_of, pixel_format_of
from stereo_inference.video_io.hardware import best_encoder, usable_encoders
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import Codec, Encoder, FramePacking, Quality

EVEN = st.integers(1, 8192).map(lambda n: 2 * n)


def output(width: int, height: int, name: str, quality: Quality, **more: object) -> OutputFormat:
    return OutputFormat(
        width=width, height=height, format=PIXEL_FORMATS[name], layout=FramePacking.FULL_SBS, quality=quality,
        rate=Fraction(25), time_base=Fraction(1, 1000), aspect=Fraction(1), colour=Colour(), **more,
    )  # fmt: skip


def held(form: OutputFormat) -> tuple[int, int]:
    """Pictures of lookahead and B-frames."""
    options = memory_options(encoder_of(form), form)
    return int(options["rc-lookahead"]), int(options["bframes"])


@given(EVEN, EVEN, st.sampled_from(sorted(PIXEL_FORMATS)), st.sampled_from(Quality), st.sampled_from([Codec.AUTO, Codec.H264, Codec.HEVC]))
def test_no_more_is_held_than_memory_allows(width: int, height: int, name: str, quality: Quality, codec: Codec) -> None:
    form = output(width, height, name, quality, codec=codec)
    settings = encoder_of(form)
    lookahead, bframes = held(form)
    assert 0 <= lookahead <= settings.lookahead
    assert 0 <= bframes <= settings.bframes
    memory = MEMORY[settings.name]
    if lookahead + bframes:
        pictures = memory.least + memory.each * (lookahead + bframes)
        assert pictures * form.picture_bytes <= max(MEMORY_BYTES, MEMORY_PICTURES * form.picture_bytes)


@pytest.mark.parametrize(
    ("width", "height", "name", "expected"),
    [
        (3840, 1080, "yuv420p", (10, 3)),
        (1920, 1080, "yuv420p", (10, 3)),
        (4096, 2304, "yuv420p", (2, 1)),
        (7680, 2160, "yuv420p", (0, 0)),
        (3840, 1080, "yuv420p10le", (0, 0)),
        (3840, 1080, "yuv422p", (3, 1)),
        (3840, 1080, "yuv444p", (0, 0)),
        (3840, 1080, "yuv422p10le", (0, 0)),
        (2560, 720, "yuv420p10le", (5, 1)),
        (1280, 360, "yuv420p10le", (10, 3)),
    ],
)
def test_the_sizes_that_people_watch(width: int, height: int, name: str, expected: tuple[int, int]) -> None:
    assert held(output(width, height, name, Quality.BALANCED)) == expected


def test_a_draft_and_what_is_lossless_look_nowhere_ahead() -> None:
    for quality in (Quality.DRAFT, Quality.LOSSLESS):
        assert held(output(640, 360, "yuv420p", quality)) == (0, 0)


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
def test_h265_is_for_10_bit_in_420(name: str) -> None:
    assert (encoder_of(output(640, 360, name, Quality.HIGH)).name == "libx265") == (name == "yuv420p10le")


@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
def test_what_would_be_too_large_at_1080p_goes_without(name: str) -> None:
    """Whole-pixel motion, and one picture shared with the encoder: in 10-bit 4:4:4 only, and not at other sizes."""
    large = output(3840, 1080, name, Quality.HIGH)
    assert ("subme" in memory_options(encoder_of(large), large)) == (name == "yuv444p10le")
    assert shared_pictures(large, 2) == (1 if name == "yuv444p10le" else 2)
    assert shared_pictures(large, 1) == 1
    for width, height in ((2560, 720), (7680, 2160)):
        other = output(width, height, name, Quality.HIGH)
        assert "subme" not in memory_options(encoder_of(other), other)
        assert shared_pictures(other, 2) == 2


@pytest.mark.parametrize(("width", "height"), [(3840, 1080), (1920, 2160), (4096, 2304), (3360, 1680)])
def test_what_decoders_of_h264_take_becomes_h264(width: int, height: int) -> None:
    assert encoder_of(output(width, height, "yuv420p", Quality.BALANCED)).name == "libx264"


@pytest.mark.parametrize(("width", "height"), [(7680, 2160), (3840, 4320), (5088, 2544)])
def test_what_is_too_large_for_them_becomes_h265(width: int, height: int) -> None:
    assert encoder_of(output(width, height, "yuv420p", Quality.BALANCED)).name == "libx265"


@pytest.mark.parametrize("encoder", Encoder)
@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("quality", Quality)
@pytest.mark.parametrize("name", sorted(PIXEL_FORMATS))
def test_every_combination_has_a_line_or_is_refused_in_a_sentence(encoder: Encoder, codec: Codec, quality: Quality, name: str) -> None:
    form = output(640, 360, name, quality, codec=codec, encoder=encoder)
    software = encoder is Encoder.SOFTWARE
    fine = name not in {"yuv420p", "yuv420p10le"}
    ten_bit_h264 = "10" in name and (codec is Codec.H264)
    no_line = not software and (quality is Quality.LOSSLESS or (encoder is Encoder.VIDEOTOOLBOX and codec is Codec.AV1))
    if (fine and (codec is Codec.AV1 or not software)) or (ten_bit_h264 and not software) or no_line:
        with pytest.raises(UnsupportedMedia) as refused:
            encoder_of(form)
        assert refused.value.message.endswith(".")
        assert refused.value.hint
        return
    settings = encoder_of(form)
    assert settings is ENCODERS[encoder, codec_of(form), quality]
    assert codec in {Codec.AUTO, codec_of(form)}
    assert all(isinstance(value, str) for value in options(settings, form, 2).values())
    assert pixel_format_of(form) == (name if software else HARDWARE_FORMATS[form.format.bits])


@pytest.mark.parametrize(
    ("usable", "quality", "name", "expected"),
    [
        ((), Quality.BALANCED, "yuv420p", Encoder.SOFTWARE),
        (("h264_nvenc", "hevc_nvenc"), Quality.BALANCED, "yuv420p", Encoder.NVENC),
        (("h264_nvenc",), Quality.BALANCED, "yuv420p10le", Encoder.SOFTWARE),  # 10 bit becomes H.265
        (("h264_qsv", "hevc_qsv", "hevc_nvenc"), Quality.HIGH, "yuv420p10le", Encoder.NVENC),
        (("h264_qsv", "hevc_qsv", "hevc_nvenc"), Quality.HIGH, "yuv420p", Encoder.QSV),
        (("h264_videotoolbox",), Quality.DRAFT, "yuv420p", Encoder.VIDEOTOOLBOX),
        (("h264_nvenc", "hevc_nvenc"), Quality.LOSSLESS, "yuv420p", Encoder.SOFTWARE),
        (("h264_nvenc", "hevc_nvenc"), Quality.BALANCED, "yuv444p", Encoder.SOFTWARE),
    ],
)
def test_hardware_is_chosen_where_it_can_do_it(usable: tuple[str, ...], quality: Quality, name: str, expected: Encoder) -> None:
    assert best_encoder(output(1920, 540, name, quality), usable) is expected


def test_only_encoders_that_work_here_are_called_usable() -> None:
    """Whatever this machine has: what is said to work is of the table, and opening the rest does no harm."""
    assert set(usable_encoders()) <= {line.name for (encoder, *_), line in ENCODERS.items() if encoder is not Encoder.SOFTWARE}
