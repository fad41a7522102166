"""Whatever is wrong with an order is said in one sentence, and no output is left behind."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER_OF_NOBODY = Path("/proc")  # nobody can make files here, not even root


def refused(shell, *arguments: str | Path, code: str, output: str = "out.mp4") -> dict[str, str]:
    """Run convert with --json; check that it fails as it must, and return the error."""
    before = sorted(shell.folder.iterdir())
    answer = shell.run("convert", *arguments, "--json")
    assert answer.status == 1, answer
    error = answer.json["error"]
    assert answer.json["status"] == "failed"
    assert error["code"] == code, answer
    assert error["message"]
    assert error["message"].rstrip(".") in answer.err
    assert "Traceback" not in answer.err
    assert sorted(shell.folder.iterdir()) == before
    assert not (shell.folder / output).exists()
    return error


def test_inputs_that_are_no_video(shell, clip: Path) -> None:
    """One after another, since each costs a process or two."""
    here = shell.folder
    (here / "empty.mp4").touch()
    (here / "random.mp4").write_bytes(random.Random(1).randbytes(100_000))
    (here / "text.mp4").write_text("This is no video.\n" * 100)
    with wave.open(str(here / "sound.mp4"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    reasons = {"empty": "is empty", "random": "is not a video file", "text": "is a text file", "sound": "is not a video file"}
    for name, reason in reasons.items():
        assert reason in refused(shell, f"{name}.mp4", "-o", "out.mp4", code="unsupported_media")["message"]


def test_a_truncated_video_is_not_converted_to_a_short_one(shell, clip: Path) -> None:
    faststart = remuxed_with_index_in_front(clip, shell.folder / "front.mp4").read_bytes()
    (shell.folder / "truncated.mp4").write_bytes(faststart[: len(faststart) * 2 // 3])
    assert "is truncated" in refused(shell, "truncated.mp4", "-o", "out.mp4", code="unsupported_media")["message"]


def remuxed_with_index_in_front(clip: Path, path: Path) -> Path:
    import av

    with av.open(str(clip)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    return path


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A port, and who called there."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                try:
                    callers.append(server.accept())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], callers
        done.set()
        thread.join()


def test_a_playlist_in_disguise_reads_no_other_file_and_calls_nobody(shell, clip: Path, listener: tuple[int, list[object]]) -> None:
    port, callers = listener
    shutil.copy(clip, shell.folder / "secret.mp4")
    os.utime(shell.folder / "secret.mp4", (1, 1))  # read access would move the access time off this
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp4\n#EXTINF:2,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
    (shell.folder / "hls.mp4").write_text(hls)
    (shell.folder / "concat.mp4").write_text(f"ffconcat version 1.0\nfile secret.mp4\nfile http://127.0.0.1:{port}/a.mp4\n")
    for name in ("hls", "concat"):
        refused(shell, f"{name}.mp4", "-o", "out.mp4", code="unsupported_media")
    assert callers == []
    assert (shell.folder / "secret.mp4").stat().st_atime == 1


def test_paths_that_cannot_be_used(shell, clip: Path) -> None:
    here = shell.folder
    (here / "folder.mp4").mkdir()
    os.mkfifo(here / "pipe.mp4")
    (here / "file").touch()
    refused(shell, "nowhere.mp4", "-o", "out.mp4", code="missing_source")
    refused(shell, "folder.mp4", "-o", "out.mp4", code="not_a_file")
    refused(shell, "pipe.mp4", "-o", "out.mp4", code="not_a_file")
    refused(shell, clip, "-o", "out.avi", code="unknown_container")
    assert (
        refused(shell, clip, "-o", "no where/out.mp4", code="output_not_writable")["hint"] == f"make it first: mkdir -p '{here}/no where'"
    )
    refused(shell, clip, "-o", "file/out.mp4", code="output_not_writable")
    error = refused(shell, clip, "-o", FOLDER_OF_NOBODY / "out.mp4", code="output_not_writable")
    assert error["message"] == f"nothing can be written in {FOLDER_OF_NOBODY}: no files can be made there"
    assert shell.run("convert", clip, "-o", "folder.mp4").status == 1
    refused(shell, clip, "-o", "out.mp4", "--data-dir", here / "file" / "data", code="data_dir")


def test_an_output_that_exists_is_left_alone(shell, clip: Path) -> None:
    (shell.folder / "film.mp4").write_bytes(clip.read_bytes())
    (shell.folder / "there.mp4").write_text("mine")
    (shell.folder / "alias.mp4").symlink_to("film.mp4")
    refused(shell, clip, "-o", "there.mp4", code="output_exists")
    (shell.folder / "dangling.mp4").symlink_to("nowhere.mp4")
    refused(shell, clip, "-o", "dangling.mp4", code="output_exists")
    refused(shell, clip, "-o", f"{'a' * 260}.mp4", code="output_not_writable")
    assert (shell.folder / "there.mp4").read_text() == "mine"
    for same in ("film.mp4", "alias.mp4"):
        refused(shell, "film.mp4", "-o", same, "--overwrite", code="output_is_input")
    assert (shell.folder / "film.mp4").read_bytes() == clip.read_bytes()


def test_wrong_usage_is_exit_status_2(shell, clip: Path) -> None:
    for words in (["convert"], ["convert", clip, "--demo"], ["convert", clip, "--layout", "cubist"], ["nonsense"], [], ["jobs"]):
        answer = shell.run(*words)
        assert answer.status == 2, (words, answer)
        assert "Traceback" not in answer.err
    answer = shell.run("convert", clip, "--max-disparity", "50", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (2, "usage")
    answer = shell.run("convert", clip, "--depth", "none-such", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (2, "usage")
    assert "'none-such' is neither a file nor one of 'auto', 'basic', 'depth-anything-v2-small'" in answer.json["error"]["message"]
    for words in (["convert", ""], ["convert", clip, "-o", ""], ["jobs", "list", "--data-dir", ""]):
        answer = shell.run(*words)
        assert answer.status == 2, answer
        assert "the path is empty" in answer.err
    assert not list(shell.folder.iterdir())


def test_who_looks_at_jobs_makes_no_data_directory(shell) -> None:
    for words in (["jobs", "list"], ["jobs", "show", "0"], ["jobs", "cancel", "0"], ["reconcile"], ["gather"]):
        answer = shell.run(*words, "--data-dir", "no such folder")
        assert answer.status == 1, answer
        assert "there is no data directory no such folder" in answer.err
    assert not list(shell.folder.iterdir())


def test_a_job_that_is_not_there(shell) -> None:
    answer = shell.run("jobs", "show", "0123", "--json")
    assert (answer.status, answer.json["error"]["code"]) == (1, "not_found")
    assert "Traceback" not in answer.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_noticed_before_anything_is_begun(shell, clip: Path, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(1_850_000))
    error = refused(shell, clip, "-o", "out.mp4", "--data-dir", small_disk / "data", "--quality", "lossless", code="no_space_left")
    assert "are free" in error["message"]
    error = refused(shell, clip, "-o", small_disk / "out.mp4", "--quality", "lossless", code="no_space_left")
    assert str(small_disk) in error["message"]
    assert not (small_disk / "out.mp4").exists()
