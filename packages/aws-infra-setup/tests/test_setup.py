"""What must hold of the bucket that keeps the state, read from the configuration; that it is valid and applies, aws-infra's tests show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = (ROOT / "aws-infra-setup" / "terraform" / "main.tf").read_text(encoding="utf-8")


def block(text, head):
    """The body of a block, by its first line; blocks end with a brace at the beginning of a line."""
    found = re.search(rf"^{re.escape(head)} \{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
    assert found, head
    return found[1]


def of_infra(name):
    return (ROOT / "aws-infra" / "terraform" / name).read_text(encoding="utf-8")


def test_nobody_removes_the_state_by_a_command():
    assert re.search(r"prevent_destroy\s*= true", block(SETUP, 'resource "aws_s3_bucket" "state"'))


def test_every_earlier_state_is_kept_and_nobody_outside_reads_it():
    assert 'status = "Enabled"' in block(SETUP, 'resource "aws_s3_bucket_versioning" "state"')
    closed = re.findall(r"(\w+)\s*= true", block(SETUP, 'resource "aws_s3_bucket_public_access_block" "state"'))
    assert set(closed) == {"block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"}
    assert "sse_algorithm" in block(SETUP, 'resource "aws_s3_bucket_server_side_encryption_configuration" "state"')


@pytest.mark.parametrize("what", ["default", "condition"])
def test_both_parts_take_the_same_names(what):
    """The name of the state's bucket is made of it in both."""

    def said(text):
        return re.search(rf"^\s*{what}\s*= (.*)$", block(text, 'variable "name"'), re.MULTILINE)[1]

    assert said(SETUP) == said(of_infra("variables.tf"))


def test_both_parts_are_for_the_same_provider():
    assert re.search(r'version = "([^"]+)"', SETUP)[1] == re.search(r'version = "([^"]+)"', of_infra("versions.tf"))[1]
