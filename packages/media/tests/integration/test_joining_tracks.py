"""The source's own tracks in the joined video: the same bytes at the same times, with their names."""

import hashlib
import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from joining_fixtures import plan_of, render

from stereo_spot_media import isobmff
from stereo_spot_media.carriage import AUDIO, codec_name
from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.join_tracks import add_tracks
from stereo_spot_media.joining import ReassembleResult, reassemble
from stereo_spot_media.scene import Scene
from stereo_spot_shared.rendering import Container, RenderParams

SMALL = Scene(64, 48, Fraction(24))
MILLISECONDS = Fraction(1, 1000)


def join(source: Path, container: Container, seconds: float = 0.7) -> tuple[Path, ReassembleResult]:
    manifest = plan_of(source, seconds, container)
    folder = source.parent / f"join-{container}"
    folder.mkdir()
    output = folder / f"out.{container}"
    result = reassemble(source, manifest, render(folder, manifest), output, params=RenderParams(container=container))
    return output, result


def packets_of(path: Path, kind: str, number: int = 0) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as opened:
        stream = [stream for stream in opened.streams if stream.type == kind][number]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in opened.demux(stream) if packet.size]


def assert_same_sound(source: Path, output: Path, number: int = 0) -> None:
    before, after = packets_of(source, "audio", number), packets_of(output, "audio", number)
    if len(before) == len(after):
        assert [payload for _, payload in before] == [payload for _, payload in after]
        assert max(abs(found - wanted) for (wanted, _), (found, _) in zip(before, after, strict=True)) <= 2 * MILLISECONDS
    else:  # PCM is cut into other packets by every demuxer
        assert b"".join(payload for _, payload in before) == b"".join(payload for _, payload in after)
        assert abs(before[0][0] - after[0][0]) <= 2 * MILLISECONDS


SOUNDS = [
    ("aac", "mp4", 44100),
    ("aac", "mkv", 48000),
    ("libmp3lame", "mkv", 44100),
    ("libmp3lame", "mp4", 48000),
    ("mp2", "mkv", 48000),
    ("ac3", "mkv", 48000),
    ("eac3", "mkv", 48000),
    ("libopus", "mkv", 48000),
    ("flac", "mkv", 44100),
    ("alac", "mov", 48000),
    ("pcm_s16le", "mkv", 48000),
    ("pcm_s24le", "mov", 48000),
    ("pcm_s16le", "avi", 44100),
    ("pcm_f32le", "mkv", 48000),
    ("pcm_u8", "mov", 8000),
    ("pcm_mulaw", "mov", 8000),
    ("tta", "mkv", 48000),
    ("wavpack", "mkv", 48000),
]


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize(("codec", "suffix", "rate"), SOUNDS, ids=[f"{codec} in {suffix}" for codec, suffix, _ in SOUNDS])
def test_sound_is_the_same_bytes_in_place_or_left_out_with_a_reason(
    tmp_path: Path, codec: str, suffix: str, rate: int, container: Container
) -> None:
    source = write_clip(tmp_path / f"source.{suffix}", Clip(SMALL, frames=36, sounds=[Sound(codec, rate)]))
    output, result = join(source, container)
    name = av.Codec(codec, "w").canonical_name
    if name in AUDIO[container]:
        assert_same_sound(source, output)
        with av.open(str(output)) as opened:
            assert codec_name(opened.streams.audio[0].codec_context.name) in {name, "mp3"}  # MP4 calls MP2 and MP3 the same
            decoded = sum(frame.samples for frame in opened.decode(audio=0))
        assert decoded >= 1.4 * rate
    else:
        assert [track.left_out is not None for track in result.left_out] == [True]
        assert container.upper() in (result.left_out[0].left_out or "")
        assert not packets_exist(output, "audio")


def packets_exist(path: Path, kind: str) -> bool:
    with av.open(str(path)) as opened:
        return any(stream.type == kind for stream in opened.streams)


