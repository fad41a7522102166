"""What a worker writes, and where: in a process of its own, since logging is set up for a whole process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys, structlog
from stereo_spot_runtime import configure_logging, get_logger
configure_logging("info", sys.argv[1])
get_logger().debug("not wanted")
with structlog.contextvars.bound_contextvars(job_id="job00001", segment_index=3):
    get_logger().warning("the work failed", code="render_failed")
    logging.getLogger("some.library").warning("a library's %s", "complaint")
logging.getLogger("some.library").info("not wanted")
secret = "hush"[:]
try:
    1 / 0
except ZeroDivisionError as error:
    get_logger().error("unforeseen", exc_info=error)
"""


def run(log_format: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, log_format], capture_output=True, text=True, check=True)


def test_json_logs_are_one_object_a_line_with_what_is_bound() -> None:
    done = run("json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["the work failed", "a library's complaint", "unforeseen"]
    assert [line["level"] for line in lines] == ["warning", "warning", "error"]
    assert all((line["job_id"], line["segment_index"]) == ("job00001", 3) for line in lines[:2])
    assert lines[0]["code"] == "render_failed"
    assert "job_id" not in lines[2]
    assert lines[2]["exception"][0]["exc_type"] == "ZeroDivisionError"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_standard_output_stays_for_results(log_format: str) -> None:
    done = run(log_format)
    assert done.stdout == ""
    assert "the work failed" in done.stderr
    assert "not wanted" not in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "'hush'" not in done.stderr, "local variables may be secrets"
