"""The ops as other people define them: kernels rotated, variances unbiased, epsilons elsewhere, dropout plain."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from reference.oracle.diagnosis.known.recognize import triple

Primals = tuple[np.ndarray, ...]
Guess = tuple[str, str, Any]
EPSILONS = (1e-7, 1e-8, 1e-12, 1e-10, 1e-5, 1e-6, 1e-15, 1e-4, 1e-3)


def normalized(scores: np.ndarray, axis: int) -> np.ndarray:
    """Softmax."""
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def variants(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    """Every variant of this op: (cause, words, value)."""
    if op in _VARIANTS:
        yield from _VARIANTS[op](op, statics, primals)


def _value(op: str, primals: Primals, statics: dict[str, Any]) -> np.ndarray | None:
    try:
        out = triple(op)[0](*primals, **statics)[0]
        return np.asarray(out[0] if isinstance(out, tuple) else out, np.float64)
    except Exception:  # the reference refuses what does not fit
        return None


def _conv(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    x, kernel, *rest = primals
    first = statics.get("layout", "channels_last") == "channels_first"
    window = tuple(range(2, kernel.ndim)) if first else tuple(range(kernel.ndim - 2))
    turned = _value(op, (x, np.flip(kernel, window), *rest), statics)
    yield "convention_kernel", "is a true convolution: its kernel is rotated by 180 degrees", turned
    channels = (0, 1) if first else (kernel.ndim - 2, kernel.ndim - 1)
    for words, other in (("swaps the kernel's channel axes", np.swapaxes(kernel, *channels)), ("", kernel)):
        for order in (window[::-1],) if not words and len(window) > 1 else ():
            axes = list(range(kernel.ndim))
            for axis, source in zip(window, order, strict=True):
                axes[axis] = source
            value = _value(op, (x, kernel.transpose(axes), *rest), statics)
            yield "convention_layout", "swaps the kernel's window axes", value
        if words:
            yield "convention_layout", words, _value(op, (x, other, *rest), statics)
    padding = statics.get("padding", 0)
    if isinstance(padding, int) and padding:
        rank = x.ndim - 2
        for pair, side in (((0, 2 * padding), "high"), ((2 * padding, 0), "low")):
            value = _value(op, primals, {**statics, "padding": (pair,) * rank})
            yield "convention_padding", f"pads on the {side} side only", value
    if np.any(np.asarray(statics.get("dilation", 1)) != 1):
        value = _value(op, primals, {**statics, "dilation": 1})
        yield "convention_static", "ignores the dilation", _cropped(value, _value(op, primals, statics))
    if rest:
        yield "forward", "leaves the bias out", _value(op, (x, kernel), statics)


def _cropped(value: np.ndarray | None, like: np.ndarray | None) -> np.ndarray | None:
    """The first corner of a value, in another's shape."""
    return None if value is None or like is None else value[tuple(slice(0, size) for size in like.shape)]