@pytest.mark.parametrize("container", Container)
def test_transport_streams_lose_their_clock_and_their_sound_its_headers(tmp_path: Path, container: Container) -> None:
    clip = Clip(
        SMALL,
        time_base=Fraction(1, 90000),
        times=[9_000_000 + 3750 * frame for frame in range(40)],
        sounds=[Sound("aac", 48000), Sound("mp2", 48000)],
    )
    source = write_clip(tmp_path / "source.ts", clip)
    output, _ = join(source, container)
    first = min(packets_of(source, kind, number)[0][0] for kind, number in [("audio", 0), ("audio", 1), ("video", 0)])
    for number, header in enumerate([7, 0]):
        before, after = packets_of(source, "audio", number), packets_of(output, "audio", number)
        assert [payload[header:] for _, payload in before] == [payload for _, payload in after]
        places = zip(before, after, strict=True)
        assert max(abs(wanted - first - found) for (wanted, _), (found, _) in places) <= 2 * MILLISECONDS
    pictures = [sorted(time for time, _ in packets_of(path, "video")) for path in (source, output)]
    allowed = Fraction(1, 2000) if container is Container.MKV else 0
    assert all(abs(wanted - first - found) <= allowed for wanted, found in zip(*pictures, strict=True))


@pytest.mark.parametrize("container", Container)
def test_sound_that_begins_late_stays_late(tmp_path: Path, container: Container) -> None:
    clip = Clip(SMALL, times=[512 * (24 * 3 + frame) for frame in range(30)], sounds=[Sound("aac", 44100), Sound("ac3", 48000)])
    source = write_clip(tmp_path / "source.mkv", clip)
    output, _ = join(source, container)
    for number in range(2):
        assert_same_sound(source, output, number)
        assert packets_of(output, "audio", number)[1][0] > 2.9


@pytest.mark.parametrize("container", Container)
def test_tracks_keep_order_language_title_and_default(tmp_path: Path, container: Container) -> None:
    sounds = [Sound("aac", 48000, "eng"), Sound("ac3", 48000, "fre", "Commentaire", default=True), Sound("aac", 44100, "jpn")]
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=30, sounds=sounds, metadata={"title": "The Parrot"}))
    output, result = join(source, container)
    for number in range(3):
        assert_same_sound(source, output, number)
    with av.open(str(output)) as opened:
        french = "fra" if container is Container.MOV else "fre"
        assert [stream.language for stream in opened.streams.audio] == ["eng", french, "jpn"]
        defaults = [bool(stream.disposition & stream.disposition.default) for stream in opened.streams.audio]
        assert defaults == [False, True, False]
        assert opened.metadata["title"] == "The Parrot"
        if container is Container.MKV:
            assert opened.streams.audio[1].metadata["title"] == "Commentaire"
    assert len(result.carried) == 3


LINES = [(100, 900, "Hello"), (900, 1100, "Zwei\nZeilen"), (1500, 1900, "ハロー")]


def shown(path: Path) -> list[tuple[int, int, str]]:
    with av.open(str(path)) as opened:
        stream = opened.streams.subtitles[0]
        timed_text = stream.codec_context.name == "mov_text"
        return [
            (
                round(packet.pts * packet.time_base * 1000),
                round((packet.pts + packet.duration) * packet.time_base * 1000),
                bytes(packet)[2 if timed_text else 0 :].decode(),
            )
            for packet in opened.demux(stream)
            if packet.size and bytes(packet)[:2] != b"\0\0"
        ]


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize(("codec", "suffix"), [("subrip", "mkv"), ("mov_text", "mp4")])
def test_subtitles_keep_words_and_times_whatever_their_wrapping(tmp_path: Path, codec: str, suffix: str, container: Container) -> None:
    source = write_clip(tmp_path / f"source.{suffix}", Clip(SMALL, frames=48, captions=[Captions(LINES, codec, "ger")]))
    output, _ = join(source, container)
    assert shown(output) == LINES
    with av.open(str(output)) as opened:
        assert opened.streams.subtitles[0].language == "ger"
        assert codec_name(opened.streams.subtitles[0].codec_context.name) == ("subrip" if container is Container.MKV else "mov_text")
        decoded = [entry for packet in opened.demux(subtitles=0) for entry in packet.decode()]
    assert decoded


def test_styled_subtitles_stay_styled_in_mkv_and_become_words_in_mp4(tmp_path: Path) -> None:
    event = "0,0,Default,,0,0,0,,{\\i1}Schräg{\\i0}\\Nunten"
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=48, captions=[Captions([(200, 900, event)], "ass")]))
    kept, _ = join(source, Container.MKV)
    assert packets_of(kept, "subtitle") == packets_of(source, "subtitle")
    words, _ = join(source, Container.MP4)
    assert shown(words) == [(200, 900, "Schräg\nunten")]


def test_subtitles_that_begin_together_are_shown_together_and_overlaps_are_cut(tmp_path: Path) -> None:
    lines = [(100, 900, "upper"), (100, 700, "lower"), (500, 1500, "later")]
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=48, captions=[Captions(lines)]))
    output, _ = join(source, Container.MP4)
    assert shown(output) == [(100, 500, "upper\nlower"), (500, 1500, "later")]


