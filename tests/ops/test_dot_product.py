"""Attention: worked numbers, laws, 50 digits, PyTorch and JAX's own function as further witnesses."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.attended import by_hand, drawn
from helpers.high_precision_attention import attention as in_mpmath
from helpers.high_precision_attention import attention_ct as in_mpmath_ct
from helpers.rows import assert_close
from mpmath import mpf

import functional_nn
import reference
from reference.oracle.specs import SPECS

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])
LOG_3 = float(np.log(3))


def column(*numbers: float) -> np.ndarray:
    """One example with one head of width 1."""
    return np.array(numbers).reshape(1, -1, 1, 1)


# --- Worked numbers and laws --------------------------------------------------------------------------------------


@every_side
def test_worked_numbers(side):
    """Scores 0 and log 3 weigh 1 : 3, so values 4 and 8 give 4/4 + 3 * 8/4 = 7; of half the scores' size, sqrt(3)."""
    arrays = column(1.0), column(0.0, LOG_3), column(4.0, 8.0)
    np.testing.assert_allclose(np.ravel(side.attention(*arrays)), [7.0], rtol=1e-15)
    half = (4 + 8 * 3**0.5) / (1 + 3**0.5)
    np.testing.assert_allclose(np.ravel(side.attention(*arrays, scale=0.5)), [half], rtol=1e-14)
    np.testing.assert_allclose(np.ravel(side.attention(*arrays, np.array([True, False]))), [4.0], rtol=1e-15)


def test_worked_gradient():
    """Weights 1/4 and 3/4; the values' cotangents are 4 and 8, whose mean is 7.

    So the scores have 1/4 (4 - 7) = -3/4 and 3/4 (8 - 7) = 3/4; the query 3/4 log 3, the keys -3/4 * 2 and 3/4 * 2.
    The query is 2 and the scale 1/2, so that the scores are as above.
    """
    arrays = column(2.0), column(0.0, LOG_3), column(4.0, 8.0), column(1.0)
    _, query_ct, key_ct, value_ct = by_hand(arrays, scale=0.5)
    np.testing.assert_allclose(np.ravel(query_ct), [0.5 * 0.75 * LOG_3], rtol=1e-14)
    np.testing.assert_allclose(np.ravel(key_ct), [-0.75, 0.75], rtol=1e-14)
    np.testing.assert_allclose(np.ravel(value_ct), [0.25, 0.75], rtol=1e-14)


def test_worked_gradient_of_a_soft_cap():
    """Scores 0 and c atanh(log(3) / c) become 0 and log 3; the second's slope is 1 - (log(3) / c)^2."""
    bent = 2 * np.arctanh(LOG_3 / 2)
    out, query_ct, *_ = by_hand((column(1.0), column(0.0, bent), column(4.0, 8.0), column(1.0)), softcap=2.0)
    np.testing.assert_allclose(np.ravel(out), [7.0], rtol=1e-14)
    np.testing.assert_allclose(np.ravel(query_ct), [0.75 * bent * (1 - LOG_3**2 / 4)], rtol=1e-14)


@every_side
def test_keys_that_all_move_alike_change_nothing(side):
    query, key, value, _ = drawn("2 3 2 5", "2 7 2 5")
    moved = key + np.arange(5)
    np.testing.assert_allclose(side.attention(query, moved, value), side.attention(query, key, value), rtol=1e-12)


@every_side
def test_the_order_of_the_keys_does_not_matter(side):
    query, key, value, _ = drawn("2 3 2 5", "2 7 2 5")
    mask = np.random.default_rng(1).random((2, 1, 3, 7)) < 0.7
    order = np.random.default_rng(2).permutation(7)
    there = side.attention(query, key[:, order], value[:, order], mask[..., order])
    np.testing.assert_allclose(there, side.attention(query, key, value, mask), rtol=1e-12)


@every_side
def test_the_next_word_alone_is_the_last_row_of_all(side):
    """Causal from the end: one query beside the keys before it and its own, as they are kept when text is written."""
    query, key, value, _ = drawn("2 7 2 5", "2 7 2 5")
    whole = np.asarray(side.attention(query, key, value, causal=True))
    np.testing.assert_allclose(side.attention(query[:, 6:], key, value, causal=True), whole[:, 6:], rtol=1e-12)
    earlier = side.attention(query[:, :4], key[:, :4], value[:, :4], causal=True)
    np.testing.assert_allclose(earlier, whole[:, :4], rtol=1e-12)


