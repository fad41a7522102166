"""Terraform, run through the tool of the Nx targets, in a copy of the workspace's files that nobody else uses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MOTO = Path(__file__).with_name("moto_server.py")
PLAIN_PROVIDER = """
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  max_retries                 = 2
}
"""
"""What the provider must be told to speak to a server that is not AWS. Terraform merges it into ours."""
PLAIN_BACKEND = " ".join(
    f"-backend-config={name}=true"
    for name in (
        "use_path_style",
        "skip_credentials_validation",
        "skip_metadata_api_check",
        "skip_requesting_account_id",
        "skip_region_validation",
    )
)


class Workspace:
    """The files that Terraform needs, in a folder of their own."""

    def __init__(self, root, environment=None):
        self.root = root
        self.environment = environment or {}
        for package in ("aws-infra", "aws-infra-setup"):
            shutil.copytree(
                ROOT / "packages" / package / "terraform",
                root / "packages" / package / "terraform",
                ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "terraform.tfvars"),
            )
        (root / "tools").mkdir()
        for tool in ("terraform.py", "images.py"):
            shutil.copy2(ROOT / "tools" / tool, root / "tools")

    def folder(self, package):
        return self.root / "packages" / package / "terraform"

    def terraform(self, package, *words, check=True):
        """Run the tool; where it fails, the test ends with what it said."""
        return self.run("terraform.py", package, *words, check=check)

    def deploy(self, *words):
        """Run the tool that builds images, here with stand-ins for docker (no engine) and for the AWS command line (no account).

        They write down what they are asked for; `pushed` says which images docker was told to push.
        """
        programs = self.root / "programs"
        programs.mkdir()
        (programs / "docker").write_text(f'#!/bin/sh\necho "$*" >> {self.root}/docker\n')
        (programs / "aws").write_text("#!/bin/sh\necho '{\"images\": []}'\n")
        for program in programs.iterdir():
            program.chmod(0o755)
        (self.root / ".gitignore").write_text("*\n!tools/\n!tools/*.py\n")
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
            subprocess.run([*git, *command], cwd=self.root, check=True)
        self.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
        return self.run("images.py", "deploy", *words)

    @property
    def pushed(self):
        """The targets of the Dockerfile that docker was told to build and push."""
        asked = (self.root / "docker").read_text().splitlines()
        return sorted(line.split("--target ")[1].split()[0] for line in asked if "push=true" in line)

    def run(self, tool, *words, check=True):
        """Run a tool of the workspace."""
        names = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_CONFIG", "TF_DATA"))}
        command = [sys.executable, self.root / "tools" / tool, *words]
        done = subprocess.run(command, env={**names, **self.environment}, capture_output=True, text=True, check=False)
        if check and done.returncode:
            pytest.fail(f"{tool} {' '.join(words)}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    def json(self, package, *words):
        """What Terraform itself, without the tool, says in JSON."""
        command = ["terraform", f"-chdir={self.folder(package)}", *words]
        names = {name: value for name, value in os.environ.items() if not name.startswith("TF_CLI_CONFIG")}
        return json.loads(subprocess.run(command, env={**names, **self.environment}, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="session")
def can_terraform(tmp_path_factory):
    """Skips, visibly, where Terraform or its provider cannot be had."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed: the infrastructure is not tested")
    done = Workspace(tmp_path_factory.mktemp("provider")).terraform("aws-infra", "validate", check=False)
    if "Failed to query available provider packages" in done.stderr or "Failed to install provider" in done.stderr:
        pytest.skip(
            "no registry can be reached and STEREO_SPOT_TERRAFORM_PLUGIN_DIR names no folder of providers: the infrastructure is not tested"
        )


@contextmanager
def running_moto():
    """A server of one's own, for as long as the context lasts; the environment in which everybody speaks to it."""
    command = [sys.executable, MOTO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield {
                "AWS_ENDPOINT_URL": server.stdout.readline().strip(),
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            server.stdin.close()
            server.wait()


@pytest.fixture
def workspace(tmp_path):
    """A workspace without an account."""
    return Workspace(tmp_path)
