"""Batch and group norm and cross-entropy by C files: against float64, every derivative; what is left to XLA."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.c_files import calls, derivatives, here, normal, targets, wanted  # noqa: F401 (a fixture)
from helpers.rows import assert_close

import functional_nn
from functional_nn._reduced import norm_of_batch
from functional_nn.cpu import columns

# Of x: all axes but the last are averaged over.
SHAPES = {
    "images": (8, 15, 13, 24),
    "rows": (1201, 32),
    "one column": (40_001, 1),
    "wide": (9, 5000),
    "two rows": (2, 20_000),
    "more items than blocks": (17, 2048),
}
# Of x, and how many groups its channels have: an example is averaged over, a group at a time.
GROUPS = {
    "images": ((8, 15, 13, 24), 6),
    "one image": ((1, 40, 41, 24), 3),
    "more images than threads": ((33, 5, 7, 32), 32),
    "one group": ((3, 250, 64), 1),
    "no positions": ((900, 40), 8),
}
# Rows and classes of the scores.
SCORES = {"few classes": (700, 10), "as wide as a vector": (300, 16), "many": (7, 5003), "one class": (5000, 1)}


def batch_of(name: str) -> tuple[Any, ...]:
    """x with columns of different height and width, scale, bias, and the cotangents of all three results."""
    shape = SHAPES[name]
    column = shape[-1:]
    x = normal(*shape) * (1 + np.abs(normal(*column, seed=1))) + 30 * normal(*column, seed=2)
    scale, bias, mean_ct, variance_ct = (normal(*column, seed=seed) for seed in (3, 4, 6, 7))
    return x, scale, bias, normal(*shape, seed=5), mean_ct, variance_ct


def normalized(*arrays: Any) -> Any:
    """The three results and the three gradients."""
    outs, pullback = jax.vjp(functional_nn.batch_norm, *arrays[:3])
    return *outs, *pullback(tuple(arrays[3:]))


def by_statistics(*arrays: Any) -> Any:
    """The result and the five gradients."""
    out, pullback = jax.vjp(functional_nn.batch_norm_inference, *arrays[:5])
    return out, *pullback(arrays[5])


def statistics_of(name: str) -> tuple[Any, ...]:
    """x, scale, bias, moments that are nearly those of its columns, and the cotangent of the result."""
    x, scale, bias, y_ct, off, _ = batch_of(name)
    before = tuple(range(x.ndim - 1))
    mean, variance = np.mean(x, before) + 0.1 * off, 1 + np.var(x, before)
    # With a mean of its own the upstream gradient's sums are not what rounding leaves of a sum of 40,000 numbers.
    return x, scale, bias, mean.astype(np.float32), variance.astype(np.float32), 1 + y_ct


def scores_of(name: str) -> tuple[Any, Any, Any]:
    rows, classes = SCORES[name]
    labels = np.random.default_rng(7).integers(0, classes, rows)
    return 4 * normal(rows, classes), labels, normal(rows, seed=8)


def judged(labels: Any, scores: Any, ct: Any) -> Any:
    """The losses and the gradient of the scores."""
    losses, pullback = jax.vjp(lambda scores: functional_nn.softmax_cross_entropy(scores, labels), scores)
    return losses, *pullback(ct)


# The op with its gradients, its arrays, and how many calls it makes.
OF_BATCHES = {"batch_norm": (normalized, batch_of, 2), "batch_norm_inference": (by_statistics, statistics_of, 1)}


@here
@pytest.mark.parametrize("op", OF_BATCHES)
@pytest.mark.parametrize("name", SHAPES)
def test_norms_of_batches_and_their_gradients_are_those_of_float64(name: str, op: str):
    function, arrays_of, made = OF_BATCHES[op]
    arrays = arrays_of(name)
    assert calls(function, *arrays) == made
    exact = jax.jit(function)(*map(np.float64, arrays))
    assert_close(jax.jit(function)(*arrays), exact, 4e-6, f"{op}, {name}: the library against float64")


@here
@pytest.mark.parametrize("offset", [0.1, 1e4, -3e6])
def test_a_constant_column_has_no_variance_and_one_far_off_keeps_its_digits(offset: float):
    rows = 4097
    x: Any = np.full((rows, 16), offset, np.float32)
    x[:, 1] += np.arange(rows, dtype=np.float32) % 8
    columns_of: Any = (np.ones(16, np.float32), np.full(16, 0.5, np.float32))
    y, mean, variance = functional_nn.batch_norm(x, *columns_of)
    assert calls(functional_nn.batch_norm, x, *columns_of) == 1
    np.testing.assert_array_equal(variance[2:], 0)
    np.testing.assert_array_equal(y[:, 2:], 0.5)
    np.testing.assert_array_equal(mean[2:], x[0, 2:])
    exact = np.float64(x[:, 1])
    np.testing.assert_allclose(variance[1], exact.var(), rtol=3e-7)
    np.testing.assert_allclose(
        y[:, 1], (exact - exact.mean()) / np.sqrt(exact.var() + 1e-5) + 0.5, rtol=1e-5, atol=3e-7
    )


@here
def test_an_upstream_gradient_that_is_the_same_everywhere_moves_no_constant_column():
    """Nor does rounding, which one over the deviation, 316, would show."""
    x, scale, ct = np.full((4099, 16), 0.1, np.float32), normal(16, seed=3), np.ones((4099, 16), np.float32)
    zero = np.zeros(16, np.float32)
    *_, x_ct, _, _ = normalized(x, scale, zero, ct, zero, zero)
    np.testing.assert_array_equal(x_ct, 0)


@here
@pytest.mark.parametrize("name", GROUPS)
def test_group_norm_and_its_gradients_are_those_of_float64(name: str):
    shape, groups = GROUPS[name]
    column = shape[-1:]
    x = normal(*shape) * (1 + np.abs(normal(*column, seed=1))) + 30 * normal(shape[0], *column, seed=2).reshape(
        shape[0], *[1] * (len(shape) - 2), *column
    )
    arrays = x, normal(*column, seed=3), normal(*column, seed=4), normal(*shape, seed=5)

    def function(*arrays: Any) -> Any:
        out, pullback = jax.vjp(partial(functional_nn.group_norm, groups=groups), *arrays[:3])
        return out, *pullback(arrays[3])

    assert calls(function, *arrays) == 2
    exact = jax.jit(function)(*map(np.float64, arrays))
    assert_close(jax.jit(function)(*arrays), exact, 4e-6, f"{name}: the library against float64")


@here
@pytest.mark.parametrize("name", SHAPES)
def test_bfloat16_is_read_as_it_is_and_rounded_once(name: str):
    """No float32 copy of x or of the gradient is handed over, and the moments of a model are not rounded."""
    arrays = [jnp.asarray(array, jnp.bfloat16) for array in batch_of(name)]

    def function(x: Any, scale: Any, bias: Any, y_ct: Any, *_: Any) -> Any:
        norm = partial(norm_of_batch, channels=(x.ndim - 1,), epsilon=1e-5)
        outs, pullback = jax.vjp(norm, x, scale, bias)
        return *outs, *pullback((y_ct, *map(jnp.zeros_like, outs[1:])))

    text = jax.jit(function).lower(*arrays).as_text()
    handed = [line for line in text.splitlines() if any(f"@{target}(" in line for target in targets(columns))]
    shape = "x".join(map(str, arrays[0].shape))
    assert [line.count(f"tensor<{shape}xbf16>") for line in handed] == [1, 2], handed
    assert f"tensor<{shape}xf32>" not in "".join(handed)
    got, exact = jax.jit(function)(*arrays), jax.jit(function)(*map(np.float64, arrays))
    for mine, other, tolerance in zip(got, exact, (2**-8, 1e-6, 4e-6, *3 * (2**-8,)), strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(np.float64(mine) / scale, other / scale, rtol=0, atol=tolerance)


@here
@pytest.mark.parametrize("name", SCORES)
def test_cross_entropy_and_its_gradient_are_those_of_float64(name: str):
    scores, labels, ct = scores_of(name)
    function = partial(judged, labels)
    assert calls(function, scores, ct) == 2
    exact = jax.jit(function)(np.float64(scores), np.float64(ct))
    assert_close(jax.jit(function)(scores, ct), exact, 2e-6, f"{name}: the library against float64")


@here
def test_a_certain_answer_keeps_its_digits_and_ties_count():
    scores = np.zeros((400, 12), np.float32)
    scores[0, 3], scores[1, 3], scores[2, :2] = 30, 88, 5
    labels = np.full(400, 3)
    labels[2] = 1
    losses, slope = jax.jit(partial(judged, labels))(scores, np.ones(400, np.float32))
    exact, exact_slope = judged(labels, np.float64(scores), np.ones(400))
    seen = np.array([0, 2, 3])
    np.testing.assert_allclose(losses[seen], exact[seen], rtol=3e-7)
    np.testing.assert_allclose(slope[seen], exact_slope[seen], rtol=5e-7)
    # Beyond the smallest normal number XLA's exponentials are 0 as well.
    assert losses[1] < 1e-36


@here
def test_what_is_no_number_and_no_class_is_seen():
    """As XLA has it: NaN in the row, and nowhere else."""
    scores, labels, ct = scores_of("few classes")
    scores[1, 2], scores[2, 3], scores[3], scores[5, 4] = np.nan, np.inf, -np.inf, -np.inf
    labels[4], labels[6], labels[5] = -1, 10, 4
    got = jax.jit(judged)(labels, scores, ct)
    exact = jax.jit(judged)(labels, np.float64(scores), np.float64(ct))
    for mine, other in zip(got, exact, strict=True):
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(other))
        np.testing.assert_allclose(mine, other, rtol=3e-6, atol=1e-7)


@here
def test_labels_of_any_integer_dtype():
    """One that is no class is none in the library's dtype either."""
    scores, labels, _ = scores_of("few classes")
    expected = functional_nn.softmax_cross_entropy(scores, labels)
    for dtype in (np.int8, np.uint8, np.int64, np.uint64):
        np.testing.assert_array_equal(functional_nn.softmax_cross_entropy(scores, labels.astype(dtype)), expected)
    wraps = jax.jit(functional_nn.softmax_cross_entropy)(scores, labels + 2**32)
    assert np.isnan(wraps).all()


