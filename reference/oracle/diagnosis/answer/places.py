"""The right numbers in the wrong places: transposed, flipped, shifted, in another order, of another argument."""

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View

Found = Iterator[tuple[float, Model]]


def permuted(view: View) -> Found:
    """Another order of the axes, visible as such even where the shapes differ; or of the entries read by it."""
    expected, shape = view.expected, view.expected.shape
    own = tuple(range(expected.ndim))
    for order in permutations(own) if 2 <= expected.ndim <= 5 else ():
        turned = expected.transpose(order)
        if order != own:
            yield 1.5, Model("transposed", f"has its axes in the order {order}", turned)
        if order != own and view.same_shape:
            yield 2.5, Model("transposed", f"has its entries in the order of the axes {order}", turned.reshape(shape))
            read = expected.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
            yield 2.5, Model("transposed", f"has its entries read in the order of the axes {order}", read)


def flipped(view: View) -> Found:
    """Reversed along some axes."""
    for axes in some_axes(view.expected.shape):
        words = f"is reversed along {in_words(axes)}"
        yield 2 + 0.5 * len(axes), Model("flipped", words, np.flip(view.expected, axes))


def some_axes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every choice of axes longer than one."""
    long = [axis for axis, size in enumerate(shape) if size > 1]
    for count in range(1, len(long) + 1):
        yield from combinations(long, count)


def in_words(axes: tuple[int, ...]) -> str:
    """Axis 1, or axes 1 and 2."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes[:-1]))} and {axes[-1]}"


def of_another_argument(view: View) -> Found:
    """The true gradient of an argument that came back wrong as well, or what another one got."""
    evidence = view.evidence
    for position, expected in enumerate(evidence.expected):
        name, got = evidence.names[position], evidence.got[position]
        if position == view.position:
            continue
        if evidence.wrong[position] and expected is not None:
            other = np.asarray(expected, np.float64)
            yield 1.5, Model("arguments_swapped", f"is the gradient of {name}", other)
            if other.ndim == 2:
                yield 2, Model("arguments_swapped", f"is the transposed gradient of {name}", other.T)
        elif got is not None:
            yield 5, Model("wrong_operand", f"is the gradient of {name}, which has it as well", np.asarray(got, float))


def shifted(view: View) -> Found:
    """Moved by up to three positions along one axis."""
    for axis, size in enumerate(view.expected.shape) if view.same_shape else ():
        for steps in (1, -1, 2, -2, 3, -3):
            kept = np.roll(np.arange(size) < size - abs(steps), max(steps, 0))
            rolled = np.roll(view.expected, steps, axis)
            moved, true, got = (np.compress(kept, array, axis) for array in (rolled, view.expected, view.got))
            if moved.shape[axis] > 1 and np.max(np.abs(moved - true), initial=0.0) > 4 * view.noise:
                words = f"is the true gradient moved by {steps:+d} along axis {axis}"
                yield 2 + abs(steps), Model("shifted", words, moved, observed=got)
