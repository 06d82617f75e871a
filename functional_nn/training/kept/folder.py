"""Where a run is kept: a folder that appears with its configuration in it, and files that are whole or not there."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # on Windows, where a folder is not claimed
    fcntl = None

from functional_nn.training.choices.saved import CONFIG
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.processes import is_first, together


def default_output(dataset: str, model: str) -> Path:
    """A name under runs/ that no run has yet: a second run never stands in the way of the first."""
    stem = f"{dataset}-{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = (Path("runs") / (stem if n == 0 else f"{stem}-{n}") for n in range(1000))
    return next(path for path in candidates if not os.path.lexists(path))


def require_free(path: Path) -> None:
    """Raise BadInput where something of this name exists, even a dangling link."""
    if os.path.lexists(path):
        resumable = f", or go on with --resume {path}" if (path / CONFIG).is_file() else ""
        raise BadInput(
            f"--output {path} exists already; nothing was changed, choose a folder that does not exist{resumable}"
        )


def create(final: Path, config: Mapping[str, Any]) -> list[Path]:
    """Make the folder: it is not there at all, or it is there and holds the configuration; the parents that it made."""
    require_free(final)
    made = [parent for parent in final.parents if not parent.exists()]
    partial = final.parent / f".{final.name}.{os.getpid()}.partial"
    try:
        partial.mkdir(parents=True)
        write_json(partial / CONFIG, config)
        partial.rename(final)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BadInput(f"--output {final} cannot be made: {error.strerror or error}") from error
    return made


def discard(folder: Path, made: Sequence[Path]) -> None:
    """Remove a folder, and the parents that were made for it where nothing else has come into them."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in made:
        with suppress(OSError):
            parent.rmdir()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Nobody else may train in this folder meanwhile; the system lifts the claim when this process is gone."""
    with ExitStack() as held:
        together(lambda: _claim(held.enter_context((folder / CONFIG).open("r+b")), folder))
        yield


def _claim(config: BinaryIO, folder: Path) -> None:
    """Of several processes of one run the first claims it for all."""
    try:
        if fcntl is not None and is_first():
            fcntl.flock(config, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BadInput(f"{folder} is being trained by another process") from None


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A hidden name beside the file to write to; it takes the file's name when the block ends well."""
    partial = path.with_name(f".partial.{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON; paths become text."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add one line of JSON."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one line of JSON a row."""
    with whole_file(path) as partial:
        partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