def cross_entropy(scores: Any) -> Any:
    return functional_nn.softmax_cross_entropy(scores, jnp.arange(len(scores)) % scores.shape[1])


# The op, its arrays, and how many calls its gradient makes.
DERIVED = {
    "batch_norm": (functional_nn.batch_norm, batch_of("rows")[:3], 2),
    "batch_norm_inference": (functional_nn.batch_norm_inference, statistics_of("rows")[:5], 1),
    "group_norm": (
        partial(functional_nn.group_norm, groups=4),
        (normal(5, 300, 32), normal(32, seed=3), normal(32, seed=4)),
        2,
    ),
    "cross_entropy": (cross_entropy, (normal(300, 20),), 2),
}


@here
@pytest.mark.parametrize("op", DERIVED)
def test_every_derivative_is_that_of_float64(op: str):
    function, arrays, made = DERIVED[op]

    def loss(*arrays: Any) -> Any:
        return sum(jnp.sum(jnp.sin(out)) for out in jax.tree.leaves(function(*arrays)))

    slope = jax.grad(loss, tuple(range(len(arrays))))
    assert calls(slope, *arrays) == made
    got, exact = derivatives(slope, *arrays), derivatives(slope, *map(np.float64, arrays))
    for name, outs in got.items():
        assert_close(jax.tree.leaves(outs), jax.tree.leaves(exact[name]), 2e-4, f"{name}: float32 against float64")


