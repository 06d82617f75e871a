"""Rows: what runs along a sequence, and losses of sequences."""

from functools import lru_cache
from types import SimpleNamespace as Size
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import torch
from flax import nnx
from jax import lax
from torch.nn import functional

import functional_nn as fnn
from benchmarks.ops.arguments import HEADS, Argument, between, constant, kernel, labels, normal
from benchmarks.ops.layers import KEY, filled, with_weights
from benchmarks.ops.row import Row
from benchmarks.transformer_jax import rotated

ATTENTION = Row(
    lambda s: {name: normal(s.batch, s.length, s.heads, s.head_dim, axes=HEADS) for name in ("query", "key", "value")},
    lambda s, query, key, value: fnn.attention(query, key, value, causal=True),
    lambda s, query, key, value: nnx.dot_product_attention(query, key, value, is_causal=True),
    lambda s, query, key, value: functional.scaled_dot_product_attention(query, key, value, is_causal=True),
    # Scores and their sums, over half the pairs of tokens.
    multiplications=lambda s: s.batch * s.heads * s.length**2 * s.head_dim,
)


@lru_cache(maxsize=8)
def _cos_and_sin(length: int, half: int, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    angle = torch.arange(length)[:, None, None] * 10000.0 ** (-torch.arange(half) / half)
    return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


def _torch_rotated(s: Size, x: torch.Tensor) -> torch.Tensor:
    cos, sin = _cos_and_sin(s.length, s.head_dim // 2, x.dtype, x.device)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)


def _equinox_rotated(s: Size, x: jax.Array) -> jax.Array:
    layer = eqx.nn.RotaryPositionalEmbedding(s.head_dim, dtype=x.dtype)
    return jax.vmap(jax.vmap(layer, in_axes=1, out_axes=1))(x)


ROTARY_EMBEDDING = Row(
    lambda s: {"x": normal(s.batch, s.length, s.heads, s.head_dim)},
    lambda s, x: fnn.rotary_embedding(x),
    lambda s, x: rotated(x),
    _torch_rotated,
    _equinox_rotated,
)


def _recurrent_arguments(gates: int, states: str) -> Any:
    def arguments(s: Size) -> dict[str, Argument]:
        found = {"x": normal(s.batch, s.length, s.width)}
        found |= {name: normal(s.batch, s.hidden, learned=False) for name in states.split()}
        found |= {"kernel": kernel(s.width, gates * s.hidden), "bias": normal(gates * s.hidden)}
        return found | {"recurrent_kernel": kernel(s.hidden, gates * s.hidden)}

    return arguments


def _by_flax(cell: Any, carry: Any, x: jax.Array) -> Any:
    return nnx.RNN(cell, rngs=nnx.Rngs(0))(x, initial_carry=carry)


def _flax_cell(kind: Any, s: Size, kernel: jax.Array, recurrent_kernel: jax.Array, bias: jax.Array) -> Any:
    cell = kind(s.width, s.hidden, rngs=nnx.Rngs(0))
    filled(cell.dense_i, kernel=kernel)
    filled(cell.dense_h, kernel=recurrent_kernel)
    # The long short-term memory's bias is that of the state's product.
    filled(cell.dense_i if cell.dense_i.bias is not None else cell.dense_h, bias=bias)
    return cell


def _by_torch(function: Any, x: torch.Tensor, states: Any, own: dict[str, torch.Tensor]) -> torch.Tensor:
    """What torch.nn's module of the same name calls, which has two biases where one would do."""
    bias = own["bias"]
    weights = [own["kernel"], own["recurrent_kernel"], bias, torch.zeros_like(bias)]
    return function(x, states, weights, True, 1, 0.0, True, False, True)[0]


def _by_equinox(cell: Any, states: Any, x: jax.Array) -> jax.Array:
    def example(states: Any, x: jax.Array) -> jax.Array:
        def step(states: Any, x: jax.Array) -> Any:
            states = cell(x, states)
            return states, states[0] if isinstance(states, tuple) else states

        return lax.scan(step, states, x)[1]

    return jax.vmap(example)(states, x)


def _equinox_cell(kind: Any, s: Size, kernel: jax.Array, recurrent_kernel: jax.Array, bias: jax.Array) -> Any:
    cell = kind(s.width, s.hidden, key=KEY)
    own = {"weight_ih": kernel, "weight_hh": recurrent_kernel, "bias": bias}
    return with_weights(cell, **own, **({"bias_n": jnp.zeros_like(bias[: s.hidden])} if kind is eqx.nn.GRUCell else {}))


def _our_gru(x: jax.Array, h: jax.Array, kernel: jax.Array, recurrent_kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """With the one bias that Flax's cell has not set to 0."""
    bias = jnp.concatenate([bias, jnp.zeros_like(bias[: h.shape[1]])])
    return fnn.gru(x, h, kernel, recurrent_kernel, bias)[0]


def _products(gates: int) -> Any:
    return lambda s: s.batch * s.length * (s.width + s.hidden) * gates * s.hidden


RNN = Row(
    _recurrent_arguments(1, "h"),
    lambda s, **arrays: fnn.rnn(**arrays)[0],
    lambda s, x, h, **own: _by_flax(_flax_cell(nnx.SimpleCell, s, **own), h, x),
    lambda s, x, h, **own: _by_torch(torch.rnn_tanh, x, h[None], own),
    multiplications=_products(1),
)

LSTM = Row(
    _recurrent_arguments(4, "h c"),
    lambda s, **arrays: fnn.lstm(**arrays)[0],
    lambda s, x, h, c, **own: _by_flax(_flax_cell(nnx.OptimizedLSTMCell, s, **own), (c, h), x),
    lambda s, x, h, c, **own: _by_torch(torch.lstm, x, (h[None], c[None]), own),
    lambda s, x, h, c, **own: _by_equinox(_equinox_cell(eqx.nn.LSTMCell, s, **own), (h, c), x),
    _products(4),
)

GRU = Row(
    _recurrent_arguments(3, "h"),
    lambda s, **arrays: _our_gru(**arrays),
    lambda s, x, h, **own: _by_flax(_flax_cell(nnx.GRUCell, s, **own), h, x),
    lambda s, x, h, **own: _by_torch(torch.gru, x, h[None], own),
    lambda s, x, h, **own: _by_equinox(_equinox_cell(eqx.nn.GRUCell, s, **own), h, x),
    _products(3),
)


def _scanned(s: Size, x: jax.Array, decay: jax.Array, initial: jax.Array) -> jax.Array:
    def step(h: jax.Array, now: tuple[jax.Array, jax.Array]) -> Any:
        h = now[1] * h + now[0]
        return h, h

    return lax.scan(step, initial, (x.swapaxes(0, 1), decay.swapaxes(0, 1)))[1].swapaxes(0, 1)


def _looped(s: Size, x: torch.Tensor, decay: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    states = [initial]
    for t in range(s.length):
        states.append(decay[:, t] * states[-1] + x[:, t])
    return torch.stack(states[1:], 1)


LINEAR_RECURRENCE = Row(
    lambda s: {
        "x": normal(s.batch, s.length, s.width),
        "decay": between(0.1, 1, s.batch, s.length, s.width),
        "initial": normal(s.batch, s.width, learned=False),
    },
    lambda s, x, decay, initial: fnn.linear_recurrence(x, decay, initial),
    _scanned,
    _looped,
)

LINEAR_SOFTMAX_CROSS_ENTROPY = Row(
    lambda s: {
        "x": normal(s.rows, s.width),
        "kernel": kernel(s.width, s.classes),
        "labels": labels(s.rows, below=s.classes),
    },
    lambda s, x, kernel, labels: fnn.linear_softmax_cross_entropy(x, kernel, labels, chunk=512),
    lambda s, x, kernel, labels: optax.softmax_cross_entropy_with_integer_labels(x @ kernel, labels),
    lambda s, x, kernel, labels: functional.cross_entropy(functional.linear(x, kernel), labels, reduction="none"),
    multiplications=lambda s: s.rows * s.width * s.classes,
)


def _ctc_arguments(s: Size) -> dict[str, Argument]:
    """Every example as long as its array; the blank, class 0, is no label."""
    return {
        "logits": normal(s.batch, s.steps, s.classes),
        "labels": labels(s.batch, s.labels, below=s.classes, least=1),
        "logit_lengths": constant(s.steps, s.batch),
        "label_lengths": constant(s.labels, s.batch),
    }


def _ctc_of_optax(s: Size, logits: jax.Array, labels: jax.Array, **lengths: jax.Array) -> jax.Array:
    sizes = {"logit_lengths": s.steps, "label_lengths": s.labels}
    after = {name: jnp.arange(sizes[name]) >= length[:, None] for name, length in lengths.items()}
    paddings = {name: where.astype(logits.dtype) for name, where in after.items()}
    return optax.ctc_loss(logits, paddings["logit_lengths"], labels, paddings["label_lengths"])


def _ctc_of_torch(s: Size, logits: torch.Tensor, labels: torch.Tensor, **lengths: torch.Tensor) -> torch.Tensor:
    log_probabilities = functional.log_softmax(logits, -1).transpose(0, 1)
    steps, count = lengths["logit_lengths"], lengths["label_lengths"]
    return functional.ctc_loss(log_probabilities, labels, steps, count, reduction="none")


CTC_LOSS = Row(
    _ctc_arguments,
    lambda s, logits, labels, **lengths: fnn.ctc_loss(logits, labels, **lengths),
    _ctc_of_optax,
    _ctc_of_torch,
)

ROWS = {
    "attention": ATTENTION,
    "rotary_embedding": ROTARY_EMBEDDING,
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "linear_recurrence": LINEAR_RECURRENCE,
    "linear_softmax_cross_entropy": LINEAR_SOFTMAX_CROSS_ENTROPY,
    "ctc_loss": CTC_LOSS,
}
