"""Files that are no videos, and files that want to be more than a video."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import threading
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo_spot_media.demo_clip import Clip, Sound, write_clip
from stereo_spot_media.hostile import MediaLimits, open_media, translated
from stereo_spot_media.probe import probe
from stereo_spot_media.scan import scan
from stereo_spot_media.scene import Scene
from stereo_spot_shared.errors import MissingSource, NoSpaceLeft, UnsupportedMedia

SMALL = Scene(96, 64, Fraction(24))
IN_OPEN = 0x20


@pytest.fixture(scope="module")
def sound_clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "clip.ts", Clip(SMALL, 48, time_base=Fraction(1, 90000)))


def refused(path, match, kind=UnsupportedMedia, limits=None):
    with pytest.raises(kind, match=match) as caught:
        probe(path, *([limits] if limits else []))
    assert caught.value.message.endswith(".")
    assert "Errno" not in caught.value.message
    return caught.value


def written(path, data):
    path.write_bytes(data)
    return path


def test_what_is_no_video_is_refused_with_its_reason(tmp_path):
    for path, reason, kind in (
        (written(tmp_path / "empty.mp4", b""), "is empty", UnsupportedMedia),
        (written(tmp_path / "random.mp4", os.urandom(200_000)), "not a video file of a known format", UnsupportedMedia),
        (written(tmp_path / "notes.mp4", b"Dear diary,\n" * 500), "is a text file", UnsupportedMedia),
        (tmp_path, "is a directory", UnsupportedMedia),
        (tmp_path / "absent.mp4", "There is no file", MissingSource),
        (tmp_path / "empty.mp4" / "deeper.mp4", "There is no file", MissingSource),
    ):
        assert path.name in refused(path, reason, kind).message


def test_neither_devices_nor_pipes_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (Path("/dev/zero"), tmp_path / "pipe.mp4"):
        assert path.name in refused(path, "not a regular file").message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path, sound_clip):
    secret = Path(shutil.copy(sound_clip, tmp_path / "secret.ts"))
    secret.chmod(0)
    assert refused(secret, "may not be read", MissingSource).hint


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        samples = (SMALL.sound(0, 48000) * 32767).astype("int16")[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert refused(path, "no video, only sound").message.startswith("song.m4a")


@contextmanager
def opened_by_anybody(path):
    """A function that says whether the file at `path` has been opened since."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert descriptor >= 0
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), IN_OPEN) >= 0

    def opened():
        try:
            return bool(os.read(descriptor, 4096))
        except BlockingIOError:
            return False

    try:
        yield opened
    finally:
        os.close(descriptor)