@pytest.mark.parametrize("container", Container)
def test_chapters_stay_where_they_are(tmp_path: Path, container: Container) -> None:
    chapters = [(0, 700, "Anfang"), (700, 1200, "Mitte"), (1200, 2000, "Ende")]
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=48, sounds=[Sound()], chapters=chapters))
    output, _ = join(source, container)
    with av.open(str(output)) as opened:
        found = [
            (round(entry["start"] * entry["time_base"] * 1000), round(entry["end"] * entry["time_base"] * 1000), entry["metadata"]["title"])
            for entry in opened.chapters()
        ]
    assert found == chapters
    assert_same_sound(source, output)


def test_chapters_move_with_the_clock(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=48, chapters=[(500, 1500, "one"), (1500, 2000, "two")]))
    manifest = plan_of(source, 1, Container.MKV).model_copy(update={"start_shift": Fraction(1, 4)})
    output = tmp_path / "out.mkv"
    reassemble(source, manifest, render(tmp_path, manifest), output, params=RenderParams(container=Container.MKV))
    with av.open(str(output)) as opened:
        found = [(entry["start"] * entry["time_base"], entry["end"] * entry["time_base"]) for entry in opened.chapters()]
    assert found == [(Fraction(3, 4), Fraction(7, 4)), (Fraction(7, 4), Fraction(9, 4))]


def test_sound_whose_times_stand_still_is_still_carried(tmp_path: Path) -> None:
    """Broken muxers write the same time twice; MP4 wants every time to be later than the last."""
    source = tmp_path / "source.mkv"
    whole = write_clip(tmp_path / "good.mkv", Clip(SMALL, frames=36, sounds=[Sound("ac3")]))
    with av.open(str(whole)) as good, av.open(str(source), "w", container_options={"avoid_negative_ts": "disabled"}) as broken:
        streams = [broken.add_stream_from_template(stream, opaque=True) for stream in good.streams]
        sounds = 0
        for packet in good.demux():
            if packet.size and packet.stream.type == "audio":
                sounds += 1
                packet.pts = packet.dts = packet.pts - packet.duration if sounds in {5, 9} else packet.pts
            if packet.size:
                packet.stream = streams[packet.stream_index]
                broken.mux(packet)
    for container in (Container.MP4, Container.MKV):
        output, _ = join(source, container)
        assert [payload for _, payload in packets_of(output, "audio")] == [payload for _, payload in packets_of(source, "audio")]


def test_subtitles_stand_near_what_they_belong_to_in_the_file(tmp_path: Path) -> None:
    lines = [(500, 900, "first"), (8000, 9000, "second")]
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=240, sounds=[Sound()], captions=[Captions(lines)]))
    output, _ = join(source, Container.MP4)
    with av.open(str(output)) as opened:
        order = sorted((packet.pos, packet.pts * packet.time_base, bytes(packet)) for packet in opened.demux() if packet.size)
    place = next(number for number, (_, _, payload) in enumerate(order) if payload == b"\x00\x05first")
    assert max(time for _, time, _ in order[:place]) < 3


def test_sound_is_in_place_however_coarse_the_clock_of_the_picture(tmp_path: Path) -> None:
    clip = Clip(SMALL, time_base=Fraction(1, 24), times=list(range(24, 60)), sounds=[Sound("aac", 48000)])
    source = write_clip(tmp_path / "source.mov", clip)
    for container in Container:
        output, _ = join(source, container)
        assert_same_sound(source, output)


def test_no_track_becomes_the_default_that_was_none(tmp_path: Path) -> None:
    clip = Clip(SMALL, frames=24, sounds=[Sound(), Sound()], muxer_options={"default_mode": "passthrough"})
    output, _ = join(write_clip(tmp_path / "source.mkv", clip), Container.MKV)
    with av.open(str(output)) as opened:
        assert [bool(stream.disposition & stream.disposition.default) for stream in opened.streams.audio] == [False, False]


