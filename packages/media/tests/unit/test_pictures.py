from __future__ import annotations

from fractions import Fraction

import av
import pytest

from stereo_spot_media.demo_clip import Clip, write_clip
from stereo_spot_media.pictures import (
    encoder_signature,
    h264_starts_here,
    hevc_starts_here,
    nal_units,
    random_access_test,
    recovers_at_once,
    vp8_shows,
    vp9_shows,
)
from stereo_spot_media.scene import Scene

SMALL = Scene(96, 64, Fraction(24))
IDR, SLICE, SPS = b"\x65abc", b"\x41abc", b"\x67abc"
RECOVERED = bytes([6, 6, 1, 0x80, 0x80])  # SEI, recovery point, 1 byte, recovery_frame_cnt 0
HEALING = bytes([6, 6, 1, 0x40, 0x80])  # recovery_frame_cnt 1


def framed(*units, size=None):
    return b"".join((b"\0\0\1" if size is None else len(unit).to_bytes(size, "big")) + unit for unit in units)


@pytest.mark.parametrize("size", [None, 1, 2, 4])
def test_units_are_found_between_start_codes_and_behind_lengths(size):
    assert [bytes(unit) for unit in nal_units(memoryview(framed(SPS, IDR, size=size)), size)] == [SPS, IDR]


@pytest.mark.parametrize(
    ("data", "started", "measured"),
    [
        (b"\0", [], []),
        (b"\0\0\1", [], []),
        (b"\xff" * 40, [], [b"\xff" * 36]),
        (b"\0\0\0\xff\x65", [], [b"\x65"]),
        (b"\0\0\1\x65", [b"\x65"], []),
    ],
)
def test_units_of_damaged_packets_end_with_them(data, started, measured):
    """Of one that says that it is longer than what is there, what is there."""
    assert [bytes(unit) for unit in nal_units(data, None)] == started
    assert [bytes(unit) for unit in nal_units(data, 4)] == measured


@pytest.mark.parametrize(
    ("units", "starts"),
    [([SPS, IDR], True), ([SLICE], False), ([RECOVERED, SLICE], True), ([HEALING, SLICE], False), ([SPS], False), ([SLICE, IDR], False)],
)
def test_h264_starts_at_idr_and_at_recovery_points_that_need_no_healing(units, starts):
    assert h264_starts_here(iter(units)) is starts


def test_a_recovery_point_is_found_behind_other_messages_and_emulation_prevention():
    other = bytes([5, 20]) + bytes(20)
    guarded = (other + bytes([6, 1, 0x80, 0x80])).replace(b"\0\0\0", b"\0\0\3\0")
    assert recovers_at_once(guarded)
    assert not recovers_at_once(other + b"\x80")


@pytest.mark.parametrize(("kind", "starts"), [(1, False), (8, False), (16, True), (19, True), (20, True), (21, True)])
def test_hevc_starts_at_irap_pictures(kind, starts):
    assert hevc_starts_here(iter([bytes([32 << 1, 1, 0]), bytes([kind << 1, 1, 0])])) is starts


def test_intra_refresh_has_a_single_start(tmp_path):
    options = {"g": "12", "x264-params": "intra-refresh=1:bframes=0"}
    path = write_clip(tmp_path / "a.ts", Clip(SMALL, 48, options=options, time_base=Fraction(1, 90000)))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        starts = random_access_test(stream)
        keys = [starts(memoryview(packet)) for packet in container.demux(stream) if packet.size and packet.is_keyframe]
    assert len(keys) > 2
    assert keys[0]
    assert not any(keys[1:])


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_x264_signs_the_first_packet_only(tmp_path, name):
    clip = Clip(SMALL, 24, options={"g": "8"}, time_base=Fraction(1, 90000))
    with av.open(str(write_clip(tmp_path / name, clip))) as container:
        stream = container.streams.video[0]
        signatures = [encoder_signature(stream, memoryview(packet)) for packet in container.demux(stream) if packet.size]
    assert b"x264 - core" in signatures[0]
    assert not any(signatures[1:])


def test_vp8_says_whether_it_shows():
    assert vp8_shows(bytes([0x10, 0, 0]))
    assert not vp8_shows(bytes([0x01, 0, 0]))


@pytest.mark.parametrize(
    ("first", "shows"),
    [(0b10_00_0_1_1_0, True), (0b10_00_0_1_0_0, False), (0b10_00_1_000, True), (0b10_01_0_1_0_0, False), (0b10_11_0_0_1_1, True)],
)
def test_vp9_says_whether_it_shows(first, shows):
    assert vp9_shows(bytes([first, 0, 0])) is shows


def test_a_vp9_superframe_shows_if_any_of_its_frames_does():
    hidden, shown = bytes([0b10000100, 9]), bytes([0b10000110])
    assert vp9_shows(superframe(hidden, shown))
    assert not vp9_shows(superframe(hidden, hidden))


def superframe(*frames):
    marker = 0b110_00_000 | (len(frames) - 1)
    return b"".join(frames) + bytes([marker, *(len(frame) for frame in frames), marker])
