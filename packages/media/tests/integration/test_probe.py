from __future__ import annotations

import threading
from fractions import Fraction

import av
import pytest

from stereo_spot_media import planning
from stereo_spot_media import scan as scanning
from stereo_spot_media.demo_clip import Captions, Clip, Sound, write_clip
from stereo_spot_media.planning import make_manifest
from stereo_spot_media.probe import SourceInfo, probe
from stereo_spot_media.scan import scan
from stereo_spot_media.scene import Scene
from stereo_spot_media.testing import real_clips
from stereo_spot_shared.errors import UnsupportedMedia
from stereo_spot_shared.manifest import Manifest, TrackKind
from stereo_spot_shared.rendering import Container, RenderParams

SMALL = Scene(96, 64, Fraction(24))


def test_everything_is_described(tmp_path):
    clip = Clip(
        SMALL,
        24,
        rotation=-90,
        sample_aspect_ratio=Fraction(4, 3),
        sounds=[Sound(language="eng"), Sound("libmp3lame", 44100, "fra", "Doublage")],
        captions=[Captions([(0, 400, "Hello")], "mov_text", "deu")],
        chapters=[(0, 500, "One"), (500, 1000, "Two")],
        metadata={"title": "Demo"},
    )
    info = probe(write_clip(tmp_path / "a.mp4", clip))
    assert (info.video.codec, info.video.width, info.video.height, info.video.pixel_format) == ("h264", 96, 64, "yuv420p")
    assert (info.video.rotation, info.video.sample_aspect_ratio, info.video.interlaced) == (90, Fraction(4, 3), False)
    assert (info.video.time_base, info.video.average_rate, info.video.bit_depth) == (Fraction(1, 12288), 24, 8)
    assert (info.title, info.chapters) == ("Demo", 2)
    tracks = [(track.kind, track.codec, track.language) for track in info.tracks if track.kind is not TrackKind.DATA]
    assert tracks == [(TrackKind.AUDIO, "aac", "eng"), (TrackKind.AUDIO, "mp3", "fra"), (TrackKind.SUBTITLE, "mov_text", "deu")]
    assert SourceInfo.model_validate_json(info.to_json()) == info


@pytest.mark.parametrize(("angle", "clockwise"), [(0, 0), (-90, 90), (180, 180), (90, 270)])
def test_rotation_counts_clockwise(tmp_path, angle, clockwise):
    assert probe(write_clip(tmp_path / "a.mp4", Clip(SMALL, 2, rotation=angle))).video.rotation == clockwise


def test_fields_are_seen_wherever_they_are_flagged(tmp_path):
    fields = Clip(SMALL, 12, interlaced=True, options={"flags": "+ildct+ilme"})
    assert probe(write_clip(tmp_path / "a.mp4", fields)).video.interlaced
    assert not probe(write_clip(tmp_path / "b.mp4", Clip(SMALL, 12))).video.interlaced


def test_depth_and_hdr_are_read_from_the_pictures(tmp_path):
    params = (
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    )
    clip = Clip(SMALL, 4, "libx265", "yuv420p10le", {"x265-params": params})
    video = probe(write_clip(tmp_path / "a.mkv", clip)).video
    assert (video.bit_depth, video.colour.primaries, video.colour.transfer, video.colour.matrix) == (10, 9, 16, 9)
    assert video.colour.full_range is False
    assert video.content_light.max_content == 1000
    assert video.mastering_display.red == (Fraction(34000, 50000), Fraction(16000, 50000))
    assert video.mastering_display.max_luminance == 1000


def test_the_largest_film_is_chosen_and_cover_art_is_none(tmp_path):
    path = tmp_path / "a.mp4"
    cover = av.VideoFrame(640, 480, "yuvj420p")
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in ((64, 48), (128, 96), (96, 64)):
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        art = container.add_stream("mjpeg", rate=1)
        art.width, art.height, art.pix_fmt = 640, 480, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame(stream.width, stream.height, "yuv420p")))
            container.mux(stream.encode(None))
        container.mux(art.encode(cover))
    with av.open(str(path)) as container:
        assert container.streams[3].disposition & av.stream.Disposition.attached_pic
    assert (probe(path).video.width, probe(path).video.index) == (128, 1)


