"""Images, compose file, workflows and Terraform speak of the same images, and each of those runs as it promises."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
BASE_OF = {name: base for base, name in re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)}
WORKFLOWS = {file.name: yaml.safe_load(file.read_text()) for file in (ROOT / ".github" / "workflows").glob("*.yml")}


@pytest.fixture
def images(monkeypatch):
    """tools/images.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "terraform", raising=False)
    spec = importlib.util.spec_from_file_location("stereo_spot_images", ROOT / "tools" / "images.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(stage):
    """What the Dockerfile says of a stage and of all that it is made from."""
    body = re.search(rf"^FROM \S+ AS {re.escape(stage)}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL).group(1)
    return (text_of(BASE_OF[stage]) if BASE_OF[stage] in BASE_OF else "") + body


def test_every_image_has_a_target_and_is_built_by_ci(images):
    assert set(images.ALL) <= set(BASE_OF)
    for name in ("ci.yml", "release.yml"):
        assert sorted(WORKFLOWS[name]["jobs"]["images"]["strategy"]["matrix"]["image"]) == sorted(images.ALL)


def test_terraform_runs_no_image_that_is_not_built(images):
    text = (ROOT / "packages" / "aws-infra" / "terraform" / "locals.tf").read_text()
    named = re.search(r"images = toset\(\[(.*?)\]\)", text).group(1)
    assert set(re.findall(r'"([^"]+)"', named)) <= set(images.ALL)


def test_every_image_runs_as_nobody_below_tini_and_says_how_its_health_is_known(images):
    for name in images.ALL:
        text = text_of(name)
        assert re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1] == "10001:10001", name
        assert re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[-1].startswith('["tini", "--"'), name
        assert "HEALTHCHECK" in text, name


def test_builders_that_enter_no_folder_which_is_left_out_find_all_files():
    """Podman's and Buildah's: `!packages/*/src` alone lets nothing in where `*` leaves out `packages`."""
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    assert {path.partition("/")[0] for path in let_in} <= set(let_in)
    for folder, left_out in (("docker", "docker/*"), ("packages", "packages/*/*")):
        assert patterns.index("*") < patterns.index(f"!{folder}") < patterns.index(left_out)
        assert all(patterns.index(left_out) < patterns.index(f"!{path}") for path in let_in if path.startswith(f"{folder}/"))


def test_third_parties_are_installed_before_our_own_code_is_copied():
    """Otherwise each change of it installs them anew."""
    before, own_code, after = text_of("build").partition("COPY packages packages")
    assert own_code
    assert "--no-install-workspace" in before
    assert "--no-install-workspace" not in after
    assert "! -name pyproject.toml -delete" in text_of("manifests")


@pytest.fixture
def pulled(tmp_path):
    """Builds the stage `models` for some build arguments, with a stand-in for `stereo-spot`; returns its status, and what was asked for."""
    program = tmp_path / "stereo-spot"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\n[ "$3" != missing ]\n')
    program.chmod(0o755)
    (tmp_path / "asked").touch()
    command = re.search(r"^RUN ((?:.*\\\n)*.*)", text_of("models").rpartition("SHELL")[2], re.MULTILINE).group(1).replace("\\\n", " ")
    command = command.replace("/app/bin/stereo-spot", str(program)).replace("/models", str(tmp_path / "models"))

    def build(**arguments):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env={"PATH": "/usr/bin:/bin", **arguments}, check=False)
        return done.returncode, (tmp_path / "asked").read_text().splitlines()

    return build


def test_an_image_can_be_built_without_models(pulled):
    assert pulled(DEPTH_MODELS="", ACCEPT_LICENCE="") == (0, [])


def test_no_image_lacks_a_model_that_was_asked_for(pulled):
    """A loop has the status of its last command."""
    assert pulled(DEPTH_MODELS="missing there", ACCEPT_LICENCE="") == (1, ["models pull missing"])


def test_a_licence_is_accepted_by_who_builds_and_by_nobody_else(pulled):
    assert pulled(DEPTH_MODELS="a b", ACCEPT_LICENCE="yes") == (0, ["models pull a --accept-licence", "models pull b --accept-licence"])
    assert "ARG ACCEPT_LICENCE=\n" in text_of("models")


def test_every_image_that_renders_or_offers_models_has_them(images):
    for name in set(images.ALL) - {"media-worker"}:
        assert "COPY --from=models /models /models" in text_of(name), name


def test_the_compose_file_starts_them_as_they_are_meant():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert {one["build"]["target"] for one in compose.values()} <= set(BASE_OF)
    for name, service in compose.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert "PASSWORD:?" in compose["web-ui"]["environment"]["STEREO_SPOT_WEB_PASSWORD"]
    assert compose["video-worker-gpu"]["profiles"] == ["gpu"]


def test_ci_tests_every_python_that_is_promised():
    assert WORKFLOWS["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_workflows_may_do_no_more_than_they_need():
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}, name
        assert all("timeout-minutes" in job for job in workflow["jobs"].values()), name


