"""What compiled functions must keep to, for numba's cache on disk to be trusted."""

from __future__ import annotations

import importlib
import pkgutil

from numba.core.registry import CPUDispatcher

import stereo_inference
from stereo_inference.stereo import warp


def kernels() -> list[CPUDispatcher]:
    """Every compiled function of the package."""
    names = [m.name for m in pkgutil.walk_packages(stereo_inference.__path__, "stereo_inference.")]
    modules = [importlib.import_module(name) for name in names]
    found = {id(v): v for module in modules for v in vars(module).values() if isinstance(v, CPUDispatcher)}
    return list(found.values())


def test_a_compiled_function_calls_only_compiled_functions_of_its_own_module():
    """The cache is renewed when the caller's file changes, not when the file of something that it calls does."""
    found = kernels()
    assert warp.warp_rows in found
    for kernel in found:
        function = kernel.py_func
        used = [function.__globals__.get(name) for name in function.__code__.co_names]
        for other in used:
            if isinstance(other, CPUDispatcher):
                assert other.py_func.__module__ == function.__module__, (function.__qualname__, other.py_func.__qualname__)


def test_every_compiled_function_has_a_name_of_its_own():
    names = [(k.py_func.__module__, k.py_func.__qualname__) for k in kernels()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "<" in name[1]]
