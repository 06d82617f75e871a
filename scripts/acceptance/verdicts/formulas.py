"""What a function is made of; SwiGLU, cross-entropy and the matrix product. Norms and attention stand beside this.

Of each function a forward, two or three formulas of its backward, and edits of these that make them wrong.

A backward takes how it computes, the cotangent, the output, and the primals. The mistakes are those of released code,
few of them in examples/kernels; each says in which causes a report may name it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripts.acceptance.verdicts.emulated import Way, like

Code = Callable[..., tuple[np.ndarray | None, ...]]
Primals = dict[str, np.ndarray]


@dataclass(frozen=True)
class Mistake:
    """What is wrong, the text in a backward's source, what stands there instead, and the causes that name it."""

    what: str
    of: Code
    old: str
    new: str
    causes: str


@dataclass(frozen=True, eq=False)
class Function:
    """A function, the op of the library that it is, its right backwards, and their mistakes.

    long: primals with sums so long that the precision of an accumulator shows; None where nothing is summed up.
    """

    name: str
    op: str
    forward: Callable[..., np.ndarray]
    backwards: tuple[Code, ...]
    primals: Callable[[np.random.Generator], Primals]
    mistakes: tuple[Mistake, ...]
    statics: dict[str, Any] = field(default_factory=dict)
    long: Callable[[np.random.Generator], Primals] | None = None
    products: bool = False


# SwiGLU


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def swiglu(w: Way, x, gate):
    return x * (gate * sigmoid(gate))


def swiglu_of_share(w: Way, d, out, x, gate):
    share = sigmoid(gate)
    return d * gate * share, d * x * share * (1 + gate * (1 - share))


def swiglu_of_silu(w: Way, d, out, x, gate):
    share = sigmoid(gate)
    silu = gate * share
    return d * silu, d * x * (share + silu * (1 - share))


SWIGLU = Function(
    "SwiGLU", "glu", swiglu, (swiglu_of_share, swiglu_of_silu),
    lambda rng: {"x": rng.normal(size=(9, 14)), "gate": 1.5 * rng.normal(size=(9, 14))},
    (
        Mistake("the slope of sigmoid alone", swiglu_of_share, "share * (1 + gate * (1 - share))",
                "share * (1 - share)", "wrong_derivative term_missing"),
        Mistake("the sign in the slope", swiglu_of_share, "1 + gate", "1 - gate", "sign wrong_derivative"),
        Mistake("the slope at the share", swiglu_of_share, "(1 + gate * (1 - share))",
                "(1 + gate * (1 - sigmoid(share)))", "derivative_at_wrong_value wrong_derivative"),
        Mistake("x is left out", swiglu_of_share, "d * x * share", "d * share", "wrong_factor"),
        Mistake("the gradients exchanged", swiglu_of_share, "return d * gate * share, d * x * share",
                "return d * x * share * (1 + gate * (1 - share)), d * gate * share\n    return d * gate * share, d",
                "arguments_swapped"),
        Mistake("the last columns are not written", swiglu_of_silu, "return d * silu,",
                "return d * silu * (np.arange(14) < 8),", "part_missing entries_not_written"),
        Mistake("a square for the slope", swiglu_of_silu, "silu * (1 - share)", "silu * (1 - share * share)",
                "wrong_derivative derivative_at_wrong_value wrong_factor"),
        Mistake("the slope of relu", swiglu_of_silu, "(share + silu * (1 - share))", "(gate > 0)",
                "wrong_derivative derivative_missing"),
        Mistake("the slope with 1.702", swiglu_of_silu, "d * x * (share", "d * x * (sigmoid(like(x, 1.702) * gate)",
                "wrong_derivative static_ignored derivative_at_wrong_value"),
    ),
    {"activation": "silu"},
)  # fmt: skip

# Cross-entropy

SMOOTHING = 0.125


def hits(logits, labels):
    return (labels[:, None] == np.arange(logits.shape[-1])).astype(logits.dtype)


def smoothed(logits, labels):
    return hits(logits, labels) * like(logits, 1 - SMOOTHING) + like(logits, SMOOTHING / logits.shape[-1])


def log_sum(w: Way, logits):
    largest = logits.max(-1, keepdims=True)
    return largest + np.log(w.sum(np.exp(logits - largest), keepdims=True))


def cross_entropy(w: Way, logits, labels):
    return w.sum(smoothed(logits, labels) * (log_sum(w, logits) - logits))


def cross_entropy_of_shares(w: Way, d, out, logits, labels):
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    p = raised / w.sum(raised, keepdims=True)
    return d[:, None] * (p - smoothed(logits, labels)), None


def cross_entropy_of_logs(w: Way, d, out, logits, labels):
    logits_ct = np.exp(logits - log_sum(w, logits)) - like(logits, SMOOTHING / logits.shape[-1])
    logits_ct[np.arange(len(labels)), labels] -= like(logits, 1 - SMOOTHING)
    return logits_ct * d[:, None], None


