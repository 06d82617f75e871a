"""Attention by cuDNN's kernel on an NVIDIA GPU, for arrays of 16 bits: the scores never leave the chip."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn._attending import Sight

# What the kernel takes; the whole of it is JAX's to say (`takes`).
DTYPES = (jnp.bfloat16, jnp.float16)


def forward(query: jax.Array, key: jax.Array, value: jax.Array, *, sight: Sight, scale: float) -> Sequence[jax.Array]:
    """The result, and two numbers a query that nothing reads: the kernel keeps its own."""
    out = _whole(lambda *arrays: jax.vjp(_kernel(sight, scale), *arrays)[0])(query, key, value)
    batch, length, heads, _ = query.shape
    unread = jnp.zeros((batch, heads, length), jnp.float32)
    return out, unread, unread


def backward(*arrays: jax.Array, sight: Sight, scale: float) -> Sequence[jax.Array]:
    """The gradients of query, key and value, from these, what `forward` gave, and the result's gradient.

    It calls the forward kernel too, as `forward` does, word for word: in one program XLA may compute that once.
    """
    gradients = _whole(lambda *arrays: jax.vjp(_kernel(sight, scale), *arrays[:3])[1](arrays[3]))
    return gradients(*arrays[:3], arrays[6])


def takes(query: jax.Array, key: jax.Array, value: jax.Array, sight: Sight) -> bool:
    """Whether a GPU is what computes here, and the kernel may be called for these arrays."""
    if not _libraries.WANTED or jax.default_backend() != "gpu":
        return False
    # Its causal queries are counted from the first key on, and its window looks back alone.
    from_the_start = not sight.causal or sight.length == sight.key_length
    looks_back = sight.window is None or sight.causal
    given = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (query, key, value))
    return from_the_start and looks_back and all(query.shape + key.shape) and _accepts(given, sight)


@lru_cache(maxsize=1024)
def _accepts(given: tuple[jax.ShapeDtypeStruct, ...], sight: Sight) -> bool:
    """Whether JAX would call the kernel for such arrays: their dtypes, head_dim, the card and the cuDNN beside it."""
    try:
        jax.eval_shape(partial(jax.vjp, _kernel(sight, 1.0)), *given)
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return False
    return True


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of whole arrays on one device, written so that JAX need not ask how to divide the kernel.

    It would ask the program's devices, which it knows only where the kernel stands in no rule of a primitive.
    """
    alone = jax.sharding.AbstractMesh((1,), ("alone",))
    everywhere = jax.sharding.PartitionSpec()
    return jax.shard_map(function, mesh=alone, in_specs=everywhere, out_specs=everywhere, check_vma=False)


def _kernel(sight: Sight, scale: float) -> Callable[..., Any]:
    window = None if sight.window is None else (sight.window - 1, 0)
    return partial(
        jax.nn.dot_product_attention,
        scale=scale,
        is_causal=sight.causal,
        local_window_size=window,
        implementation="cudnn",
    )
