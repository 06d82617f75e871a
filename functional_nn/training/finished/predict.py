"""Which class an image file shows."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from functional_nn.activations import softmax
from functional_nn.training.endings import BadInput
from functional_nn.training.finished.loaded import load_finished
from functional_nn.training.machine.processes import first_line


def predict(run: Path, paths: Sequence[Path], invert: bool) -> list[str]:
    """One line a file: the file, the class, and the probability that the network gives it."""
    if not paths:
        raise BadInput(f"predict {run}: at least one image file is needed")
    finished = load_finished(run)
    if finished.kind != "images":
        raise BadInput(f"predict {run}: this run learned {finished.kind}, and only images have a class to tell")
    shape, names = finished.facts["image_shape"], finished.facts["class_names"]
    images = np.stack([read_image(path, shape, invert) for path in paths])
    probabilities = np.asarray(jax.jit(lambda x: softmax(finished.logits(x)))(images))
    best = probabilities.argmax(axis=-1)
    width = max(len(str(path)) for path in paths)
    return [
        f"{path!s:<{width}}  {names[index]}  {100 * row[index]:.2f} %"
        for path, index, row in zip(paths, best, probabilities, strict=True)
    ]


def read_image(path: Path, shape: tuple[int, ...], invert: bool) -> np.ndarray:
    """The pixels of an image file, from 0 to 1, in the shape (height, width, channels) that a network takes."""
    from PIL import Image, UnidentifiedImageError

    height, width, channels = shape
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            eight_bits = _eight_bits(path, image).convert("L" if channels == 1 else "RGB")
            fitted = eight_bits.resize((width, height), Image.Resampling.BOX)
    except BadInput:
        raise
    except UnidentifiedImageError:
        raise BadInput(f"{path} is not an image that can be read") from None
    except Exception as error:  # of damaged files Pillow hands on whatever reading them ran into
        raise BadInput(f"{path} cannot be read: {first_line(getattr(error, 'strerror', None) or error)}") from error
    pixels = np.asarray(fitted, np.float32).reshape(shape) / np.float32(255.0)
    return 1 - pixels if invert else pixels


def _eight_bits(path: Path, image: Any) -> Any:
    """The image with 8 bits a channel: Pillow itself would cut larger values off, and nearly all would be white."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadInput(f"{path} has pixels of 32 bits, whose range is not known; save it with 8 or 16 bits")
    return image
