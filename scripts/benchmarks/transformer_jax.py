"""The training step of a transformer in JAX: ours, without any library, and with Flax NNX; all by Optax's AdamW."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

import functional_nn as fnn
from benchmarks.jax_side import Step, flax_step, reserved
from benchmarks.networks import Transformer
from functional_nn.models import transformer

RATE, DECAY = 0.001, 0.01


def parameters(case: Transformer) -> tuple[Any, Any]:
    """What every contender starts from: our parameters in its dtype, and the state of our model."""
    sizes = {name: getattr(case, name) for name in ("vocabulary", "width", "heads", "layers", "hidden", "context")}
    params, state = transformer.init(jax.random.key(0), transformer.Config(**sizes))
    return jax.tree.map(lambda leaf: leaf.astype(case.dtype), params), state


def blocks(case: Transformer) -> list[str]:
    """The names of the blocks in their order."""
    return [f"{kind}{i}" for i in range(1, case.layers + 1) for kind in ("attention", "feedforward")]


def ours(case: Transformer) -> Step:
    """The model of functional_nn, and its loss."""
    params, state = parameters(case)

    def loss(params: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
        return jnp.mean(fnn.softmax_cross_entropy(transformer.apply(params, state, x)[0], labels))

    return _step(case, params, loss)


def plain(case: Transformer) -> Step:
    """The same network in functions of jax.numpy and jax.nn, with the gradients that JAX derives."""
    return _step(case, parameters(case)[0], partial(_plain_loss, case))


def _plain_loss(case: Transformer, params: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
    out = params["embedding"]["table"][x]
    for name in blocks(case):
        function = _plain_attention if name.startswith("attention") else _plain_gated
        normalized = _plain_norm(out, **params[f"{name}_norm"])
        out = out + function(case, normalized @ params[f"{name}_in"]["kernel"]) @ params[f"{name}_out"]["kernel"]
    logits = _plain_norm(out, **params["norm"]) @ params["head"]["kernel"]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1))


def _plain_norm(x: jax.Array, scale: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * scale


def _plain_gated(case: Transformer, x: jax.Array) -> jax.Array:
    value, gate = jnp.split(x, 2, -1)
    return value * jax.nn.silu(gate)


def _plain_attention(case: Transformer, x: jax.Array) -> jax.Array:
    query, key, value = (part.reshape(*x.shape[:2], case.heads, -1) for part in jnp.split(x, 3, -1))
    scores = jnp.einsum("bqhd,bkhd->bhqk", rotated(query), rotated(key)) / case.head_dim**0.5
    seen = jnp.tril(jnp.ones((case.context, case.context), bool))
    weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
    return jnp.einsum("bhqk,bkhd->bqhd", weights, value).reshape(*x.shape[:2], case.width)


def rotated(x: jax.Array) -> jax.Array:
    """Rotary embedding as LLaMA's code has it: pairs of an entry of the first half and one of the second."""
    half = x.shape[-1] // 2
    angle = jnp.arange(x.shape[1])[:, None, None] * 10000.0 ** (-jnp.arange(half) / half)
    first, second = jnp.split(x, 2, -1)
    cos, sin = jnp.cos(angle).astype(x.dtype), jnp.sin(angle).astype(x.dtype)
    return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], -1)


def _step(case: Transformer, params: Any, loss: Callable[..., jax.Array]) -> Step:
    optimizer = optax.adamw(RATE, weight_decay=DECAY)
    x, labels = map(jnp.asarray, case.data())

    @partial(jax.jit, donate_argnums=0)
    def step(learned: Any, x: jax.Array, labels: jax.Array) -> tuple[Any, jax.Array]:
        params, opt_state = learned
        value, gradients = jax.value_and_grad(loss)(params, x, labels)
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    learned = params, optimizer.init(params)
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), learned)

    def run() -> jax.Array:
        nonlocal learned
        learned, value = step(learned, x, labels)
        jax.block_until_ready(learned)
        return value

    return run, lambda: reserved(step.lower(shapes, x, labels).compile())


def options(case: Transformer, rngs: nnx.Rngs) -> dict[str, Any]:
    """What every layer of Flax is told."""
    return {"param_dtype": jnp.dtype(case.dtype), "rngs": rngs}


class Attention(nnx.Module):
    """Causal attention of rotated queries and keys."""

    def __init__(self, case: Transformer, rngs: nnx.Rngs):
        self.heads = case.heads
        self.inner = nnx.Linear(case.width, 3 * case.width, use_bias=False, **options(case, rngs))
        self.outer = nnx.Linear(case.width, case.width, use_bias=False, **options(case, rngs))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Of (batch, length, width), the same shape."""
        parts = jnp.split(self.inner(x), 3, -1)
        query, key, value = (part.reshape(*x.shape[:2], self.heads, -1) for part in parts)
        mask = nnx.make_causal_mask(jnp.ones(x.shape[:2]))
        out = nnx.dot_product_attention(rotated(query), rotated(key), value, mask=mask)
        return self.outer(out.reshape(x.shape))


class Gated(nnx.Module):
    """The gated network of hidden units."""

    def __init__(self, case: Transformer, rngs: nnx.Rngs):
        self.inner = nnx.Linear(case.width, 2 * case.hidden, use_bias=False, **options(case, rngs))
        self.outer = nnx.Linear(case.hidden, case.width, use_bias=False, **options(case, rngs))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Of (batch, length, width), the same shape."""
        value, gate = jnp.split(self.inner(x), 2, -1)
        return self.outer(value * nnx.silu(gate))


class Model(nnx.Module):
    """The logits of the token after each token."""

    def __init__(self, case: Transformer, rngs: nnx.Rngs):
        kinds = (Attention, Gated) * case.layers
        self.embedding = nnx.Embed(case.vocabulary, case.width, **options(case, rngs))
        self.blocks = nnx.List([kind(case, rngs) for kind in kinds])
        self.norms = nnx.List([nnx.RMSNorm(case.width, **options(case, rngs)) for _ in kinds])
        self.norm = nnx.RMSNorm(case.width, **options(case, rngs))
        self.head = nnx.Linear(case.width, case.vocabulary, use_bias=False, **options(case, rngs))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Of (batch, length) tokens, (batch, length, vocabulary)."""
        out = self.embedding(x)
        for norm, block in zip(self.norms, self.blocks, strict=True):
            out = out + block(norm(out))
        return self.head(self.norm(out))


def _flax_model(case: Transformer) -> Model:
    model, (params, _) = Model(case, nnx.Rngs(0)), parameters(case)
    model.embedding.embedding[...] = params["embedding"]["table"]
    model.head.kernel[...] = params["head"]["kernel"]
    for name, block in zip(blocks(case), model.blocks, strict=True):
        block.inner.kernel[...] = params[f"{name}_in"]["kernel"]
        block.outer.kernel[...] = params[f"{name}_out"]["kernel"]
    return model


def flax(case: Transformer) -> Step:
    """The model in Flax NNX."""
    return flax_step(_flax_model(case), optax.adamw(RATE, weight_decay=DECAY), case.data())
