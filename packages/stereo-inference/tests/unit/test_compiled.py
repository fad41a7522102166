"""What compiled functions must keep to, for numba's cache on disk to be trusted."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from numba.core import config
from numba.core.registry import CPUDispatcher

import stereo_inference
from stereo_inference.compiled import NotCompiled, only_from_cache
from stereo_inference.stereo import warp


def kernels() -> list[CPUDispatcher]:
    """Every compiled function of the package."""
    names = [m.name for m in pkgutil.walk_packages(stereo_inference.__path__, "stereo_inference.")]
    modules = [importlib.import_module(name) for name in names]
    found = {id(v): v for module in modules for v in vars(module).values() if isinstance(v, CPUDispatcher)}
    return list(found.values())


def test_a_compiled_function_calls_only_compiled_functions_of_its_own_folder():
    """The cache is renewed when a file of the caller's folder changes, and not when another does."""
    found = kernels()
    assert warp.warp_rows in found
    for kernel in found:
        function = kernel.py_func
        used = [function.__globals__.get(name) for name in function.__code__.co_names]
        for other in used:
            if isinstance(other, CPUDispatcher):
                folders = {Path(one.__code__.co_filename).parent for one in (function, other.py_func)}
                assert len(folders) == 1, (function.__qualname__, other.py_func.__qualname__)


def test_every_compiled_function_has_a_name_of_its_own():
    names = [(k.py_func.__module__, k.py_func.__qualname__) for k in kernels()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "<" in name[1]]


def imported(path: Path) -> ModuleType:
    """The module at `path`, made anew."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_cached_is_out_of_date_when_something_that_it_calls_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another file of the folder. What has not been changed is loaded as it was compiled."""
    monkeypatch.syspath_prepend(str(tmp_path))
    callee, caller = tmp_path / "called_by_it.py", tmp_path / "calling_it.py"
    callee.write_text("from stereo_inference.compiled import compiled\n\n@compiled\ndef amount(x):\n    return x + 1\n")
    caller.write_text(
        "from called_by_it import amount\nfrom stereo_inference.compiled import compiled\n\n"
        "@compiled\ndef twice(x):\n    return amount(amount(x))\n"
    )

    def fresh() -> ModuleType:
        sys.modules.pop("called_by_it", None)
        importlib.invalidate_caches()
        return imported(caller)

    assert fresh().twice(1) == 3
    again = fresh()
    with only_from_cache():
        assert again.twice(1) == 3
    callee.write_text(callee.read_text().replace("x + 1", "x + 50"))
    assert fresh().twice(1) == 101


def test_others_who_use_numba_are_left_alone() -> None:
    assert config.CACHE_LOCATOR_CLASSES == ""


def test_only_from_cache_loads_what_was_compiled_and_compiles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "doubling.py"
    path.write_text("from stereo_inference.compiled import compiled\n\n@compiled\ndef double(x):\n    return 2 * x\n")
    first = imported(path)
    with pytest.raises(NotCompiled, match="double"), only_from_cache():
        first.double(2)
    assert not first.double.signatures
    assert first.double(2) == 4
    again = imported(path)
    with only_from_cache():
        assert again.double(2) == 4
        with pytest.raises(NotCompiled):
            again.double(2.5)
    assert again.double(2.5) == 5.0
