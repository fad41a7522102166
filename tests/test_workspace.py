"""The three descriptions of the workspace agree: pyproject.toml (uv), project.json (Nx) and the import contracts."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(file.parent for file in ROOT.glob("packages/*/project.json"))
DISTRIBUTIONS = [package for package in PACKAGES if (package / "pyproject.toml").is_file()]
PART_OF = {"pydantic_core": "pydantic"}  # one library in two distributions, pinned to each other
by_name = {"ids": lambda package: package.name}


def pyproject(package: Path) -> dict[str, Any]:
    return tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))


def project(package: Path) -> dict[str, Any]:
    return json.loads((package / "project.json").read_text(encoding="utf-8"))


def canonical(requirement: str) -> str:
    """The normalised distribution name of a requirement such as `Foo_Bar[baz]>=1`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@]", requirement, maxsplit=1)[0]).lower()


FOLDER_OF = {pyproject(package)["project"]["name"]: package.name for package in DISTRIBUTIONS}


def requirements(package: Path, *, groups: bool) -> set[str]:
    """What a package needs, with its extras; `groups` adds what only its tests need."""
    table = pyproject(package)
    lists = [table["project"]["dependencies"], *table["project"].get("optional-dependencies", {}).values()]
    lists += table.get("dependency-groups", {}).values() if groups else []
    return {canonical(requirement) for entries in lists for requirement in entries}


def import_names(package: Path) -> list[str]:
    return sorted(file.parent.name for file in package.glob("src/*/__init__.py"))


def imports(package: Path) -> Iterator[tuple[str, Path]]:
    """The top-level name of every absolute import in a package's source, with its file."""
    for file in package.glob("src/**/*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], file) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.partition(".")[0], file


def test_every_folder_of_packages_is_a_project() -> None:
    folders = {folder for folder in (ROOT / "packages").iterdir() if any(folder.glob("*.*")) or (folder / "src").is_dir()}
    assert folders == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES, **by_name)
def test_nx_knows_the_project_by_its_folder(package: Path) -> None:
    assert project(package)["name"] == package.name


@pytest.mark.parametrize("package", DISTRIBUTIONS, **by_name)
def test_nx_and_uv_agree_on_dependencies(package: Path) -> None:
    workspace = {FOLDER_OF[name] for name in requirements(package, groups=True) if name in FOLDER_OF}
    assert project(package).get("implicitDependencies", []) == sorted(workspace)


@pytest.mark.parametrize("package", DISTRIBUTIONS, **by_name)
def test_what_is_imported_is_declared(package: Path) -> None:
    declared = requirements(package, groups=False)
    ours = {name: [pyproject(folder)["project"]["name"]] for folder in DISTRIBUTIONS for name in import_names(folder)}
    providers = {**importlib.metadata.packages_distributions(), **ours}
    known = {*sys.stdlib_module_names, *import_names(package)}
    undeclared = {
        f"{name} ({file.relative_to(package)})"
        for name, file in imports(package)
        if name not in known and not declared & {canonical(provider) for provider in providers[PART_OF.get(name, name)]}
    }
    assert undeclared == set()


def test_shared_types_needs_pydantic_and_nothing_else() -> None:
    assert requirements(ROOT / "packages" / "shared-types", groups=False) == {"pydantic"}


@pytest.mark.parametrize("package", DISTRIBUTIONS, **by_name)
def test_every_package_ships_its_types_and_says_what_it_is_for(package: Path) -> None:
    (name,) = import_names(package)
    assert (package / "src" / name / "py.typed").is_file()
    assert (package / "README.md").is_file()
    assert project(package)["targets"].keys() >= {"lint", "typecheck", "test"}


def test_the_import_contracts_cover_every_package() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    names = {name for package in DISTRIBUTIONS for name in import_names(package)}
    (layers,) = (contract["layers"] for contract in contracts["contracts"] if contract["type"] == "layers")
    assert set(contracts["root_packages"]) == names
    assert {name.strip() for layer in layers for name in layer.split("|")} == names
    assert contracts["include_external_packages"] is True


def test_ci_runs_the_readmes_test_command() -> None:
    command = "./nx run stereo-spot:test"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix("exec ") for line in script if "nx" in line and not line.startswith("#")] == [command]


def test_the_test_command_covers_everything() -> None:
    """Lint, types, layers, the tests of this folder and of every package: CI runs that one command and no other."""
    targets = project(ROOT)["targets"]
    assert targets["test"]["dependsOn"] == [
        "lint",
        "typecheck",
        "test-repository",
        {"projects": ["*", "!stereo-spot"], "target": "test"},
        {"projects": ["web-ui"], "target": "test-browser"},
    ]
    assert any("lint-imports" in command for command in targets["lint"]["options"]["commands"])
