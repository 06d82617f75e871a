"""Inputs that hide a mistake, each beside one that shows it: the cases of tests/oracle/test_oracle_power.py."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference import convolution, dot_product, pooling, regularization

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape)


def dense(x, kernel):
    return x @ kernel


def dense_backward(ct, x, kernel):
    return ct @ kernel.T, x.T @ ct


class Blind(NamedTuple):
    """A warning, the right and a wrong backward, and (primals, cotangent) that hide and that show the difference."""

    says: str
    forward: Callable[..., Any]
    right: Callable[..., Any]
    wrong: Callable[..., Any]
    hides: tuple[tuple[Any, ...], Any]
    shows: tuple[tuple[Any, ...], Any]
    op: str | None = None
    statics: tuple[dict[str, Any], dict[str, Any]] = ({}, {})


def bound(op, family):
    """The forward and backward of an op of the reference under given statics."""

    def forward(*primals, **statics):
        return getattr(family, op)(*primals, **statics)

    def backward(ct, *primals, **statics):
        _, residuals = getattr(family, f"{op}_fwd")(*primals, **statics)
        return getattr(family, f"{op}_bwd")(residuals, ct)

    return forward, backward


CONV = bound("conv", convolution)
POOL = bound("max_pool", pooling)
DROP = bound("dropout", regularization)


def conv_without_strides(ct, x, kernel, *, padding, **statics):
    """The gradient as if every stride and padding were the default; zero-filled to the shapes it should have."""
    _, residuals = convolution.conv_fwd(x, kernel)
    full = np.zeros(
        (x.shape[0], *(n - k + 1 for n, k in zip(x.shape[1:-1], kernel.shape[:-2], strict=True)), kernel.shape[-1])
    )
    kept = tuple(slice(0, min(a, b)) for a, b in zip(full.shape, ct.shape, strict=True))
    full[kept] = ct[kept]
    return convolution.conv_bwd(residuals, full)


def pool_assigning(ct, x, *, window, strides=None, **_):
    """One-dimensional max pooling whose backward assigns, so that overlapping windows overwrite each other."""
    step = strides or window
    dx = np.zeros_like(x)
    for n, out, c in np.ndindex(*ct.shape):
        best = int(np.argmax(x[n, out * step : out * step + window, c]))
        dx[n, out * step + best, c] = ct[n, out, c]
    return (dx,)


def pool_all_ties(ct, x, *, window, strides, **_):
    dx = np.zeros_like(x)
    for n, out, c in np.ndindex(*ct.shape):
        part = x[n, out * strides : out * strides + window, c]
        dx[n, out * strides : out * strides + window, c] += ct[n, out, c] * (part == part.max())
    return (dx,)


def embedding_backward(ct, table, index):
    gradient = np.zeros_like(table)
    np.add.at(gradient, index, ct)
    return gradient, None


def embedding_assigning(ct, table, index):
    gradient = np.zeros_like(table)
    gradient[index] += ct
    return gradient, None


def attention_backward(ct, query, key, value):
    return dot_product.attention_bwd(dot_product.attention_fwd(query, key, value)[1], ct)[:3]


def attention_without_scale(ct, query, key, value):
    query_ct, key_ct, value_ct = attention_backward(ct, query, key, value)
    return query_ct * np.sqrt(query.shape[-1]), key_ct * np.sqrt(query.shape[-1]), value_ct


SYMMETRIC = draw(7, 7)
SYMMETRIC = SYMMETRIC + SYMMETRIC.T
TIED = np.round(draw(2, 13, 3))
WIDE = {"window": 3, "strides": 2}
TABLE = draw(5, 2)

BLIND = {
    "batch of 1": Blind(
        "first axis has size 1",
        dense,
        dense_backward,
        lambda ct, x, kernel: (ct @ kernel.T, x.T @ ct / len(x)),
        ((draw(1, 7), draw(7, 11)), draw(1, 11)),
        ((draw(3, 7), draw(7, 11)), draw(3, 11)),
    ),
    "upstream of ones": Blind(
        "upstream gradient is 1 everywhere",
        np.sin,
        lambda ct, x: ct * np.cos(x),
        lambda ct, x: np.cos(x),
        ((draw(3),), np.ones(3)),
        ((draw(3),), draw(3)),
    ),
    "upstream constant": Blind(
        "upstream gradient is constant",
        np.sin,
        lambda ct, x: ct * np.cos(x),
        lambda ct, x: ct[::-1] * np.cos(x),
        ((draw(3),), np.full(3, 0.5)),
        ((draw(3),), draw(3)),
    ),
    "upstream zero": Blind(
        "upstream gradient is zero",
        np.sin,
        lambda ct, x: ct * np.cos(x),
        lambda ct, x: 2 * ct * np.cos(x),
        ((draw(3),), np.zeros(3)),
        ((draw(3),), draw(3)),
    ),
    "symmetric kernel": Blind(
        "kernel is symmetric",
        dense,
        dense_backward,
        lambda ct, x, kernel: (ct @ kernel, x.T @ ct),
        ((draw(3, 7), SYMMETRIC), draw(3, 7)),
        ((draw(3, 7), draw(7, 7)), draw(3, 7)),
    ),
    "dead units": Blind(
        "does not depend on x",
        lambda x: np.maximum(x, 0),
        lambda ct, x: ct * (x > 0),
        lambda ct, x: 0 * ct,
        ((-1 - np.abs(draw(3)),), draw(3)),
        ((np.array([-1.0, 2.0, 3.0]),), draw(3)),
    ),
    "one sign": Blind(
        "x has one sign only",
        lambda x: np.maximum(x, 0),
        lambda ct, x: ct * (x > 0),
        lambda ct, x: ct,
        ((1 + np.abs(draw(3)),), draw(3)),
        ((np.array([-1.0, 2.0, 3.0]),), draw(3)),
        "relu",
    ),
    "attention over one key": Blind(
        "every weight is 1",
        dot_product.attention,
        attention_backward,
        attention_without_scale,
        ((draw(3, 7, 2, 5), draw(3, 1, 2, 5), draw(3, 1, 2, 5)), draw(3, 7, 2, 5)),
        ((draw(3, 7, 2, 5), draw(3, 11, 2, 5), draw(3, 11, 2, 5)), draw(3, 7, 2, 5)),
        "attention",
    ),
    "scale of ones": Blind(
        "scale is 1 everywhere",
        lambda x, scale: x * scale,
        lambda ct, x, scale: (ct * scale, ct * x),
        lambda ct, x, scale: (ct, ct * x),
        ((draw(3, 7), np.ones((3, 7))), draw(3, 7)),
        ((draw(3, 7), draw(3, 7)), draw(3, 7)),
    ),
    "constant weights": Blind(
        "scale is constant",
        lambda x, scale: x * scale,
        lambda ct, x, scale: (ct * scale, ct * x),
        lambda ct, x, scale: (ct * scale[:, ::-1], ct * x),
        ((draw(3, 7), np.full((3, 7), 0.5)), draw(3, 7)),
        ((draw(3, 7), draw(3, 7)), draw(3, 7)),
    ),
    "zero input": Blind(
        "does not depend on kernel",
        dense,
        dense_backward,
        lambda ct, x, kernel: (ct @ kernel.T, -(x.T @ ct)),
        ((np.zeros((3, 7)), draw(7, 11)), draw(3, 11)),
        ((draw(3, 7), draw(7, 11)), draw(3, 11)),
    ),
    "mask all kept": Blind(
        "mask is True everywhere",
        lambda x, mask: x * mask,
        lambda ct, x, mask: (ct * mask, None),
        lambda ct, x, mask: (ct, None),
        ((draw(3), np.ones(3, bool)), draw(3)),
        ((draw(3), np.array([True, False, True])), draw(3)),
    ),
    "no repeated index": Blind(
        "index holds no value twice",
        lambda table, index: table[index],
        embedding_backward,
        embedding_assigning,
        ((TABLE, np.array([0, 3, 1])), draw(3, 2)),
        ((TABLE, np.array([0, 3, 3])), draw(3, 2)),
    ),
    "one output channel": Blind(
        "Axis 1 of kernel of size 1",
        dense,
        dense_backward,
        lambda ct, x, kernel: (ct @ kernel.T, x.T @ np.repeat(ct[:, :1], ct.shape[1], 1)),
        ((draw(3, 7), draw(7, 1)), draw(3, 1)),
        ((draw(3, 7), draw(7, 11)), draw(3, 11)),
    ),
    "one entry": Blind(
        "x has a single entry",
        np.sin,
        lambda ct, x: ct * np.cos(x),
        lambda ct, x: ct[::-1] * np.cos(x),
        ((draw(1),), draw(1)),
        ((draw(3),), draw(3)),
    ),
    "empty": Blind(
        "x is empty",
        np.sin,
        lambda ct, x: ct * np.cos(x),
        lambda ct, x: 2 * ct * np.cos(x),
        ((draw(0, 3),), draw(0, 3)),
        ((draw(2, 3),), draw(2, 3)),
    ),
    "plain convolution": Blind(
        "conv with strides=1, no padding",
        *CONV,
        conv_without_strides,
        ((draw(3, 7, 2), draw(3, 2, 5)), draw(3, 5, 5)),
        ((draw(3, 7, 2), draw(3, 2, 5)), draw(3, 2, 5)),
        "conv",
        ({"strides": 1, "padding": 0}, {"strides": 2, "padding": ((0, 1),), "dilation": 2}),
    ),
    "stride is window": Blind(
        "no windows overlap",
        *POOL,
        pool_assigning,
        ((draw(2, 12, 3),), draw(2, 4, 3)),
        ((draw(2, 13, 3),), draw(2, 6, 3)),
        "max_pool",
        ({"window": 3, "strides": 3}, WIDE),
    ),
    "no tie": Blind(
        "without a tie",
        *POOL,
        pool_all_ties,
        ((draw(2, 13, 3),), draw(2, 6, 3)),
        ((TIED,), draw(2, 6, 3)),
        "max_pool",
        (WIDE, WIDE),
    ),
    "nothing dropped": Blind(
        "rate=0 drops nothing",
        *DROP,
        lambda ct, x, mask, *, rate: (ct * mask, None),
        ((draw(7), np.arange(7) % 3 > 0), draw(7)),
        ((draw(7), np.arange(7) % 3 > 0), draw(7)),
        "dropout",
        ({"rate": 0.0}, {"rate": 0.4}),
    ),
}
