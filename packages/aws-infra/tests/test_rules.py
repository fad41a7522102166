"""What can be checked of the infrastructure without applying it: form, validity, the rules of terraform/tests, and the table of stages."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def generator():
    """tools/terraform_inputs.py as a module."""
    spec = importlib.util.spec_from_file_location("stereo_spot_terraform_inputs", ROOT / "tools" / "terraform_inputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_terraform_reads_is_what_the_code_says(generator):
    assert {file: file.read_text() for file in generator.files()} == generator.files(), "run .venv/bin/python tools/terraform_inputs.py"


def test_alarms_wait_for_words_that_the_code_says():
    """Whoever rewords what workers log of failed and stuck jobs is reminded of the alarms."""
    words = re.findall(r'words = "([^"]+)"', (ROOT / "packages" / "aws-infra" / "terraform" / "alarms.tf").read_text())
    assert len(words) == 2
    for said in words:
        assert any(f'"{said}"' in file.read_text() for file in (ROOT / "packages" / "runtime" / "src").glob("**/*.py")), said


@pytest.mark.parametrize("package", ["aws-infra", "aws-infra-setup"])
def test_it_is_formatted(package, workspace):
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed: the infrastructure is not tested")
    assert workspace.terraform(package, "fmt", check=False).stdout == "", "run terraform fmt -recursive packages"


@pytest.mark.usefixtures("can_terraform")
@pytest.mark.parametrize("package", ["aws-infra", "aws-infra-setup"])
def test_it_is_valid(package, workspace):
    assert "The configuration is valid." in workspace.terraform(package, "validate", "-no-color").stdout


@pytest.mark.usefixtures("can_terraform")
def test_the_rules_hold(workspace):
    assert "0 failed" in workspace.terraform("aws-infra", "test", "-no-color").stdout


def test_without_a_place_for_the_state_nothing_is_begun(workspace):
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed: the infrastructure is not tested")
    refused = workspace.terraform("aws-infra", "plan", check=False)
    assert refused.returncode == 1
    assert refused.stderr == "stereo-spot: there is no bucket for the state yet: run ./nx run aws-infra-setup:terraform-apply\n"


def test_the_state_is_locked_and_encrypted_as_its_bucket_says(workspace):
    """`encrypt` without a key's name would ask for S3's own; the bucket has one of KMS. A stand-in for Terraform notes what it is asked."""
    program = workspace.root / "terraform"
    program.write_text(f"""#!/bin/sh\necho "$*" >> {workspace.root}/asked\necho '{{"bucket": {{"value": "b"}}}}'\n""")
    program.chmod(0o755)
    workspace.environment["PATH"] = f"{workspace.root}:{os.environ['PATH']}"
    (workspace.folder("aws-infra-setup") / "terraform.tfstate").touch()
    workspace.terraform("aws-infra", "init")
    asked = (workspace.root / "asked").read_text().splitlines()[-1].split()
    backend = dict(word.removeprefix("-backend-config=").split("=") for word in asked if word.startswith("-backend-config="))
    assert backend == {"use_lockfile": "true", "key": "aws-infra.tfstate", "bucket": "b"}