@every_side
def test_grouped_heads_are_repeated_key_heads(side):
    query, key, value, _ = drawn("2 3 6 5", "2 7 2 5")
    repeated = side.attention(query, np.repeat(key, 3, 2), np.repeat(value, 3, 2))
    np.testing.assert_allclose(side.attention(query, key, value), repeated, rtol=1e-12)


@every_side
def test_a_window_and_its_mask_are_one(side):
    query, key, value, _ = drawn("2 7 2 5", "2 9 2 5")
    ahead = np.arange(9) - (np.arange(7)[:, None] + 2)
    for statics, seen in (({}, abs(ahead) < 3), ({"causal": True}, (ahead <= 0) & (ahead > -3))):
        expected = side.attention(query, key, value, seen)
        np.testing.assert_allclose(side.attention(query, key, value, window=3, **statics), expected, rtol=1e-12)


def test_a_query_that_sees_nothing_gives_0_and_moves_nothing():
    """Query 0 by the mask, and with five queries for three keys the first two by causal."""
    query, key, value, cotangent = drawn("1 5 1 3", "1 3 1 3")
    mask = np.array([False, True, True, True, True])[:, None]
    for statics, blind in (({}, 1), ({"causal": True}, 2)):
        op = partial(functional_nn.attention, mask=mask, **statics)
        out, query_ct, key_ct, value_ct = by_hand((query, key, value, cotangent), mask, **statics)
        of_jax, pullback = jax.vjp(op, query, key, value)
        for rows in (out, query_ct, of_jax, pullback(cotangent)[0]):
            np.testing.assert_array_equal(np.asarray(rows)[:, :blind], 0)
        assert_close(pullback(cotangent), (query_ct, key_ct, value_ct), 1e-12, "gradient beside rows of nothing")
        twice = jax.grad(lambda q, op=op: jnp.sum(jax.vjp(op, q, key, value)[1](cotangent)[1] ** 2))(query)
        assert np.isfinite(twice).all()
        np.testing.assert_array_equal(np.asarray(twice)[:, :blind], 0)


def test_16_bit_weights_are_summed_in_32_bits():
    """4,099 keys of one score: bfloat16 would stop counting them at 256."""
    ones = jnp.ones((1, 4099, 1, 1), jnp.bfloat16)
    out = functional_nn.attention(ones[:, :1], ones, ones * 3)
    assert out.dtype == jnp.bfloat16
    assert float(out[0, 0, 0, 0]) == 3


def test_mixed_dtypes_promote_and_cotangents_keep_their_own():
    query, key, value, cotangent = drawn("1 3 2 2", "1 5 2 2")
    arrays = query.astype(np.float16), key.astype(np.float32), value
    expected = [np.float16, np.float32, np.float64]
    out, pullback = jax.vjp(functional_nn.attention, *map(jnp.asarray, arrays))
    ours = by_hand((*arrays, cotangent))
    assert out.dtype == ours[0].dtype == np.float64
    assert [ct.dtype for ct in pullback(jnp.asarray(cotangent))] == [ct.dtype for ct in ours[1:]] == expected


# --- 50 digits ----------------------------------------------------------------------------------------------------


@every_side
@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: dtype.__name__)
def test_accuracy_against_50_digits(side, dtype, softcap):
    """In units of the largest term, and so many more for each unit of the largest score, which itself is rounded."""
    ulp = SPECS["attention"].ulp
    assert ulp is not None
    for size in (0.1, 1.0, 4.0, 12.0):
        *arrays, ct = (array.astype(dtype) for array in drawn("1 1 1 4", "1 6 1 4", 3, seed=int(10 * size)))
        arrays[0] = (arrays[0] * size).astype(dtype)
        out, *cotangents = computed(side, (*arrays, ct), softcap)
        query, keys, values, upstream = (exact(array) for array in (*arrays, ct))
        wants = in_mpmath(query[0], keys, values, softcap)
        slopes = in_mpmath_ct(query[0], keys, values, upstream[0], softcap)
        score = max(abs(float(sum(q * k for q, k in zip(query[0], key, strict=True)))) for key in keys) / 2
        more = ulp.exponent * score
        assert units(out, wants, dtype) <= ulp.value + more, f"value at size {size}"
        for name, got, want in zip(("query", "key", "value"), cotangents, slopes, strict=True):
            assert units(got, want, dtype) <= ulp.gradient + more, f"cotangent of {name} at size {size}"


