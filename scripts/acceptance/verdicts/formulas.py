"""The six functions: a forward each, two or three formulas of the backward, and edits of these that make them wrong.

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


# RMS norm


def inverse_rms(w: Way, x):
    return 1 / np.sqrt(w.mean(x * x) + like(x, 1e-6))


def rms_norm(w: Way, x, scale):
    return x * inverse_rms(w, x) * scale


def rms_norm_of_normal(w: Way, d, out, x, scale):
    inverse = inverse_rms(w, x)
    normal, own = x * inverse, d * scale
    return inverse * (own - normal * w.mean(own * normal)), w.rows(d * normal)


def rms_norm_of_input(w: Way, d, out, x, scale):
    inverse, own = inverse_rms(w, x), d * scale
    along = w.sum(own * x, keepdims=True) / like(x, x.shape[-1])
    return own * inverse - x * along * inverse**3, w.rows(d * x * inverse)


def rms_norm_divided(w: Way, d, out, x, scale):
    square = w.mean(x * x) + like(x, 1e-6)
    return (d * scale - x * w.mean(d * scale * x) / square) / np.sqrt(square), w.rows(d * (x / np.sqrt(square)))


RMS_NORM = Function(
    "RMS norm", "rms_norm", rms_norm, (rms_norm_of_normal, rms_norm_of_input, rms_norm_divided),
    lambda rng: {"x": rng.normal(size=(6, 3, 17)), "scale": 1 + 0.3 * rng.normal(size=17)},
    (
        Mistake("the scale of the next channel", rms_norm_of_normal, "d * scale", "d * np.roll(scale, 1)",
                "shifted wrong_index wrong_operand"),
        Mistake("1 + scale for scale", rms_norm_of_normal, "d * scale", "d * (1 + scale)",
                "term_extra wrong_operand scaled_by_constant"),
        Mistake("the sign of the mean's term", rms_norm_of_normal, "(own - normal", "(own + normal", "sign"),
        Mistake("a mean over the other axis", rms_norm_of_normal, "w.mean(own * normal)", "w.mean(own * normal, 0)",
                "wrong_axis"),
        Mistake("the last block of rows alone", rms_norm_of_normal, "w.rows(d * normal)",
                "w.rows((d * normal).reshape(-1, x.shape[-1])[16:])", "part_missing"),
        Mistake("a power of the inverse short", rms_norm_of_input, "inverse**3", "inverse**2", "wrong_factor"),
        Mistake("a sum for the mean", rms_norm_of_input, " / like(x, x.shape[-1])", "",
                "scaled_by_count wrong_reduction"),
        Mistake("the scale's gradient of the output", rms_norm_of_input, "w.rows(d * x * inverse)", "w.rows(d * out)",
                "wrong_factor wrong_operand"),
        Mistake("the root of the mean square left out", rms_norm_divided, "/ np.sqrt(square), w", ", w",
                "wrong_factor derivative_missing"),
        Mistake("the scale's gradient is a mean", rms_norm_divided, "w.rows(d * (x / np.sqrt(square)))",
                "w.rows(d * (x / np.sqrt(square))) / like(x, 18)", "scaled_by_count wrong_reduction"),
    ),
    long=lambda rng: {"x": rng.normal(size=(1100, 5)), "scale": 1 + 0.3 * rng.normal(size=5)},
)  # fmt: skip

# Layer norm


def normalized(w: Way, x):
    centred = x - w.mean(x)
    inverse = 1 / np.sqrt(w.mean(centred * centred) + like(x, 1e-5))
    return centred, inverse, centred * inverse


def layer_norm(w: Way, x, scale, bias):
    return normalized(w, x)[2] * scale + bias


def layer_norm_of_means(w: Way, d, out, x, scale, bias):
    centred, inverse, normal = normalized(w, x)
    own = d * scale
    x_ct = inverse * (own - w.mean(own) - normal * w.mean(own * normal))
    return x_ct, w.rows(d * normal), w.rows(d)


def layer_norm_of_sums(w: Way, d, out, x, scale, bias):
    _, inverse, normal = normalized(w, x)
    own, count = d * scale, like(x, x.shape[-1])
    of_own, of_both = w.sum(own, keepdims=True), w.sum(own * normal, keepdims=True)
    return inverse / count * (count * own - of_own - normal * of_both), w.rows(d * normal), w.rows(d)


def layer_norm_of_parts(w: Way, d, out, x, scale, bias):
    centred, inverse, normal = normalized(w, x)
    variance_ct = -inverse * inverse * inverse * w.mean(d * scale * centred)
    centred_ct = d * scale * inverse + centred * variance_ct
    return centred_ct - w.mean(centred_ct), w.rows(d * normal), w.rows(d)


LAYER_NORM = Function(
    "layer norm", "layer_norm", layer_norm, (layer_norm_of_means, layer_norm_of_sums, layer_norm_of_parts),
    lambda rng: {
        "x": 0.5 + rng.normal(size=(7, 2, 12)), "scale": 1 + 0.3 * rng.normal(size=12), "bias": rng.normal(size=12),
    },
    (
        Mistake("the mean is taken off twice", layer_norm_of_means, " - w.mean(own) -", " - 2 * w.mean(own) -",
                "term_extra scaled_by_constant"),
        Mistake("the scale twice", layer_norm_of_means, "own = d * scale", "own = d * scale * scale", "wrong_factor"),
        Mistake("the scale's gradient of what is centred", layer_norm_of_means, "w.rows(d * normal)",
                "w.rows(d * centred)", "wrong_factor wrong_operand"),
        Mistake("gradients of scale and bias exchanged", layer_norm_of_means, "w.rows(d * normal), w.rows(d)",
                "w.rows(d), w.rows(d * normal)", "arguments_swapped"),
        Mistake("the scale is left out of the means", layer_norm_of_means,
                "w.mean(own) - normal * w.mean(own * normal)", "w.mean(d) - normal * w.mean(d * normal)",
                "wrong_operand wrong_factor"),
        Mistake("the bias's gradient holds the scale", layer_norm_of_sums, "w.rows(d)", "w.rows(own)", "wrong_factor"),
        Mistake("a variance over one fewer", layer_norm_of_sums, "own, count = d",
                "inverse = inverse * np.sqrt(1 - 1 / like(x, x.shape[-1]))\n    own, count = d",
                "scaled_by_constant scaled_by_count convention_reduction static_ignored"),
        Mistake("the count is left out of a term", layer_norm_of_sums, "(count * own", "(own",
                "scaled_by_count scaled_by_constant"),
        Mistake("the path through the mean is left out", layer_norm_of_parts, "centred_ct - w.mean(centred_ct)",
                "centred_ct", "statistics_as_constants term_missing"),
        Mistake("a square for the cube", layer_norm_of_parts, "-inverse * inverse * inverse", "-inverse * inverse",
                "wrong_factor"),
    ),
    long=lambda rng: {
        "x": rng.normal(size=(1100, 4)), "scale": 1 + 0.3 * rng.normal(size=4), "bias": rng.normal(size=4),
    },
)  # fmt: skip

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
        Mistake("the first block twice", product_in_blocks, "w.dot(x[half:].T, d[half:])", "w.dot(x[:half].T, d[:half])",
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
