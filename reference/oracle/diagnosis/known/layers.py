"""Dense layers, convolutions, dropout: the wrong product, a kernel turned or its groups exchanged."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from reference._geometry import channels_last, from_channels_last, under, unpad
from reference.oracle.diagnosis.known.recognize import Known
from reference.oracle.diagnosis.known.statics import gradient_with, pairs_of
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def dense(view: View, known: Known) -> Iterator[Model]:
    """The gradient to the input by an untransposed, elementwise or already updated kernel."""
    x, kernel = (np.asarray(primal, np.float64) for primal in known.primals[:2])
    rows, c = x.reshape(-1, x.shape[-1]), known.cotangent.reshape(-1, known.cotangent.shape[-1])
    products = _products(rows, kernel, c) if view.position == 0 else _kernel_products(rows, kernel, c)
    for cause, words, predicted in products if view.position < 2 else ():
        if predicted is not None and predicted.size == view.expected.size:
            yield Model(cause, words, predicted.reshape(view.expected.shape), exact=True)
    if view.position == 0:
        yield from _updated(view, rows, kernel, c)


def _products(x: np.ndarray, kernel: np.ndarray, c: np.ndarray) -> Iterator[tuple[str, str, np.ndarray | None]]:
    yield "not_transposed", "is dy @ kernel where dy @ kernel.T belongs", multiplied(c, kernel)
    yield "not_transposed", "is (kernel @ dy.T).T with the kernel not transposed", multiplied(c, np.flip(kernel).T)
    yield "elementwise_product", "is dy * kernel, entry by entry", aligned(c, kernel)
    yield "elementwise_product", "is dy * kernel.T, entry by entry", aligned(c, kernel.T)
    yield "wrong_operand", "multiplies the input where the cotangent belongs", multiplied(x, kernel)


def _kernel_products(x: np.ndarray, kernel: np.ndarray, c: np.ndarray) -> Iterator[tuple[str, str, np.ndarray | None]]:
    yield "not_transposed", "is x @ dy where x.T @ dy belongs", multiplied(x, c)
    yield "elementwise_product", "is x * dy, entry by entry", aligned(x, c)
    yield "elementwise_product", "is x.T * dy, entry by entry", aligned(x.T, c)
    yield "wrong_operand", "uses the output where the input belongs", multiplied((x @ kernel).T, c)


def multiplied(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """The matrix product where the shapes allow one."""
    return a @ b if a.shape[-1] == b.shape[0] else None


def aligned(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """The elementwise product where the shapes are equal or broadcast."""
    return a * b if a.shape == b.shape or (1 in (*a.shape, *b.shape) and _broadcast(a, b)) else None


def _broadcast(a: np.ndarray, b: np.ndarray) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a.shape, b.shape, strict=True))


def _updated(view: View, x: np.ndarray, kernel: np.ndarray, c: np.ndarray) -> Iterator[Model]:
    """dy @ (kernel - rate * kernel_ct).T for any rate."""
    if not view.same_shape:
        return
    direction = (c @ (x.T @ c).T).reshape(view.expected.shape)
    power = float(np.sum(direction * direction))
    rate = -float(np.sum(view.error * direction)) / power if power > 0 else 0.0
    words = f"is computed with the kernel after its update (learning rate {rate:.4g})"
    yield Model("updated_weight", words, view.expected - rate * direction, freedom=1, exact=True)


def convolution(view: View, known: Known) -> Iterator[Model]:
    """A kernel rotated or transposed on the way, padding cropped elsewhere, another group's channels."""
    if view.position > 1:
        return
    x, kernel, *rest = known.primals
    first = known.statics.get("layout", "channels_last") == "channels_first"
    window = tuple(range(2, kernel.ndim)) if first else tuple(range(kernel.ndim - 2))
    if view.position == 0:
        for count in range(1, len(window) + 1):
            for axes in combinations(window, count):
                turned = gradient_with(view, known, {}, x, np.flip(kernel, axes), *rest)
                words = f"uses the kernel reversed along axes {axes}: it is rotated once too few or too many"
                yield from _model("flipped", words, turned)
        channels = (0, 1) if first else (kernel.ndim - 2, kernel.ndim - 1)
        swapped = np.swapaxes(kernel, *channels)
        yield from _model("not_transposed", "swaps the kernel's channel axes", _like(view, known, x, swapped, rest))
        yield from _padding(view, known, first)
        yield from _assigned(view, known)
    yield from _groups(view, known, first)