LEFT = {
    "float64": lambda: functional_nn.batch_norm(*map(jnp.float64, batch_of("rows")[:3])),
    "channels first": lambda: functional_nn.batch_norm(normal(4, 8, 40, 40), normal(8), normal(8), axis=1),
    "given statistics of channels first": lambda: jax.grad(
        lambda x: jnp.sum(functional_nn.batch_norm_inference(x, *4 * (normal(8) ** 2,), axis=1))
    )(normal(4, 8, 40, 40)),
    "groups of channels first": lambda: functional_nn.group_norm(
        normal(4, 8, 40, 40), normal(8), normal(8), groups=2, layout="channels_first"
    ),
    "a small one": lambda: functional_nn.batch_norm(normal(8, 8), normal(8), normal(8)),
    "soft targets": lambda: functional_nn.softmax_cross_entropy(normal(700, 10), normal(700, 10) ** 2),
    "few scores": lambda: functional_nn.softmax_cross_entropy(normal(7, 10), jnp.arange(7)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_xla(name: str):
    assert calls(LEFT[name]) == 0


@here
def test_an_exported_program_calls_none():
    arrays = batch_of("rows")
    assert calls(normalized, *arrays) == 2
    exported = jax.export.export(jax.jit(normalized))(*arrays)
    assert not any(target in exported.mlir_module() for target in targets(columns))
