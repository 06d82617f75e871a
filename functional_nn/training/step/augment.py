"""How images are varied inside the compiled step: a pure function of a key."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Augmentation:
    """Shift by up to so many pixels, mirror left and right, blacken a square of so many pixels; nothing by default."""

    shift: int = 0
    flip: bool = False
    cutout: int = 0


def augment(rules: Augmentation, key: jax.Array, images: jax.Array) -> jax.Array:
    """The images (batch, height, width, channels), each varied on its own."""
    for turned_on, vary, part in (
        (rules.shift > 0, partial(_shift, rules.shift), jax.random.fold_in(key, 0)),
        (rules.flip, _flip, jax.random.fold_in(key, 1)),
        (rules.cutout > 0, partial(_cut_out, rules.cutout), jax.random.fold_in(key, 2)),
    ):
        if turned_on:
            images = jax.vmap(vary)(jax.random.split(part, len(images)), images)
    return images


def _shift(most: int, key: jax.Array, image: jax.Array) -> jax.Array:
    """Black comes in where the image leaves."""
    framed = jnp.pad(image, ((most, most), (most, most), (0, 0)))
    row, column = jax.random.randint(key, (2,), 0, 2 * most + 1)
    return jax.lax.dynamic_slice(framed, (row, column, jnp.zeros_like(row)), image.shape)


def _flip(key: jax.Array, image: jax.Array) -> jax.Array:
    return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


def _cut_out(size: int, key: jax.Array, image: jax.Array) -> jax.Array:
    """The square's middle lies anywhere in the image, so that a border may cut the square itself."""
    height, width, _ = image.shape
    row_key, column_key = jax.random.split(key)
    top = jax.random.randint(row_key, (), 0, height) - size // 2
    left = jax.random.randint(column_key, (), 0, width) - size // 2
    rows, columns = jnp.arange(height)[:, None, None], jnp.arange(width)[None, :, None]
    inside = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
    return jnp.where(inside, 0, image)
