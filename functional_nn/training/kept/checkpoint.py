"""What a run has reached, on the disk: each checkpoint a folder that is whole or not there, and known to be whole.

`00000120/arrays` is written by orbax, `facts.json` by us; `SHA256SUMS` lists every file (`sha256sum -c` reads it).
The folder is written under a hidden name, flushed to the disk and then renamed, so a kill leaves the earlier ones.
Of several processes each writes the arrays, or parts of arrays, that its devices hold; the first does the rest.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from functional_nn.training.choices.values import from_lists, in_short, is_a, json_object
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.processes import by_first, first_line, is_first, is_loss

SUMS, FACTS = "SHA256SUMS", "facts.json"
ON_WINDOWS = os.name == "nt"
Arrays = Mapping[str, jax.Array]


class Saved(NamedTuple):
    """A checkpoint that is there: how many steps were done, and when (seconds since 1970)."""

    step: int
    at: float


def save(folder: Path, step: int, arrays: Arrays, facts: Mapping[str, Any]) -> Path:
    """Write a checkpoint of this step; where it cannot be written nothing is left of it and BadInput says why."""
    final, partial = folder / f"{step:08}", folder / f".{step:08}.partial"
    shapes = {name: _described(array) for name, array in arrays.items()}
    try:
        by_first(lambda: _begin(partial))
        _write_arrays(partial / "arrays", arrays)
        content = {"step": step, "saved_at": time.time(), "arrays": shapes, **facts}
        by_first(lambda: _finish(partial, final, content))
    except (
        BadInput,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # orbax hands on what the disk says in the last three
        if is_first():
            _remove(partial)
        if is_loss(error):
            raise
        reason = getattr(error, "strerror", None) or _of_the_system(error)
        raise BadInput(f"the checkpoint of step {step} cannot be written to {folder}: {reason}") from error
    return final


def _begin(partial: Path) -> None:
    _remove(partial)
    partial.mkdir(parents=True)


def _finish(partial: Path, final: Path, content: Mapping[str, Any]) -> None:
    (partial / FACTS).write_text(json.dumps(content), encoding="utf-8")
    (partial / SUMS).write_text(_sums(partial), encoding="utf-8")
    _flush(partial)
    _replace(partial, final)


def load(path: Path, expected: Arrays) -> tuple[dict[str, jax.Array], dict[str, Any]]:
    """The arrays, placed as the expected ones are, and the facts; BadInput where they are of another model."""
    import orbax.checkpoint as ocp

    facts = _facts(path)
    _require_same_arrays(path, facts["arrays"], {name: _described(array) for name, array in expected.items()})
    like = {name: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding) for name, a in expected.items()}
    try:
        with _in_silence(), ocp.Checkpointer(ocp.StandardCheckpointHandler()) as checkpointer:
            arrays = checkpointer.restore((path / "arrays").absolute(), args=ocp.args.StandardRestore(like))
    except Exception as error:  # of damaged files orbax hands on whatever reading them ran into
        if is_loss(error):
            raise
        raise BadInput(f"checkpoint {path} is damaged ({in_short(_of_the_system(error))})") from error
    return dict(arrays), facts


def require_facts(path: Path, facts: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Raise BadInput where a fact is not of its kind: the sums vouch for the bytes, not for who wrote them."""
    for name, kind in kinds.items():
        if not is_a(from_lists(facts.get(name)), kind):
            got = in_short(json.dumps(facts.get(name)))
            raise BadInput(f"checkpoint {path} is damaged ({FACTS}: {name} cannot be {got})")


