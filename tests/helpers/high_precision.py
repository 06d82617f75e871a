"""The formulas of every activation and loss in mpmath, as the textbooks write them, at 400 digits.

No trick of either twin is used here: what cancels in floating point has 350 digits to spare, so that 50 are left
where a double is smallest. Everything that is a sum is returned as the list of its terms, because the size of the
largest one is the measure of what rounding may do to the sum.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby, product
from typing import Any

import mpmath
from mpmath import erfc, mpf, pi, sqrt

DIGITS = 400
mpmath.mp.dps = DIGITS

Terms = list[Any]
Vector = Sequence[Any]


@cache
def _computed(function: Callable[[Any], Any], x: Any, precision: int) -> Any:
    return function(x)


def exp(x: Any) -> Any:
    """Computed once for all the formulas that are of the same points: at this precision it is what they cost."""
    return _computed(mpmath.exp, x, mpmath.mp.prec)


def log(x: Any) -> Any:
    """Computed once, as `exp`."""
    return _computed(mpmath.log, x, mpmath.mp.prec)


def logistic(x: Any) -> Any:
    return 1 / (1 + exp(-x))


def density(x: Any) -> Any:
    return exp(-x * x / 2) / sqrt(2 * pi)


def below(x: Any) -> Any:
    # erfc does not cancel, and is slow at 400 digits; mpmath's takes no huge arguments, where it is 0 or 2 and no more.
    with mpmath.workdps(50):
        return erfc(-x / sqrt(2)) / 2 if abs(x) < 1000 else mpf(x > 0)


def tanh_argument(x: Any) -> Any:
    return sqrt(2 / pi) * (x + mpf(0.044715) * x**3)


def tanh_gate(x: Any) -> Any:
    return logistic(2 * tanh_argument(x)) if abs(x) < 1000 else mpf(x > 0)


def tanh_gate_slope(x: Any) -> Any:
    steepness = 2 * sqrt(2 / pi) * (1 + 3 * mpf(0.044715) * x**2)
    return tanh_gate(x) * tanh_gate(-x) * steepness


def _gelu(x: Any, approximate: bool = False) -> Terms:
    return [x * (tanh_gate(x) if approximate else below(x))]


def _gelu_slope(x: Any, approximate: bool = False) -> Terms:
    return [tanh_gate(x), x * tanh_gate_slope(x)] if approximate else [below(x), x * density(x)]


# Name: the terms of the value, and those of the derivative.
ELEMENTWISE: dict[str, tuple[Callable[..., Terms], Callable[..., Terms]]] = {
    "sigmoid": (lambda x: [logistic(x)], lambda x: [exp(-x) / (1 + exp(-x)) ** 2]),
    "log_sigmoid": (lambda x: [-log(1 + exp(-x))], lambda x: [logistic(-x)]),
    "tanh": (lambda x: [(exp(x) - exp(-x)) / (exp(x) + exp(-x))], lambda x: [4 / (exp(x) + exp(-x)) ** 2]),
    "relu": (lambda x: [max(x, mpf(0))], lambda x: [mpf(x > 0)]),
    "leaky_relu": (
        lambda x, negative_slope=0.01: [x if x > 0 else mpf(negative_slope) * x],
        lambda x, negative_slope=0.01: [mpf(1) if x > 0 else mpf(negative_slope)],
    ),
    "elu": (
        lambda x, alpha=1.0: [x if x > 0 else alpha * (exp(x) - 1)],
        lambda x, alpha=1.0: [mpf(1) if x > 0 else alpha * exp(x)],
    ),
    "softplus": (lambda x: [log(1 + exp(x))], lambda x: [logistic(x)]),
    "silu": (lambda x: [x * logistic(x)], lambda x: [logistic(x), x * logistic(x) * (1 - logistic(x))]),
    "gelu": (_gelu, _gelu_slope),
    "step": (lambda x: [mpf(x > 0)], lambda x: [mpf(0)]),
}


def _tanh_u(x: Any) -> Any:
    return 2 * tanh_gate(x) - 1


def _book_gelu(x: Any, approximate: bool = False) -> Terms:
    return [x / 2, x * _tanh_u(x) / 2] if approximate else _gelu(x)


def _book_gelu_slope(x: Any, approximate: bool = False) -> Terms:
    if not approximate or abs(x) > 40:
        return _gelu_slope(x, approximate)
    u_slope = sqrt(2 / pi) * (1 + 3 * mpf(0.044715) * x**2)
    return [mpf(1) / 2, _tanh_u(x) / 2, x * u_slope / 2, -x * u_slope * _tanh_u(x) ** 2 / 2]


# The terms that the reference adds where it uses a textbook form, 1 - y, which cancels where y is nearly 1.
BOOK_ELEMENTWISE: dict[str, tuple[Callable[..., Terms], Callable[..., Terms]]] = {
    "sigmoid": (lambda x: [logistic(x)], lambda x: [logistic(x), -(logistic(x) ** 2)]),
    "tanh": (lambda x: [mpmath.tanh(x)], lambda x: [mpf(1), -(mpmath.tanh(x) ** 2)]),
    "silu": (
        lambda x: [x * logistic(x)],
        lambda x: [logistic(x), x * logistic(x), -x * logistic(x) ** 2],
    ),
    "gelu": (_book_gelu, _book_gelu_slope),
}


def probabilities(z: Vector) -> list[Any]:
    raised = [exp(score) for score in z]
    total = sum(raised)
    return [r / total for r in raised]


def _softmax(z: Vector) -> list[Terms]:
    return [[p] for p in probabilities(z)]


def _softmax_ct(z: Vector, ct: Vector) -> list[Terms]:
    p = probabilities(z)
    return [[p[i] * ct[i], *(-p[i] * p[j] * ct[j] for j in range(len(z)))] for i in range(len(z))]


def _log_softmax(z: Vector) -> list[Terms]:
    return [[log(p)] for p in probabilities(z)]


def _log_softmax_ct(z: Vector, ct: Vector) -> list[Terms]:
    p = probabilities(z)
    return [[ct[i], *(-p[i] * c for c in ct)] for i in range(len(z))]


# Name: the terms of every output, and the terms of every entry of the cotangent, of one vector of scores.
ALONG_AN_AXIS: dict[str, tuple[Callable[..., list[Terms]], Callable[..., list[Terms]]]] = {
    "softmax": (_softmax, _softmax_ct),
    "log_softmax": (_log_softmax, _log_softmax_ct),
}


# With log sum exp of a sum that is nearly 1, which is right to a rounding of 1.
BOOK_ALONG_AN_AXIS = {
    "log_softmax": (lambda z: [[*terms, mpf(1), mpf(-1)] for terms in _log_softmax(z)], _log_softmax_ct),
}


def _t_log(t: Any, p: Any) -> Any:
    return t * log(p) if t else mpf(0)


def _smooth(t: Vector, share: float, weights: Vector | None = None) -> list[Any]:
    shared = [(1 - mpf(share)) * each + mpf(share) / len(t) for each in t]
    return shared if weights is None else [w * each for w, each in zip(weights, shared, strict=True)]


def _huber(d: Any, delta: float) -> Any:
    return d * d / 2 if abs(d) <= delta else delta * (abs(d) - mpf(delta) / 2)


def _softmax_cross_entropy(
    z: Vector, t: Vector, label_smoothing: float = 0.0, class_weights: Vector | None = None
) -> Terms:
    return [-_t_log(s, p) for s, p in zip(_smooth(t, label_smoothing, class_weights), probabilities(z), strict=True)]


def _softmax_cross_entropy_ct(
    z: Vector, t: Vector, label_smoothing: float = 0.0, class_weights: Vector | None = None
) -> list[Terms]:
    p, s = probabilities(z), _smooth(t, label_smoothing, class_weights)
    return [[p[i] * (sum(s) - s[i]), -s[i] * (1 - p[i])] for i in range(len(z))]


# Name: the terms of the loss of one example, and the terms of every entry of the first argument's cotangent.
LOSSES: dict[str, tuple[Callable[..., Terms], Callable[..., list[Terms]]]] = {
    "sum_of_squares_error": (
        lambda p, t: [(a - b) ** 2 / 2 for a, b in zip(p, t, strict=True)],
        lambda p, t: [[a - b] for a, b in zip(p, t, strict=True)],
    ),
    "mean_squared_error": (
        lambda p, t: [(a - b) ** 2 / len(p) for a, b in zip(p, t, strict=True)],
        lambda p, t: [[2 * (a - b) / len(p)] for a, b in zip(p, t, strict=True)],
    ),
    "huber_loss": (
        lambda p, t, delta=1.0: [_huber(a - b, delta) / len(p) for a, b in zip(p, t, strict=True)],
        lambda p, t, delta=1.0: [
            [max(min(a - b, mpf(delta)), -mpf(delta)) / len(p)] for a, b in zip(p, t, strict=True)
        ],
    ),
    "cross_entropy_error": (
        lambda p, t: [-_t_log(b, a) for a, b in zip(p, t, strict=True)],
        lambda p, t: [[-b / a] for a, b in zip(p, t, strict=True)],
    ),
    "softmax_cross_entropy": (_softmax_cross_entropy, _softmax_cross_entropy_ct),
    "sigmoid_binary_cross_entropy": (
        lambda z, t: [
            term / len(z)
            for a, b in zip(z, t, strict=True)
            for term in (-_t_log(b, logistic(a)), -_t_log(1 - b, logistic(-a)))
        ],
        lambda z, t: [[(1 - b) * logistic(a) / len(z), -b * logistic(-a) / len(z)] for a, b in zip(z, t, strict=True)],
    ),
    "binary_cross_entropy": (
        lambda p, t: [
            term / len(p) for a, b in zip(p, t, strict=True) for term in (-_t_log(b, a), -_t_log(1 - b, 1 - a))
        ],
        lambda p, t: [[-b / a / len(p), (1 - b) / (1 - a) / len(p)] for a, b in zip(p, t, strict=True)],
    ),
    "kl_divergence": (
        lambda q, t: [term for a, b in zip(q, t, strict=True) for term in (_t_log(b, b), -b * a)],
        lambda q, t: [[-b] for _, b in zip(q, t, strict=True)],
    ),
}

# The same with log sum exp of a sum that is nearly 1, and with p - t.
BOOK_LOSSES: dict[str, tuple[Callable[..., Terms], Callable[..., list[Terms]]]] = {
    "softmax_cross_entropy": (
        lambda z, t, label_smoothing=0.0, class_weights=None: [
            *_softmax_cross_entropy(z, t, label_smoothing, class_weights),
            *(sign * max(_smooth(t, 0, class_weights)) for sign in (1, -1)),
        ],
        lambda z, t, label_smoothing=0.0, class_weights=None: [
            [p * sum(_smooth(t, label_smoothing, class_weights)), -s]
            for p, s in zip(probabilities(z), _smooth(t, label_smoothing, class_weights), strict=True)
        ],
    ),
    "sigmoid_binary_cross_entropy": (
        LOSSES["sigmoid_binary_cross_entropy"][0],
        lambda z, t: [[logistic(a) / len(z), -b / len(z)] for a, b in zip(z, t, strict=True)],
    ),
}


def slope(function: Callable[[Any], Any], at: Any) -> Any:
    """The derivative by a step so small that half of the digits are left."""
    h = mpf(10) ** (-DIGITS // 4)
    return (function(at + h) - function(at - h)) / (2 * h)


def alignments(labels: Sequence[int], steps: int, classes: int) -> list[tuple[int, ...]]:
    """Every sequence of so many classes that is the labels once repetitions are merged and blanks, class 0, struck."""
    merged = lambda path: [k for k, _ in groupby(path) if k]  # noqa: E731 (named for the line below)
    return [path for path in product(range(classes), repeat=steps) if merged(path) == list(labels)]


def ctc(z: Sequence[Vector], labels: Sequence[int]) -> tuple[Any, list[list[Any]]]:
    """The negative log-likelihood, and the gradient to every score: p less the chance given the labels."""
    p, paths = [probabilities(row) for row in z], alignments(labels, len(z), len(z[0]))
    chances = [mpmath.fprod(p[t][k] for t, k in enumerate(path)) for path in paths]
    total = sum(chances)
    slope = [list(row) for row in p]
    for path, chance in zip(paths, chances, strict=True):
        for t, k in enumerate(path):
            slope[t][k] -= chance / total
    return -log(total), slope
