"""The whole gradient is a number times the true one: which number, and what it counts."""

from collections.abc import Iterable, Iterator
from itertools import permutations
from math import prod, sqrt
from typing import NamedTuple

import numpy as np

from reference.oracle.diagnosis.fit import multiple
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.resized import holds, with_one_example_more, with_one_more
from reference.oracle.evidence.view import View

Found = Iterator[tuple[float, Model]]
# Entries of an argument up to which other sizes are tried.
SMALL = 2000
SEPARATES = "Sizes that are pairwise different primes (and none of them 2) tell them apart"
# Settings that choose entries, and multiply nothing.
PLACES = ("axis", "window", "strides", "padding", "dilation", "groups")


class Number(NamedTuple):
    """A number that some quantity of this input equals."""

    cause: str
    role: str
    value: float
    words: str
    why: str

    def times(self, factor: float, words: str, why: str) -> "Number":
        """The number and another one together."""
        return self._replace(value=self.value * factor, words=f"{words}{self.words}", why=f"{self.why}, and {why}")


def sign(view: View) -> Found:
    """The opposite sign."""
    yield 1, Model("sign", "has the opposite sign of the true gradient", -view.expected)


def named(view: View) -> Found:
    """A number that some quantity of this input equals."""
    ratio = multiple(view.got, view.expected) if view.same_shape else 0.0
    if not ratio:
        return
    simple = list(equal_to(ratio, numbers(view)))
    for bits, found in ((2, simple), (3, list(equal_to(ratio, exchanged(view))))):
        for number in _told_apart(view, found):
            words = f"is {in_words(number.words)}: {number.why}"
            predicted = number.value * view.expected
            yield (
                bits + (number.cause == "scaled_by_constant"),
                Model(number.cause, words, predicted, separates=SEPARATES, role=number.role),
            )


def unnamed(view: View) -> Found:
    """A number that nothing on this input equals."""
    ratio = multiple(view.got, view.expected) if view.same_shape else 0.0
    if ratio and not any(equal_to(ratio, [*numbers(view), *exchanged(view)])):
        words = f"is {ratio:.6g} times the true gradient"
        yield 8, Model("scaled_by_constant", words, ratio * view.expected, freedom=1)


def in_words(number: str) -> str:
    """A number as a part of a sentence: "1/N = 1/3" is "1/N of the true gradient (N = 3)"."""
    letters, _, value = number.partition(" = ")
    whole = letters.lstrip("-").startswith("1/") and " * " not in letters and (value.startswith("1/") or not value)
    name = letters.split(" * ")[-1].lstrip("-")
    known = f" ({name[2:]} = {value[2:]})" if value.startswith("1/") else f" ({name} = {value})" if value else ""
    return f"{letters} {'of' if whole else 'times'} the true gradient{known}"


def equal_to(ratio: float, some: Iterable[Number]) -> Iterator[Number]:
    """Of some numbers those within 1e-5 of a ratio."""
    return (number for number in some if abs(ratio - number.value) <= 1e-5 * abs(number.value))


def _told_apart(view: View, names: list[Number]) -> list[Number]:
    """Of several names those that fit with one example more, too, and where another size is larger by one; all where
    none does. A name that a number of the forward has as well is tried so, too."""
    if len({(one.cause, one.role) for one in names}) < 2 and not any(holds(view, one.value) for one in names):
        return names
    if (longer := with_one_example_more(view)) and (again := _again(longer, names)) is not None:
        exact = names[0].cause == "scaled_by_constant" or any(holds(view, one.value) for one in names)
        names = again or ([] if exact else names)
    for larger in with_one_more(view) if len({one.role for one in names}) > 1 and view.x.size <= SMALL else ():
        names = _again(larger, names) or names
    return names


def _again(view: View, names: list[Number]) -> list[Number] | None:
    """Of several names those that fit on another input; None where it shows no multiple."""
    ratio = multiple(view.got, view.expected) if view.same_shape else 0.0
    if not ratio or np.max(np.abs(view.got - ratio * view.expected)) > 1e-6 * np.max(np.abs(view.got), initial=0.0):
        return None
    here = {(one.cause, one.role) for one in equal_to(ratio, [*numbers(view), *exchanged(view)])}
    return [one for one in names if (one.cause, one.role) in here]


def numbers(view: View) -> Iterator[Number]:
    """Every number worth a name, with the sign turned as well."""
    plain = list(_plain(view))
    yield from plain
    yield from _live_rows(view)
    yield from (one.times(-1.0, "-", "the sign is turned") for one in plain)


