"""Attention by blocks of queries, as long sequences have it: the same in every derivative, and linear in memory."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.attended import by_hand, drawn
from helpers.rows import assert_close, central_difference, inner

import functional_nn
from functional_nn._attending import Limits, Sight, attend

# Every part of the queries by itself, in blocks of 4.
TIGHT = Limits(pairs=0, scores=0, queries=(4, 4), parts=2, least=2)


def long(arrays: Any, mask: Any = None, limits: Limits = TIGHT, **statics: Any) -> jax.Array:
    """Attention by blocks, whatever the length."""
    query, key, value = arrays
    sight = Sight(query.shape[1], key.shape[1], statics.get("causal", False), statics.get("window"))
    cap = statics.get("softcap")
    return attend(query, key, value, mask, sight=sight, scale=query.shape[3] ** -0.5, cap=cap, limits=limits)


LONG = [
    ("2 13 2 3", "2 11 2 3", None, {}),
    ("2 13 4 3", "2 13 2 3", (2, 4, 13, 13), {"causal": True, "window": 5, "softcap": 2.0}),
    ("1 11 3 3", "1 6 1 3", (1, 1, 6), {"causal": True}),
]


@pytest.mark.parametrize(("query", "key", "of_mask", "statics"), LONG, ids=["all", "everything", "blind queries"])
def test_blocks_give_what_the_textbook_gives_in_value_and_all_derivatives(query, key, of_mask, statics):
    *arrays, cotangent = drawn(query, key)
    mask = None if of_mask is None else np.random.default_rng(3).random(of_mask) < 0.7
    tangents = tuple(np.cos(array) for array in arrays)

    @jax.jit
    def everything(arrays, tangents, cotangent):
        def backward(*arrays):
            return jax.vjp(lambda *a: long(a, mask, **statics), *arrays)[1](cotangent)

        out, moved = jax.jvp(lambda *a: long(a, mask, **statics), arrays, tangents)
        return out, moved, *jax.jvp(backward, arrays, tangents)

    out, moved, cotangents, second = everything(tuple(arrays), tangents, cotangent)
    expected, *by_reference = by_hand((*arrays, cotangent), mask, **statics)
    assert_close(out, expected, 1e-12, "value by blocks")
    assert_close(cotangents, tuple(by_reference), 1e-12, "gradient by blocks")
    assert abs(inner(moved, cotangent) - inner(tangents, cotangents)) < 1e-12 * np.sqrt(inner(moved, moved))
    measured = central_difference(lambda *a: by_hand((*a, cotangent), mask, **statics)[1:], tuple(arrays), tangents)
    assert_close(second, measured, 1e-7, "second order by blocks")


def test_blocks_under_vmap():
    *arrays, cotangent = drawn("3 13 2 3", "3 13 2 3")

    def of_one(query, key, value, cotangent):
        out, pullback = jax.vjp(lambda *a: long([each[None] for each in a], causal=True)[0], query, key, value)
        return out, *pullback(cotangent)

    mapped = jax.jit(jax.vmap(of_one))(*arrays, cotangent)
    assert_close(mapped, by_hand((*arrays, cotangent), causal=True), 1e-12, "vmap over blocks")


def temporary_bytes(length: int, limits: Limits) -> int:
    """What XLA sets aside for value and gradient, beside arguments and results."""
    arrays = [jax.ShapeDtypeStruct((1, length, 2, 16), np.float32)] * 3
    step = jax.jit(jax.value_and_grad(lambda *a: jnp.sum(long(a, limits=limits)), (0, 1, 2)))
    analysis = step.lower(*arrays).compile().memory_analysis()
    assert analysis is not None
    return analysis.temp_size_in_bytes


def test_memory_grows_with_the_length_and_not_with_its_square():
    blocks, kept = Limits(pairs=0, scores=0, queries=(16, 16)), Limits(pairs=2**40)
    short, long, twice = (temporary_bytes(length, blocks) for length in (256, 1024, 2048))
    assert 3 < long / short < 4.5
    assert 1.8 < twice / long < 2.2
    assert temporary_bytes(1024, kept) > 10 * temporary_bytes(256, kept)


def test_beyond_the_limit_the_op_goes_by_blocks():
    arrays = [jax.ShapeDtypeStruct((1, length, 1, 2), np.float64) for length in (700, 500, 500)]
    whole = str(jax.make_jaxpr(jax.grad(lambda *a: jnp.sum(functional_nn.attention(*a))))(*arrays))
    assert "700,500" not in whole
    assert "scan" in whole
