"""A network as files that need neither this package nor its code."""

import json
import shutil
from pathlib import Path

import jax
import jax.export
import numpy as np

from functional_nn.training.endings import BadInput
from functional_nn.training.finished.loaded import Finished, load_finished
from functional_nn.training.kept.weights import WEIGHTS

PROGRAM, ABOUT = "model.jax_export", "model.json"
PLATFORMS = ("cpu", "cuda", "tpu")


def export(run: Path, output: Path | None) -> list[Path]:
    """Write the weights, the program with the weights in it, and a description: a whole folder or none."""
    finished, folder = load_finished(run), output or run / "export"
    shape = ("batch", *finished.image_shape)
    about = {"input": {"shape": shape, "dtype": "float32", "range": [0, 1]}, "classes": finished.class_names}
    contents = {PROGRAM: program(finished), ABOUT: json.dumps(about, indent=2).encode()}
    contents[WEIGHTS] = (run / WEIGHTS).read_bytes()
    _write(folder, contents)
    return [folder / name for name in contents]


def program(finished: Finished) -> bytes:
    """Images (batch, height, width, channels) to logits (batch, classes), for any batch, on any platform."""
    (batch,) = jax.export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *finished.image_shape), np.float32)
    return bytes(jax.export.export(jax.jit(finished.logits), platforms=PLATFORMS)(images).serialize())


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    if folder.exists():
        raise BadInput(f"export: {folder} exists already; nothing was changed, choose another --output")
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BadInput(f"export: {folder} cannot be written: {error.strerror or error}") from error
