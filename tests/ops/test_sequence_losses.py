"""Losses of sequences: numbers by hand, laws, what lies behind the lengths, tracing, digits, PyTorch and optax."""

from functools import cache
from itertools import pairwise, product
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from helpers import high_precision
from helpers.rows import assert_close
from mpmath import mpf

import functional_nn
import reference
from reference import sequence_losses as by_hand
from reference.oracle.specs import SPECS

TWINS = {"functional_nn": functional_nn, "reference": reference}
every_twin = pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
LOG_3 = np.log(3.0)


def ctc(twin: Any, logits: Any, labels: Any, steps: Any = None, counts: Any = None, cotangent: Any = 1.0):
    """The losses, and the logits' cotangent; all lengths whole, unless they are given."""
    logits, labels = np.asarray(logits), np.asarray(labels, int)
    steps = np.full(len(logits), logits.shape[1]) if steps is None else np.asarray(steps)
    counts = np.full(len(labels), labels.shape[1]) if counts is None else np.asarray(counts)
    arguments = logits, labels, steps, counts
    return value_and_cotangents(twin, "ctc_loss", arguments, 1, cotangent, {})


def value_and_cotangents(twin: Any, op: str, arguments: Any, moved: int, cotangent: Any, statics: dict[str, Any]):
    """The value, and the cotangents of the first arguments: one, or a tuple of more."""
    cotangent = np.broadcast_to(cotangent, arguments[2].shape).astype(arguments[0].dtype)
    if twin is reference:
        out, residuals = getattr(by_hand, f"{op}_fwd")(*arguments, **statics)
        cotangents = getattr(by_hand, f"{op}_bwd")(residuals, cotangent)
    else:
        out, cotangents = program(op, moved, tuple(statics.items()))(cotangent, *arguments)
    return out, cotangents[0] if moved == 1 else cotangents[:moved]


@cache
def program(op: str, moved: int, statics: tuple[tuple[str, Any], ...]):
    """One program for both, which is what keeps these tests fast."""

    @jax.jit
    def of_jax(cotangent: jax.Array, *arguments: jax.Array):
        function = lambda *first: getattr(functional_nn, op)(*first, *arguments[moved:], **dict(statics))  # noqa: E731
        out, pullback = jax.vjp(function, *arguments[:moved])
        return out, pullback(cotangent)

    return of_jax


# Connectionist temporal classification ------------------------------------------------------------------------------


@every_twin
def test_all_alignments_by_hand(twin: Any):
    loss, slope = ctc(twin, np.zeros((3, 3, 3)), [[1, 0], [1, 2], [1, 1]], [2, 2, 3], [1, 2, 2])
    # Three classes, equal scores, two steps. Label 1: the paths 1-, -1 and 11 of nine. Of the three ways the first step
    # is a blank in one, label 1 in two: p - q = 1/3 - (1/3, 2/3, 0). The second step is likewise.
    np.testing.assert_allclose(slope[0], [[0, -1 / 3, 1 / 3]] * 2 + [[0, 0, 0]], atol=1e-15)
    # Two labels in two steps have one path; two equal ones in three steps as well, with a blank between them.
    np.testing.assert_allclose(slope[1, :2], [[1 / 3, -2 / 3, 1 / 3], [1 / 3, 1 / 3, -2 / 3]], rtol=1e-14)
    np.testing.assert_allclose(slope[2, 1], [-2 / 3, 1 / 3, 1 / 3], rtol=1e-14)
    np.testing.assert_allclose(loss, [LOG_3, 2 * LOG_3, 3 * LOG_3], rtol=1e-15)


@every_twin
def test_the_chances_of_all_sequences_add_up_to_1(twin: Any):
    sequences = [s for count in range(4) for s in product((1, 2), repeat=count)]
    possible = [s for s in sequences if len(s) + sum(a == b for a, b in pairwise(s)) <= 3]
    labels = np.array([[*s, 0, 0, 0][:3] for s in possible])
    logits = np.broadcast_to(2 * np.random.default_rng(0).normal(size=(3, 3)), (len(labels), 3, 3))
    loss, slope = ctc(twin, logits, labels, counts=[len(s) for s in possible])
    np.testing.assert_allclose(np.exp(-np.asarray(loss)).sum(), 1, rtol=1e-14)
    np.testing.assert_allclose(np.asarray(slope).sum(-1), 0, atol=1e-14)


@every_twin
def test_what_lies_behind_the_lengths_does_not_matter(twin: Any):
    rng = np.random.default_rng(1)
    logits, cotangent = rng.normal(size=(2, 6, 4)), np.array([1.5, -2.0])
    want, want_ct = ctc(twin, logits[:, :4], [[1, 3], [2, 2]], cotangent=cotangent)
    logits[:, 4:] = np.nan
    got, got_ct = ctc(twin, logits, [[1, 3, -7], [2, 2, 99]], [4, 4], [2, 2], cotangent)
    assert_close(got, want, 1e-15, "loss")
    assert_close(got_ct[:, :4], want_ct, 1e-14, "cotangent")
    np.testing.assert_array_equal(got_ct[:, 4:], 0)