def _assigned(view: View, known: Known) -> Iterator[Model]:
    """Contributions of overlapping windows assigned, offset by offset or position by position."""
    if known.op != "conv" or int(known.statics.get("groups", 1)) > 1:
        return
    layout = known.statics.get("layout", "channels_last")
    padded, weights, _, geometry, *_ = known.saved[1]
    upstream = channels_last(known.cotangent, layout)
    by_offset, by_position = np.zeros(padded.shape), np.zeros(padded.shape)
    for offset in np.ndindex(geometry.window):
        by_offset[under(geometry, offset)] = upstream @ weights[offset].T
    taps = list(np.ndindex(geometry.window))
    for position in np.ndindex(geometry.counts):
        for tap in taps:
            steps = zip(position, tap, geometry.strides, geometry.dilation, strict=True)
            at = (slice(None), *(p * stride + t * gap for p, t, stride, gap in steps))
            by_position[at] = upstream[(slice(None), *position)] @ weights[tap].T
    for order, gradient in (("offset by offset", by_offset), ("position by position", by_position)):
        predicted = from_channels_last(unpad(gradient, geometry.padding), layout)
        words = f"is assigned, not accumulated, where windows overlap ({order})"
        yield Model("overlap_dropped", words, predicted, exact=True)


def _like(view: View, known: Known, x: np.ndarray, kernel: np.ndarray, rest: list) -> np.ndarray | None:
    return gradient_with(view, known, {}, x, kernel, *rest) if kernel.shape == known.primals[1].shape else None


def _model(cause: str, words: str, predicted: np.ndarray | None) -> Iterator[Model]:
    if predicted is not None:
        yield Model(cause, words, predicted, exact=True)


def _padding(view: View, known: Known, first: bool) -> Iterator[Model]:
    """The gradient of the padded input, cropped at the wrong side or not at all."""
    x, *rest = known.primals
    pairs = pairs_of(known.statics.get("padding", "VALID"), x.ndim - 2)
    if not pairs or not any(map(sum, pairs)) or known.op != "conv":
        return
    around = ((0, 0), (0, 0), *pairs) if first else ((0, 0), *pairs, (0, 0))
    padded = gradient_with(view, known, {"padding": "VALID"}, np.pad(x, around), *rest)
    if padded is None:
        return
    start = tuple(slice(0, size) for size in x.shape)
    end = tuple(slice(total - size, total) for size, total in zip(x.shape, padded.shape, strict=True))
    yield Model("shifted", "is cropped at the start of the padded array: it is moved by the padding", padded[start])
    yield Model("shifted", "is cropped at the end of the padded array: it is moved by the padding", padded[end])
    yield Model("wrong_shape", "is that of the padded input: the padding is not cropped", padded, exact=True)


def _groups(view: View, known: Known, first: bool) -> Iterator[Model]:
    """Another group's kernel in the gradient to the input, or another group's input in that to the kernel."""
    groups = int(known.statics.get("groups", 1))
    x, kernel, *_ = known.primals
    if groups < 2:
        return
    orders = {tuple(np.roll(range(groups), k)) for k in range(1, groups)} | {tuple(reversed(range(groups)))}
    orders |= {(k,) * groups for k in range(groups)}
    split, axis = (kernel, 0 if first else -1) if view.position == 0 else (x, 1 if first else -1)
    parts = np.split(split, groups, axis=axis)
    for order in sorted(orders):
        yield from _mixed(view, known, np.concatenate([parts[group] for group in order], axis=axis), list(order))
    yield from _mixed(view, known, np.flip(split, axis), "in reverse")
    width = split.shape[axis] // groups
    apart = [group + number * groups for group in range(groups) for number in range(width)]
    yield from _mixed(view, known, np.take(split, apart, axis), "interleaved")
    near = [group + number for group in range(groups) for number in range(width)]
    yield from _mixed(view, known, np.take(split, near, axis), "that start at the group's number")


def _mixed(view: View, known: Known, mixed: np.ndarray, order: list[int] | str) -> Iterator[Model]:
    x, kernel, *rest = known.primals
    primals = (x, mixed, *rest) if view.position == 0 else (mixed, kernel, *rest)
    what = "kernels" if view.position == 0 else "input channels"
    words = f"uses the {what} of the groups {order}" if isinstance(order, list) else f"uses the {what} {order}"
    yield from _model("groups_mixed", words, gradient_with(view, known, {}, *primals))
