"""The ops as other people define them: kernels rotated, variances unbiased, epsilons elsewhere, dropout plain.

Each function yields (cause, words, value): the words continue "the forward ...", and the op itself is `value`.
"""

from collections.abc import Iterator

import numpy as np

from reference.oracle.opspec import Guess, Primals, Statics, Value

EPSILONS = (1e-7, 1e-8, 1e-12, 1e-10, 1e-5, 1e-6, 1e-15, 1e-4, 1e-3)


def softmax(scores: np.ndarray, axis: int) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-scores))


def of_convolution(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x, kernel, *rest = primals
    first = statics.get("layout", "channels_last") == "channels_first"
    window = tuple(range(2, kernel.ndim)) if first else tuple(range(kernel.ndim - 2))
    for cause, words, other in _other_kernels(kernel, window, (0, 1) if first else (kernel.ndim - 2, kernel.ndim - 1)):
        yield cause, words, value((x, other, *rest), statics)
    padding = statics.get("padding", 0)
    if isinstance(padding, int) and padding:
        for pair, side in (((0, 2 * padding), "high"), ((2 * padding, 0), "low")):
            one_sided = value(primals, {**statics, "padding": (pair,) * (x.ndim - 2)})
            yield "convention_padding", f"pads on the {side} side only", one_sided
    if np.any(np.asarray(statics.get("dilation", 1)) != 1):
        close = value(primals, {**statics, "dilation": 1})
        yield "convention_static", "ignores the dilation", _cropped(close, value(primals, statics))
    if rest:
        yield "forward", "leaves the bias out", value((x, kernel), statics)


def _other_kernels(kernel: np.ndarray, window: tuple[int, ...], channels: tuple[int, int]) -> Iterator[Guess]:
    turned = np.flip(kernel, window)
    yield "convention_kernel", "is a true convolution: its kernel is rotated by 180 degrees", turned
    yield "convention_layout", "swaps the kernel's channel axes", np.swapaxes(kernel, *channels)
    if len(window) > 1:
        axes = list(range(kernel.ndim))
        for axis, source in zip(window, window[::-1], strict=True):
            axes[axis] = source
        yield "convention_layout", "swaps the kernel's window axes", kernel.transpose(axes)


def _cropped(value: np.ndarray | None, like: np.ndarray | None) -> np.ndarray | None:
    """The first corner of a value, in another's shape."""
    return None if value is None or like is None else value[tuple(slice(0, size) for size in like.shape)]


def of_normalization(value: Value, primals: Primals, statics: Statics, *, over_named: bool) -> Iterator[Guess]:
    """over_named: whether the moments are taken over the named axes, or over all others."""
    x, scale, bias = (np.asarray(primal, np.float64) for primal in primals[:3])
    axis = statics.get("axis", -1)
    epsilon = float(statics.get("epsilon", 1e-5))
    named = tuple(a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    kept = tuple(size if a in named else 1 for a, size in enumerate(x.shape))
    scale, bias = scale.reshape(kept), bias.reshape(kept)
    others = tuple(a for a in range(x.ndim) if a not in named)
    choices = [named if over_named else others]
    choices += [(a,) for a in range(x.ndim)] + [others, tuple(range(1, x.ndim))]
    for axes in dict.fromkeys(choices):
        own = axes == choices[0]
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        for moment, words, cause in _moments(variance, x, axes, epsilon):
            if cause or not own:
                where = "" if own else f" over axes {axes}"
                normalized = (x - mean) * moment * scale + bias
                yield cause or "convention_axis", f"{words}{where}".strip(), normalized
        if own:
            yield from _without_a_part(x, scale, bias, axes, epsilon)


def _without_a_part(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray, axes: tuple[int, ...], epsilon: float
) -> Iterator[Guess]:
    mean, deviation = x.mean(axis=axes, keepdims=True), np.sqrt(x.var(axis=axes, keepdims=True) + epsilon)
    plain = (x - mean) / deviation
    yield "forward", "leaves the bias out", plain * scale
    yield "forward", "leaves scale and bias out", plain
    yield "forward", "does not subtract the mean", x / deviation * scale + bias
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


def of_gating(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x, gate = primals
    yield "convention_layout", "takes the gate first", value((gate, x), statics)
    yield "convention_approximation", "has a sigmoid of 1.702 times the gate", x * gate * sigmoid(1.702 * gate)
    inner = np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)
    yield "convention_approximation", "has gelu in its tanh form", x * 0.5 * gate * (1 + np.tanh(inner))


def of_rotary(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x, *rest = primals
    half, count = x.shape[-1] // 2, x.shape[-3]
    signs = np.tile([1.0, -1.0], half) if statics.get("interleaved") else np.repeat([1.0, -1.0], half)
    turned = value((x * signs, *rest), statics)
    yield "convention_layout", "turns the other way", None if turned is None else turned * signs
    swapped = value((np.swapaxes(x, -3, -2), *rest), statics)
    words = "has its heads before its positions"
    yield "convention_layout", words, None if swapped is None else np.swapaxes(swapped, -3, -2)
    start = rest[0] if rest else np.arange(count)
    yield "convention_static", "counts positions from 1", value((x, start + 1), statics)


def of_embedding(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    indices, table = primals
    words = "multiplies by the root of the width"
    yield "convention_static", words, table[indices] * np.sqrt(table.shape[-1])
    if table.ndim == 2 and table.shape[0] == table.shape[1]:
        yield "convention_layout", "has its rows as columns of the table", table.T[indices]


def of_dropout(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
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


def of_gelu(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x = np.asarray(primals[0], np.float64)
    yield "convention_approximation", "is x * sigmoid(1.702 x)", x * sigmoid(1.702 * x)
    for approximate in (True, False):
        form = "tanh form" if approximate else "exact form with erf"
        yield "convention_approximation", f"is the {form}", value(primals, {"approximate": approximate})


def of_dense(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x, kernel, bias = (np.asarray(primal, np.float64) for primal in (*primals, 0.0)[:3])
    yield "forward", "leaves the bias out", x @ kernel
    yield "forward", "subtracts the bias", x @ kernel - bias
    if kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1]:
        yield "convention_layout", "has its kernel as (outputs, inputs), by rows", x @ kernel.T + bias
        yield "convention_layout", "has its kernel as (outputs, inputs), by rows, and no bias", x @ kernel.T
    if x.ndim == 2 and x.shape[0] == x.shape[1]:
        yield "convention_layout", "has its examples in columns", x.T @ kernel + bias


def of_cross_entropy(value: Value, primals: Primals, statics: Statics, *, of_scores: bool) -> Iterator[Guess]:
    """of_scores: whether the op takes scores, or their softmax."""
    first, second = np.asarray(primals[0], np.float64), primals[1]
    labels = second.dtype.kind in "iu"
    targets = np.eye(first.shape[-1])[second] if labels else np.asarray(second, np.float64)
    smoothing, classes = float(statics.get("label_smoothing", 0.0)), first.shape[-1]
    if smoothing:
        wrong = (1 - smoothing) * targets + smoothing / (classes - 1) * (1 - targets)
        yield (
            "convention_static",
            "shares the smoothing among the wrong classes only",
            _surprise(wrong, softmax(first, -1)),
        )
        targets = (1 - smoothing) * targets + smoothing / classes
    probabilities, other = (softmax(first, -1), first) if of_scores else (first, softmax(first, -1))
    yield from _guarded(targets, probabilities)
    kind = "takes its first argument for probabilities" if of_scores else "applies softmax first"
    yield "convention_domain", kind, _surprise(targets, other)
    yield "convention_domain", "applies softmax twice", _surprise(targets, softmax(probabilities, -1))
    yield "forward", "has the opposite sign", -_surprise(targets, probabilities)
    if first.ndim == 2:
        yield "convention_axis", "takes softmax over the batch", _surprise(targets, softmax(first, 0))


def _surprise(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    return -np.sum(targets * np.log(probabilities), axis=-1)


def _guarded(targets: np.ndarray, probabilities: np.ndarray) -> Iterator[Guess]:
    """Kept from the logarithm of zero."""
    for epsilon in EPSILONS:
        words = f"has {epsilon:g} inside the logarithm"
        yield "convention_epsilon", words, _surprise(targets, probabilities + epsilon)
        words = f"clips the probabilities at {epsilon:g}"
        yield "convention_epsilon", words, _surprise(targets, np.clip(probabilities, epsilon, 1 - epsilon))
        yield "convention_epsilon", words, _surprise(targets, np.maximum(probabilities, epsilon))


def of_binary(value: Value, primals: Primals, statics: Statics, *, of_scores: bool) -> Iterator[Guess]:
    """of_scores: whether the op takes scores, or their sigmoid."""
    first, t = (np.asarray(primal, np.float64) for primal in primals[:2])
    p, other = (sigmoid(first), first) if of_scores else (first, sigmoid(first))
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
    words = "takes probabilities" if of_scores else "takes logits"
    loss = -(t * np.log(other) + (1 - t) * np.log(1 - other))
    yield "convention_domain", words, loss.mean(axis=rest)


def of_max_pool(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    (x,) = primals
    padding = statics.get("padding", 0)
    if isinstance(padding, int) and padding:
        first = statics.get("layout", "channels_last") == "channels_first"
        spatial = ((padding, padding),) * (x.ndim - 2)
        around = ((0, 0), (0, 0), *spatial) if first else ((0, 0), *spatial, (0, 0))
        padded = value((np.pad(x, around),), {**statics, "padding": "VALID"})
        yield "convention_padding", "pads with zeros, which win over negative values", padded


def of_huber(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    y, t = (np.asarray(primal, np.float64) for primal in primals[:2])
    delta, e = float(statics.get("delta", 1.0)), np.abs(y - t)
    rest = tuple(range(1, y.ndim))
    loss = np.where(e <= delta, 0.5 * e * e, delta * (e - 0.5 * delta))
    for words, scaled in (("divides by delta (smooth L1)", loss / delta), ("sums over an example", loss)):
        for reduce in (np.mean, np.sum):
            yield "convention_reduction", words, reduce(scaled, axis=rest)


def of_divergence(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    q, t = (np.asarray(primal, np.float64) for primal in primals[:2])
    words = "takes probabilities where the op takes log-probabilities"
    yield "convention_domain", words, np.sum(t * np.log(t / q), axis=-1)
    yield "convention_domain", "takes log-targets", np.sum(np.exp(t) * (t - q), axis=-1)
    yield "forward", "has the divergence the other way round", np.sum(np.exp(q) * (q - np.log(t)), axis=-1)
    yield "forward", "leaves the entropy of the targets out", -np.sum(t * q, axis=-1)
    yield "convention_reduction", "averages over the entries", np.mean(t * (np.log(t) - q), axis=-1)
