"""What a constant factor may count: sizes, windows, roots, rates, numbers of the forward, and a 2."""

from collections.abc import Iterable, Iterator
from itertools import permutations
from math import prod, sqrt

import numpy as np

from reference.oracle.diagnosis.resized import holds
from reference.oracle.diagnosis.view import View


def name_ratio(
    view: View, ratio: float, named: Iterable[tuple[str, float, str, str]] | None = None
) -> Iterator[tuple[str, float, str, str]]:
    """(cause, factor, its words, the reason) of every named factor within a millionth of the ratio, simplest first."""
    for cause, factor, words, why in (*factors(view), *composed(view)) if named is None else named:
        if abs(ratio - factor) <= 1e-5 * abs(factor):
            yield cause, factor, words, why


def factors(view: View) -> Iterator[tuple[str, float, str, str]]:
    """Every factor worth a name, with the sign turned as well."""
    plain = _plain(view)
    yield from plain
    yield from _ignored_rows(view)
    for cause, factor, words, why in plain:
        yield cause, -factor, f"-{words}", f"{why}, and the sign is turned"


def composed(view: View) -> Iterator[tuple[str, float, str, str]]:
    """A size and a 2 together, and one size where another belongs."""
    for cause, factor, words, why in _plain(view):
        if cause in ("scaled_by_batch", "scaled_by_size") and "shape[" not in words:
            yield cause, 2 * factor, f"2 * {words}", f"{why}, and a 2 is left over"
            yield cause, factor / 2, f"1/2 * {words}", f"{why}, and a 2 is missing"
    sizes = {(f"size of {name} along axis {k}", n) for name, a in view.arrays.items() for k, n in enumerate(a.shape)}
    for (right, a), (wrong, b) in permutations(sorted(sizes), 2):
        if a != b and 1 not in (a, b):
            yield "scaled_by_size", a / b, f"{a}/{b}", f"the {wrong} stands where the {right} belongs"


def _plain(view: View) -> list[tuple[str, float, str, str]]:
    pool = list(_windows(view)) if "window" in view.statics else []
    plain = [*_bias_means(view), *_both_ways(pool), *_twos(), *_statics(view), *_both_ways(_countable(view))]
    return [*plain, *_roots(view), *(() if holds(view, 4.0) else _fours())]


def _twos() -> Iterator[tuple[str, float, str, str]]:
    yield "scaled_by_two", 2.0, "2", "a 2 that the forward's half cancels is left over"
    yield "scaled_by_two", 0.5, "1/2", "the 2 of the square's derivative is missing, or a half is applied twice"


def _fours() -> Iterator[tuple[str, float, str, str]]:
    yield "scaled_by_two", 4.0, "4", "a 2 is applied twice too often"
    yield "scaled_by_two", 0.25, "1/4", "a half is applied twice too often"


def _bias_means(view: View) -> Iterator[tuple[str, float, str, str]]:
    """An argument that the forward broadcasts over the output: its mean instead of its sum."""
    count = broadcast_count(view)
    if count > 1:
        why = f"it is a mean over the {count} places it is broadcast to, not a sum"
        if count == batch_size(view):
            yield "scaled_by_batch", 1 / count, f"1/{count}", why
        yield "mean_instead_of_sum", 1 / count, f"1/{count}", why


def batch_size(view: View) -> int:
    """The length of the axis that the output shares with the first argument: the first one, or the last where
    examples are columns."""
    shape, first = view.out.shape or view.x.shape, np.shape(view.evidence.primals[0])
    columns = len(shape) == 2 == len(first) and shape[0] != first[0] and shape[1] == first[1]
    return shape[1] if columns else shape[0] if shape else 1


def broadcast_count(view: View) -> int:
    """How often the output repeats a vector argument, or 1."""
    size = view.x.size
    fits = view.position > 0 and 0 < size < view.out.size and view.out.size % size == 0
    return view.out.size // size if fits and sum(n > 1 for n in view.x.shape) <= 1 and size in view.out.shape else 1


def _both_ways(counts: Iterable[tuple[str, int, str, str]]) -> Iterator[tuple[str, float, str, str]]:
    """Counts of entries: both the count and one over it; a size that a more telling count equals is left out."""
    seen: set[int] = set()
    for cause, count, letters, noun in counts:
        if count > 1 and not (letters.startswith("shape[") and count in seen):
            seen.add(count)
            many = f"the division by {noun} is missing"
            few = f"you divided by {noun} once too often"
            yield cause, float(count), f"{letters} = {count}", many
            yield cause, 1 / count, f"1/{letters} = 1/{count}", few


def _ignored_rows(view: View) -> Iterator[tuple[str, float, str, str]]:
    """Rows without a gradient (ignored labels) that are counted all the same."""
    if view.expected.ndim < 2:
        return
    rows = view.expected.reshape(len(view.expected), -1)
    live, total = int((np.abs(rows) > view.noise).any(axis=1).sum()), len(rows)
    if 0 < live < total:
        why = f"{total - live} of {total} rows have no gradient (ignored), and are counted in the mean"
        yield "ignored_rows", live / total, f"{live}/{total}", why
        why = f"{total - live} of {total} rows have no gradient, and are left out of the mean that counts them"
        yield "ignored_rows", total / live, f"{total}/{live}", why


