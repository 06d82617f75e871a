"""A network as files that need neither this package nor its code."""

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.export

from functional_nn.training.endings import BadInput
from functional_nn.training.finished.loaded import Finished, load_finished
from functional_nn.training.kept.weights import WEIGHTS

PROGRAM, ABOUT = "model.jax_export", "model.json"
PLATFORMS = ("cpu", "cuda", "tpu")


def export(run: Path, output: Path | None) -> list[Path]:
    """Write the weights, the program with the weights in it, and a description: a whole folder or none."""
    finished, folder = load_finished(run), output or run / "export"
    contents = {PROGRAM: program(finished), ABOUT: json.dumps(about(finished), indent=2).encode()}
    contents[WEIGHTS] = (run / WEIGHTS).read_bytes()
    _write(folder, contents)
    return [folder / name for name in contents]


def about(finished: Finished) -> dict[str, Any]:
    """What the program takes: images and the names of their classes, or places in an alphabet of bytes."""
    if finished.kind == "images":
        shape = ("batch", *finished.facts["image_shape"])
        pixels = {"shape": shape, "dtype": "float32", "range": [0, 1]}
        return {"input": pixels, "classes": finished.facts["class_names"]}
    last = len(finished.facts["alphabet"]) - 1
    facts = finished.facts
    length = facts["question_length"] + facts["answer_length"] if finished.kind == "questions" else finished.context
    tokens = {"shape": ("batch", length), "dtype": "int32", "range": [0, last]}
    return {"input": tokens, "alphabet": finished.facts["alphabet"]}


def program(finished: Finished) -> bytes:
    """Images (batch, height, width, channels) to logits (batch, classes), for any batch, on any platform.

    Of text, tokens (batch, context) to logits (batch, context, alphabet).
    """
    takes = about(finished)["input"]
    (batch,) = jax.export.symbolic_shape("batch")
    x = jax.ShapeDtypeStruct((batch, *takes["shape"][1:]), takes["dtype"])
    return bytes(jax.export.export(jax.jit(finished.logits), platforms=PLATFORMS)(x).serialize())


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