def test_words_behind_a_target_reach_the_tool_and_those_of_others_do_not(images):
    assert images.words_after("aws-infra:deploy", '["run", "aws-infra:deploy", "--tag=a", "-auto-approve"]') == ["--tag=a", "-auto-approve"]
    assert images.words_after("aws-infra:deploy", '["run", "aws-infra:deploy", "--", "-x"]') == ["-x"]
    assert images.words_after("aws-infra:deploy", '["run", "other:target", "-x"]') == []
    assert images.words_after("aws-infra:deploy", None) == []


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A stand-in for docker, which has no engine here; returns what it was asked for."""
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return lambda: (tmp_path / "asked").read_text().splitlines()


def test_images_are_built_for_what_they_run_on_and_pushed_with_a_bill_of_materials(images, docker):
    images.build(["cli"], "abc", repositories={"cli": "registry.example/stereo-spot/cli"})
    images.build(["web-ui"], "abc")
    pushed, kept = docker()
    assert (
        "--target cli --platform linux/amd64 --output type=image,push=true --sbom=true --provenance=mode=max"
        " --tag registry.example/stereo-spot/cli:abc ." in pushed
    )
    assert "--target web-ui --platform linux/amd64 --load --tag stereo-spot/web-ui:abc ." in kept


@pytest.mark.parametrize("name", ["inference-server", "inference-server-cuda"])
def test_what_sagemaker_runs_is_pushed_in_the_only_form_that_it_takes(images, docker, name):
    """One manifest of Docker's: with attestations, or with OCI's media types, `CreateModel` refuses the image."""
    images.build([name], "abc", repositories={name: "registry.example/x"})
    (pushed,) = docker()
    assert "--output type=image,push=true,oci-mediatypes=false --sbom=false --provenance=false --tag registry.example/x:abc ." in pushed


def test_every_image_that_terraform_gives_to_sagemaker_is_pushed_so(images):
    text = (ROOT / "packages" / "aws-infra" / "terraform" / "sagemaker.tf").read_text()
    named = set(re.findall(r'aws_ecr_repository\.this\["([^"]+)"\]', text))
    assert named
    assert named <= set(images.OF_SAGEMAKER)


@pytest.fixture
def registry(images, docker, tmp_path, monkeypatch):
    """A Dockerfile of one's own, and a docker that knows a digest of every image; returns that file."""
    (tmp_path / "docker").write_text(
        '#!/bin/sh\nfor image; do :; done\nprintf \'"sha256:%s"\\n\' "$(printf %s "$image" | sha256sum | cut -c1-64)"\n'
    )
    file = tmp_path / "Dockerfile"
    file.write_text(DOCKERFILE)
    monkeypatch.setattr(images, "DOCKERFILE", file)
    return file


def test_bases_are_named_by_the_digests_that_they_have_now(images, registry):
    outdated = f"node:22-bookworm-slim@sha256:{'0' * 64}"
    registry.write_text(re.sub(r"@sha256:\w+", "", DOCKERFILE).replace("node:22-bookworm-slim", outdated))
    with pytest.raises(images.Refused, match=r"not named by a digest: docker/dockerfile:\S+, python:\S+: run"):
        images.pin(check=True)
    images.pin(check=False)
    images.pin(check=True)
    named = dict(re.findall(r"^(?:FROM |# syntax=)(\S+:\S+)@(sha256:\S+)", registry.read_text(), re.MULTILINE))
    assert named == {image: f"sha256:{hashlib.sha256(image.encode()).hexdigest()}" for image in named}
    assert {image.partition(":")[0] for image in named} == {"docker/dockerfile", "python", "node"}


def test_pinning_changes_nothing_but_the_digests(images, registry):
    images.pin(check=False)
    once = registry.read_text()
    images.pin(check=False)
    assert registry.read_text() == once
    assert re.sub(r"@sha256:\w+", "", once) == re.sub(r"@sha256:\w+", "", DOCKERFILE)


def test_what_is_no_digest_is_not_written(images, registry, tmp_path):
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'Name: docker.io/library/python'\n")
    with pytest.raises(images.Refused, match="names no digest"):
        images.pin(check=False)
    assert registry.read_text() == DOCKERFILE


def test_nothing_is_released_from_bases_that_are_not_pinned():
    jobs = WORKFLOWS["release.yml"]["jobs"]
    assert "python tools/images.py pin --check" in [step.get("run") for step in jobs["test"]["steps"]]
    assert all(job["needs"] == "test" for name, job in jobs.items() if name != "test")


def test_somebody_moves_bases_and_actions_on():
    """Dependabot reads `FROM image:tag@digest`, and no names in variables."""
    dependabot = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    assert {(one["package-ecosystem"], one["directory"]) for one in dependabot["updates"]} == {
        ("docker", "/docker"),
        ("github-actions", "/"),
    }
    assert not [base for base in BASE_OF.values() if "$" in base]
