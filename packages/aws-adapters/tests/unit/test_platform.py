from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from stereo_spot_aws_adapters.platform import create_platform, open_platform
from stereo_spot_aws_adapters.provision import provision
from stereo_spot_shared.errors import QueueUnavailable, StorageUnavailable, StoreUnavailable
from stereo_spot_shared.interfaces.platform import ADAPTER_ENTRY_POINTS
from stereo_spot_shared.jobs import Stage

WITHOUT_AWS = """
import sys
from stereo_spot_runtime.platform import open_platform
open_platform("local").close()
print(sorted(name for name in sys.modules if name.partition(".")[0] in {"boto3", "botocore", "s3transfer", "stereo_spot_aws_adapters"}))
"""


def test_it_is_found_by_its_name():
    (point,) = entry_points(group=ADAPTER_ENTRY_POINTS, name="aws")
    assert point.load() is create_platform


def test_every_stage_has_a_queue_of_its_own(account):
    provision(account)
    platform = open_platform(account.settings)
    assert set(platform.queues) == set(Stage)
    for stage in Stage:
        platform.queues[stage].send(stage)
    assert [platform.queues[stage].receive(max_messages=10)[0].body for stage in Stage] == list(Stage)
    platform.close()


def test_making_what_is_there_changes_nothing(account):
    made = provision(account)
    platform = open_platform(account.settings)
    platform.storage.put_bytes(b"x", "a/b")
    platform.queues[Stage.CHUNK].send("m")
    assert provision(account) == made
    assert platform.storage.read_range("a/b") == b"x"
    assert platform.queues[Stage.CHUNK].depth().waiting == 1


def test_what_is_not_there_is_named_with_what_to_do(account):
    platform = open_platform(account.settings)
    for use, error, words in (
        (platform.jobs.list, StoreUnavailable, "the table test-jobs does not exist"),
        (lambda: platform.completions.count("aaaaaaaa"), StoreUnavailable, "the table test-completions does not exist"),
        (lambda: platform.activity.list("aaaaaaaa"), StoreUnavailable, "the table test-activity does not exist"),
        (platform.queues[Stage.RENDER].receive, QueueUnavailable, "the queue test-render does not exist"),
        (lambda: platform.storage.list(""), StorageUnavailable, "the bucket test-bucket does not exist"),
        (lambda: platform.storage.stat("a/b"), StorageUnavailable, "the bucket test-bucket does not exist"),
        (lambda: platform.uploads.begin("a/b", 3), StorageUnavailable, "the bucket test-bucket does not exist"),
    ):
        with pytest.raises(error, match=words) as caught:
            use()
        assert "aws-adapters:provision" in caught.value.hint


def test_the_embedded_platform_never_loads_the_sdk(tmp_path):
    environment = {**os.environ, "STEREO_SPOT_DATA_DIR": str(tmp_path)}
    found = subprocess.run([sys.executable, "-c", WITHOUT_AWS], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_no_file_of_the_pipeline_names_the_platform():
    """Switching the platform is one setting: whoever knows AWS is in this package."""
    packages = Path(__file__).resolve().parents[3]
    pipeline = [path for name in PIPELINE for path in (packages / name / "src").rglob("*.py")]
    assert len(pipeline) > 50
    suspects = [(path, text) for path in pipeline if names(text := path.read_text(encoding="utf-8"))]
    named = {path.relative_to(packages).as_posix() for path, text in suspects if names(code_of(text))}
    assert named == set()


def names(text: str) -> bool:
    return any(word in text.lower() for word in WORDS)


def code_of(text: str) -> str:
    """A module without its comments and docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))] or [ast.Pass()]
    return ast.unparse(tree)


PIPELINE = ("shared-types", "runtime", "media", "media-worker", "video-worker", "stereo-inference", "web-ui", "cli")
WORDS = ("boto", "dynamodb", "sqs", "amazon", "aws_", "aws-", '"aws"')
