"""Pooling: numbers by hand, ties, padding and NaN, random geometries, and PyTorch as a third witness."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.rows import assert_close
from helpers.thinning import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import functional_nn
import reference
from reference.pooling import avg_pool_bwd, avg_pool_fwd, max_pool_bwd, max_pool_fwd

TWINS = pytest.mark.parametrize("package", [functional_nn, reference], ids=lambda package: package.__name__)
BY_HAND = {"max_pool": (max_pool_fwd, max_pool_bwd), "avg_pool": (avg_pool_fwd, avg_pool_bwd)}
INF = np.inf


def image(values: Any) -> np.ndarray:
    """A batch of one example with one channel."""
    return np.asarray(values, np.float64)[None, ..., None]


def value_and_cotangent(package: Any, op: str, x: np.ndarray, cotangent: np.ndarray, statics: dict[str, Any]):
    if package is reference:
        forward, backward = BY_HAND[op]
        out, residuals = forward(x, **statics)
        return out, backward(residuals, cotangent)[0]

    def of_jax(x: jax.Array, cotangent: jax.Array):
        out, vjp = jax.vjp(partial(getattr(functional_nn, op), **statics), x)
        return out, vjp(cotangent)[0]

    # One compiled program for both, which is what keeps these tests fast.
    return jax.jit(of_jax)(x, cotangent)


# The example of the textbook (Saito, Deep Learning from Scratch, figure 7-14).
IMAGE = [[1, 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]]


@TWINS
def test_the_textbooks_example(package: Any):
    # The windows: 1 2 / 0 1,  1 0 / 2 3,  3 0 / 2 4,  1 2 / 0 1.
    upstream = image([[10, 20], [30, 40]])
    out, x_ct = value_and_cotangent(package, "max_pool", image(IMAGE), upstream, {"window": 2})
    np.testing.assert_array_equal(out, image([[2, 3], [4, 2]]))
    np.testing.assert_array_equal(x_ct, image([[0, 10, 0, 0], [0, 0, 0, 20], [0, 0, 0, 40], [0, 30, 0, 0]]))
    out, x_ct = value_and_cotangent(package, "avg_pool", image(IMAGE), upstream, {"window": 2})
    np.testing.assert_array_equal(out, image([[1, 1.5], [2.25, 1]]))
    np.testing.assert_array_equal(x_ct, image(np.kron([[2.5, 5], [7.5, 10]], np.ones((2, 2)))))


@TWINS
@pytest.mark.parametrize(
    ("x", "statics", "winners"),
    [
        # Window by window, the element that has the gradient; overlapping windows may choose the same one.
        ([5, 5, 5, 5], {"window": 2}, [0, 2]),
        ([5, 5, 5, 5], {"window": 3, "strides": 1}, [0, 1]),
        ([1, 5, 5, 1], {"window": 3, "strides": 1}, [1, 1]),
        ([5, 1, 5, 1, 5], {"window": 2, "strides": 1, "dilation": 2}, [0, 1, 2]),
        ([0.0, -0.0], {"window": 2}, [0]),
        # Padding never wins, neither from negative elements nor from -inf, nor where it comes first.
        ([-3, -4], {"window": 3, "strides": 1, "padding": 1}, [0, 0]),
        ([-INF, -INF, -INF], {"window": 3, "strides": 3, "padding": ((2, 1),)}, [0, 1]),
        ([-INF, -INF], {"window": 2, "strides": 1, "padding": "SAME"}, [0, 1]),
        ([INF, INF], {"window": 2}, [0]),
        # Long windows take another way.
        ([1, 5, 5, 5, 1, 1, 5, 1, 1, 5, 1], {"window": 9, "strides": 1}, [1, 1, 2]),
        ([-INF, -INF, -1, -INF], {"window": 9, "strides": 2, "padding": ((8, 7),)}, [0, 2, 2, 2, 2, 2]),
        ([-INF, -INF, -INF], {"window": 10, "strides": 9, "padding": ((9, 8),)}, [0, 0]),
    ],
    ids=str,
)
def test_a_tie_goes_to_the_first_element(package: Any, x: list, statics: dict[str, Any], winners: list[int]):
    cotangent = 1.0 + np.arange(len(winners))
    out, x_ct = value_and_cotangent(package, "max_pool", image(x), image(cotangent), statics)
    expected = np.zeros(len(x))
    np.add.at(expected, winners, cotangent)
    np.testing.assert_array_equal(out[0, :, 0], np.array(x, float)[winners])
    np.testing.assert_array_equal(x_ct[0, :, 0], expected)


@TWINS
def test_the_first_element_is_the_first_in_row_major_order(package: Any):
    # 9 stands at (0, 2) and (1, 0): the first row that holds it wins, though the other column comes first.
    x = image([[1, 2, 9], [9, 4, 5]])
    out, x_ct = value_and_cotangent(package, "max_pool", x, image([[1]]), {"window": (2, 3)})
    np.testing.assert_array_equal(out, image([[9]]))
    np.testing.assert_array_equal(x_ct, image([[0, 0, 1], [0, 0, 0]]))


def test_forward_mode_follows_the_winner_of_a_tie():
    x, tangent = image([5, 5, 5, 2]), image([10, 20, 30, 40])
    _, moved = jax.jvp(lambda x: functional_nn.max_pool(x, window=2), (x,), (tangent,))
    np.testing.assert_array_equal(moved, image([10, 30]))


@TWINS
def test_nan_is_the_maximum_of_its_window_and_the_first_nan_has_the_gradient(package: Any):
    x = image([[1, np.nan, 3, 3], [np.nan, 2, 3, 3]])
    out, x_ct = value_and_cotangent(package, "max_pool", x, image([[1, 1]]), {"window": 2})
    np.testing.assert_array_equal(out, image([[np.nan, 3]]))
    np.testing.assert_array_equal(x_ct, image([[0, 1, 1, 0], [0, 0, 0, 0]]))
    long = image([1, 2, 3, np.nan, 5, 6, 7, np.nan, 9])
    out, x_ct = value_and_cotangent(package, "max_pool", long, image([1]), {"window": 9})
    np.testing.assert_array_equal(out, image([np.nan]))
    np.testing.assert_array_equal(x_ct, image(np.arange(9) == 3))


@TWINS
@pytest.mark.parametrize(
    ("statics", "expected", "gradient"),
    [
        # Windows (pad 6), (6 12), (12 pad); the gradient counts how much of each element the windows hold.
        ({"padding": 1}, [3, 9, 6], [1, 1]),
        ({"padding": 1, "count_include_pad": False}, [6, 9, 12], [1.5, 1.5]),
        ({"padding": "SAME"}, [9, 6], [0.5, 1]),
        ({"padding": "SAME", "count_include_pad": False}, [9, 12], [0.5, 1.5]),
        ({"padding": ((0, 1),), "count_include_pad": False}, [9, 12], [0.5, 1.5]),
        # The odd element of padding at the low end: windows (pad 6), (6 12).
        ({"padding": "SAME_LOWER"}, [3, 9], [1, 0.5]),
    ],
    ids=str,
)
def test_whether_padding_counts(package: Any, statics: dict[str, Any], expected: list, gradient: list):
    ones = image(np.ones(len(expected)))
    statics = {"window": 2, "strides": 1} | statics
    out, x_ct = value_and_cotangent(package, "avg_pool", image([6, 12]), ones, statics)
    np.testing.assert_array_equal(out, image(expected))
    np.testing.assert_array_equal(x_ct, image(gradient))


@TWINS
@pytest.mark.parametrize(
    ("statics", "means", "counted"),
    [
        # 1 2 3, 4 5 6, and 7 alone. Beyond the padding nothing counts.
        ({}, [2, 5, 7], [2, 5, 7]),
        # pad 1 2, 3 4 5, 6 7 pad.
        ({"padding": 1}, [1.5, 4, 6.5], [1, 4, 13 / 3]),
        # 1 2 3, 4 5 6, 7 pad and beyond: of its three places two count.
        ({"padding": ((0, 1),)}, [2, 5, 7], [2, 5, 3.5]),
        # pad pad 1, 2 3 4, 5 6 7, and no more: a window that starts in the padding is none.
        ({"padding": 2}, [1, 3, 6], [1 / 3, 3, 6]),
        # A stride over the end leaves no window there: 1 2 3, 6 7 beyond.
        ({"strides": 5}, [2, 6.5], [2, 6.5]),
    ],
    ids=str,
)
def test_ceil_mode_gives_what_is_left_over_a_window(package: Any, statics: dict[str, Any], means: list, counted: list):
    x, statics = image([1, 2, 3, 4, 5, 6, 7]), {"window": 3, "ceil_mode": True} | statics
    assert_close(package.avg_pool(x, count_include_pad=False, **statics), image(means), 1e-15, "means")
    assert_close(package.avg_pool(x, **statics), image(counted), 1e-15, "means with padding")


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("op", sorted(BY_HAND))
@TWINS
def test_the_whole_input_may_be_one_window(package: Any, op: str, layout: str):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4))
    axes = (1, 2) if layout == "channels_last" else (2, 3)
    expected = x.max(axes, keepdims=True) if op == "max_pool" else x.mean(axes, keepdims=True)
    for window in ("all", tuple(x.shape[axis] for axis in axes)):
        assert_close(getattr(package, op)(x, window=window, layout=layout), expected, 1e-15, f"{op} {window}")


@st.composite
def calls(draw: st.DrawFn, op: str) -> tuple[np.ndarray, dict[str, Any]]:
    """A legal call: every window holds an element, and small integers make ties in most windows."""
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    window, sizes = each(1, 3), each(3, 5)
    # Less padding than the window, and an x longer than the gaps of a dilated one.
    low, high = (tuple(min(pad, k - 1) for pad, k in zip(each(0, 2), window, strict=True)) for _ in "lh")
    padding = draw(st.sampled_from(["VALID", "SAME", "SAME_LOWER", tuple(zip(low, high, strict=True))]))
    statics = {"window": window, "strides": draw(st.sampled_from([None, each(1, 3)])), "padding": padding}
    statics["ceil_mode"] = draw(st.booleans())
    if op == "avg_pool":
        statics["count_include_pad"] = draw(st.booleans())
    elif padding == "VALID":
        statics["dilation"] = tuple(
            draw(st.integers(1, 2)) if size >= 5 or k < 3 else 1 for size, k in zip(sizes, window, strict=True)
        )
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    x = rng.integers(-2, 3, size=(2, *sizes, 2)).astype(np.float64)
    return x, statics


@pytest.mark.slow
@pytest.mark.parametrize("op", sorted(BY_HAND))
@settings(max_examples=examples(15))
@given(data=st.data())
def test_twins_agree_on_any_geometry(op: str, data: st.DataObject):
    x, statics = data.draw(calls(op))
    if data.draw(st.booleans()):
        x, statics = np.moveaxis(x, -1, 1), statics | {"layout": "channels_first"}
    cotangent = np.random.default_rng(3).normal(size=getattr(reference, op)(x, **statics).shape)
    by_hand = value_and_cotangent(reference, op, x, cotangent, statics)
    by_jax = value_and_cotangent(functional_nn, op, x, cotangent, statics)
    assert_close(by_hand, by_jax, 1e-14, f"{op} {statics}: value and cotangent")


@settings(max_examples=60)
@given(call=calls("max_pool"))
def test_max_pool_hands_every_cotangent_on_once(call: tuple[np.ndarray, dict[str, Any]]):
    x, statics = call
    out, residuals = max_pool_fwd(x, **statics)
    cotangent = np.random.default_rng(3).integers(1, 9, size=out.shape).astype(float)
    (x_ct,) = max_pool_bwd(residuals, cotangent)
    assert x_ct.sum() == cotangent.sum(), f"{statics}: {x_ct.sum()} of {cotangent.sum()} arrived"


TORCH = [
    ("max_pool", 1, {"window": 3, "strides": 1, "padding": 1, "dilation": 2}),
    ("max_pool", 2, {"window": (3, 2), "strides": (2, 1), "padding": (1, 0), "dilation": (1, 3)}),
    ("max_pool", 3, {"window": 2, "padding": 1}),
    ("avg_pool", 1, {"window": 3, "strides": 2, "padding": 1}),
    ("avg_pool", 2, {"window": (3, 2), "strides": (2, 1), "padding": (1, 0), "count_include_pad": False}),
    ("avg_pool", 3, {"window": (2, 3, 2), "strides": 1, "padding": (0, 1, 1)}),
    ("max_pool", 2, {"window": (3, 2), "strides": (2, 4), "padding": (1, 0), "dilation": (1, 2), "ceil_mode": True}),
    ("avg_pool", 2, {"window": (4, 3), "strides": (3, 2), "padding": (2, 1), "ceil_mode": True}),
    ("avg_pool", 1, {"window": 5, "strides": 4, "padding": 2, "ceil_mode": True, "count_include_pad": False}),
    ("adaptive_max_pool", 2, {"window": "all"}),
    ("adaptive_avg_pool", 3, {"window": "all"}),
]


@TWINS
@pytest.mark.parametrize(("op", "rank", "statics"), TORCH, ids=str)
def test_pytorch_agrees_ties_included(op: str, rank: int, statics: dict[str, Any], package: Any):
    torch = pytest.importorskip("torch")
    theirs = {"window": "kernel_size", "strides": "stride"}
    globally = statics == {"window": "all"}
    rng = np.random.default_rng(rank)
    x = rng.integers(-2, 3, size=(2, 3, *(7, 6, 5)[:rank])).astype(np.float64)
    leaf = torch.tensor(x, requires_grad=True)
    named = {theirs.get(name, name): value for name, value in statics.items()} if not globally else {"output_size": 1}
    expected = getattr(torch.nn.functional, f"{op}{rank}d")(leaf, **named)
    cotangent = rng.normal(size=tuple(expected.shape))
    (gradient,) = torch.autograd.grad(expected, leaf, torch.tensor(cotangent))
    statics, op = statics | {"layout": "channels_first"}, op.removeprefix("adaptive_")
    out, x_ct = value_and_cotangent(package, op, x, cotangent, statics)
    assert_close(out, expected.detach().numpy(), 1e-14, f"{op} against PyTorch: value")
    assert_close(x_ct, gradient.numpy(), 1e-14, f"{op} against PyTorch: cotangent")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_a_long_mean_in_16_bits_neither_stops_growing_nor_overflows(dtype: Any):
    # A sum of ones would end at 256 in bfloat16 and at 2048 in float16; a sum of 60000 is beyond the largest float16.
    for value in (1, 60000):
        x = jnp.full((1, 4096, 1), value, dtype)
        assert functional_nn.avg_pool(x, window=4096).item() == x[0, 0, 0].item()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_a_gradient_that_many_windows_share_is_added_up_in_32_bits(dtype: Any):
    # The same element is the largest of 3000 windows; a sum of ones ends at 256 in bfloat16, and at 2048 in float16.
    x = jnp.zeros((1, 5999, 1), dtype).at[0, 2999, 0].set(1)
    _, pullback = jax.vjp(lambda x: functional_nn.max_pool(x, window=3000, strides=1), x)
    assert pullback(jnp.ones((1, 3000, 1), dtype))[0][0, 2999, 0] == jnp.asarray(3000, dtype)