def _plain(view: View) -> Iterator[Number]:
    yield from _repeats(view)
    yield _constant(2.0, "2", "a 2 that the forward's half cancels is left over")
    yield _constant(0.5, "1/2", "the 2 of the square's derivative is missing, or a half is applied twice")
    yield from _settings(view)
    seen: set[int] = set()
    for role, count, letters, noun in _countable(view):
        if count > 1 and not (letters.startswith("shape[") and count in seen):
            seen.add(count)
            yield _count(role, count, f"{letters} = {count}", f"the division by {noun} is missing")
            yield _count(role, 1 / count, f"1/{letters} = 1/{count}", f"you divided by {noun} once too often")
    for size in sorted({size for primal in view.evidence.primals for size in np.shape(primal) if size > 1}):
        root, letters = sqrt(size), f"sqrt({size})"
        yield _count("root", root, letters, f"the factor 1/{letters} of the forward is missing")
        yield _count("root", 1 / root, f"1/{letters}", f"1/{letters} is applied once too often")
    if not holds(view, 4.0):
        yield _constant(4.0, "4", "a 2 is applied twice too often")
        yield _constant(0.25, "1/4", "a half is applied twice too often")


def _count(role: str, value: float, words: str, why: str) -> Number:
    return Number("scaled_by_count", role, value, words, why)


def _constant(value: float, words: str, why: str) -> Number:
    return Number("scaled_by_constant", "", value, words, why)


def exchanged(view: View) -> Iterator[Number]:
    """A size and a 2 together, one size where another belongs, and a size for the sum of given weights."""
    for one in _plain(view):
        if one.role in ("batch", "size") and "shape[" not in one.words:
            yield one.times(2.0, "2 * ", "a 2 is left over")
            yield one.times(0.5, "1/2 * ", "a 2 is missing")
    sizes = {(f"size of {name} along axis {k}", n) for name, a in view.arrays.items() for k, n in enumerate(a.shape)}
    sizes |= {(f"size of the output along axis {k}", n) for k, n in enumerate(view.out.shape)}
    for (right, a), (wrong, b) in permutations(sorted(sizes), 2):
        if a != b and 1 not in (a, b):
            yield _count("size", a / b, f"{a}/{b}", f"the {wrong} stands where the {right} belongs")
    for name, array in view.arrays.items():
        total = float(np.sum(np.abs(array))) if array.dtype.kind in "fib" and array.ndim else 0.0
        for size in (array.size, *array.shape) if total and array.size > 1 else ():
            yield _count("size", size / total, f"{size} / sum of {name}", f"{name} is summed where it is counted")
            yield _count("size", total / size, f"sum of {name} / {size}", f"{name} is counted where it is summed")


def _repeats(view: View) -> Iterator[Number]:
    """An argument that the forward broadcasts over the output: its mean instead of its sum."""
    count = _broadcast_count(view)
    if count > 1:
        why = f"it is a mean over the {count} places it is broadcast to, not a sum"
        yield _count("batch" if count == batch_size(view) else "mean", 1 / count, f"1/{count}", why)


def _broadcast_count(view: View) -> int:
    """How often the output repeats a vector argument, or 1."""
    size = view.x.size
    fits = view.position > 0 and 0 < size < view.out.size and view.out.size % size == 0
    return view.out.size // size if fits and sum(n > 1 for n in view.x.shape) <= 1 and size in view.out.shape else 1


def batch_size(view: View) -> int:
    """The length of the axis that the output shares with the first argument: the first one, or the last where
    examples are columns."""
    shape, first = view.out.shape or view.x.shape, np.shape(view.evidence.primals[0])
    columns = len(shape) == 2 == len(first) and shape[0] != first[0] and shape[1] == first[1]
    return shape[1] if columns else shape[0] if shape else 1


def _settings(view: View) -> Iterator[Number]:
    """Numbers that the forward is given, and what is left of 1 beside them: the share that dropout keeps."""
    for name, value in _given(view):
        if value not in (0.0, 1.0):
            yield _constant(value, f"{name} = {value:g}", f"{name} is applied once too often")
            yield _constant(1 / value, f"1/{name} = {1 / value:g}", f"{name} is missing")
        if 0 < value < 1:
            yield from _shares(name, value)