PLAYLISTS = {
    "hls.mp4": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
    "ffconcat.mp4": "ffconcat version 1.0\nfile '{target}'\n",
    "concat.mp4": "file '{target}'\n",
    "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "session.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=control:{target}\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_in_disguise_reads_no_other_file(tmp_path, sound_clip, name):
    target = shutil.copy(sound_clip, tmp_path / "target.ts")
    playlist = written(tmp_path / name, PLAYLISTS[name].format(target=target).encode())
    with opened_by_anybody(target) as opened:
        refused(playlist, "playlist|text file")
        assert not opened()
        target.read_bytes()
        assert opened()


@pytest.mark.parametrize("name", ["hls.mp4", "ffconcat.mp4"])
def test_without_the_allow_lists_it_would(tmp_path, sound_clip, name):
    """The control of the test above: FFmpeg itself follows these."""
    target = shutil.copy(sound_clip, tmp_path / "target.ts")
    playlist = written(tmp_path / name.replace(".mp4", ".m3u8"), PLAYLISTS[name].format(target=target).encode())
    with opened_by_anybody(target) as opened:
        with suppress(av.FFmpegError), av.open(str(playlist), options={"safe": "0"} if name.startswith("ff") else {}):
            pass
        assert opened()


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_in_disguise_calls_nobody(tmp_path, name):
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls = []

        def listen():
            with suppress(OSError):
                connection, address = server.accept()
                connection.close()
                calls.append(address)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"
        refused(written(tmp_path / name, PLAYLISTS[name].format(target=address).encode()), "playlist|text file")
        assert not calls
        socket.create_connection(server.getsockname()).close()  # the control: a call is noticed
        thread.join()
        assert len(calls) == 1


TRUNCATED = {
    "front.mp4": Clip(SMALL, 72, sounds=[Sound()], muxer_options={"movflags": "faststart"}),
    "back.mp4": Clip(SMALL, 72),
    "fragments.mp4": Clip(SMALL, 72, options={"g": "12"}, muxer_options={"movflags": "frag_keyframe+empty_moov"}),
    "clip.mkv": Clip(SMALL, 72, sounds=[Sound()]),
    "clip.webm": Clip(SMALL, 72, codec="libvpx", time_base=Fraction(1, 1000)),
    "clip.avi": Clip(SMALL, 72, codec="mpeg4", time_base=Fraction(1, 24)),
    "clip.flv": Clip(SMALL, 240),
}


SHARES = [(name, share) for name in TRUNCATED for share in (0.3, 0.6, 0.97)]
SHARES.remove(("clip.flv", 0.97))  # FLV states nothing but its duration, and 3 % less is tolerated


@pytest.mark.parametrize(("name", "share"), SHARES)
def test_a_truncated_file_is_refused(tmp_path, name, share):
    whole = write_clip(tmp_path / name, TRUNCATED[name])
    scan(whole, probe(whole).video)
    data = whole.read_bytes()
    part = written(tmp_path / f"part-{name}", data[: int(len(data) * share)])
    with pytest.raises(UnsupportedMedia, match=r"truncated|damaged at the start"):
        scan(part, probe(part).video)


def test_damage_at_random_never_ends_in_anything_but_a_sentence(tmp_path):
    import random

    source = write_clip(tmp_path / "a.mp4", Clip(SMALL, 24, sounds=[Sound()])).read_bytes()
    generator = random.Random(7)
    read, told = 0, []
    for number in range(60):
        data = bytearray(source)
        for _ in range(generator.choice([1, 20, 400])):
            data[generator.randrange(len(data))] = generator.randrange(256)
        path = written(tmp_path / f"{number}.mp4", bytes(data))
        try:
            scan(path, probe(path).video)
            read += 1
        except UnsupportedMedia as error:
            told.append(error.message)
    assert read  # some of it harms nothing,
    assert told  # and some of it does
    assert all(sentence.endswith(".") for sentence in told)


def test_limits_are_checked_before_decoding(tmp_path, sound_clip):
    refused(sound_clip, "the limit is 1,000", limits=MediaLimits(max_bytes=1000))
    refused(sound_clip, "pictures of 96x64", limits=MediaLimits(max_pixels=96 * 63))
    refused(sound_clip, "pictures of 96x64", limits=MediaLimits(max_side=95))
    refused(sound_clip, "the limit is 0", limits=MediaLimits(max_seconds=1))
    refused(sound_clip, "pictures a second", limits=MediaLimits(max_frame_rate=23))
    refused(sound_clip, "1 streams", limits=MediaLimits(max_streams=0))
    with pytest.raises(UnsupportedMedia, match="more than 47 pictures"):
        scan(sound_clip, probe(sound_clip).video, MediaLimits(max_frames=47))


def test_names_and_tags_may_hold_anything(tmp_path, sound_clip):
    strange = shutil.copy(sound_clip, tmp_path / os.fsdecode(b"caf\xe9 'x' %d \n.ts"))
    assert probe(strange).video.width == 96


def test_a_damaged_tag_is_no_reason_to_refuse(tmp_path):
    path = write_clip(tmp_path / "a.mp4", Clip(SMALL, 4, metadata={"title": "CAFE"}))
    path.write_bytes(path.read_bytes().replace(b"CAFE", b"CAF\xe9"))
    with open_media(path) as container:
        assert container.metadata["title"] == "CAF�"


def test_a_full_disk_is_not_the_files_fault():
    def fill():
        with translated("segment"), av.open("/dev/full", "w", format="nut") as container:
            stream = container.add_stream("rawvideo", rate=24)
            stream.width, stream.height, stream.pix_fmt = 640, 640, "yuv420p"
            for _ in range(3):
                container.mux(stream.encode(av.VideoFrame(640, 640, "yuv420p")))

    with pytest.raises(NoSpaceLeft):
        fill()