def _countable(view: View) -> Iterator[tuple[str, int, str, str]]:
    shape = view.out.shape or view.x.shape
    first = np.shape(view.evidence.primals[0])
    batch = batch_size(view)
    yield "scaled_by_batch", batch, "N", "the batch size"
    if first and first[0] != batch and batch == (shape or (1,))[0]:
        yield "scaled_by_batch", first[0], "N", "the batch size"
    words = len(shape) == 3 and any(array.dtype.kind in "iu" and array.ndim for array in view.arrays.values())
    for spatial in {prod(shape[1:-1]), prod(shape[2:])} if len(shape) > 2 and not words else ():
        yield "scaled_by_spatial", spatial, "(H*W)", "the number of spatial positions"
        yield "scaled_by_spatial", batch * spatial, "(N*H*W)", "the number of examples times positions"
    yield from _windows(view)
    named = {"output": view.out.shape, **{name: array.shape for name, array in view.arrays.items()}}
    for name, sizes in named.items():
        yield "scaled_by_size", prod(sizes), f"size of {name}", f"the number of entries of {name}"
        yield "scaled_by_size", prod(sizes[1:]), f"size of {name}[0]", f"the number of entries in one example of {name}"
    for name, sizes in named.items():
        for axis, size in enumerate(sizes):
            yield "scaled_by_size", size, f"shape[{axis}]", f"the size of {name} along axis {axis}"
    yield "scaled_by_size", prod(first) * batch, "(size*N)", "the entries times the batch size"


def _windows(view: View) -> Iterator[tuple[str, int, str, str]]:
    window = view.statics.get("window")
    spatial = max(np.ndim(view.evidence.primals[0]) - 2, 1)
    if window is not None:
        count = prod(window) if isinstance(window, tuple | list) else window**spatial
        yield "scaled_by_window", int(count), "window", "the number of entries in the window"
        for side in {*(window if isinstance(window, tuple | list) else (window,))}:
            yield "scaled_by_window", int(side), "side", "one side of the window"
    for name, array in view.arrays.items():
        if array.ndim > 2 and array.ndim == np.ndim(view.evidence.primals[0]) and array is not view.arrays.get("x"):
            for count in {prod(array.shape[:-2]), prod(array.shape[2:])}:
                yield "scaled_by_window", count, "window", f"the number of entries in the window of {name}"
    if window is None and view.out.ndim > 2 and view.out.size and view.x.size:
        if view.x.size % view.out.size == 0:
            yield "scaled_by_window", view.x.size // view.out.size, "window", "the number of inputs per output"
        elif view.out.size % view.x.size == 0 and view.out.ndim == view.x.ndim:
            yield "scaled_by_window", view.out.size // view.x.size, "window", "the number of outputs per input"


def _statics(view: View) -> Iterator[tuple[str, float, str, str]]:
    for name, value in _numbers(view):
        if name in ("rate", "p", "keep", "keep_rate", "keep_prob", "dropout_ratio") or "drop" in name:
            yield from _keep_rates(value)
        elif value not in (0.0, 1.0):
            yield "scaled_by_static", value, f"{name} = {value:g}", f"{name} is applied once too often"
            yield "scaled_by_static", 1 / value, f"1/{name} = {1 / value:g}", f"{name} is missing"
    if not any(name == "rate" for name, _ in _numbers(view)):
        yield from _observed_keep_rate(view)


def _numbers(view: View) -> Iterator[tuple[str, float]]:
    for name, value in view.statics.items():
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and name not in ("axis", "window", "strides", "padding", "dilation", "groups")
        ):
            yield name, float(value)
    for name, array in view.arrays.items():
        if array.size == 1 and name != view.name and array.dtype.kind in "fi":
            yield name, float(array.reshape(()))


def _keep_rates(rate: float) -> Iterator[tuple[str, float, str, str]]:
    keep = 1 - rate
    if not 0 < rate < 1:
        return
    yield "scaled_by_keep_rate", keep, f"keep rate = {keep:g}", "the scale 1 / (1 - rate) of the forward is missing"
    yield "scaled_by_keep_rate", 1 / keep, f"1/keep rate = {1 / keep:g}", "1 / (1 - rate) is applied once too often"
    yield "scaled_by_keep_rate", keep / rate, f"keep/rate = {keep / rate:g}", "1 / rate stands for 1 / (1 - rate)"
    yield "scaled_by_keep_rate", rate / keep, f"rate/keep = {rate / keep:g}", "rate and keep rate are exchanged"
    yield "scaled_by_keep_rate", keep * keep, f"keep rate**2 = {keep * keep:g}", "it is multiplied, not divided, by it"
    yield "scaled_by_keep_rate", rate * keep, f"rate*keep = {rate * keep:g}", "it is multiplied by the rate"
    yield "scaled_by_keep_rate", rate, f"rate = {rate:g}", "the rate is applied once too often"
    yield "scaled_by_keep_rate", 1 / rate, f"1/rate = {1 / rate:g}", "the gradient is divided by the rate"


def _observed_keep_rate(view: View) -> Iterator[tuple[str, float, str, str]]:
    """Dropout that is not named: the output is x times zero or one constant, and the constant tells the rate."""
    if view.out.shape != view.x.shape or not view.x.size:
        return
    kept = (np.abs(view.out) > 0) & (np.abs(view.x) > 0)
    slopes = view.out[kept] / np.asarray(view.x, np.float64)[kept]
    if 0 < slopes.size < view.x.size and np.ptp(slopes) < 1e-9 and slopes[0] > 1:
        yield from _keep_rates(1 - 1 / float(slopes[0]))


def _roots(view: View) -> Iterator[tuple[str, float, str, str]]:
    sizes = {size for primal in view.evidence.primals for size in np.shape(primal) if size > 1}
    for size in sorted(sizes):
        root = sqrt(size)
        yield "scaled_by_root", root, f"sqrt({size})", f"the factor 1/sqrt({size}) of the forward is missing"
        yield "scaled_by_root", 1 / root, f"1/sqrt({size})", f"1/sqrt({size}) is applied once too often"
