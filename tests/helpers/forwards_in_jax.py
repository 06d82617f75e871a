"""Forwards in JAX with arguments, which between them use every primitive that is known to be NumPy's."""

import jax
import jax.numpy as jnp
from helpers.drawn import labels, normal, positive, share
from jax import lax


def masked_scan(x, w):
    def turn(h, row):
        h = jnp.tanh(row @ w + h)
        return h, jnp.where(row[0] > 0, h, 0.5 * h)

    return lax.scan(turn, jnp.zeros(w.shape[1]), x, reverse=True)


def image_convolution(x, w):
    return lax.conv_general_dilated(x, w, (2, 1), [(1, 2), (0, 1)], rhs_dilation=(1, 2))


def channels_last_convolution(x, w):
    how = {"dimension_numbers": ("NHWC", "HWIO", "NHWC"), "feature_group_count": 2, "lhs_dilation": (2, 1)}
    return lax.conv_general_dilated(x, w, (1, 2), ((1, 1), (0, 2)), **how)


def updated(x, y):
    x = x.at[1:3, 0].set(y[:2]).at[jnp.array([0, 0, 2])].add(jnp.outer(y, y)[:3, : x.shape[1]])
    return lax.dynamic_update_slice(x, x[:1] * 2, (3, 0)) * lax.dynamic_slice(x, (1, 1), (1, 1))


def pooled(x):
    largest = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2), (1, 2, 1), "SAME")
    return largest, lax.reduce_window(x, 0.0, lax.add, (1, 3, 2), (1, 1, 2), [(0, 0), (1, 1), (0, 1)])


