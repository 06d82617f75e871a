"""Rows: linear layers, convolutions, pooling and normalization."""

from types import SimpleNamespace as Size
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx
from torch.nn import functional

import functional_nn as fnn
from benchmarks.ops.arguments import IMAGE, WINDOW, Argument, between, kernel, labels, normal
from benchmarks.ops.row import Row

KEY = jax.random.key(0)


def filled(layer: Any, **arrays: jax.Array) -> Any:
    """A layer of Flax with these parameters in place of those that it drew."""
    for name, array in arrays.items():
        setattr(layer, name, nnx.Param(array))
    return layer


def with_weights(layer: Any, **arrays: jax.Array) -> Any:
    """A layer of Equinox with these parameters in place of those that it drew."""
    return eqx.tree_at(lambda layer: [getattr(layer, name) for name in arrays], layer, list(arrays.values()))


def _rngs() -> nnx.Rngs:
    return nnx.Rngs(0)


def _image(s: Size) -> Argument:
    return normal(s.batch, s.pixels, s.pixels, s.channels, axes=IMAGE)


def _affine(width: int) -> dict[str, Argument]:
    return {"scale": normal(width), "bias": normal(width)}


DENSE = Row(
    lambda s: {"x": normal(s.batch, s.inputs), "kernel": kernel(s.inputs, s.outputs), "bias": normal(s.outputs)},
    lambda s, x, kernel, bias: fnn.dense(x, kernel, bias),
    lambda s, x, **own: filled(nnx.Linear(s.inputs, s.outputs, rngs=_rngs()), **own)(x),
    lambda s, x, kernel, bias: functional.linear(x, kernel, bias),
    lambda s, x, kernel, bias: jax.vmap(
        with_weights(eqx.nn.Linear(s.inputs, s.outputs, key=KEY), weight=kernel, bias=bias)
    )(x),
    lambda s: s.batch * s.inputs * s.outputs,
)

EMBEDDING = Row(
    lambda s: {"indices": labels(s.batch, s.length, below=s.rows), "table": normal(s.rows, s.width)},
    lambda s, indices, table: fnn.embedding(indices, table),
    lambda s, indices, table: filled(nnx.Embed(s.rows, s.width, rngs=_rngs()), embedding=table)(indices),
    lambda s, indices, table: functional.embedding(indices, table),
    lambda s, indices, table: jax.vmap(jax.vmap(eqx.nn.Embedding(weight=table)))(indices),
)


