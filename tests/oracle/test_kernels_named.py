"""What the blocks of kernels do to sums, without a kernel: a block of rows may end in the middle of an axis."""

from functools import partial

import numpy as np
import pytest

from reference import oracle, softmax
from reference.losses import softmax_cross_entropy_fwd
from reference.normalization import layer_norm_bwd, layer_norm_fwd


def sums_of(first, last):
    """A layer norm's backward whose scale gets the rows from the first to the last; it cannot be followed."""

    def backward(residuals, cotangent):
        held = np.frombuffer(np.asarray(cotangent).tobytes()).reshape(cotangent.shape)
        x_ct, _, bias_ct = layer_norm_bwd(residuals, held)
        rows = np.zeros((held.size // held.shape[-1], 1))
        rows[first:last] = 1
        return x_ct, layer_norm_bwd(residuals, held * rows.reshape(*held.shape[:-1], 1))[1], bias_ct

    return backward


@pytest.mark.parametrize(
    ("rows", "first", "last", "says"),
    [
        (3, 0, 8, "all but the last of 9"),
        (3, 0, 4, "the first 4 of 9"),
        (3, 1, 9, "all but the first of 9"),
        (7, 0, 16, "the first 16 of 21"),
        (6, 16, 18, "the last 2 of 18"),
    ],
)
def test_rows_of_one_block_are_named_across_axes(rows, first, last, says):
    rng = np.random.default_rng(0)
    primals = rng.normal(size=(rows, 3, 5)), rng.normal(size=5), rng.normal(size=5)
    subject = oracle.from_rule(layer_norm_fwd, sums_of(first, last))
    report = oracle.check(subject, *primals, names=("x", "scale", "bias"), op="layer_norm")
    found = [(one.cause, one.argument) for one in report.findings]
    cause = "not_accumulated" if says.startswith("the last") else "part_missing"
    assert found == [(cause, "scale")], str(report)
    assert f"{says} along axes 0, 1 only" in report.findings[0].message


def test_rows_that_are_masked_out_and_get_a_gradient_are_named():
    """As of an ignored label: what such a row gets is no edit of a backward that has a class for every row."""

    def backward(residuals, cotangent):
        held, upstream = (np.frombuffer(np.asarray(one).tobytes()) for one in (residuals[0], cotangent))
        wanted = labels[:, None] == np.arange(7)
        return (softmax(held.reshape(5, 7)) - wanted) * upstream[:, None], None

    labels = np.array([2, 0, -100, 6, 5])
    forward = partial(softmax_cross_entropy_fwd, ignore_label=-100)
    logits = np.random.default_rng(0).normal(size=(5, 7))
    report = oracle.check(
        oracle.from_rule(forward, backward), logits, labels, names=("logits", "labels"),
        op="softmax_cross_entropy", statics={"ignore_label": -100},
    )  # fmt: skip
    assert [(one.cause, one.argument) for one in report.findings] == [("mask_missing", "logits")], str(report)
    assert "rows (1) that the forward masks out (at positions [2] of axis 0)" in report.findings[0].message


ONE, OTHER = np.random.default_rng(1).uniform(0, 3, size=(2, 4, 1, 3))


def turned(x):
    """Two halves turned together, each by angles of its own."""
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * np.cos(ONE) - b * np.sin(ONE), b * np.cos(OTHER) + a * np.sin(OTHER)], axis=-1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_halves_of_a_table_in_each_others_place_are_named_by_a_reference_that_is_no_op(dtype):
    """As of kernels that cannot be followed: the function that they are held against is."""

    def forward(x):
        return turned(np.frombuffer(np.asarray(x).tobytes(), x.dtype).reshape(x.shape)).astype(x.dtype)

    def backward(cotangent, x):
        a, b = np.split(np.frombuffer(np.asarray(cotangent).tobytes(), x.dtype).reshape(x.shape), 2, axis=-1)
        first, last = a * np.cos(ONE) + b * np.sin(ONE), b * np.cos(OTHER) - a * np.sin(OTHER)
        return np.concatenate([first, last], axis=-1).astype(x.dtype)

    x = np.random.default_rng(0).normal(size=(2, 4, 2, 6))
    report = oracle.check(oracle.from_forward_backward(forward, backward), x, reference=turned, dtype=dtype)
    assert [found.cause for found in report.findings] == ["wrong_operand"], str(report)
    assert "has two constant arrays in each other's place" in report.findings[0].message
