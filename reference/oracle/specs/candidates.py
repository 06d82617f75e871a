"""The statics with which an op might have been called, read off the arguments and the output where possible."""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product
from typing import Any

import numpy as np

from reference.oracle.opspec import Primals

Candidates = Iterator[dict[str, Any]]
EPSILONS = (1e-5, 1e-8, 1e-7, 1e-6, 1e-3, 1e-10, 1e-12)


def axes(primals: Primals, out: np.ndarray) -> Candidates:
    for axis in reversed(range(primals[0].ndim)):
        yield {"axis": axis}


def slope(name: str, base: Callable[[np.ndarray], np.ndarray]) -> Callable[[Primals, np.ndarray], Candidates]:
    """A parameter that multiplies `base` on the negative side: read off at the most negative input."""

    def read(primals: Primals, out: np.ndarray) -> Candidates:
        (x, *_) = primals
        if out.shape == x.shape and x.size and x.min() < 0:
            lowest = np.unravel_index(np.argmin(x), x.shape)
            value = float(out[lowest] / base(x[lowest]))
            if abs(value + 1) > 1e-9:  # the absolute value is no rectifier
                yield {name: value}

    return read


def either_form(primals: Primals, out: np.ndarray) -> Candidates:
    yield {"approximate": False}
    yield {"approximate": True}


def smoothings(primals: Primals, out: np.ndarray) -> Candidates:
    yield from ({"label_smoothing": smoothing} for smoothing in (0.0, 0.1, 0.05, 0.2))
    yield from _smoothing_read_off(primals, out)
    yield from _label_of_no_class(primals)


def _label_of_no_class(primals: Primals) -> Candidates:
    """The one label that is no class must be the one that is ignored; a first or last class may be."""
    if len(primals) > 1 and primals[1].dtype.kind in "iu" and primals[0].ndim:
        classes = primals[0].shape[-1]
        strange = np.unique(primals[1][(primals[1] < 0) | (primals[1] >= classes)])
        usual = strange if strange.size else np.array([0, classes - 1])
        yield from ({"ignore_label": int(label)} for label in (usual if usual.size <= 2 else ()))


def _smoothing_read_off(primals: Primals, out: np.ndarray) -> Candidates:
    """The loss is linear in the smoothing: between the label's surprise and the mean surprise of all classes."""
    labelled = len(primals) == 2 and primals[1].dtype.kind in "iu" and primals[1].shape == primals[0].shape[:-1]
    if labelled and primals[1].size and primals[1].min() >= 0 and primals[1].max() < primals[0].shape[-1]:
        scores = primals[0] - primals[0].max(axis=-1, keepdims=True)
        surprise = np.log(np.exp(scores).sum(axis=-1, keepdims=True)) - scores
        own = np.take_along_axis(surprise, primals[1][..., None], -1)[..., 0]
        for reduce in (np.asarray, np.mean, np.sum):
            sharp, flat = np.ravel(reduce(own)), np.ravel(reduce(surprise.mean(axis=-1)))
            if sharp.size == out.size and abs(flat[0] - sharp[0]) > 1e-9:
                smoothing = float((out.ravel()[0] - sharp[0]) / (flat[0] - sharp[0]))
                likely = 0 < smoothing < 1 and _written(smoothing, out)
                yield from [{"label_smoothing": round(smoothing, 9)}] if likely else []


def _written(number: float, out: np.ndarray) -> bool:
    """Whether somebody may have written this number: one that is read off a single value must be a round one."""
    return out.size > 1 or abs(number - round(number, 3)) < 1e-8


def in_one_chunk(primals: Primals, out: np.ndarray) -> Candidates:
    """The chunk changes no value: all rows at once."""
    yield {"chunk": max(primals[0].size, 1)}


def deltas(primals: Primals, out: np.ndarray) -> Candidates:
    yield from ({"delta": delta} for delta in (1.0, 0.5, 2.0, 1.5, 0.1, 0.25, 5.0, 10.0))
    if len(primals) == 2 and primals[0].shape == primals[1].shape and primals[0].ndim and out.ndim < 2:
        error = np.abs(primals[0] - primals[1])
        error = error if out.size == 1 else error[0]
        found = _turning(error, float(out.ravel()[0]))
        yield from ({"delta": round(delta, 9)} for delta in found if _written(delta, out))