def _flax_conv(s: Size, x: jax.Array, kernel: jax.Array) -> jax.Array:
    statics: Any = {"strides": s.strides, "padding": s.window // 2, "feature_group_count": s.groups}
    layer = nnx.Conv(s.channels, s.filters, (s.window,) * 2, use_bias=False, rngs=_rngs(), **statics)
    return filled(layer, kernel=kernel)(x)


def _equinox_conv(s: Size, x: jax.Array, kernel: jax.Array) -> jax.Array:
    statics: Any = {"stride": s.strides, "padding": s.window // 2, "groups": s.groups, "use_bias": False}
    layer = eqx.nn.Conv2d(s.channels, s.filters, s.window, key=KEY, **statics)
    return jax.vmap(with_weights(layer, weight=kernel))(x)


CONV = Row(
    lambda s: {"x": _image(s), "kernel": kernel(s.window, s.window, s.channels // s.groups, s.filters, axes=WINDOW)},
    lambda s, x, kernel: fnn.conv(x, kernel, strides=s.strides, padding=s.window // 2, groups=s.groups),
    _flax_conv,
    lambda s, x, kernel: functional.conv2d(x, kernel, None, s.strides, s.window // 2, groups=s.groups),
    _equinox_conv,
    lambda s: s.batch * (-(-s.pixels // s.strides) * s.window) ** 2 * s.channels // s.groups * s.filters,
)


def _flax_transpose(s: Size, x: jax.Array, kernel: jax.Array) -> jax.Array:
    # Flax's "SAME" means what a padding of half of window - strides means elsewhere.
    statics: Any = {"strides": (s.strides,) * 2, "padding": "SAME", "transpose_kernel": True}
    layer = nnx.ConvTranspose(s.channels, s.filters, (s.window,) * 2, use_bias=False, rngs=_rngs(), **statics)
    return filled(layer, kernel=kernel)(x)


def _equinox_transpose(s: Size, x: jax.Array, kernel: jax.Array) -> jax.Array:
    statics: Any = {"stride": s.strides, "padding": (s.window - s.strides) // 2, "use_bias": False}
    layer = eqx.nn.ConvTranspose2d(s.channels, s.filters, s.window, key=KEY, **statics)
    # Equinox's kernel is that of the convolution of the spread x: turned round, its outputs first.
    return jax.vmap(with_weights(layer, weight=jnp.flip(kernel, (2, 3)).swapaxes(0, 1)))(x)


CONV_TRANSPOSE = Row(
    lambda s: {"x": _image(s), "kernel": kernel(s.window, s.window, s.filters, s.channels, axes=WINDOW)},
    lambda s, x, kernel: fnn.conv_transpose(x, kernel, strides=s.strides, padding=(s.window - s.strides) // 2),
    _flax_transpose,
    lambda s, x, kernel: functional.conv_transpose2d(x, kernel, None, s.strides, (s.window - s.strides) // 2),
    _equinox_transpose,
    lambda s: s.batch * (s.pixels * s.window) ** 2 * s.channels * s.filters,
)


def _pooling(ours: Any, flax: Any, theirs: Any, equinox: Any) -> Row:
    def edges(s: Size) -> int:
        return (s.window - 1) // 2

    def by_flax(s: Size, x: jax.Array) -> jax.Array:
        return flax(x, (s.window,) * 2, (s.strides,) * 2, ((edges(s),) * 2,) * 2)

    return Row(
        lambda s: {"x": _image(s)},
        lambda s, x: ours(x, window=s.window, strides=s.strides, padding=edges(s)),
        by_flax,
        lambda s, x: theirs(x, s.window, s.strides, edges(s)),
        lambda s, x: jax.vmap(equinox(s.window, s.strides, edges(s)))(x),
    )


def _batch_norm_arguments(s: Size) -> dict[str, Argument]:
    return {"x": _image(s), **_affine(s.channels)}


def _equinox_batch_norm(s: Size, x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(s.channels, axis_name="batch", mode="batch")
    layer = with_weights(layer, weight=scale, bias=bias)
    return jax.vmap(layer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x, state)[0]


BATCH_NORM = Row(
    _batch_norm_arguments,
    lambda s, x, scale, bias: fnn.batch_norm(x, scale, bias)[0],
    lambda s, x, **own: filled(nnx.BatchNorm(s.channels, rngs=_rngs()), **own)(x),
    lambda s, x, scale, bias: functional.batch_norm(x, None, None, scale, bias, training=True),
    _equinox_batch_norm,
)


def _flax_inference(s: Size, x: jax.Array, mean: jax.Array, variance: jax.Array, **own: jax.Array) -> jax.Array:
    layer = filled(nnx.BatchNorm(s.channels, use_running_average=True, rngs=_rngs()), **own)
    layer.mean, layer.var = nnx.BatchStat(mean), nnx.BatchStat(variance)
    return layer(x)


BATCH_NORM_INFERENCE = Row(
    lambda s: {
        **_batch_norm_arguments(s),
        "mean": normal(s.channels, learned=False),
        "variance": between(0.5, 2, s.channels, learned=False),
    },
    lambda s, x, scale, bias, mean, variance: fnn.batch_norm_inference(x, scale, bias, mean, variance),
    _flax_inference,
    lambda s, x, scale, bias, mean, variance: functional.batch_norm(x, mean, variance, scale, bias),
)

GROUP_NORM = Row(
    _batch_norm_arguments,
    lambda s, x, scale, bias: fnn.group_norm(x, scale, bias, groups=s.groups),
    lambda s, x, **own: filled(nnx.GroupNorm(s.channels, s.groups, epsilon=1e-5, rngs=_rngs()), **own)(x),
    lambda s, x, scale, bias: functional.group_norm(x, s.groups, scale, bias),
    lambda s, x, scale, bias: jax.vmap(with_weights(eqx.nn.GroupNorm(s.groups, s.channels), weight=scale, bias=bias))(
        x
    ),
)

LAYER_NORM = Row(
    lambda s: {"x": normal(s.batch, s.length, s.width), **_affine(s.width)},
    lambda s, x, scale, bias: fnn.layer_norm(x, scale, bias),
    lambda s, x, **own: filled(nnx.LayerNorm(s.width, epsilon=1e-5, rngs=_rngs()), **own)(x),
    lambda s, x, scale, bias: functional.layer_norm(x, (s.width,), scale, bias),
    lambda s, x, scale, bias: jax.vmap(jax.vmap(with_weights(eqx.nn.LayerNorm(s.width), weight=scale, bias=bias)))(x),
)

RMS_NORM = Row(
    lambda s: {"x": normal(s.batch, s.length, s.width), "scale": normal(s.width)},
    lambda s, x, scale: fnn.rms_norm(x, scale),
    lambda s, x, scale: filled(nnx.RMSNorm(s.width, rngs=_rngs()), scale=scale)(x),
    lambda s, x, scale: functional.rms_norm(x, (s.width,), scale, 1e-6),
    lambda s, x, scale: jax.vmap(jax.vmap(with_weights(eqx.nn.RMSNorm(s.width, 1e-6, use_bias=False), weight=scale)))(
        x
    ),
)

ROWS = {
    "dense": DENSE,
    "embedding": EMBEDDING,
    "conv": CONV,
    "conv_transpose": CONV_TRANSPOSE,
    "max_pool": _pooling(fnn.max_pool, nnx.max_pool, functional.max_pool2d, eqx.nn.MaxPool2d),
    "avg_pool": _pooling(fnn.avg_pool, nnx.avg_pool, functional.avg_pool2d, eqx.nn.AvgPool2d),
    "batch_norm": BATCH_NORM,
    "batch_norm_inference": BATCH_NORM_INFERENCE,
    "group_norm": GROUP_NORM,
    "layer_norm": LAYER_NORM,
    "rms_norm": RMS_NORM,
}
