"""What a coded packet says about its picture without being decoded: can decoding start here, is anything shown.

The demuxer's key flag is not enough: with intra-refresh, H.264 marks recovery points as keys from which the picture
only heals over many frames. And VP8 and VP9 code pictures that are never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from av.video.stream import VideoStream

Data = bytes | memoryview

SEI_RECOVERY_POINT = 6
H264_SLICES = range(1, 6)
H264_IDR, H264_SEI = 5, 6
X264_UUID = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
HEVC_FIRST_IRAP, HEVC_LAST_IRAP = 16, 23
HEVC_LAST_SLICE = 31
HEVC_DOLBY_VISION = 62


def random_access_test(stream: VideoStream) -> Callable[[Data], bool]:
    """The test, for packets that are flagged as keys, whether decoding may start there and be right at once."""
    size = nal_length_size(stream)
    if stream.codec_context.name == "h264":
        return lambda data: h264_starts_here(nal_units(data, size))
    if stream.codec_context.name == "hevc":
        return lambda data: hevc_starts_here(nal_units(data, size))
    return lambda _: True


def shown_test(stream: VideoStream) -> Callable[[Data], bool] | None:
    """The test whether a packet shows a picture; None for codecs whose packets all do."""
    return {"vp8": vp8_shows, "libvpx": vp8_shows, "vp9": vp9_shows, "libvpx-vp9": vp9_shows}.get(stream.codec_context.name)


def encoder_signature(stream: VideoStream, first_packet: Data) -> bytes:
    """The NAL unit, framed, in which x264 leaves its version in a video's first packet; empty where there is none.

    FFmpeg decodes what old versions got wrong (4:4:4 before build 151, for one) as they meant it, so pictures come
    out differently when this unit is missing: it belongs in front of every segment.
    """
    if stream.codec_context.name != "h264":
        return b""
    size = nal_length_size(stream)
    for unit in nal_units(first_packet, size):
        if unit[0] & 31 == H264_SEI and X264_UUID in bytes(unit[:64]):
            return (b"\0\0\0\1" if size is None else len(unit).to_bytes(size, "big")) + bytes(unit)
    return b""


def dolby_vision_test(stream: VideoStream) -> Callable[[Data], bool]:
    """The test whether a packet carries metadata of Dolby Vision beside an H.265 picture: in NAL units of type 62, unspecified there."""
    if stream.codec_context.name != "hevc":
        return lambda _: False
    size = nal_length_size(stream)
    return lambda data: any(unit[0] >> 1 & 63 == HEVC_DOLBY_VISION for unit in nal_units(data, size))


def nal_length_size(stream: VideoStream) -> int | None:
    """Bytes of the length before each NAL unit of an H.264 or H.265 stream; None: units stand between start codes."""
    extradata = stream.codec_context.extradata or b""
    at = {"h264": 4, "hevc": 21}.get(stream.codec_context.name, 0)  # in avcC and hvcC; ISO/IEC 14496-15
    return (extradata[at] & 3) + 1 if extradata[:1] == b"\x01" and len(extradata) > at else None


def h264_starts_here(units: Iterator[Data]) -> bool:
    """An IDR picture, or a recovery point that is right at once (recovery_frame_cnt 0); ITU-T H.264, D.2.8."""
    for unit in units:
        kind = unit[0] & 31
        if kind == H264_SEI and recovers_at_once(bytes(unit[1:256])):
            return True
        if kind in H264_SLICES:
            return kind == H264_IDR
    return False


def hevc_starts_here(units: Iterator[Data]) -> bool:
    """An intra random-access picture: BLA, IDR or CRA; ITU-T H.265, table 7-1."""
    for unit in units:
        kind = unit[0] >> 1 & 63
        if kind <= HEVC_LAST_SLICE:
            return HEVC_FIRST_IRAP <= kind <= HEVC_LAST_IRAP
    return False


def nal_units(data: Data, length_size: int | None) -> Iterator[Data]:
    """The non-empty NAL units of a packet: behind lengths of that many bytes, or (None) between start codes."""
    if length_size is None:
        yield from units_between_start_codes(bytes(data))
        return
    position = 0
    while position + length_size < len(data):
        length = int.from_bytes(data[position : position + length_size], "big")
        position += length_size
        if length and position < len(data):
            yield data[position : position + length]
        position += length


def units_between_start_codes(data: bytes) -> Iterator[bytes]:
    """NAL units of a byte stream (ITU-T H.264, annex B)."""
    start = data.find(b"\0\0\1")
    while 0 <= start < len(data) - 3:
        following = data.find(b"\0\0\1", start + 3)
        yield data[start + 3 : following if following > 0 else len(data)]
        start = following


def recovers_at_once(sei: bytes) -> bool:
    """Whether an SEI unit (without its NAL header) holds a recovery point whose recovery_frame_cnt is 0."""
    payload = sei.replace(b"\0\0\3", b"\0\0")  # emulation prevention
    position = 0
    while position < len(payload) - 2:
        kind, position = sei_number(payload, position)
        size, position = sei_number(payload, position)
        if kind == SEI_RECOVERY_POINT:
            return position < len(payload) and bool(payload[position] & 0x80)  # ue(v) 0 is a single set bit
        position += size
    return False


def sei_number(payload: bytes, position: int) -> tuple[int, int]:
    """An SEI payload type or size (bytes of 255, then the rest), and the position behind it."""
    value = 0
    while position < len(payload) and payload[position] == 255:
        value, position = value + 255, position + 1
    rest = payload[position] if position < len(payload) else 0
    return value + rest, position + 1


def vp8_shows(data: Data) -> bool:
    """The show_frame bit; RFC 6386, 9.1."""
    return bool(data[0] & 0x10)


def vp9_shows(data: Data) -> bool:
    """Whether any frame of a packet (a superframe may hold several) is shown; VP9 bitstream specification, 6.2 and annex B."""
    return any(vp9_frame_shows(frame) for frame in vp9_frames(data))


def vp9_frames(data: Data) -> Iterator[Data]:
    """The frames of a superframe, or the one that the packet is."""
    marker = data[-1]
    count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
    index = 2 + count * width
    if marker & 0xE0 != 0xC0 or len(data) < index or data[-index] != marker:
        yield data
        return
    position = 0
    for entry in range(count):
        begin = len(data) - index + 1 + entry * width
        size = int.from_bytes(data[begin : begin + width], "little")
        if size:
            yield data[position : position + size]
        position += size


def vp9_frame_shows(frame: Data) -> bool:
    """show_existing_frame, or the show_frame bit of the uncompressed header."""
    if not frame:
        return False
    profile = (frame[0] >> 5 & 1) | (frame[0] >> 4 & 1) << 1
    bits = frame[0] << (5 if profile == 3 else 4)  # past the marker, the profile and the bit that profile 3 reserves
    return bool(bits & 0x80 or bits & 0x20)