def _turning(error: np.ndarray, loss: float) -> Iterator[float]:
    """Where a mean Huber loss of these errors turns from a parabola into lines: it grows with that point."""
    low, high = 0.0, float(np.max(error, initial=0.0))
    for _ in range(60):
        delta = (low + high) / 2
        inside = np.where(error <= delta, error**2 / 2, delta * (error - delta / 2)).mean()
        low, high = (delta, high) if inside < loss else (low, delta)
    if low > 0:
        yield low


def normalized_axes(primals: Primals, out: np.ndarray) -> Candidates:
    if out.shape != primals[0].shape or len(primals) not in (2, 3, 5):
        return
    for count in range(1, primals[0].ndim):
        for axes in combinations(range(primals[0].ndim), count):
            if tuple(primals[0].shape[axis] for axis in axes) == primals[1].shape:
                for epsilon in EPSILONS:
                    yield {"axis": axes if count > 1 else axes[0], "epsilon": epsilon}


def grouped_channels(primals: Primals, out: np.ndarray) -> Candidates:
    if out.shape != primals[0].shape or len(primals) != 3 or primals[1].ndim != 1 or out.ndim < 2:
        return
    channels = len(primals[1])
    for layout, axis in (("channels_first", 1), ("channels_last", -1)):
        divisors = [n for n in range(1, channels + 1) if channels % n == 0] if out.shape[axis] == channels else []
        yield from ({"groups": n, "layout": layout, "epsilon": epsilon} for n in divisors for epsilon in EPSILONS)


def gated(primals: Primals, out: np.ndarray) -> Candidates:
    if len(primals) == 2 and primals[0].shape == primals[1].shape == out.shape:
        yield from ({"activation": name} for name in ("sigmoid", "silu", "gelu", "relu", "identity"))


def rotations(primals: Primals, out: np.ndarray) -> Candidates:
    if out.shape == primals[0].shape and out.ndim >= 3 and out.shape[-1] % 2 == 0:
        for base, interleaved in product((10000.0, 500000.0, 1000000.0, 100.0), (False, True)):
            yield {"base": base, "interleaved": interleaved}


def turns_nothing(primals: Primals, statics: Mapping[str, Any]) -> bool:
    """Whether every position is 0."""
    return primals[0].shape[-3] == 1 if len(primals) == 1 else not np.any(primals[1])


