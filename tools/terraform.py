"""Terraform for the Nx targets of aws-infra and aws-infra-setup: `python tools/terraform.py FOLDER COMMAND [ARGUMENTS…]`.

What is added to Terraform itself: the state of aws-infra lies where aws-infra-setup says, providers come from a plugin directory where one
is named (STEREO_SPOT_TERRAFORM_PLUGIN_DIR, for machines that reach no registry), the images that run are kept until `deploy` changes
them, and `apply` and `output` write the environment file that every program reads.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLUGIN_DIR = "STEREO_SPOT_TERRAFORM_PLUGIN_DIR"
ENVIRONMENT_FILE = ROOT / ".stereo-spot" / "aws.env"
SETUP, INFRA = "aws-infra-setup", "aws-infra"
COMMANDS = ("init", "validate", "plan", "apply", "destroy", "output", "test", "fmt")


class Refused(Exception):
    """What cannot be done, in one sentence that says what to do."""


def folder_of(package: str) -> Path:
    """Where the package's Terraform lies."""
    return ROOT / "packages" / package / "terraform"


def fresh_secrets() -> dict[str, str]:
    """The variable that holds what the pages' secrets are made from, if they are made in this run."""
    drawn = {"password": secrets.token_urlsafe(18), "token": secrets.token_urlsafe(36)}
    return {"TF_VAR_fresh_secrets": json.dumps(drawn)}


def terraform(package: str, *arguments: str, quiet: bool = False) -> str:
    """Run Terraform for a package; what it printed, if `quiet`. CalledProcessError where it fails."""
    program = shutil.which("terraform")
    if program is None:
        raise Refused("terraform is not installed: get version 1.11 or newer from https://developer.hashicorp.com/terraform/install")
    command = [program, f"-chdir={folder_of(package)}", *arguments]
    environment = {**fresh_secrets(), **os.environ}
    return subprocess.run(command, check=True, text=True, env=environment, stdout=subprocess.PIPE if quiet else None).stdout or ""


def outputs(package: str) -> dict[str, Any]:
    """The outputs of what is applied; empty before that."""
    return {name: one["value"] for name, one in json.loads(terraform(package, "output", "-json", quiet=True) or "{}").items()}


def init(package: str, *, backend: bool = True) -> None:
    """Make the package's folder ready; does nothing that was done before."""
    options = ["-input=false"]
    if directory := os.environ.get(PLUGIN_DIR):
        options.append(f"-plugin-dir={directory}")
    if not backend:
        options.append("-backend=false")
    elif package == INFRA:
        state = outputs(SETUP) if (folder_of(SETUP) / "terraform.tfstate").exists() else {}
        if not state:
            raise Refused("there is no bucket for the state yet: run ./nx run aws-infra-setup:terraform-apply")
        # -reconfigure: a folder that was initialised without a backend, for a test, or for another account, must not be asked to migrate.
        # Not `encrypt`: without the name of a key it asks for S3's own, which would stand in for the bucket's (of KMS).
        backend_settings = {"use_lockfile": "true", "key": "aws-infra.tfstate", **state}
        options += ["-reconfigure", *(f"-backend-config={name}={value}" for name, value in backend_settings.items())]
    terraform(package, "init", *options, quiet=True)


def image_arguments(package: str, arguments: tuple[str, ...]) -> list[str]:
    """Which images are to run: those that do, where nobody says otherwise."""
    if package != INFRA or any("image_tag" in argument for argument in arguments):
        return []
    tag = outputs(package).get("image_tag")
    return [f"-var=image_tag={tag}"] if tag else []


def write_environment() -> Path:
    """Write the environment file from the outputs of aws-infra."""
    environment = outputs(INFRA).get("environment")
    if not environment:
        raise Refused("nothing is applied yet: run ./nx run aws-infra:terraform-apply")
    ENVIRONMENT_FILE.parent.mkdir(exist_ok=True)
    ENVIRONMENT_FILE.write_text("".join(f"{name}={value}\n" for name, value in sorted(environment.items())), encoding="utf-8")
    return ENVIRONMENT_FILE


def run(package: str, command: str, *arguments: str) -> None:
    """Carry out one command."""
    if command not in COMMANDS:
        raise Refused(f"there is no command {command}; there are: {', '.join(COMMANDS)}")
    if command == "fmt":
        terraform(package, "fmt", "-check", "-diff", "-recursive", *arguments)
        return
    init(package, backend=command not in {"validate", "test"})
    if command == "init":
        return
    if command in {"plan", "apply", "destroy"}:
        arguments = (*image_arguments(package, arguments), *arguments)
    terraform(package, command, *arguments)
    if command in {"apply", "output"} and package == INFRA and not any(word.startswith("-target") for word in arguments):
        file = write_environment().relative_to(ROOT)
        print(f"The environment is in {file}; a shell takes it by: set -a; . {file}; set +a")


def words_after(target: str, invocation: str | None) -> list[str]:
    """What a person wrote behind the target on Nx's command line; nothing where another target led here."""
    words: list[str] = json.loads(invocation or "[]")
    if target not in words:
        return []
    rest = words[words.index(target) + 1 :]
    return rest[1:] if rest[:1] == ["--"] else rest


def main() -> int:
    """Run what the command line says; the exit status is Terraform's."""
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    package, command, *arguments = sys.argv[1:]
    try:
        run(package, command, *arguments, *words_after(f"{package}:terraform-{command}", os.environ.get("INIT_ARGV")))
    except Refused as refused:
        print(f"stereo-spot: {refused}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(error.stdout or "", end="", file=sys.stderr)
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
