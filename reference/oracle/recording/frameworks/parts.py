"""What operations of both frameworks are made of, in NumPy's functions, so that arrays that remember go through."""

from collections.abc import Callable, Sequence
from math import erf as erf_of_number
from typing import Any

import numpy as np

from reference.oracle.recording.functions import put, put_added
from reference.oracle.recording.recorded import added_to, plain, record, remembering, step_of
from reference.oracle.recording.tape import At, Step, Tape

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_erf_of_array = np.vectorize(erf_of_number, otypes=[np.float64])


class Unknown(Exception):
    """An operation, or a way to use one, that has no translation."""


def tape_in(tree: Any) -> Tape | None:
    """The tape of the first array among nested arguments that belongs to one."""
    if isinstance(tree, tuple | list):
        return next((tape for tape in map(tape_in, tree) if tape is not None), None)
    return getattr(tree, "tape", None)


def run_at(at: At, function: Callable[..., Any], args: Sequence[Any], how: dict[str, Any]) -> Any:
    """Run an operation so that the steps it takes stand where the user's program has it."""
    tape = tape_in((tuple(args), tuple(how.values())))
    if tape is None:
        return function(*args, **how)
    before, tape.at = tape.at, at
    try:
        return function(*args, **how)
    finally:
        tape.at = before


def erf(x: Any) -> Any:
    """The error function, which NumPy lacks."""
    return record(_erf_of_array, "erf", (x,))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def gelu(x: Any, by_tanh: bool = False) -> Any:
    """x times the share of a standard normal variable below it, or the form with tanh."""
    if by_tanh:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def softmax(x: Any, axis: Any) -> Any:
    """Shares of exponentials along an axis."""
    raised = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return raised / np.sum(raised, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any) -> Any:
    """The logarithm of softmax."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def logsumexp(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """The logarithm of a sum of exponentials."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(plain(top)), plain(top), 0.0)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def along(function: Callable[..., Any], x: Any, axis: int) -> Any:
    """What a function of two values makes of each entry and all before it."""
    before = (slice(None),) * (axis % np.ndim(x))
    values = [x[(*before, 0)]]
    for number in range(1, np.shape(x)[axis]):
        values.append(function(values[-1], x[(*before, number)]))
    return np.stack(values, axis=axis)


def ordered(x: Any, axis: int, descending: bool = False) -> np.ndarray:
    """The order that sorts an array, equal entries as they stand."""
    values = plain(x)
    if descending:
        size = values.shape[axis]
        return np.flip(size - 1 - np.argsort(np.flip(values, axis), axis=axis, kind="stable"), axis)
    return np.argsort(values, axis=axis, kind="stable")


def assigned(x: Any, key: Any, value: Any) -> Any:
    """A copy of an array with a part assigned, or with more at it."""
    part = step_of(value)
    if part is not None and part.name == "getitem" and part.args[0] is step_of(x) and repr(part.args[1]) == repr(key):
        return x  # what is there already
    before = step_of(x) or np.array(plain(x))
    more = added_to(before, key, value)
    if more is None:
        return record(put, "setitem", (x, key, value))
    past = x if isinstance(before, Step) else before
    return record(put_added, "added_at", (past, key, remembering(value.tape, more)))


def added_at(x: Any, key: Any, value: Any) -> Any:
    """A copy of an array with values added at a key, as often as it repeats an index."""
    return record(put_added, "added_at", (x, key, value))


def stretched(x: Any, factors: Sequence[int]) -> Any:
    """Zeros between the entries of every axis: factor - 1 of them."""
    for axis, factor in enumerate(factors):
        if factor > 1:
            shape = np.shape(x)
            wide = np.pad(
                np.expand_dims(x, axis + 1), [(0, factor - 1 if i == axis + 1 else 0) for i in range(len(shape) + 1)]
            )
            wide = np.reshape(wide, (*shape[:axis], shape[axis] * factor, *shape[axis + 1 :]))
            x = wide[(*(slice(None),) * axis, slice(0, (shape[axis] - 1) * factor + 1))]
    return x


def padded(x: Any, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Any:
    """An array with a border of one value; a negative width takes entries away."""
    if any(low > 0 or high > 0 for low, high in widths):
        x = np.pad(x, [(max(low, 0), max(high, 0)) for low, high in widths], constant_values=value)
    if any(low < 0 or high < 0 for low, high in widths):
        x = x[tuple(slice(max(-low, 0), min(high, 0) or None) for low, high in widths)]
    return x


def windows(x: Any, sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Any:
    """The windows over the last axes of an array: axes of positions, then as many of places in a window."""
    count, first = len(sizes), np.ndim(x) - len(sizes)
    extents = tuple((size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(x, extents, axis=tuple(range(first, first + count)))
    steps = [slice(None, None, step) for step in (*strides, *dilations)]
    return seen if all(step.step == 1 for step in steps) else seen[(*(slice(None),) * first, *steps)]


def convolution(
    x: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilations: Sequence[int],
    groups: int = 1,
) -> Any:
    """Cross-correlation of x (batch, channels, *space) with kernel (channels out, channels in a group, *window)."""
    space = len(strides)
    window = np.shape(kernel)[2:]
    seen = windows(padded(x, [(0, 0), (0, 0), *padding]), window, strides, dilations)
    positions, places = LETTERS[:space], LETTERS[space : 2 * space]
    if groups == 1:
        return np.einsum(f"xy{positions}{places},zy{places}->xz{positions}", seen, kernel)
    apart = np.reshape(seen, (len(seen), groups, -1, *np.shape(seen)[2:]))
    kernels = np.reshape(kernel, (groups, -1, *np.shape(kernel)[1:]))
    out = np.einsum(f"xwy{positions}{places},wzy{places}->xwz{positions}", apart, kernels)
    return np.reshape(out, (len(out), -1, *np.shape(out)[3:]))


def convolution_transposed(
    x: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: Sequence[int],
    dilations: Sequence[int],
    output_padding: Sequence[int],
    groups: int = 1,
) -> Any:
    """The gradient of a convolution with respect to its input, as PyTorch lays it out."""
    window = np.shape(kernel)[2:]
    extents = [(size - 1) * dilation for size, dilation in zip(window, dilations, strict=True)]
    apart = np.reshape(kernel, (groups, -1, *np.shape(kernel)[1:]))
    turned = np.flip(np.swapaxes(apart, 1, 2), tuple(range(3, 3 + len(window))))
    turned = np.reshape(turned, (-1, *np.shape(turned)[2:]))
    widths = [(e - p, e - p + more) for e, p, more in zip(extents, padding, output_padding, strict=True)]
    return convolution(stretched(x, (1, 1, *strides)), turned, [1] * len(window), widths, dilations, groups)