def _given(view: View) -> Iterator[tuple[str, float]]:
    for name, value in view.statics.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in PLACES:
            yield name, float(value)
    for name, array in view.arrays.items():
        if array.size == 1 and name != view.name and array.dtype.kind in "fi":
            yield name, float(array.reshape(()))
    if view.out.shape == view.x.shape and view.x.size:  # zeros, and one constant times the rest: the constant tells
        kept = (np.abs(view.out) > 0) & (np.abs(view.x) > 0)
        slopes = view.out[kept] / np.asarray(view.x, np.float64)[kept]
        if 0 < slopes.size < view.x.size and np.ptp(slopes) < 1e-9 and slopes[0] > 1:
            yield "rate", 1 - 1 / float(slopes[0])


def _shares(name: str, rate: float) -> Iterator[Number]:
    keep = 1 - rate
    yield _constant(keep, f"(1 - {name}) = {keep:g}", f"the scale 1 / (1 - {name}) of the forward is missing")
    yield _constant(1 / keep, f"1/(1 - {name}) = {1 / keep:g}", f"1 / (1 - {name}) is applied once too often")
    yield _constant(keep / rate, f"(1 - {name})/{name} = {keep / rate:g}", f"1 / {name} stands for 1 / (1 - {name})")
    yield _constant(rate / keep, f"{name}/(1 - {name}) = {rate / keep:g}", f"{name} and 1 - {name} are exchanged")
    yield _constant(keep * keep, f"(1 - {name})**2 = {keep * keep:g}", "it is multiplied, not divided, by it")
    yield _constant(rate * keep, f"{name}*(1 - {name}) = {rate * keep:g}", f"it is multiplied by {name}")


def _live_rows(view: View) -> Iterator[Number]:
    """Rows without a gradient (ignored labels) that are counted all the same."""
    rows = view.expected.reshape(len(view.expected), -1) if view.expected.ndim > 1 else np.zeros((0, 0))
    live, total = int((np.abs(rows) > view.noise).any(axis=1).sum()), len(rows)
    if 0 < live < total:
        which = f"{total - live} of {total} rows have no gradient (ignored), and are"
        yield _count("size", live / total, f"{live}/{total}", f"{which} counted in the mean")
        yield _count("size", total / live, f"{total}/{live}", f"{which} left out of the mean that counts them")


def _countable(view: View) -> Iterator[tuple[str, int, str, str]]:
    """(role, count, its letters, in words) of everything that may be counted, the likeliest first."""
    shape, first = view.out.shape or view.x.shape, np.shape(view.evidence.primals[0])
    batch = batch_size(view)
    if "window" in view.statics:
        yield from _windows(view)
    yield "batch", batch, "N", "the batch size"
    if first and first[0] != batch and batch == (shape or (1,))[0]:
        yield "batch", first[0], "N", "the batch size"
    words = len(shape) == 3 and any(array.dtype.kind in "iu" and array.ndim for array in view.arrays.values())
    for spatial in {prod(shape[1:-1]), prod(shape[2:])} if len(shape) > 2 and not words else ():
        yield "spatial", spatial, "(H*W)", "the number of spatial positions"
        yield "spatial", batch * spatial, "(N*H*W)", "the number of examples times positions"
    yield from _windows(view)
    named = {"output": view.out.shape, **{name: array.shape for name, array in view.arrays.items()}}
    for name, sizes in named.items():
        yield "size", prod(sizes), f"size of {name}", f"the number of entries of {name}"
        yield "size", prod(sizes[1:]), f"size of {name}[0]", f"the number of entries in one example of {name}"
    for name, sizes in named.items():
        for axis, size in enumerate(sizes):
            yield "size", size, f"shape[{axis}]", f"the size of {name} along axis {axis}"
    yield "size", prod(first) * batch, "(size*N)", "the entries times the batch size"


def _windows(view: View) -> Iterator[tuple[str, int, str, str]]:
    window = view.statics.get("window")
    rank = np.ndim(view.evidence.primals[0])
    if window is not None:
        sides = tuple(window) if isinstance(window, tuple | list) else (window,) * max(rank - 2, 1)
        yield "window", prod(sides), "window", "the number of entries in the window"
        yield from (("window", int(side), "side", "one side of the window") for side in sorted(set(sides)))
    for name, array in list(view.arrays.items())[1:]:
        for count in {prod(array.shape[:-2]), prod(array.shape[2:])} if 2 < array.ndim == rank else ():
            yield "window", count, "window", f"the number of entries in the window of {name}"
    if window is None and view.out.ndim > 2 and view.out.size and view.x.size and view.x.size % view.out.size == 0:
        yield "window", view.x.size // view.out.size, "window", "the number of inputs per output"
    elif window is None and view.out.ndim == view.x.ndim > 2 and view.x.size and view.out.size % view.x.size == 0:
        yield "window", view.out.size // view.x.size, "window", "the number of outputs per input"