def newest_whole(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint that is whole, and a sentence for each newer one that is damaged."""
    damaged = []
    for path in sorted(_checkpoints(folder), reverse=True):
        if fault := damage(path):
            damaged.append(f"checkpoint {path} is damaged ({fault})")
        else:
            return path, damaged
    return None, damaged


def damage(path: Path) -> str | None:
    """What is wrong with a checkpoint's files; None where every byte is as it was written."""
    try:
        listed = (path / SUMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return f"{SUMS} cannot be read"
    found = _sums(path)
    if listed == found:
        return None
    wrong = sorted(set(listed.splitlines()) ^ set(found.splitlines()))
    name = wrong[0].partition("  ")[2] if wrong else SUMS
    return f"{name or SUMS} is not as it was written"


def clean(folder: Path) -> None:
    """Remove what a kill in the middle of a save left."""
    for path in folder.glob(".*.partial"):
        _remove(path)


def prune(folder: Path, keep: int, keep_every: float | None) -> None:
    """Remove the checkpoints that `surplus` names."""
    saved = {path: Saved(int(path.name), _saved_at(path)) for path in sorted(_checkpoints(folder))}
    too_many = surplus(list(saved.values()), keep, keep_every)
    for path, one in saved.items():
        if one in too_many:
            hidden = path.with_name(f".{path.name}.partial")  # half of a checkpoint must not look like one
            _remove(hidden)
            path.rename(hidden)
            _remove(hidden)


def surplus(saved: Sequence[Saved], keep: int, keep_every: float | None) -> list[Saved]:
    """All but the newest `keep`, and of the older ones all but one every so many seconds; saved is in order."""
    old, too_many, last_kept = saved[:-keep], [], None
    for one in old:
        if keep_every is not None and (last_kept is None or one.at - last_kept >= keep_every):
            last_kept = one.at
        else:
            too_many.append(one)
    return too_many


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in folder.glob("[0-9]*") if path.name.isdigit()]


def _saved_at(path: Path) -> float:
    return (path / SUMS).stat().st_mtime if (path / SUMS).exists() else 0.0


def _write_arrays(path: Path, arrays: Arrays) -> None:
    import orbax.checkpoint as ocp

    with _in_silence(), ocp.Checkpointer(ocp.StandardCheckpointHandler()) as checkpointer:
        checkpointer.save(path.absolute(), args=ocp.args.StandardSave(dict(arrays)))


def _of_the_system(error: BaseException) -> str:
    """What the system said, where orbax hands it on among its own words; else the first of these."""
    number = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(number[1])) if number else first_line(error)


@contextmanager
def _in_silence() -> Iterator[None]:
    """What orbax raises is told by its log, its tasks and its threads too, with every frame, even afterwards."""
    levels = {name: logging.getLogger(name).level for name in ("absl", "asyncio")}
    hook = sys.unraisablehook
    sys.unraisablehook = partial(_of_the_main_thread, hook)
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    yield
    sys.unraisablehook = hook  # only where nothing was raised
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _of_the_main_thread(hook: Callable[..., None], *error: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        hook(*error)


def _described(array: jax.Array) -> str:
    return f"{array.dtype} {list(array.shape)}"


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json_object((path / FACTS).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"checkpoint {path} is damaged ({FACTS}: {error})") from None
    require_facts(path, facts, {"step": int, "arrays": dict})
    return facts


def _require_same_arrays(path: Path, there: Mapping[str, str], here: Mapping[str, str]) -> None:
    for name in here.keys() | there.keys():
        if there.get(name) != here.get(name):
            got, wanted = there.get(name, "missing"), here.get(name, "missing")
            raise BadInput(f"checkpoint {path} is of another model: {name} is {got} there and {wanted} here")


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name != SUMS)


def _sums(path: Path) -> str:
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(path)}" for file in _files(path)]
    return "".join(f"{line}\n" for line in lines)


def _flush(path: Path) -> None:
    for entry in [*path.rglob("*"), path]:
        _flush_one(entry)


def _replace(partial: Path, final: Path) -> None:
    if final.exists():  # damaged, or saved once more at the end: a rename cannot replace a folder that is not empty
        _remove(final.with_name(f".{final.name}.old.partial"))
        final.rename(final.with_name(f".{final.name}.old.partial"))
    partial.rename(final)
    _flush_one(final.parent)
    _remove(final.with_name(f".{final.name}.old.partial"))


def _flush_one(path: Path) -> None:
    """A file, or the names in a folder: Windows opens no folder, and flushes only what is open for writing."""
    if ON_WINDOWS and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if ON_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
