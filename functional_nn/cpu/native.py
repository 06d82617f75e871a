"""The C files of this folder as libraries: those that came with the package, or compiled here once and kept."""

import ctypes
import platform
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jax

from functional_nn._user_cache import user_cache
from functional_nn.cpu.compiler import Source, Unusable, built, compile_to

# Two threads may compile their first program at the same time.
_opening = threading.RLock()


def library(source: Source) -> Path:
    """Where it is; compiled for this very processor, into the user's cache, where none came with the package."""
    found = built(source, frozenset(_instructions().split()))
    if found:
        return found
    flags = source.for_processor("native")
    kept = user_cache() / source.file_name(flags, _instructions().encode())
    return kept if kept.exists() else compile_to(kept, source, flags)


class Calls:
    """The functions of a C file as calls of XLA on a CPU, by the name of the function behind `functional_nn_`."""

    def __init__(self, source: Source, *functions: str, prepare: Callable[[ctypes.CDLL], str | None] | None = None):
        """`prepare` says of the opened library why it is of no use, or None."""
        self.source, self.functions, self.prepare = source, functions, prepare
        self._found: ctypes.CDLL | Unusable | None = None

    def library(self) -> ctypes.CDLL | None:
        """The library with its functions known to XLA, or None: `functional-nn doctor` says why."""
        found = self._opened()
        return None if isinstance(found, Unusable) else found

    def unusable(self) -> str | None:
        """Why it is not used here, or None where it is."""
        found = self._opened()
        return str(found) if isinstance(found, Unusable) else None

    def _opened(self) -> ctypes.CDLL | Unusable:
        with _opening:
            if self._found is None:
                try:
                    self._found = self._open()
                except (OSError, RuntimeError, Unusable) as error:  # RuntimeError: there is no home
                    self._found = Unusable(str(error))
            return self._found

    def _open(self) -> ctypes.CDLL:
        opened = ctypes.CDLL(str(library(self.source)))
        failure = self.prepare(opened) if self.prepare else None
        if failure:
            raise Unusable(failure)
        for name in self.functions:
            function = jax.ffi.pycapsule(getattr(opened, name))
            jax.ffi.register_ffi_target(f"functional_nn_{name}", function, platform="cpu")
        return opened


@cache
def _instructions() -> str:
    """What tells apart processors whose instructions differ, where one home serves several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())