CROSS_ENTROPY = Function(
    "cross-entropy", "softmax_cross_entropy", cross_entropy, (cross_entropy_of_shares, cross_entropy_of_logs),
    lambda rng: {"logits": 1.5 * rng.normal(size=(11, 9)), "labels": rng.integers(0, 9, size=11)},
    (
        Mistake("no smoothing", cross_entropy_of_shares, "smoothed(", "hits(",
                "static_ignored term_missing scaled_by_constant wrong_operand"),
        Mistake("the slope of softmax once more", cross_entropy_of_shares, "labels)), None",
                "labels)) * p * (1 - p), None", "derivative_twice wrong_factor"),
        Mistake("a softmax over the batch", cross_entropy_of_shares, "w.sum(raised, keepdims=True)",
                "w.sum(raised, 0, keepdims=True)", "wrong_axis"),
        Mistake("divided by the classes", cross_entropy_of_shares, "labels)), None", "labels)) / like(p, 9), None",
                "scaled_by_count"),
        Mistake("the upstream's mean for each", cross_entropy_of_shares, "d[:, None]", "w.mean(d[None])",
                "wrong_reduction wrong_operand scaled_by_count"),
        Mistake("the label one off", cross_entropy_of_logs, ", labels] -=", ", labels - 1] -=", "shifted wrong_index"),
        Mistake("smoothing over the other classes", cross_entropy_of_logs, "SMOOTHING / logits.shape[-1]",
                "SMOOTHING / (logits.shape[-1] - 1)", "scaled_by_count scaled_by_constant static_ignored"),
        Mistake("the last rows are left out", cross_entropy_of_logs, "d[:, None]", "(d * (np.arange(11) < 8))[:, None]",
                "part_missing"),
        Mistake("one label for all rows", cross_entropy_of_logs, ", labels] -=", ", labels[0]] -=",
                "wrong_index wrong_operand"),
    ),
    {"label_smoothing": SMOOTHING},
)  # fmt: skip

# Matrix product


def product(w: Way, x, kernel, bias):
    return w.dot(x, kernel) + bias


def product_whole(w: Way, d, out, x, kernel, bias):
    return w.dot(d, kernel.T), w.dot(x.T, d), w.rows(d)


def product_in_blocks(w: Way, d, out, x, kernel, bias):
    half = len(x) // 2
    x_ct = np.concatenate([w.dot(d[:half], kernel.T), w.dot(d[half:], kernel.T)])
    return x_ct, w.dot(x[:half].T, d[:half]) + w.dot(x[half:].T, d[half:]), w.rows(d)


def product_turned(w: Way, d, out, x, kernel, bias):
    ones = np.ones((1, len(d)), d.dtype)
    return w.dot(kernel, d.T).T, w.dot(d.T, x).T, w.dot(ones, d)[0]


def layer(rows: int, width: int, out: int) -> Callable[[np.random.Generator], Primals]:
    return lambda rng: {
        "x": rng.normal(size=(rows, width)),
        "kernel": rng.normal(size=(width, out)) / math.sqrt(width),
        "bias": rng.normal(size=out),
    }


PRODUCT = Function(
    "matrix product", "dense", product, (product_whole, product_in_blocks, product_turned), layer(14, 8, 8),
    (
        Mistake("the gradient of the kernel transposed", product_whole, "w.dot(x.T, d)", "w.dot(d.T, x)", "transposed"),
        Mistake("one column short", product_whole, "w.dot(d, kernel.T)", "w.dot(d[:, :-1], kernel.T[:-1])",
                "part_missing"),
        Mistake("a total for the bias", product_whole, "w.rows(d)", "np.broadcast_to(w.sum(w.rows(d)), bias.shape)",
                "wrong_reduction wrong_axis"),
        Mistake("decay in the kernel's gradient", product_whole, "w.dot(x.T, d)",
                "w.dot(x.T, d) + like(x, 0.125) * kernel", "regularization term_extra"),
        Mistake("the first block alone", product_in_blocks, " + w.dot(x[half:].T, d[half:])", "",
                "part_missing not_accumulated"),
        Mistake("the first block twice", product_in_blocks, "w.dot(x[half:].T, d[half:])",
                "w.dot(x[:half].T, d[:half])",
                "wrong_index wrong_operand part_missing shifted"),
        Mistake("the kernel once more", product_in_blocks, "w.dot(d[half:], kernel.T)", "w.dot(d[half:], kernel)",
                "transposed"),
        Mistake("the sign of the bias", product_turned, "w.dot(ones, d)[0]", "-w.dot(ones, d)[0]", "sign"),
        Mistake("twice", product_turned, "w.dot(kernel, d.T).T", "2 * w.dot(kernel, d.T).T", "scaled_by_constant"),
        Mistake("the rows of x backwards", product_turned, "w.dot(d.T, x).T", "w.dot(d.T, x[::-1]).T",
                "flipped wrong_index"),
    ),
    long=layer(1100, 3, 2), products=True,
)  # fmt: skip