def _norm(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    x, scale, bias = (np.asarray(primal, np.float64) for primal in primals[:3])
    axis = statics.get("axis", -1)
    epsilon = float(statics.get("epsilon", 1e-5))
    named = tuple(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    kept = tuple(size if a in named else 1 for a, size in enumerate(x.shape))
    scale, bias = scale.reshape(kept), bias.reshape(kept)
    others = tuple(a for a in range(x.ndim) if a not in named)
    choices = [named if op == "layer_norm" else others]
    choices += [(a,) for a in range(x.ndim)] + [others, tuple(range(1, x.ndim))]
    for axes in dict.fromkeys(choices):
        own = axes == choices[0]
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        where = "" if own else f" over axes {axes}"
        for moment, words, cause in _moments(variance, x, axes, epsilon):
            if cause or not own:
                value = (x - mean) * moment * scale + bias
                yield cause or "convention_axis", f"{words}{where}".strip(), value
        if own:
            plain = (x - mean) / np.sqrt(variance + epsilon)
            yield "forward", "leaves the bias out", plain * scale
            yield "forward", "leaves scale and bias out", plain
            yield "forward", "does not subtract the mean", x / np.sqrt(variance + epsilon) * scale + bias
            root = np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + epsilon)
            yield "forward", "is RMS normalization: no mean is taken off", x / root * scale + bias


def _moments(variance: np.ndarray, x: np.ndarray, axes: tuple[int, ...], epsilon: float):
    """(factor, words, cause): one over the deviation, in every convention; cause "" for the op's own."""
    count = int(np.prod([x.shape[axis] for axis in axes]))
    yield 1 / np.sqrt(variance + epsilon), "normalizes", ""
    if count > 1:
        unbiased = variance * count / (count - 1)
        yield 1 / np.sqrt(unbiased + epsilon), "divides the variance by N - 1", "convention_variance"
        yield 1 / (np.sqrt(unbiased) + epsilon), "divides the variance by N - 1", "convention_variance"
    for other in (epsilon, *EPSILONS, 1e-2, 1e-1, 0.0):
        yield 1 / (np.sqrt(variance) + other), f"has epsilon {other:g} outside the root", "convention_epsilon"
        yield 1 / np.sqrt(variance + other), f"has epsilon {other:g}", "convention_epsilon" if other != epsilon else ""


def _dropout(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    x, mask = np.asarray(primals[0], np.float64), np.asarray(primals[1]).astype(bool)
    rate = float(statics.get("rate", 0.5))
    for kept, note in ((mask, ""), (~mask, ", and drops what the mask keeps")):
        scales = {
            "does not scale": 1.0,
            "multiplies by the keep rate": 1 - rate,
            "divides by the rate": 1 / rate if rate else 0,
        }
        scales |= {"multiplies by the rate": rate, "divides by the keep rate": 1 / (1 - rate)}
        for words, scale in scales.items():
            if note or words != "divides by the keep rate":
                yield "convention_dropout", f"{words}{note}", x * kept * scale
    yield "convention_dropout", "scales everything by the keep rate (evaluation mode)", x * (1 - rate)
    yield "convention_dropout", "drops nothing", x


def _gelu(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    x = np.asarray(primals[0], np.float64)
    yield "convention_approximation", "is x * sigmoid(1.702 x)", x / (1 + np.exp(-1.702 * x))
    for approximate in (True, False):
        form = "tanh form" if approximate else "exact form with erf"
        yield "convention_approximation", f"is the {form}", _value("gelu", primals, {"approximate": approximate})


def _dense(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    x, kernel, bias = (np.asarray(primal, np.float64) for primal in (*primals, 0.0)[:3])
    yield "forward", "leaves the bias out", x @ kernel
    yield "forward", "subtracts the bias", x @ kernel - bias
    if kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1]:
        yield "convention_layout", "has its kernel as (outputs, inputs), by rows", x @ kernel.T + bias
        yield "convention_layout", "has its kernel as (outputs, inputs), by rows, and no bias", x @ kernel.T
    if x.ndim == 2 and x.shape[0] == x.shape[1]:
        yield "convention_layout", "has its examples in columns", x.T @ kernel + bias


def _cross_entropy(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    first, second = np.asarray(primals[0], np.float64), primals[1]
    labels = second.dtype.kind in "iu"
    targets = np.eye(first.shape[-1])[second] if labels else np.asarray(second, np.float64)
    smoothing, classes = float(statics.get("label_smoothing", 0.0)), first.shape[-1]
    if smoothing:
        wrong = (1 - smoothing) * targets + smoothing / (classes - 1) * (1 - targets)
        words = "shares the smoothing among the wrong classes only"
        yield "convention_static", words, -np.sum(wrong * np.log(normalized(first, -1)), axis=-1)
        targets = (1 - smoothing) * targets + smoothing / classes
    probabilities = normalized(first, -1) if op == "softmax_cross_entropy" else first
    for epsilon in EPSILONS:
        words = f"has {epsilon:g} inside the logarithm"
        yield "convention_epsilon", words, -np.sum(targets * np.log(probabilities + epsilon), axis=-1)
        clipped = np.clip(probabilities, epsilon, 1 - epsilon)
        words = f"clips the probabilities at {epsilon:g}"
        yield "convention_epsilon", words, -np.sum(targets * np.log(clipped), axis=-1)
        yield "convention_epsilon", words, -np.sum(targets * np.log(np.maximum(probabilities, epsilon)), axis=-1)
    other = first if op == "softmax_cross_entropy" else normalized(first, -1)
    kind = "takes its first argument for probabilities" if op == "softmax_cross_entropy" else "applies softmax first"
    yield "convention_domain", kind, -np.sum(targets * np.log(other), axis=-1)
    twice = normalized(probabilities, -1)
    yield "convention_domain", "applies softmax twice", -np.sum(targets * np.log(twice), axis=-1)
    yield "forward", "has the opposite sign", np.sum(targets * np.log(probabilities), axis=-1)
    if first.ndim == 2:
        crossed = normalized(first, 0)
        yield "convention_axis", "takes softmax over the batch", -np.sum(targets * np.log(crossed), axis=-1)


def _binary(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    first, t = (np.asarray(primal, np.float64) for primal in primals[:2])
    p = 1 / (1 + np.exp(-first)) if op == "sigmoid_binary_cross_entropy" else first
    rest = tuple(range(1, first.ndim))
    for epsilon in (0.0, *EPSILONS):
        for words, low in (
            (f"has {epsilon:g} inside the logarithm", p + epsilon),
            (f"clips at {epsilon:g}", np.clip(p, epsilon, 1 - epsilon)),
        ):
            high = 1 - p + epsilon if "inside" in words else 1 - low
            loss = -(t * np.log(low) + (1 - t) * np.log(high))
            if epsilon:
                yield "convention_epsilon", words, loss.mean(axis=rest)
            yield "convention_reduction", f"sums where the op averages, and {words}", loss.sum(axis=rest)
    other = 1 / (1 + np.exp(-first)) if op == "binary_cross_entropy" else first
    words = "takes logits" if op == "binary_cross_entropy" else "takes probabilities"
    loss = -(t * np.log(other) + (1 - t) * np.log(1 - other))
    yield "convention_domain", words, loss.mean(axis=rest)


def _max_pool(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    (x,) = primals
    padding = statics.get("padding", 0)
    if isinstance(padding, int) and padding:
        first = statics.get("layout", "channels_last") == "channels_first"
        spatial = ((padding, padding),) * (x.ndim - 2)
        around = ((0, 0), (0, 0), *spatial) if first else ((0, 0), *spatial, (0, 0))
        value = _value(op, (np.pad(x, around),), {**statics, "padding": "VALID"})
        yield "convention_padding", "pads with zeros, which win over negative values", value


def _huber(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    y, t = (np.asarray(primal, np.float64) for primal in primals[:2])
    delta, e = float(statics.get("delta", 1.0)), np.abs(y - t)
    rest = tuple(range(1, y.ndim))
    loss = np.where(e <= delta, 0.5 * e * e, delta * (e - 0.5 * delta))
    for words, value in (("divides by delta (smooth L1)", loss / delta), ("sums over an example", loss)):
        for reduce in (np.mean, np.sum):
            yield "convention_reduction", words, reduce(value, axis=rest)


def _divergence(op: str, statics: dict[str, Any], primals: Primals) -> Iterator[Guess]:
    q, t = (np.asarray(primal, np.float64) for primal in primals[:2])
    yield (
        "convention_domain",
        "takes probabilities where the op takes log-probabilities",
        np.sum(t * np.log(t / q), axis=-1),
    )
    yield "convention_domain", "takes log-targets", np.sum(np.exp(t) * (t - q), axis=-1)
    yield "forward", "has the divergence the other way round", np.sum(np.exp(q) * (q - np.log(t)), axis=-1)
    yield "forward", "leaves the entropy of the targets out", -np.sum(t * q, axis=-1)
    yield "convention_reduction", "averages over the entries", np.mean(t * (np.log(t) - q), axis=-1)


_VARIANTS: Mapping[str, Callable[[str, dict[str, Any], Primals], Iterator[Guess]]] = {
    "dense": _dense,
    "conv": _conv,
    "conv_transpose": _conv,
    "batch_norm": _norm,
    "layer_norm": _norm,
    "dropout": _dropout,
    "gelu": _gelu,
    "softmax_cross_entropy": _cross_entropy,
    "cross_entropy_error": _cross_entropy,
    "binary_cross_entropy": _binary,
    "sigmoid_binary_cross_entropy": _binary,
    "max_pool": _max_pool,
    "huber_loss": _huber,
    "kl_divergence": _divergence,
}
