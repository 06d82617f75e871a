"""The C files of this folder as libraries: those that came with the package, or compiled here once and kept."""

import platform
from functools import cache
from pathlib import Path

from functional_nn._user_cache import user_cache
from functional_nn.cpu.compiler import Source, built, compile_to


def library(source: Source) -> Path:
    """Where it is; compiled for this very processor, into the user's cache, where none came with the package."""
    found = built(source, frozenset(_instructions().split()))
    if found:
        return found
    flags = source.for_processor("native")
    kept = user_cache() / source.file_name(flags, _instructions().encode())
    return kept if kept.exists() else compile_to(kept, source, flags)


@cache
def _instructions() -> str:
    """What tells apart processors whose instructions differ, where one home serves several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())