def _spatial(primals: Primals, out: np.ndarray) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Layout, and the spatial sizes of x and of the output in it."""
    if primals[0].ndim >= 3 and out.ndim == primals[0].ndim and out.shape[0] == primals[0].shape[0]:
        yield "channels_last", primals[0].shape[1:-1], out.shape[1:-1]
        yield "channels_first", primals[0].shape[2:], out.shape[2:]


PADDINGS = (0, 1, 2, (0, 1), (1, 0), 3)
# What even or causal kernels need besides.
UNEVEN = ((1, 2), (2, 1), (2, 0), (0, 2), (3, 0), (4, 0))


def windows(primals: Primals, out: np.ndarray) -> Candidates:
    if len(primals) < 2 or primals[1].ndim != primals[0].ndim:
        return
    for layout, sizes, counts in _spatial(primals, out):
        kernel = primals[1].shape
        window = kernel[:-2] if layout == "channels_last" else kernel[2:]
        channels = primals[0].shape[-1] if layout == "channels_last" else primals[0].shape[1]
        inputs, outputs = (kernel[-2], kernel[-1]) if layout == "channels_last" else (kernel[1], kernel[0])
        seen = out.shape[-1] if layout == "channels_last" else out.shape[1]
        if outputs != seen or not inputs or channels % inputs:
            continue
        for statics in _windows(sizes, counts, window, PADDINGS + UNEVEN):
            yield statics | {"layout": layout, "groups": channels // inputs}


def _windows(
    sizes: tuple[int, ...], counts: tuple[int, ...], window: tuple[int, ...], paddings: tuple = PADDINGS
) -> Candidates:
    """Strides, dilation and padding, the same in every dimension if possible, that give these counts."""
    options = [
        [
            (stride, dilation, pair)
            for stride, dilation, pad in product((1, 2, 3, 4, 5), (1, 2, 3), paddings)
            for pair in (pad if isinstance(pad, tuple) else (pad, pad),)
            if (size + sum(pair) - (width - 1) * dilation - 1) // stride + 1 == count and width <= size + sum(pair)
        ]
        for size, count, width in zip(sizes, counts, window, strict=True)
    ]
    if not all(options):
        return
    chosen = sorted(product(*options), key=lambda choice: (len(set(choice)), choice))
    for choice in chosen[:200]:
        strides, dilation, padding = zip(*choice, strict=True)
        yield {"strides": strides, "dilation": dilation, "padding": padding}


def spread_windows(primals: Primals, out: np.ndarray) -> Candidates:
    if len(primals) < 2 or primals[1].ndim != primals[0].ndim:
        return
    for layout, sizes, counts in _spatial(primals, out):
        window = primals[1].shape[:-2] if layout == "channels_last" else primals[1].shape[2:]
        for stride, dilation, pad, extra in product((1, 2, 3), (1, 2), (0, 1, 2), (0, 1)):
            ends = zip(sizes, window, strict=True)
            if tuple((s - 1) * stride + (w - 1) * dilation + 1 - 2 * pad + extra for s, w in ends) == counts:
                statics = {"strides": stride, "dilation": dilation, "padding": pad, "output_padding": extra}
                yield statics | {"layout": layout}


def pooled_windows(average: bool) -> Callable[[Primals, np.ndarray], Candidates]:
    def choose(primals: Primals, out: np.ndarray) -> Candidates:
        if len(primals) != 1 or average == bool(np.isin(out, primals[0]).all()):
            return  # a maximum is an entry, a mean is none
        for layout, sizes, counts in _spatial(primals, out):
            touching = tuple(max(size // max(count, 1), 1) for size, count in zip(sizes, counts, strict=True))
            squares = ((width,) * len(sizes) for width in range(1, max(sizes) + 1))
            for window in (touching, *squares) if len(set(touching)) > 1 else squares:
                width = window[0] if len(set(window)) == 1 else window
                for statics in _windows(sizes, counts, window):
                    if set(statics.pop("dilation")) == {1}:
                        yield statics | {"window": width, "layout": layout}
                        if average and any(map(any, statics["padding"])):
                            yield statics | {"window": width, "layout": layout, "count_include_pad": False}
                yield from (
                    {**found, "window": width, "layout": layout} for found in _rounded_up(sizes, counts, window)
                )

    return choose


def attended(primals: Primals, out: np.ndarray) -> Candidates:
    query, *others = primals[:3]
    if len(primals) not in (3, 4) or any(array.ndim != 4 for array in (query, *others)):
        return
    if out.shape == (*query.shape[:3], others[1].shape[3]):
        ways = ({"causal": False}, {"causal": True})
        yield from ({**way, "scale": scale} for way in ways for scale in (None, 1.0))
        yield from ({**way, "softcap": cap} for way in ways for cap in (50.0, 30.0, 20.0, 10.0))
        windows = range(1, min(9, query.shape[1]))
        yield from ({**way, "window": window} for way in ways for window in windows)


def _rounded_up(sizes: tuple[int, ...], counts: tuple[int, ...], window: tuple[int, ...]) -> Candidates:
    """The stride, without padding, of which these counts are those with what is left over, and not those without."""
    for stride in (1, 2, 3, 4, 5):
        spare = [size - width for size, width in zip(sizes, window, strict=True)]
        up = tuple(-(-more // stride) + 1 for more in spare)
        starts = all((count - 1) * stride < size for count, size in zip(counts, sizes, strict=True))
        if up == counts and starts and any(more % stride for more in spare):
            yield {"strides": stride, "ceil_mode": True}


def dropped(primals: Primals, out: np.ndarray) -> Candidates:
    (x, *_) = primals
    kept = (np.abs(out) > 0) & (np.abs(x) > 0) if out.shape == x.shape else np.zeros(0, bool)
    if kept.any():
        yield {"rate": float(1 - x[kept].flat[0] / out[kept].flat[0])}


def unrolled(primals: Primals, out: np.ndarray) -> Candidates:
    """Both directions; and where an example's outputs end in zeros, the length that it seems to have."""
    x = primals[0]
    if x.ndim != 3 or out.ndim != 3 or out.shape[:2] != x.shape[:2]:
        return
    lengths = x.shape[1] - np.argmax(out[:, ::-1].any(axis=-1), axis=1)
    lengths = np.where(out.any(axis=(1, 2)), lengths, 0)
    for reverse in (False, True):
        yield {"reverse": reverse}
        if (lengths < x.shape[1]).any():
            yield {"reverse": reverse, "lengths": lengths}
