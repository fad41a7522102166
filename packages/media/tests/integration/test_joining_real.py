"""Real clips as sources of joining: what cameras, phones and broadcasters write."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from joining_fixtures import X264, X265, plan_of, render

from stereo_spot_media.join_tracks import payload_of
from stereo_spot_media.joining import reassemble
from stereo_spot_media.testing import real_clips
from stereo_spot_shared.manifest import TrackKind
from stereo_spot_shared.rendering import Container, RenderParams

CLIPS = real_clips()


def sounds_of(path: Path, index: int) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path), metadata_errors="replace") as opened:
        stream = opened.streams[index]
        name = stream.codec_context.codec.canonical_name
        return [(packet.pts * packet.time_base, bytes(payload_of(name, packet))) for packet in opened.demux(stream) if packet.size]


@pytest.mark.skipif(not CLIPS, reason="no folder of real clips: set STEREO_SPOT_TEST_DATA")
@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_every_real_clip_joins_exactly(tmp_path: Path, clip: Path, container: Container) -> None:
    manifest = plan_of(clip, 2, container)
    output = tmp_path / f"out.{container}"
    paths = render(tmp_path, manifest, X265 if container is Container.MP4 else X264)
    result = reassemble(clip, manifest, paths, output, params=RenderParams(container=container))

    with av.open(str(output), metadata_errors="replace") as opened:
        video = opened.streams.video[0]
        found = sorted(packet.pts * video.time_base for packet in opened.demux(video) if packet.size)
        decoded = sum(1 for _ in av.open(str(output), metadata_errors="replace").decode(video=0))
    wanted = [ticks * manifest.video.time_base + manifest.start_shift for ticks in manifest.frames.times()]
    allowed = Fraction(1, 2000) if container is Container.MKV else 0
    assert len(found) == decoded == result.frames == len(wanted)
    assert all(abs(time - place) <= allowed for time, place in zip(found, wanted, strict=True))

    for place, track in enumerate(result.carried, start=1):
        if track.kind is TrackKind.AUDIO:
            before, after = sounds_of(clip, track.index), sounds_of(output, place)
            assert [payload for _, payload in after] == [payload for _, payload in before]
            moved = [abs(time + manifest.start_shift - then) for (time, _), (then, _) in zip(before, after, strict=True)]
            assert max(moved) <= Fraction(2, 1000)
    assert all(track.kind is TrackKind.VIDEO for track in result.left_out)