JAX = {
    "curves": (lambda x: jnp.exp(x) + jnp.log1p(x * x) * jnp.sin(x) / (1 + jnp.square(jnp.tanh(x))), normal(3, 4)),
    "more curves": (lambda x: jnp.expm1(x) + jnp.exp2(-x) + jnp.cosh(x) * jnp.arctan(x) + jnp.arcsinh(x), normal(5)),
    "roots": (lambda x: lax.rsqrt(x) + jnp.sqrt(x) + jnp.cbrt(x) + x**-3 + x**1.5 + jnp.log(x), positive(4)),
    "angles": (lambda x: jnp.arcsin(x) + jnp.arccos(x) + jnp.arctanh(x) + jnp.tan(x), share(4)),
    "angle": (jnp.arctan2, normal(6), normal(6) + 0.1),
    "remainder": (lambda x, y: jnp.remainder(x, y) + jnp.fmod(x, y), normal(6), positive(6)),
    "rounding": (lambda x: x * jnp.floor(x) + x * jnp.round(x) + x * jnp.ceil(x) * jnp.sign(x), normal(6)),
    "exact gelu": (lambda x: jax.nn.gelu(x, approximate=False) + lax.erfc(x), normal(3, 4)),
    "activations": (lambda x: jax.nn.gelu(x) + jax.nn.silu(x) + jax.nn.softplus(x) * jax.nn.elu(x), normal(3, 4)),
    "rectifiers": (lambda x: jax.nn.relu(x) + jax.nn.leaky_relu(x) + jax.nn.relu6(x) + jnp.abs(x), normal(3, 4)),
    "clipped": (
        lambda x, y: jnp.clip(x, -0.5, 0.5) + lax.clamp(-1.0, y, 0.3) + jnp.maximum(x, y),
        normal(5),
        0.7 * normal(5),
    ),
    "softmax": (lambda x: jax.nn.softmax(x, axis=0) + jax.nn.log_softmax(x), normal(3, 4)),
    "log of sums": (lambda x: jax.nn.logsumexp(x, axis=(0, 2)), normal(2, 3, 4)),
    "statistics": (lambda x: (x - x.mean(0)) / jnp.sqrt(x.var(0, ddof=1) + 1e-5) + x.std(), normal(5, 3)),
    "reductions": (lambda x: x.sum((0, 2)) * x.max((0, 2)) + x.min((0, 2)) + x.prod((0, 2)), normal(2, 3, 2)),
    "positions": (
        lambda x: x * (jnp.argmax(x, 1) == 1)[:, None] + x[jnp.arange(3), jnp.argmin(x, 1)].sum(),
        normal(3, 4),
    ),
    "running": (lambda x: jnp.cumsum(x, 1) + jnp.cumprod(x, 0) + lax.cummax(x, 1, reverse=True), normal(3, 4)),
    "running logarithms": (lambda x: lax.cumlogsumexp(x, axis=1), normal(3, 4)),
    "products": (
        lambda a, b, c: jnp.einsum("bij,bjk,k->bi", a, b, c) + a.sum(2) @ jnp.ones(3)[:, None],
        normal(2, 3, 4),
        normal(2, 4, 5),
        normal(5),
    ),
    "matrices": (
        lambda a, b: jnp.tensordot(a, b, ((0, 2), (1, 0))) + (a[0] @ b[:, 0]).sum(),
        normal(2, 3, 4),
        normal(4, 2, 5),
    ),
    "convolution": (image_convolution, normal(2, 3, 6, 5), normal(4, 3, 3, 2)),
    "channels last": (channels_last_convolution, normal(2, 4, 5, 4), normal(3, 3, 2, 6)),
    "pooled": (pooled, normal(2, 5, 4)),
    "moves": (
        lambda x: jnp.flip(x.transpose(2, 0, 1), 1).reshape(4, 6)[::2, 1:5].T + jnp.ones((3, 1, 1)),
        normal(2, 3, 4),
    ),
    "joined": (
        lambda x, y: jnp.concatenate([x, y * 2, jnp.zeros((2, 1))], 1) * jnp.stack([x[0, 0], y[0, 1]])[:, None],
        normal(2, 3),
        normal(2, 2),
    ),
    "padded": (lambda x: lax.pad(x, 0.0, ((1, 2, 1), (-1, 0, 0))) + jnp.pad(x, 1)[:1, :3].sum(), normal(3, 4)),
    "split": (lambda x: jnp.prod(jnp.stack(jnp.split(x, 3, 1)), 0) + jnp.roll(x, 1, 0)[:, :2], normal(4, 6)),
    "gathered": (
        lambda x, i: x[i] * x[i, 1][:, None] + jnp.take_along_axis(x, i[None], 1)[:, :1].sum(),
        normal(5, 4),
        labels(3, 4),
    ),
    "slices gathered": (
        lambda x: jax.vmap(lambda k: lax.dynamic_slice(x, (k, 1), (2, 2)))(jnp.arange(3)),
        normal(5, 4),
    ),
    "updated": (updated, normal(4, 3), normal(4)),
    "sorted": (lambda x: jnp.sort(x, 1) * jnp.arange(4.0) + lax.top_k(x, 2)[0].sum(), normal(3, 4)),
    "chosen": (lambda x: lax.select_n(jnp.array([0, 2, 1]), x, x * 2, x * x), normal(3)),
    "one hot": (lambda x, t: -jnp.sum(jax.nn.one_hot(t, 4) * jnp.log(x), -1), share(3, 4), labels(3, 4)),
    "scan": (masked_scan, normal(5, 3), normal(3, 2)),
    "loop": (lambda x: lax.fori_loop(0, 3, lambda i, y: y * jnp.sin(y) + i, x), normal(4)),
    "while": (lambda x: lax.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, s[1] * x + 1), (0, x))[1], normal(4)),
    "branch": (lambda x: lax.cond(jnp.array(1) > 0, jnp.sin, jnp.cos, x), normal(4)),
    "again": (jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), normal(4)),
    "several": (lambda x, y: {"sum": x + y, "product": (x * y, x - y)}, normal(2, 2), normal(2, 2)),
}
