"""The shortest program of all: the true gradient itself. What comes back is that with one edit, or shows no program."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np

from reference.oracle.diagnosis.cotangent import downcast, ignores_cotangent, not_linear, single_precision
from reference.oracle.diagnosis.masks import mask_drawn_anew
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.overlap import overlap_dropped
from reference.oracle.diagnosis.rounding import rounded_inside, whole_numbers
from reference.oracle.diagnosis.scale import fitted_ratio, named_factor
from reference.oracle.diagnosis.structure import axes_in_words, clipped, row_permuted, where_in_words
from reference.oracle.diagnosis.view import View
from reference.oracle.diagnosis.winners import all_ties, near_ties, wrong_winner

Found = Iterator[tuple[float, Model]]
COUNTS = (
    "scaled_by_batch",
    "scaled_by_size",
    "scaled_by_spatial",
    "scaled_by_window",
    "scaled_by_root",
    "ignored_rows",
)


def answers(view: View) -> Found:
    """(bits, prediction) of every edit of the answer."""
    yield from _calls(view)
    yield from _places(view)
    yield from _sums(view)
    yield from ((10, _renamed(model, "not_deterministic")) for model in mask_drawn_anew(view))
    yield from _met(view)
    if view.same_shape:
        yield from _numbers(view)
        yield from _parts(view)


def _calls(view: View) -> Found:
    """What is no edit of a program: nothing came back, fewer bits, and how the cotangent is treated."""
    if view.same_shape and not np.any(view.got):
        yield 0, Model("missing", "is zero everywhere, the true gradient is not", np.zeros_like(view.expected))
    for row in (downcast, whole_numbers, rounded_inside, single_precision):
        yield from ((1, model) for model in row(view))
    yield from ((1, model) for model in ignores_cotangent(view))
    yield from ((9, model) for model in not_linear(view))
    yield from ((2, _renamed(model, "not_linear")) for model in clipped(view))


def _renamed(model: Model, cause: str) -> Model:
    return replace(model, cause=cause)


def _numbers(view: View) -> Found:
    """A number times the truth: the sign, a count, a constant."""
    yield 1, Model("sign", "has the opposite sign of the true gradient", -view.expected)
    ratio = fitted_ratio(view.got, view.expected)
    if not ratio:
        return
    for model in named_factor(view):
        counts = model.cause in COUNTS or model.cause == "mean_instead_of_sum"
        yield 2, _renamed(model, "scaled_by_count" if counts else "scaled_by_constant")
    for words, share in _shares(view):
        if abs(ratio - share) <= 1e-6 * abs(share):
            yield 3, Model("scaled_by_count", f"is {words} times the true gradient", share * view.expected)
    yield 6, Model("scaled_by_constant", f"is {ratio:.6g} times the true gradient", ratio * view.expected, freedom=1)


def _shares(view: View) -> Iterator[tuple[str, float]]:
    """One count in the place of another: of two sizes, or of a size and the sum of given weights."""
    arrays = {"the output": view.out, **view.arrays}
    sizes = sorted({size for array in arrays.values() for size in array.shape if size > 1})
    yield from ((f"{a}/{b}", a / b) for a in sizes for b in sizes if a != b)
    for name, array in view.arrays.items():
        total = float(np.sum(np.abs(array))) if array.dtype.kind in "fib" and array.ndim else 0.0
        for size in (array.size, *array.shape) if total else ():
            yield f"{size} / sum of {name}", size / total
            yield f"sum of {name} / {size}", total / size


def _places(view: View) -> Found:
    """The right numbers in the wrong places."""
    expected, shape = view.expected, view.expected.shape
    axes = tuple(range(expected.ndim))
    for order in permutations(axes) if 2 <= expected.ndim <= 5 else ():
        if order != axes:
            yield 1.5, Model("transposed", f"has its axes in the order {order}", expected.transpose(order))
            if view.same_shape:
                words = f"has its entries in the order of the axes {order}"
                yield 2.5, Model("transposed", words, expected.transpose(order).reshape(shape))
                read = expected.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
                yield 2.5, Model("transposed", f"has its entries read in the order of the axes {order}", read)
    for count in range(1, expected.ndim + 1):
        for some in combinations(axes, count):
            if all(shape[axis] > 1 for axis in some):
                yield (
                    2 + 0.5 * count,
                    Model("flipped", f"is reversed along {axes_in_words(some)}", np.flip(expected, some)),
                )
    yield from _of_others(view)
    if view.same_shape:
        yield from _shifted(view)
        yield from ((6, _renamed(model, _of_order(model.message))) for model in row_permuted(view))


def _of_order(words: str) -> str:
    """Rows in the order of a transposed grid are a transpose, in any other another index."""
    order = [int(one) for one in words[words.rfind("[") + 1 : words.rfind("]")].split(",")] if "[" in words else []
    count = len(order)
    grids = [np.arange(count).reshape(a, -1).T.ravel().tolist() for a in range(2, count) if count % a == 0]
    return "transposed" if order in grids else "wrong_index"


def _met(view: View) -> Found:
    """Where contributions meet in one entry: one of them alone; and other winners of a maximum."""
    for bits, row, cause in (
        (5, overlap_dropped, "not_accumulated"),
        (7, wrong_winner, "wrong_winner"),
        (7, near_ties, "wrong_winner"),
        (4, all_ties, "all_ties"),
    ):
        yield from ((bits, _renamed(model, cause)) for model in row(view))


def _of_others(view: View) -> Found:
    evidence = view.evidence
    for position, expected in enumerate(evidence.expected):
        if position != view.position and expected is not None and evidence.wrong[position]:
            other, name = np.asarray(expected, np.float64), evidence.names[position]
            yield 1.5, Model("arguments_swapped", f"is the gradient of {name}", other)
            if other.ndim == 2:
                yield 2, Model("arguments_swapped", f"is the transposed gradient of {name}", other.T)
        right = None if evidence.wrong[position] else evidence.got[position]
        if right is not None and position != view.position:
            yield 3, Model("wrong_operand", f"is the gradient of {evidence.names[position]}", np.asarray(right, float))


def _shifted(view: View) -> Found:
    """Moved by up to three positions along one axis."""
    for axis, size in enumerate(view.expected.shape):
        for steps in (1, -1, 2, -2, 3, -3):
            if abs(steps) < size - 1:
                source, target = [slice(None)] * view.expected.ndim, [slice(None)] * view.expected.ndim
                source[axis] = slice(None, -steps) if steps > 0 else slice(-steps, None)
                target[axis] = slice(steps, None) if steps > 0 else slice(None, steps)
                moved = view.expected[tuple(source)]
                if np.max(np.abs(moved - view.expected[tuple(target)]), initial=0.0) > 4 * view.noise:
                    words = f"is the true gradient moved by {steps:+d} along axis {axis}"
                    yield 2 + abs(steps), Model("shifted", words, moved, observed=view.got[tuple(target)])


def _sums(view: View) -> Found:
    """Axes that were not summed over, or axes of the argument itself that were."""
    shape = view.expected.shape
    if not view.same_shape and view.got.size > view.expected.size:
        for count in range(1, view.got.ndim + 1):
            for axes in combinations(range(view.got.ndim), count):
                summed = view.got.sum(axis=axes)
                if summed.size == view.expected.size:
                    words = f"is not summed over {axes_in_words(axes)}: shape {view.got.shape} for {shape}"
                    observed = summed.reshape(shape)
                    yield 1, Model("wrong_reduction", words, view.expected, observed=observed)
    for count in range(1, len(shape) + 1):
        for axes in combinations(range(len(shape)), count):
            if all(shape[axis] > 1 for axis in axes):
                for verb, reduce in (("summed", np.sum), ("averaged", np.mean)):
                    reduced = reduce(view.expected, axis=axes, keepdims=True)
                    words = f"is {verb} over {axes_in_words(axes)}, which the argument has itself"
                    yield 6, Model("wrong_reduction", words, np.broadcast_to(reduced, shape))
                    if not view.same_shape and view.got.size == reduced.size:
                        yield 3, Model("wrong_reduction", words, reduced.reshape(view.got.shape))


def _parts(view: View) -> Found:
    """Right but for a part, or but for a multiple of something simple."""
    holes = view.wrong & (view.got == 0)
    if np.any(view.got):
        words = f"is zero at {int(holes.sum())} entries ({where_in_words(holes)}) and right elsewhere"
        yield 8, Model("part_missing", words, np.where(holes, 0.0, view.expected))
    if view.out.shape == view.x.shape:
        yield 4.5, Model("derivative_missing", "is the cotangent unchanged: no derivative is applied", view.cotangent)
        yield (
            5,
            Model(
                "term_missing", "lacks exactly the cotangent, as of a skip connection", view.expected - view.cotangent
            ),
        )
    for index in range(view.expected.shape[0] if view.expected.ndim > 1 else 0):
        words = f"repeats the gradient of example {index} for every example"
        yield 4, Model("wrong_index", words, np.broadcast_to(view.expected[index], view.expected.shape))
    yield from _multiples(view)


def _multiples(view: View) -> Found:
    x = np.asarray(view.x, np.float64)
    power = float(np.sum(x * x))
    if x.shape == view.expected.shape and x.size > 3 and power and np.ptp(x) > 0:
        times = float(np.sum(view.error * x)) / power
        words = f"holds {times:.6g} times {view.name} besides: the penalty's gradient"
        yield 6, Model("regularization", words, view.expected + times * x, freedom=1)
    if 3 <= int(view.wrong.sum()) < view.wrong.size:
        got, truth = view.got[view.wrong], view.expected[view.wrong]
        power = float(np.sum(truth * truth))
        ratio = float(np.sum(got * truth)) / power if power else 0.0
        words = f"is {ratio:.6g} times the true gradient at {got.size} of {view.got.size} entries, right elsewhere"
        predicted = np.where(view.wrong, ratio * view.expected, view.expected)
        if ratio:
            yield 7, Model("scaled_by_constant", f"{words} ({where_in_words(view.wrong)})", predicted, freedom=1)