def test_a_packet_without_times_follows_the_one_before(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=24, sounds=[Sound("ac3")]))
    manifest = plan_of(source, 1, Container.MP4)
    with av.open(str(source)) as opened, av.open(str(tmp_path / "out.mp4"), "w") as output:
        [track] = add_tracks(output, opened, manifest, Container.MP4)
        output.start_encoding()
        track.open(Fraction(0), strict=True)
        found = []
        for number, packet in enumerate(opened.demux(track.source)):
            if packet.size:
                if number == 3:
                    packet.pts = packet.dts = None
                found += [ready.pts * ready.time_base for ready in track.packets(packet)]
    wanted = [time for time, _ in packets_of(source, "audio")]
    assert all(abs(time - place) <= 2 * MILLISECONDS for time, place in zip(found, wanted, strict=True))


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize(("suffix", "layout"), [("avi", "stereo"), ("mkv", "5.1"), ("mkv", "2.1")])
def test_samples_of_unnamed_channels_are_carried(tmp_path: Path, suffix: str, layout: str, container: Container) -> None:
    source = tmp_path / f"source.{suffix}"
    with av.open(str(source), "w") as output:
        video = output.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("pcm_s16le", rate=48000, layout=layout)
        samples = np.random.default_rng(1).integers(-9000, 9000, (1, 4800 * sound.channels), dtype=np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate, frame.pts = 48000, 0
        output.mux([*video.encode(av.VideoFrame(64, 48, "yuv420p")), *video.encode(None)])
        output.mux([*sound.encode(frame), *sound.encode(None)])
    output_path, _ = join(source, container)
    assert_same_sound(source, output_path)
    with av.open(str(output_path)) as opened:
        assert opened.streams.audio[0].channels == sound.channels


def edit_sound(path: Path, edits: list[tuple[int, int]]) -> None:
    """Give the sound of an MP4 whose index comes last an edit list: (milliseconds, first sample) each."""
    data = path.read_bytes()
    moov = next(box for box in isobmff.boxes_of(data) if box.kind == b"moov")
    assert moov.end == len(data)
    entries = b"".join(struct.pack(">IiI", duration, first, 0x10000) for duration, first in edits)
    edts = isobmff.boxed(b"edts", isobmff.boxed(b"elst", struct.pack(">II", 0, len(edits)) + entries))

    def edited(kind: bytes, body: memoryview) -> bytes | None:
        handler = isobmff.find(body, b"mdia", b"hdlr") if kind == b"trak" else None
        if handler is None or bytes(handler[8:12]) != b"soun":
            return None
        return isobmff.boxed(b"trak", isobmff.edited(body, lambda inner, _: edts if inner == b"edts" else None, ()))

    path.write_bytes(data[: moov.start] + isobmff.edited(data[moov.start :], edited, (b"moov",)))


@pytest.mark.parametrize("container", Container)
def test_sound_that_an_edit_list_cuts_out_does_not_come_back(tmp_path: Path, container: Container) -> None:
    source = write_clip(tmp_path / "source.mp4", Clip(SMALL, frames=48, sounds=[Sound("aac")]))
    edit_sound(source, [(500, 1024), (800, 1024 + 48000)])
    with av.open(str(source)) as opened:
        packets = [packet for packet in opened.demux(audio=0) if packet.size]
    heard = [(packet.pts * packet.time_base, bytes(packet)) for packet in packets if not packet.is_discard]
    assert len(heard) < len(packets) - 10
    output, _ = join(source, container)
    found = packets_of(output, "audio")[1:]  # without the decoder's run-up
    assert [payload for _, payload in found] == [payload for _, payload in heard]
    assert max(abs(time - place) for (time, _), (place, _) in zip(found, heard, strict=True)) <= 2 * MILLISECONDS


def test_attachments_are_kept_in_mkv_and_named_as_left_out_in_mp4(tmp_path: Path) -> None:
    font = np.random.default_rng(1).bytes(5000)
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=24, attachment=("a.ttf", "font/ttf", font)))
    output, _ = join(source, Container.MKV)
    with av.open(str(output)) as opened:
        attachment = opened.streams.attachments[0]
        assert (attachment.name, attachment.mimetype) == ("a.ttf", "font/ttf")
        assert hashlib.sha256(attachment.data).digest() == hashlib.sha256(font).digest()
    _, result = join(source, Container.MP4)
    assert [track.left_out for track in result.left_out] == ["MP4 has no attachments; MKV keeps them."]


def test_sound_and_picture_alternate_in_the_file(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "source.mkv", Clip(SMALL, frames=120, sounds=[Sound()]))
    output, _ = join(source, Container.MP4)
    with av.open(str(output)) as opened:
        places = sorted((packet.pos, packet.stream_index) for packet in opened.demux() if packet.size)
    changes = sum(before[1] != after[1] for before, after in pairwise(places))
    assert changes >= 8  # five seconds, at least once a second in both directions