TOO_SHORT = np.zeros((3, 5, 3)), np.array([[1, 1, 1]] * 3), np.array([5, 4, 0]), np.array([3, 3, 1])


def test_without_an_alignment_a_traced_loss_is_infinite_as_in_pytorch():
    torch = pytest.importorskip("torch")
    loss, (slope,) = program("ctc_loss", 1, ())(np.ones(3), *TOO_SHORT)
    tensor = torch.zeros((3, 5, 3), dtype=torch.float64, requires_grad=True)
    rest = [torch.tensor(array) for array in TOO_SHORT[1:]]
    theirs = torch.nn.functional.ctc_loss(tensor.log_softmax(-1).transpose(0, 1), *rest, reduction="none")
    theirs.sum().backward()
    np.testing.assert_array_equal(np.isinf(loss), [False, True, True])
    np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(slope, tensor.grad.numpy(), rtol=1e-12, atol=1e-15)
    for package in TWINS.values():
        with pytest.raises(ValueError, match="ctc_loss: logit_lengths must leave a step for every label"):
            package.ctc_loss(*TOO_SHORT)


def test_under_jit_values_out_of_range_are_nan_and_no_other_example_is_touched():
    labels = jnp.array([[1, 2], [1, 0], [1, 4], [-1, 1], [1, 2], [1, 2], [1, 2]])
    steps, counts = jnp.array([5, 5, 5, 5, 6, -1, 5]), jnp.array([2, 2, 2, 2, 2, 2, 3])
    loss, (slope,) = program("ctc_loss", 1, ())(np.ones(7), np.zeros((7, 5, 4)), labels, steps, counts)
    np.testing.assert_array_equal(np.isnan(loss), [False] + [True] * 6)
    np.testing.assert_array_equal(np.isnan(slope).all((1, 2)), [False] + [True] * 6)
    assert np.isfinite(slope[0]).all()


@every_twin
def test_pytorch_and_optax_say_the_same(twin: Any):
    torch, optax = pytest.importorskip("torch"), pytest.importorskip("optax")
    rng = np.random.default_rng(2)
    logits, cotangent = 3 * rng.normal(size=(5, 9, 6)), rng.normal(size=5)
    labels = np.array([[1, 2, 2, 5], [3, 3, 3, 0], [4, 1, 0, 0], [5, 0, 0, 0], [0, 0, 0, 0]])
    steps, counts = np.array([9, 7, 9, 1, 3]), np.array([4, 3, 2, 1, 0])
    loss, slope = ctc(twin, logits, labels, steps, counts, cotangent)
    tensor = torch.tensor(logits, requires_grad=True)
    rest = [torch.tensor(array) for array in (labels, steps, counts)]
    theirs = torch.nn.functional.ctc_loss(tensor.log_softmax(-1).transpose(0, 1), *rest, reduction="none")
    theirs.backward(torch.tensor(cotangent))
    assert_close(loss, theirs.detach().numpy(), 1e-12, "loss against PyTorch")
    assert_close(slope, tensor.grad.numpy(), 1e-12, "cotangent against PyTorch")
    # optax has a large number in place of infinity, and padding as a mask.
    padding = [np.arange(size) >= lengths[:, None] for size, lengths in ((9, steps), (4, counts))]
    other, pullback = jax.vjp(lambda z: optax.ctc_loss(z, padding[0] * 1.0, labels, padding[1] * 1.0), logits)
    assert_close(loss, other, 1e-12, "loss against optax")
    assert_close(slope, pullback(cotangent)[0], 1e-12, "cotangent against optax")


SIZES = (1e-3, 1.0, 5.0, 20.0)
SPOKEN = ([1, 2], [1, 1], [3], [3, 1, 2], [])


@every_twin
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: np.dtype(dtype).name)
def test_ctc_is_right_to_its_last_digits(twin: Any, dtype: Any):
    bound, rng = SPECS["ctc_loss"].ulp, np.random.default_rng(3)
    assert bound
    spoken = [labels for labels in SPOKEN for _ in SIZES]
    logits = np.array([size * rng.normal(size=(4, 4)) for size in SIZES] * len(SPOKEN)).astype(dtype)
    padded = [[*labels, 0, 0, 0][:3] for labels in spoken]
    loss, slope = ctc(twin, logits, padded, counts=[len(labels) for labels in spoken])
    for example, labels in enumerate(spoken):
        want, want_ct = high_precision.ctc([[mpf(float(z)) for z in row] for row in logits[example]], labels)
        # Every logarithm on the way is rounded, and is about as large as the loss or the largest score.
        unit = float(np.finfo(dtype).eps) * (1 + float(want) + float(np.abs(logits[example]).max()))
        assert abs(float(mpf(float(loss[example])) - want)) <= bound.value * unit
        errors = np.vectorize(lambda got, want: abs(float(mpf(got) - want)))(np.float64(slope[example]), want_ct)
        assert errors.max() <= bound.gradient * unit


