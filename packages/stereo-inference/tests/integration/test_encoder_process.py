"""The encoder's process: pictures arrive as they are, and what goes wrong there is said here."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.stages import Stopped
from stereo_inference.video_io.encode import SegmentEncoder, segment_writer
from stereo_inference.video_io.encoder_child import EncoderChild
from stereo_inference.video_io.encoder_messages import Abandon, Encode, Finish, Open
from stereo_inference.video_io.encoder_process import EncoderProcess, Encoding
from stereo_inference.video_io.encoders import OutputFormat
from stereo_inference.video_io.shared_pictures import SharedPictures, shared_memory
from stereo_spot_shared.errors import NoSpaceLeft, RenderFailed, StorageUnavailable
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking, Quality

CLOCK = Fraction(1, 1000)
RandomPicture = Callable[..., Picture]


@pytest.fixture(scope="module")
def encoder() -> Iterator[EncoderProcess]:
    with EncoderProcess() as process:
        yield process


def lossless(width: int = 66, height: int = 34, name: str = "yuv420p") -> OutputFormat:
    return OutputFormat(
        width=width, height=height, format=PIXEL_FORMATS[name], layout=FramePacking.FULL_SBS, quality=Quality.LOSSLESS,
        rate=Fraction(25), time_base=CLOCK, aspect=Fraction(1), colour=Colour(),
    )  # fmt: skip


@contextlib.contextmanager
def opened(encoder: EncoderProcess, path: Path, output: OutputFormat, frames: int = 30, pictures: int = 1) -> Iterator[Encoding]:
    times = [40 * i for i in range(frames)]
    with (
        segment_writer(path) as part,
        encoder.open(part, output, times=times, end=40 * frames, pts_offset=0, threads=1, pictures=pictures) as encoding,
    ):
        yield encoding


def encode(encoder: EncoderProcess, path: Path, output: OutputFormat, shown: list[Picture], pictures: int = 1) -> None:
    with opened(encoder, path, output, len(shown), pictures) as encoding:
        left = 0
        for number, picture in enumerate(shown):
            slot = encoding.new_picture()
            for plane in range(3):
                slot.picture.cropped(plane)[:] = picture.cropped(plane)
            left += encoding.encode(slot, 40 * number)
        assert left + encoding.finish() == len(shown)


@pytest.mark.parametrize("name", PIXEL_FORMATS)
@pytest.mark.parametrize("pictures", [1, 2])
def test_pictures_arrive_as_they_are(
    tmp_path: Path, encoder: EncoderProcess, random_picture: RandomPicture, name: str, pictures: int
) -> None:
    shown = [random_picture(66, 34, name, seed) for seed in range(7)]
    encode(encoder, tmp_path / "out", lossless(name=name), shown, pictures)
    with av.open(str(tmp_path / "out")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == len(shown)
    for frame, picture in zip(frames, shown, strict=True):
        found = Picture.view(frame, picture.format)
        assert all(np.array_equal(found.cropped(plane), picture.cropped(plane)) for plane in range(3))


def test_segments_of_any_size_follow_one_another(tmp_path: Path, encoder: EncoderProcess, random_picture: RandomPicture) -> None:
    for number, (width, height) in enumerate([(66, 34), (256, 128), (32, 16), (256, 130)]):
        encode(encoder, tmp_path / f"{number}", lossless(width, height), [random_picture(width, height)] * 3, pictures=2)
        with av.open(str(tmp_path / f"{number}")) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == (width, height)


def test_no_more_pictures_than_there_is_memory_for(tmp_path: Path, encoder: EncoderProcess) -> None:
    """Whoever renders faster than is encoded waits for a picture that is free, until the segment is given up."""
    outcome: list[str] = []

    def render() -> None:
        try:
            encoding.new_picture()
        except Stopped:
            outcome.append("stopped")

    with opened(encoder, tmp_path / "out", lossless(), pictures=2) as encoding:
        first, second = encoding.new_picture(), encoding.new_picture()
        assert {first.number, second.number} == {0, 1}
        encoding.encode(second, 0)
        assert encoding.new_picture().number == 1
        waiting = threading.Thread(target=render)
        waiting.start()
    waiting.join()
    assert outcome == ["stopped"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_its_death_is_an_error_of_the_segment_at_hand_only(tmp_path: Path, random_picture: RandomPicture, number: signal.Signals) -> None:
    with EncoderProcess() as encoder:
        with opened(encoder, tmp_path / "out", lossless()) as encoding:
            slot = encoding.new_picture()
            encoding.encode(slot, 0)
            os.kill(encoder.pid, number)
            with pytest.raises(RenderFailed, match=number.name):
                encoding.encode(encoding.new_picture(), 40)
        encode(encoder, tmp_path / "next", lossless(), [random_picture(66, 34)] * 3)
    assert (tmp_path / "next").exists()


def test_what_is_meant_for_the_renderer_does_not_end_it(tmp_path: Path) -> None:
    """Ctrl-C and the signal to terminate go to whole groups of processes; the renderer says what becomes of the segment."""
    with EncoderProcess() as encoder, opened(encoder, tmp_path / "out", lossless(), frames=3) as encoding:
        left = 0
        for time, number in enumerate((signal.SIGINT, signal.SIGTERM)):
            left += encoding.encode(encoding.new_picture(), 40 * time)
            os.kill(encoder.pid, number)
        left += encoding.encode(encoding.new_picture(), 80)
        assert left + encoding.finish() == 3
    assert (tmp_path / "out").exists()


def test_a_full_disk_is_said_to_be_full_and_the_process_lives_on(
    tmp_path: Path, encoder: EncoderProcess, random_picture: RandomPicture
) -> None:
    def fill() -> None:
        with encoder.open(Path("/dev/full"), lossless(256, 128), times=range(0, 4000, 40), end=4000, pts_offset=0, threads=1) as encoding:
            for time in range(0, 4000, 40):
                slot = encoding.new_picture()
                slot.picture.cropped(0)[:] = random_picture(256, 128, seed=time).cropped(0)
                encoding.encode(slot, time)
            encoding.finish()

    with pytest.raises(NoSpaceLeft):
        fill()
    encode(encoder, tmp_path / "next", lossless(), [random_picture(66, 34)] * 3)


def test_a_file_that_is_not_there_is_an_error_of_the_tree(tmp_path: Path, encoder: EncoderProcess) -> None:
    with pytest.raises(StorageUnavailable):
        encoder.open(tmp_path / "absent" / "part", lossless(), times=[0], end=40, pts_offset=0, threads=1)


def test_an_encoder_that_keeps_a_picture_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next picture is rendered to the same memory: an encoder that looked at it later would see a mixture."""
    kept: list[av.VideoFrame] = []
    encode_frame = SegmentEncoder.encode

    def keeping(self: SegmentEncoder, frame: av.VideoFrame, time: int) -> int:
        kept.append(frame)
        return encode_frame(self, frame, time)

    monkeypatch.setattr(SegmentEncoder, "encode", keeping)
    (tmp_path / "part").touch()
    memory, output = shared_memory(), lossless()
    SharedPictures(memory, output.width, output.height, output.format, 1)
    child = EncoderChild(memory)
    child.answer(Open(tmp_path / "part", output, [0], 40, 0, 1, 1))
    with pytest.raises(RenderFailed, match="keeps a picture"):
        child.answer(Encode(0, 0))
    child.answer(Abandon())


def test_messages_out_of_turn_are_refused() -> None:
    child = EncoderChild(shared_memory())
    for message in (Encode(0, 0), Finish(), "anything"):
        with pytest.raises(RenderFailed, match="does not expect"):
            child.answer(message)
