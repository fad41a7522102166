from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from stereo_spot_local_adapters.platform import DATABASE_NAME, create_platform, open_platform
from stereo_spot_local_adapters.settings import LocalSettings
from stereo_spot_shared.errors import RetryableError
from stereo_spot_shared.interfaces.platform import ADAPTER_ENTRY_POINTS
from stereo_spot_shared.jobs import Stage


def test_it_is_found_by_its_name():
    (point,) = entry_points(group=ADAPTER_ENTRY_POINTS, name="local")
    assert point.load() is create_platform


def test_the_environment_says_where_the_data_lies(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("STEREO_SPOT_DATA_DIR", str(tmp_path / "here"))
    platform = create_platform()
    platform.close()
    assert (tmp_path / "here" / DATABASE_NAME).is_file()


def test_without_a_setting_the_data_lies_in_the_users_data_directory(monkeypatch):
    monkeypatch.delenv("STEREO_SPOT_DATA_DIR", raising=False)
    assert LocalSettings().data_dir.name == "stereo-spot"
    assert LocalSettings().data_dir.is_absolute()


def test_every_stage_has_a_queue_of_its_own(tmp_path: Path):
    platform = open_platform(tmp_path)
    assert set(platform.queues) == set(Stage)
    for stage in Stage:
        platform.queues[stage].send(stage)
    assert [platform.queues[stage].receive(max_messages=10)[0].body for stage in Stage] == list(Stage)
    platform.close()


def test_what_was_stored_is_there_after_reopening(tmp_path: Path):
    first = open_platform(tmp_path)
    first.storage.put_bytes(b"x", "a/b")
    first.queues[Stage.CHUNK].send("m")
    first.close()
    second = open_platform(tmp_path)
    assert second.storage.read_range("a/b") == b"x"
    assert second.queues[Stage.CHUNK].depth().waiting == 1
    second.close()


def test_a_place_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RetryableError, match="a file is where a directory should be"):
        open_platform(tmp_path / "file")
    with pytest.raises(RetryableError, match="a file is where a directory should be"):
        open_platform(tmp_path / "file" / "below")
