"""What models with recurrent layers share: the layer itself, and the first values of its parameters."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reference.models._network import Layer, init_kernels
from reference.recurrent import lstm_bwd, lstm_fwd


class Recurrent(NamedTuple):
    """What a recurrent layer leaves: its memory after the last step, and residuals."""

    memory: dict[str, np.ndarray]
    residuals: Any


def lstm_layer(name, memory):
    """An lstm that starts from zeros, or from what is remembered of the batch before."""
    return Layer(name, partial(_unroll_fwd, **({} if memory is None else memory[name])), _unroll_bwd)


def _unroll_fwd(x, kernel, recurrent_kernel, bias, *, h=None, c=None):
    nothing = zeros_of(x, recurrent_kernel)
    h, c = (nothing if start is None else start.astype(x.dtype) for start in (h, c))
    (out, h, c), residuals = lstm_fwd(x, h, c, kernel, recurrent_kernel, bias)
    return out, Recurrent({"h": h, "c": c}, residuals)


def _unroll_bwd(residuals, cotangent):
    # The loss of this batch depends on no later batch; and what reaches the one before is cut off.
    unused = np.zeros_like(residuals.memory["h"])
    x_ct, _, _, *weight_cts = lstm_bwd(residuals.residuals, (cotangent, unused, unused))
    return x_ct, *weight_cts


def memory_of(layers, residuals):
    """What recurrent layers remember of the batch."""
    kept = zip(layers, residuals, strict=True)
    return {layer.name: saved.memory for layer, saved in kept if isinstance(saved, Recurrent)}


def zeros_of(x, recurrent_kernel):
    """The state of each row of x before anything was read."""
    return np.zeros((x.shape[0], recurrent_kernel.shape[0]), x.dtype)


def init_tables(key, shapes):
    """A table of embeddings of each shape, Gaussian with the deviation 0.01."""
    return {name: {"table": table} for name, table in init_kernels(key, shapes, "normal").items()}


def init_lstms(key, shapes, kernel_initializer):
    """An lstm of each (in_dim, 4 * hidden), whose bias is 1 for the gate that keeps the cell and 0 elsewhere."""
    rng = np.random.default_rng(key)
    kernels = init_kernels(rng, shapes, kernel_initializer)
    square = {name: (width // 4, width) for name, (_, width) in shapes.items()}
    recurrent = init_kernels(rng, square, kernel_initializer)
    return {
        name: {"kernel": kernels[name], "recurrent_kernel": recurrent[name], "bias": _first_bias(width // 4)}
        for name, (_, width) in shapes.items()
    }


def _first_bias(hidden):
    i, f, g, o = 0, 1, 0, 0
    return np.repeat(np.array([i, f, g, o], float), hidden)
