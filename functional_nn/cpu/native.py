"""The C files of this folder as libraries, compiled on the user's machine once and kept in the user's cache."""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from functional_nn._user_cache import user_cache

COMPILERS = ("cc", "gcc", "clang")
# What the C files know of XLA.
HEADER = Path(__file__).with_name("xla_ffi.h")


class Unusable(Exception):
    """Why a library is not used here."""


def compiled(source: Path, *flags: str) -> Path:
    """The C file as a shared library, compiled for this processor with these flags beside the usual ones."""
    content = b"\0".join((source.read_bytes(), HEADER.read_bytes(), " ".join(flags).encode(), _processor()))
    kept = user_cache() / f"{source.stem}-{hashlib.sha256(content).hexdigest()[:12]}.so"
    if kept.exists():
        return kept
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise Unusable(f"no C compiler is on the PATH ({', '.join(COMPILERS)})")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        made = Path(folder, kept.name)
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(made), str(source), *flags]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise Unusable(f"{compiler} cannot compile {source.name}: {_error(ended.stderr)}")
        os.replace(made, kept)
    return kept


def _error(said: str) -> str:
    """The first line that tells of an error, else the last of all."""
    lines = said.splitlines() or ["?"]
    return next((line for line in lines if "error" in line), lines[-1])


@cache
def _processor() -> bytes:
    """What tells apart processors whose instructions differ, where one home serves several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor().encode()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine()).encode()