def computed(side: Any, arrays: tuple[np.ndarray, ...], softcap: float | None) -> tuple[Any, ...]:
    if side is reference:
        return by_hand(arrays, softcap=softcap)
    out, pullback = jax.vjp(partial(functional_nn.attention, softcap=softcap), *arrays[:3])
    return out, *pullback(arrays[3])


def exact(array: np.ndarray) -> list[list[Any]]:
    return [[mpf(float(number)) for number in row] for row in array[0, :, 0]]


def units(got: Any, wants: list[list[Any]], dtype: Any) -> float:
    """The largest error, in units of the largest term of any entry: what a product of matrices can promise."""
    largest = max(abs(term) for terms in wants for term in terms)
    errors = [abs(mpf(float(g)) - sum(terms)) for g, terms in zip(np.ravel(got), wants, strict=True)]
    return float(max(errors) / largest) / float(np.finfo(dtype).eps)


# --- PyTorch, and JAX's own function --------------------------------------------------------------------------------

WITNESSED = {
    "every key": ("2 5 3 4", "2 7 3 4", None, {}),
    "causal": ("2 7 3 4", "2 7 3 4", None, {"causal": True}),
    "masked": ("2 5 3 4", "2 7 3 4", (2, 1, 5, 7), {"scale": 0.3}),
    "in groups": ("2 5 6 4", "2 7 2 4", (5, 7), {}),
}


@pytest.mark.parametrize("case", WITNESSED)
def test_pytorch_agrees(case: str):
    torch = pytest.importorskip("torch")
    query, key, of_mask, statics = WITNESSED[case]
    *arrays, cotangent = drawn(query, key)
    mask = None if of_mask is None else np.random.default_rng(4).random(of_mask) < 0.8
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    out = torch.nn.functional.scaled_dot_product_attention(
        *(tensor.transpose(1, 2) for tensor in tensors),
        attn_mask=None if mask is None else torch.tensor(mask),
        is_causal=statics.get("causal", False),
        scale=statics.get("scale"),
        enable_gqa=case == "in groups",
    ).transpose(1, 2)
    out.backward(torch.tensor(cotangent))
    expected = [out.detach().numpy(), *(tensor.grad.numpy() for tensor in tensors)]
    assert_close(by_hand((*arrays, cotangent), mask, **statics), tuple(expected), 1e-12, case)


BESIDE_JAX = {
    "in groups, masked": ("2 5 6 4", "2 7 2 4", (2, 6, 5, 7), {"scale": 0.3}),
    "causal": ("2 7 3 4", "2 7 3 4", None, {"causal": True}),
    "window": ("2 7 3 4", "2 7 3 4", None, {"window": 3}),
    "causal window in groups": ("2 7 4 4", "2 7 2 4", None, {"causal": True, "window": 2}),
}


@pytest.mark.parametrize("case", BESIDE_JAX)
def test_jax_s_own_function_agrees(case: str):
    query, key, of_mask, statics = BESIDE_JAX[case]
    *arrays, cotangent = drawn(query, key, value_dim=4)
    mask = None if of_mask is None else np.random.default_rng(4).random(of_mask) < 0.8
    window = statics.get("window")
    theirs = partial(
        jax.nn.dot_product_attention,
        mask=mask,
        is_causal=statics.get("causal", False),
        scale=statics.get("scale"),
        local_window_size=window and (window - 1, 0 if "causal" in statics else window - 1),
    )
    out, pullback = jax.vjp(theirs, *map(jnp.asarray, arrays))
    # It takes its softmax in float32, whatever is given.
    assert_close(by_hand((*arrays, cotangent), mask, **statics), (out, *pullback(cotangent)), 1e-6, case)
