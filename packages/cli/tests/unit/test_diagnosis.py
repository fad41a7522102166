"""What `doctor` says of installations as images have them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from stereo_inference.depth.catalogue import DEFAULT_MODEL
from stereo_spot_cli.diagnosis import Finding, Verdict, diagnose


@pytest.fixture
def found(tmp_path: Path):
    """The finding of a name."""

    def look(what: str) -> Finding:
        (finding,) = (each for each in diagnose(tmp_path) if each.what == what)
        return finding

    return look


def test_the_onnx_runtime_for_nvidia_is_one(found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its distribution has another name, and takes the place of the usual one."""
    version, distributions = metadata.version, metadata.distributions

    def of_image(name: str) -> str:
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError(name)
        return "1.2.3" if name == "onnxruntime-gpu" else version(name)

    def in_image(*, name: str):
        return (
            iter([SimpleNamespace(name=name)])
            if name == "onnxruntime-gpu"
            else distributions(name=name)
            if name != "onnxruntime"
            else iter(())
        )

    monkeypatch.setattr(metadata, "version", of_image)
    monkeypatch.setattr(metadata, "distributions", in_image)
    packages = found("packages")
    assert packages.verdict is Verdict.OK
    assert "onnxruntime-gpu 1.2.3" in packages.found


def test_nobody_is_told_to_fetch_where_nothing_is_fetched(found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEREO_SPOT_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("STEREO_SPOT_OFFLINE", "false")
    assert found("depth").advice == f"stereo-spot models pull {DEFAULT_MODEL}"
    monkeypatch.setenv("STEREO_SPOT_OFFLINE", "true")
    depth = found("depth")
    assert "STEREO_SPOT_OFFLINE" in depth.found
    assert str(tmp_path / "models" / DEFAULT_MODEL) in depth.advice
