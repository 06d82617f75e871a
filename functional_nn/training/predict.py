"""Which class an image file shows."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from functional_nn.activations import softmax
from functional_nn.training.errors import BadInput
from functional_nn.training.finished import load_finished


def predict(run: Path, paths: Sequence[Path], invert: bool) -> list[str]:
    """One line a file: the file, the class, and the probability that the network gives it."""
    if not paths:
        raise BadInput(f"predict {run}: at least one image file is needed")
    finished = load_finished(run)
    images = np.stack([read_image(path, finished.image_shape, invert) for path in paths])
    probabilities = np.asarray(jax.jit(lambda x: softmax(finished.logits(x)))(images))
    best = probabilities.argmax(axis=-1)
    width = max(len(str(path)) for path in paths)
    return [
        f"{path!s:<{width}}  {finished.class_names[index]}  {100 * row[index]:.2f} %"
        for path, index, row in zip(paths, best, probabilities, strict=True)
    ]


def read_image(path: Path, shape: tuple[int, ...], invert: bool) -> np.ndarray:
    """The pixels of an image file, from 0 to 1, in the shape (height, width, channels) that a network takes."""
    from PIL import Image, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(path) as image:
            fitted = image.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BOX)
    except UnidentifiedImageError:
        raise BadInput(f"{path} is not an image that can be read") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    pixels = np.asarray(fitted, np.float32).reshape(shape) / np.float32(255.0)
    return 1 - pixels if invert else pixels
