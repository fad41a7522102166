"""The table of what a container carries, held against FFmpeg's own muxers."""

import av
import pytest

from stereo_spot_media.carriage import AUDIO, SUBTITLES, TEXT_SUBTITLES, carriage, codec_name
from stereo_spot_media.joining import FORMATS
from stereo_spot_shared.manifest import TrackKind
from stereo_spot_shared.rendering import Container


@pytest.mark.parametrize("container", Container)
def test_what_the_table_carries_the_muxer_supports(tmp_path, container):
    with av.open(str(tmp_path / "any"), "w", format=FORMATS[container]) as output:
        supported = {codec_name(name) for name in output.supported_codecs}
        for name in AUDIO[container] | SUBTITLES[container]:
            assert name in supported, name


@pytest.mark.parametrize(
    ("container", "kind", "codec", "carried"),
    [
        (Container.MP4, TrackKind.AUDIO, "aac", "aac"),
        (Container.MP4, TrackKind.AUDIO, "mp3float", "mp3"),
        (Container.MP4, TrackKind.AUDIO, "dca", "dts"),
        (Container.MP4, TrackKind.AUDIO, "truehd", None),
        (Container.MKV, TrackKind.AUDIO, "truehd", "truehd"),
        (Container.MOV, TrackKind.AUDIO, "opus", None),
        (Container.MOV, TrackKind.AUDIO, "amrnb", "amr_nb"),
        (Container.MP4, TrackKind.SUBTITLE, "srt", "mov_text"),
        (Container.MP4, TrackKind.SUBTITLE, "ssa", "mov_text"),
        (Container.MKV, TrackKind.SUBTITLE, "ssa", "ass"),
        (Container.MKV, TrackKind.SUBTITLE, "mov_text", "subrip"),
        (Container.MKV, TrackKind.SUBTITLE, "pgssub", "hdmv_pgs_subtitle"),
        (Container.MP4, TrackKind.SUBTITLE, "pgssub", None),
        (Container.MKV, TrackKind.ATTACHMENT, "ttf", "ttf"),
        (Container.MP4, TrackKind.ATTACHMENT, "ttf", None),
        (Container.MKV, TrackKind.VIDEO, "mjpeg", None),
        (Container.MOV, TrackKind.DATA, "tmcd", None),
        (Container.MKV, TrackKind.AUDIO, "no such codec", None),
    ],
)
def test_carried_or_left_out_with_a_sentence(container, kind, codec, carried):
    answer = carriage(container, kind, codec)
    assert answer.codec == carried
    assert (answer.left_out is None) == (carried is not None)
    if answer.left_out is not None:
        assert answer.left_out.endswith(".")


def test_the_sentence_names_a_container_that_can():
    assert carriage(Container.MP4, TrackKind.AUDIO, "truehd").left_out == "MP4 cannot carry truehd sound unchanged; MKV can."
    assert "MKV can" in (carriage(Container.MOV, TrackKind.SUBTITLE, "dvbsub").left_out or "")


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize("codec", sorted(TEXT_SUBTITLES))
def test_words_are_never_left_out(container, codec):
    assert carriage(container, TrackKind.SUBTITLE, codec).left_out is None