def test_tracks_that_the_container_cannot_carry_are_named_with_the_reason(tmp_path):
    path = write_clip(tmp_path / "a.mkv", Clip(SMALL, 4, attachment=("a.ttf", "font/ttf", b"font"), sounds=[Sound("flac")]))
    in_mp4 = make_manifest(path, "etag", RenderParams(container=Container.MP4))
    in_mkv = make_manifest(path, "etag", RenderParams(container=Container.MKV))
    assert [track.left_out for track in in_mkv.tracks] == [None, None]
    assert "attachment" in next(track.left_out for track in in_mp4.tracks if track.kind is TrackKind.ATTACHMENT)


def test_a_manifest_survives_being_written(tmp_path):
    manifest = make_manifest(write_clip(tmp_path / "a.mp4", Clip(SMALL, 24)), "etag", RenderParams())
    assert Manifest.model_validate_json(manifest.to_json()) == manifest
    assert manifest.frame_count == 24
    assert manifest.last_duration == 512


def test_times_that_jump_back_are_refused(tmp_path):
    path = tmp_path / "a.nut"
    with av.open(str(write_clip(tmp_path / "a.mp4", Clip(SMALL, 120)))) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for number, packet in enumerate(packet for packet in source.demux() if packet.size):
            packet.stream, packet.dts = stream, number * 512
            packet.pts = 512 * (number + 200 if number < 60 else number) + 512
            out.mux_one(packet)
    with pytest.raises(UnsupportedMedia, match="jump back"):
        scan(path, probe(path).video)


def test_a_packet_that_does_not_decode_is_still_promised(tmp_path):
    """Damage in the middle is the renderer's to report; the scan says what is marked."""
    path = write_clip(tmp_path / "a.ts", Clip(SMALL, 48, options={"g": "8"}, time_base=Fraction(1, 90000)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 188 * 6] = bytes(188 * 6)
    path.write_bytes(data)
    table = scan(path, probe(path).video)
    assert 40 <= table.shown.sum() <= 48


def test_a_refused_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    """Pictures are looked at while the packets are read: when those are refused, reading ends too."""
    path = write_clip(tmp_path / "a.mp4", Clip(SMALL, 240, options={"g": "1"}))
    reading, refused, heard = threading.Event(), threading.Event(), []

    def refuse(*_):
        assert reading.wait(60)
        threading.Timer(0.2, refused.set).start()  # once what this raises has been noticed
        raise UnsupportedMedia("No picture like this, please.")

    def hear(done):
        heard.append(done)
        reading.set()
        assert refused.wait(60)

    monkeypatch.setattr(planning, "probe", refuse)
    monkeypatch.setattr(scanning, "REPORT_SECONDS", 0.0)
    with pytest.raises(UnsupportedMedia, match="please"):
        make_manifest(path, "etag", RenderParams(), on_progress=hear)
    assert len(heard) == 1


@pytest.mark.parametrize("clip", real_clips() or [pytest.param(None, marks=pytest.mark.skip(reason="no real clips here"))], ids=str)
def test_real_clips(clip):
    video = probe(clip).video
    facts = {
        "cockatoo.mp4": ("h264", 1280, 720, 8, 0, False),
        "davis_rollercoaster.mp4": ("mpeg4", 960, 540, 8, 0, False),
        "hdr10-video-with-sdr-container.mp4": ("hevc", 1920, 1080, 10, 0, False),
        "nasa_13013.mp4": ("h264", 480, 270, 8, 0, False),
        "portrait_4k60.mp4": ("h264", 3840, 2160, 8, 90, False),
        "roadtrip-vp92-10bit.webm": ("vp9", 426, 240, 10, 0, False),
        "test-025.ts": ("mpeg2video", 720, 576, 8, 0, True),
        "video_desks.3gp": ("h263", 352, 288, 8, 0, False),
    }
    found = (video.codec, video.width, video.height, video.bit_depth, video.rotation, video.interlaced)
    assert found == facts.get(clip.name, found)
