"""The server as the process that containers run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_told_to(tmp_path: Path, asked: signal.Signals) -> None:
    environment = {
        **os.environ,
        "STORAGE_ADAPTER": "local",
        "STEREO_SPOT_DATA_DIR": str(tmp_path),
        "STEREO_SPOT_WEB_PORT": "0",
        "STEREO_SPOT_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "stereo_spot_web_ui.main"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            if '"serving"' in line:
                break
        process.send_signal(asked)
        process.communicate(timeout=30)
    assert process.returncode == 0
