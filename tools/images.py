"""Images for the Nx targets of aws-infra: `python tools/images.py ecr-login|build|deploy|pin [--tag TAG] [--check] [-auto-approve]`.

`build` makes the images here; `deploy` makes the repositories if they are not there yet, builds and pushes the images that this choice of
backend and pages runs, and lets Terraform run them. A tag is the commit, since a repository never gives a tag to another image; to go
back, deploy an earlier one: what is there already is not built again. `pin` names the bases in the Dockerfile by their digests, so that a
build is of the same bases a month later; with `--check` it only says which are not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from terraform import INFRA, ROOT, Refused, init, outputs, run, words_after

PLATFORM = "linux/amd64"
DOCKERFILE = ROOT / "docker" / "Dockerfile"
STAGE = re.compile(r"^FROM \S+ AS (\S+)$", re.MULTILINE)
NAMED = re.compile(r"^(?P<word>FROM |# syntax=)(?P<image>[^\s@]+)(?P<digest>@\S+)?(?= AS |$)", re.MULTILINE)
"""What an image is made from, or the Dockerfile is read by: an image by its name and, perhaps, its digest; or an earlier stage."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ALL = ("media-worker", "video-worker", "video-worker-cuda", "web-ui", "inference-server", "inference-server-cuda", "cli")
OF_SAGEMAKER = ("inference-server", "inference-server-cuda")
"""SageMaker takes no indexes and no media types of OCI, so these have no bill of materials beside them."""


def program(name: str, sentence: str) -> str:
    """Where a program is; Refused with what to do where it is not."""
    found = shutil.which(name)
    if found is None:
        raise Refused(sentence)
    return found


def call(*command: str, text: str | None = None) -> str:
    """Run a command and return what it printed. CalledProcessError where it fails."""
    return subprocess.run(command, check=True, text=True, cwd=ROOT, input=text, stdout=subprocess.PIPE).stdout


def current_tag() -> str:
    """The commit; Refused where files differ from it, since another build of it would then be another image."""
    if call("git", "status", "--porcelain").strip():
        raise Refused("there are changes that are not committed: commit them, since images are named by their commit")
    return call("git", "rev-parse", "--short=12", "HEAD").strip()


def build(names: Sequence[str], tag: str, *, repositories: dict[str, str] | None = None) -> None:
    """Build images; with `repositories`, push them there, with a bill of materials where that can be."""
    docker = program("docker", "docker is not installed: images are built with Docker 25 or newer")
    for name in names:
        command = [docker, "buildx", "build", "--file", "docker/Dockerfile", "--target", name, "--platform", PLATFORM]
        if repositories is None:
            command += ["--load", "--tag", f"stereo-spot/{name}:{tag}"]
        else:
            attested = ["--output", "type=image,push=true", "--sbom=true", "--provenance=mode=max"]
            plain = ["--output", "type=image,push=true,oci-mediatypes=false", "--sbom=false", "--provenance=false"]
            command += [*(plain if name in OF_SAGEMAKER else attested), "--tag", f"{repositories[name]}:{tag}"]
        subprocess.run([*command, "."], check=True, cwd=ROOT)


def pin(*, check: bool) -> None:
    """Name each base in the Dockerfile by the digest that its tag has now; with `check`, Refused where one is not named by a digest."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    bases = {found["image"]: found["digest"] for found in NAMED.finditer(text) if found["image"] not in STAGE.findall(text)}
    if check:
        if loose := [image for image, digest in bases.items() if digest is None]:
            raise Refused(
                f"not named by a digest: {', '.join(loose)}: run ./nx run aws-infra:pin-images where registries can be reached, and commit"
            )
        return
    digests = {image: digest_of(image) for image in bases}

    def pinned(found: re.Match[str]) -> str:
        return f"{found['word']}{found['image']}@{digests[found['image']]}" if found["image"] in digests else found[0]

    DOCKERFILE.write_text(NAMED.sub(pinned, text), encoding="utf-8")
    print("".join(f"{image}@{digest}\n" for image, digest in digests.items()), end="")


def digest_of(image: str) -> str:
    """The digest of what a registry gives for a name and a tag: of the index over all platforms, where there is one."""
    docker = program("docker", "docker is not installed: registries are asked by Docker 25 or newer")
    answer = call(docker, "buildx", "imagetools", "inspect", "--format", "{{json .Manifest.Digest}}", image).strip().strip('"')
    if DIGEST.fullmatch(answer) is None:
        raise Refused(f"docker names no digest of {image}: {answer[:100]!r}")
    return answer


def aws(*arguments: str, text: str | None = None) -> str:
    """Ask AWS by its command line."""
    return call(program("aws", "the AWS command line is not installed: see https://aws.amazon.com/cli"), *arguments, text=text)


def region_of(registry: str) -> str:
    """The region in the name of a registry of ECR: ACCOUNT.dkr.ecr.REGION.amazonaws.com."""
    return registry.split(".")[3]


def ecr_login(repositories: dict[str, str]) -> None:
    """Let docker push to the repositories."""
    if not repositories:
        raise Refused("there are no repositories yet: run ./nx run aws-infra:deploy")
    registry = next(iter(repositories.values())).partition("/")[0]
    password = aws("ecr", "get-login-password", "--region", region_of(registry))
    docker = program("docker", "docker is not installed: images are pushed with Docker 25 or newer")
    print(call(docker, "login", "--username", "AWS", "--password-stdin", registry, text=password), end="")


def is_there(repository: str, tag: str) -> bool:
    """Whether a repository holds that tag."""
    registry, _, name = repository.partition("/")
    try:
        listed = aws("ecr", "batch-get-image", "--region", region_of(registry), "--repository-name", name, "--image-ids", f"imageTag={tag}")
    except subprocess.CalledProcessError:
        return False
    return bool(json.loads(listed)["images"])


def deploy(tag: str | None, more: Sequence[str]) -> None:
    """Bring the images of a tag, by default of the current commit, into the account and run them."""
    current = tag or current_tag()
    init(INFRA)
    # The repositories first: which images run may have been chosen anew, and Terraform says where each is pushed.
    run(INFRA, "apply", "-target=aws_ecr_repository.this", *more)
    repositories = outputs(INFRA)["images"]
    missing = [name for name in repositories if not is_there(repositories[name], current)]
    if missing:
        if tag is not None and current_tag() != tag:
            raise Refused(f"the images {', '.join(missing)} of {tag} are no longer there: check that commit out and deploy it")
        ecr_login(repositories)
        build(missing, current, repositories=repositories)
    run(INFRA, "apply", f"-var=image_tag={current}", *more)


def main() -> int:
    """Do what the command line says; the exit status is that of the program that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("ecr-login", "build", "deploy", "pin"))
    parser.add_argument("--tag")
    parser.add_argument("--check", action="store_true", help="of pin: change nothing, fail where something is not pinned")
    parser.add_argument("--images", nargs="*", default=ALL, choices=ALL, help="of build: which")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    known, more = parser.parse_known_args([*sys.argv[1:], *words_after(f"{INFRA}:{command}", os.environ.get("INIT_ARGV"))])
    try:
        match known.command:
            case "ecr-login":
                init(INFRA)
                ecr_login(outputs(INFRA).get("images", {}))
            case "build":
                build(known.images, known.tag or current_tag())
            case "pin":
                pin(check=known.check)
            case _:
                deploy(known.tag, more)
    except Refused as refused:
        print(f"stereo-spot: {refused}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
