"""Where a run is kept: written beside its final place and moved there whole, or not at all."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors.numpy import save

from functional_nn.training.errors import BadInput


def default_output(dataset: str, model: str) -> Path:
    """A name under runs/ that no run has yet: a second run never stands in the way of the first."""
    stem = f"{dataset}-{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = (Path("runs") / (stem if n == 0 else f"{stem}-{n}") for n in range(1000))
    return next(path for path in candidates if not os.path.lexists(path))


def require_free(path: Path) -> None:
    """Raise BadInput where something of this name exists, even a dangling link."""
    if os.path.lexists(path):
        raise BadInput(f"--output {path} exists already; nothing was changed, choose a folder that does not exist")


@contextmanager
def run_folder(final: Path) -> Iterator[Path]:
    """A folder to write into; it takes its final name when the block ends well, and is gone when it does not."""
    require_free(final)
    made = [parent for parent in final.parents if not parent.exists()]
    partial = final.parent / f".{final.name}.{os.getpid()}.partial"
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise BadInput(f"--output {final} cannot be made: {error.strerror or error}") from error
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(made)
        raise
    _move(partial, final)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON; paths become text."""
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add one line of JSON."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def write_weights(path: Path, params: Any, model_state: Any, about: Mapping[str, Any]) -> None:
    """Write every parameter as safetensors under its dotted name, the state of the layers under `state.`."""
    arrays = flatten(params) | {f"state.{name}": array for name, array in flatten(model_state).items()}
    # safetensors 0.8 stores arrays that are not C-contiguous scrambled (huggingface/safetensors#825).
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # One entry of metadata, because several are written in an order that differs from run to run.
    path.write_bytes(save(contiguous, {"functional_nn": json.dumps(about)}))


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Leaves by dotted name, `conv1.kernel` for example."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in leaves}


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _move(partial: Path, final: Path) -> None:
    try:
        require_free(final)
        partial.rename(final)
    except (BadInput, OSError) as error:
        raise BadInput(f"{final} came into being during the run; the finished run is kept in {partial}") from error