# A linear layer and cross-entropy, a chunk at a time -----------------------------------------------------------------


@every_twin
def test_a_row_by_hand(twin: Any):
    # Scores (1, 0) log 3 have the chances 3/4 and 1/4. x = 2, kernel = (log 3 / 2, 0), label 1: the loss is log 4.
    x, kernel = np.array([[2.0]]), np.array([[LOG_3 / 2, 0.0]])
    arguments = x, kernel, np.array([1])
    loss, (x_ct, kernel_ct) = value_and_cotangents(
        twin, "linear_softmax_cross_entropy", arguments, 2, 1.0, {"chunk": 1}
    )
    np.testing.assert_allclose(loss, [np.log(4.0)], rtol=1e-15)
    np.testing.assert_allclose(x_ct, [[0.75 * LOG_3 / 2]], rtol=1e-14)
    np.testing.assert_allclose(kernel_ct, [[1.5, -1.5]], rtol=1e-14)


@every_twin
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_any_chunk_gives_what_all_rows_at_once_give(twin: Any, chunk: int):
    rng = np.random.default_rng(4)
    x, kernel, labels = rng.normal(size=(7, 3)), rng.normal(size=(3, 5)), rng.integers(0, 5, size=7)
    cotangent = rng.normal(size=7)
    got = value_and_cotangents(
        twin, "linear_softmax_cross_entropy", (x, kernel, labels), 2, cotangent, {"chunk": chunk}
    )
    scores_ct = reference.softmax(x @ kernel) - np.eye(5)[labels]
    want = -reference.log_softmax(x @ kernel)[np.arange(7), labels]
    want_cts = cotangent[:, None] * scores_ct @ kernel.T, x.T @ (cotangent[:, None] * scores_ct)
    assert_close(got, (want, want_cts), 1e-14, f"chunk={chunk}")


def test_the_gradients_of_a_kernel_in_16_bits_add_up_in_32():
    # A sum of halves would end at 128 in bfloat16.
    x, kernel, labels = jnp.ones((1024, 1), jnp.bfloat16), jnp.zeros((1, 2), jnp.bfloat16), jnp.zeros(1024, int)
    loss = lambda kernel: functional_nn.linear_softmax_cross_entropy(x, kernel, labels, chunk=1).sum()  # noqa: E731
    np.testing.assert_array_equal(jax.grad(loss)(kernel).astype(float), [[-512, 512]])


def test_under_jit_a_label_out_of_range_is_nan_in_its_row():
    def losses(x: Any, labels: Any) -> Any:
        each = functional_nn.linear_softmax_cross_entropy(x, jnp.ones((2, 3)), labels, chunk=2)
        return each.sum(), each

    (_, loss), x_ct = jax.jit(jax.value_and_grad(losses, has_aux=True))(jnp.ones((5, 2)), jnp.array([0, 3, 2, -1, 1]))
    np.testing.assert_array_equal(np.isnan(loss), [False, True, False, True, False])
    np.testing.assert_array_equal(np.isnan(x_ct).all(-1), [False, True, False, True, False])
    np.testing.assert_array_equal(np.isnan(x_ct).any(-1), [False, True, False, True, False])


@every_twin
def test_a_linear_loss_is_right_to_the_rounding_of_its_scores(twin: Any):
    bound, rng = SPECS["linear_softmax_cross_entropy"].ulp, np.random.default_rng(5)
    assert bound
    for size in (0.1, 3.0, 20.0):
        x, kernel, label = size * rng.normal(size=(1, 3)), rng.normal(size=(3, 4)), np.array([2])
        loss, (x_ct, kernel_ct) = value_and_cotangents(
            twin, "linear_softmax_cross_entropy", (x, kernel, label), 2, 1.0, {"chunk": 1}
        )
        with mpmath.workdps(50):
            row, weights = [mpf(v) for v in x[0]], [[mpf(v) for v in each] for each in kernel]
            scores = [mpmath.fsum(row[i] * weights[i][c] for i in range(3)) for c in range(4)]
            p = high_precision.probabilities(scores)
            error = [p[c] - (c == 2) for c in range(4)]
            x_want = [mpmath.fsum(error[c] * weights[i][c] for c in range(4)) for i in range(3)]
            kernel_want = [float(row[i] * error[c]) for i in range(3) for c in range(4)]
            want = -mpmath.log(p[2])
        unit = np.finfo(float).eps * (1 + np.abs(x[0, :, None] * kernel).sum(0).max())
        assert abs(float(want - mpf(float(loss[0])))) <= bound.value * unit
        largest = np.abs(kernel).sum()
        np.testing.assert_allclose(x_ct[0], [float(v) for v in x_want], rtol=0, atol=bound.gradient * unit * largest)
        np.testing.assert_allclose(np.ravel(kernel_ct), kernel_want, rtol=0, atol=bound.gradient * unit * size * 3)
