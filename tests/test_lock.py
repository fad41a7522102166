"""The lock installs anywhere: it names the public PyPI and nothing else."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def lock_tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/lock.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "install_deps", raising=False)
    spec = importlib.util.spec_from_file_location("stereo_spot_lock_tool", ROOT / "tools" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lock_names_only_the_public_hosts(lock_tool: ModuleType) -> None:
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert "https://files.pythonhosted.org" in lock
    assert lock_tool.foreign_hosts(lock) == []


@pytest.mark.parametrize("source", ["https://mirror.example/simple", "http://10.0.0.1:8080/simple", "git+ssh://git@host.example/a/b"])
def test_another_host_is_found(lock_tool: ModuleType, source: str) -> None:
    lock = f'source = {{ registry = "{source}" }}\nurl = "https://files.pythonhosted.org/x.whl"\n'
    assert len(lock_tool.foreign_hosts(lock)) == 1
