"""The C files of this folder made into libraries: when the package is built, or on the user's machine.

Of Python's standard library alone, because a build has nothing else.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")
FOLDER = Path(__file__).parent
# Where a build of the package leaves them.
BUILT = FOLDER / "built"
# Names of processors to compilers, the fastest first, and the instructions that Linux must list for each.
LEVELS = {
    "x86-64-v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma", "bmi2"}),
    "x86-64-v3": frozenset({"avx2", "fma", "bmi2"}),
}


class Unusable(Exception):
    """Why a library is not used here."""


@dataclass(frozen=True)
class Source:
    """A C file, and how it is compiled."""

    path: Path
    flags: tuple[str, ...]
    # Whether it is compiled for one kind of processor: for several at a build.
    tuned: bool

    def for_processor(self, name: str) -> tuple[str, ...]:
        """The flags for it."""
        return (f"-march={name}", *self.flags) if self.tuned else self.flags

    def at_build(self) -> list[tuple[str, ...]]:
        """The flags of all that a build makes of it, the fastest first."""
        return list(dict.fromkeys(map(self.for_processor, LEVELS)))

    def file_name(self, flags: tuple[str, ...], processor: bytes = b"") -> str:
        """A library of other content has another name, so that none is used after its source has changed."""
        content = b"\0".join((self.path.read_bytes(), *_headers(), " ".join(flags).encode(), processor))
        return f"{self.path.stem}-{hashlib.sha256(content).hexdigest()[:12]}.so"


ONEDNN = Source(FOLDER / "onednn.c", ("-O2", "-ldl", "-lpthread"), tuned=False)
ACTIVATIONS = Source(FOLDER / "activations.c", ("-O3", "-lm"), tuned=True)
ATTENTION = Source(FOLDER / "attention.c", ("-O3", "-lm"), tuned=True)
COLUMNS = Source(FOLDER / "columns.c", ("-O3", "-lm"), tuned=True)
POOLING = Source(FOLDER / "pooling.c", ("-O3", "-lm"), tuned=True)
# A product that is not rounded before something is taken off it would leave its rounding where nothing shall be left.
ROW_NORM = Source(FOLDER / "row_norm.c", ("-O3", "-ffp-contract=off", "-lm"), tuned=True)
SOFTMAX = Source(FOLDER / "softmax.c", ("-O3", "-lm"), tuned=True)
ALL = (ONEDNN, ACTIVATIONS, ATTENTION, COLUMNS, POOLING, ROW_NORM, SOFTMAX)


def compile_to(made: Path, source: Source, flags: tuple[str, ...]) -> Path:
    """Compile it; the file is there whole or not at all."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise Unusable(f"no C compiler is on the PATH ({', '.join(COMPILERS)})")
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as folder:
        growing = Path(folder, made.name)
        command = [compiler, "-shared", "-fPIC", "-o", str(growing), str(source.path), *flags]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise Unusable(f"{compiler} cannot compile {source.path.name}: {_error(ended.stderr)}")
        os.replace(growing, made)
    return made


def build() -> Iterator[Path]:
    """All libraries that go into a package for Linux on x86-64; those of an earlier build are there already."""
    for source in ALL:
        for flags in source.at_build():
            made = BUILT / source.file_name(flags)
            yield made if made.exists() else compile_to(made, source, flags)


def built(source: Source, instructions: frozenset[str]) -> Path | None:
    """The fastest library of a build that such a processor can run."""
    levels = [name for name, needed in LEVELS.items() if needed <= instructions or not source.tuned]
    files = (BUILT / source.file_name(source.for_processor(name)) for name in levels)
    return next(filter(Path.exists, files), None)


def _headers() -> list[bytes]:
    return [file.read_bytes() for file in sorted(FOLDER.glob("*.h"))]


def _error(said: str) -> str:
    """The first line that tells of an error, else the last of all."""
    lines = said.splitlines() or ["?"]
    return next((line for line in lines if "error" in line), lines[-1])
