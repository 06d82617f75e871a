"""What models with recurrent layers share: the layer itself, and the first values of its parameters."""

from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from functional_nn.models._network import Layer, Params, Recurrent, init_kernels
from functional_nn.recurrent import lstm

# By the name of the layer, what an lstm remembers of each row of a batch: {"h": (batch, hidden), "c": (batch, hidden)}.
Memory = Mapping[str, Mapping[str, jax.Array]]


def lstm_layer(name: str, memory: Memory | None) -> Layer:
    """An lstm that starts from zeros, or from what is remembered of the batch before."""
    return name, partial(unroll, **({} if memory is None else memory[name]))


def unroll(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array,
    *,
    h: jax.Array | None = None,
    c: jax.Array | None = None,
    lengths: jax.Array | None = None,
) -> Recurrent:
    """An lstm over x, from a memory, whose dtype does not widen the network, or from zeros."""
    nothing = jnp.zeros((x.shape[0], recurrent_kernel.shape[0]), x.dtype)
    h, c = (nothing if start is None else start.astype(x.dtype) for start in (h, c))
    out, h, c = lstm(x, h, c, kernel, recurrent_kernel, bias, lengths=lengths)
    return Recurrent(out, {"h": h, "c": c})


def init_tables(key: jax.Array, shapes: Mapping[str, Sequence[int]]) -> Params:
    """A table of embeddings of each shape, Gaussian with the deviation 0.01."""
    return {name: {"table": table} for name, table in init_kernels(key, shapes, "normal").items()}


def init_lstms(key: jax.Array, shapes: Mapping[str, tuple[int, int]], kernel_initializer: str) -> Params:
    """An lstm of each (in_dim, 4 * hidden), whose bias is 1 for the gate that keeps the cell and 0 elsewhere."""
    of_inputs, of_states = jax.random.split(key)
    kernels = init_kernels(of_inputs, shapes, kernel_initializer)
    square = {name: (width // 4, width) for name, (_, width) in shapes.items()}
    recurrent = init_kernels(of_states, square, kernel_initializer)
    return {
        name: {"kernel": kernels[name], "recurrent_kernel": recurrent[name], "bias": _first_bias(width // 4)}
        for name, (_, width) in shapes.items()
    }


def _first_bias(hidden: int) -> jax.Array:
    i, f, g, o = 0, 1, 0, 0
    return jnp.repeat(jnp.array([i, f, g, o], float), hidden)
