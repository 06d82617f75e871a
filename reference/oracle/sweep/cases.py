"""What is visited, in order: the ordinary input, unusual values, more axes, then one size after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision
from reference.oracle.opspec import OpSpec, Regime
from reference.oracle.sweep.makers import Maker, NotMade, Sizes, sums_to_one

# A change of primals; None where it is none for these.
Change = Callable[[tuple[Any, ...], np.random.Generator], tuple[Any, ...] | None]
# Values between these for the scores of a classifier in training, and beyond what an exponential holds.
SMALL, LARGE = 1e-3, 1e3
# The size of an axis that is split off another; up to so many axes there are then.
SPLIT, MOST_AXES = 2, 4


@dataclass(frozen=True)
class Case:
    """One input to visit: sizes of all dimensions, and what is done to the values or the axes."""

    regime: str
    sizes: Sizes
    change: Change | None = None
    # Another number of axes, which right code may refuse in its forward or its backward.
    axes: bool = False
    # Ordinary values of another size: directions tell as much of them as entries do, at a tenth of the calls.
    sized: bool = False

    def primals(self, maker: Maker, seed: int) -> tuple[Any, ...]:
        """The primals; NotMade where there are none."""
        made = maker.make(self.sizes, seed)
        changed = self.change(made, np.random.default_rng([seed, 15485863])) if self.change else made
        if changed is None:
            raise NotMade(f"{self.regime}: none of these arguments can be changed so")
        return changed


def sizes_up_to(largest: int) -> list[int]:
    """1, 2, 3, and one below, at and above each power of two: 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, ..."""
    powers = (2**exponent for exponent in range(largest.bit_length()))
    return sorted({size for power in powers if power <= largest for size in (power - 1, power, power + 1) if size})


def sized(maker: Maker, largest: int) -> Iterator[Case]:
    """Every dimension at every size, the smallest sizes first; and all of them at once at the smallest."""
    for size in sizes_up_to(largest):
        for name, ordinary in maker.ordinary.items():
            if size != ordinary:
                yield Case(f"{name} = {size}", {**maker.ordinary, name: size}, sized=True)
        if size <= 2 and len(maker.ordinary) > 1:
            yield Case(f"every size {size}", dict.fromkeys(maker.ordinary, size))


def valued(maker: Maker, names: Sequence[str], spec: OpSpec | None) -> Iterator[Case]:
    """The ordinary sizes with unusual values: those of the op's row first, then those of any code."""
    for regime in (*spec.regimes, *_least(spec)) if spec else ():
        yield Case(regime.name, maker.ordinary, partial(_as_the_row_says, regime, tuple(names)))
    free = _unrestricted(spec)
    for name, change in VALUES.items():
        yield Case(name, maker.ordinary, partial(_first_float, change, free))
    yield Case("tables without structure", maker.ordinary, _without_structure)


def _least(spec: OpSpec) -> Iterator[Regime]:
    """Nothing that a mask lets through, and one example of the least length, where the row draws such arguments."""
    drawn = {name: one for case in spec.cases for name, one in case.arguments.items()}
    for name, one in drawn.items():
        if one.kind == "mask":
            yield Regime(f"{name} all False", partial(_with, name, np.zeros_like))
        if one.kind == "lengths":
            yield Regime(f"{name} of {one.low:g}", partial(_with, name, partial(_first_least, int(one.low))))


def _first_least(least: int, lengths: np.ndarray) -> np.ndarray:
    return np.where(np.arange(lengths.size).reshape(lengths.shape) == 0, least, lengths).astype(lengths.dtype)


def _with(
    name: str, change: Callable[[np.ndarray], np.ndarray], named: Mapping[str, np.ndarray], rng: np.random.Generator
) -> Mapping[str, np.ndarray]:
    return {name: change(named[name])} if name in named else {}


def _as_the_row_says(
    regime: Regime, names: tuple[str, ...], primals: tuple[Any, ...], rng: np.random.Generator
) -> tuple[Any, ...] | None:
    named = {name: np.asarray(value) for name, value in zip(names, primals, strict=False) if value is not None}
    try:
        changed = regime.changed(named, rng)
    except (KeyError, IndexError, ValueError):  # the subject takes other arguments than the op
        return None
    return tuple(changed.get(name, value) for name, value in _paired(names, primals)) if changed else None


def _paired(names: tuple[str, ...], primals: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Arguments that have no name in the row have none at all."""
    yield from zip((*names, *[""] * (len(primals) - len(names))), primals, strict=False)


def _unrestricted(spec: OpSpec | None) -> bool:
    """Whether any number may stand in the first argument, as far as the row says."""
    if spec is None:
        return True
    arguments = [[drawn for drawn in case.arguments.values() if drawn.differentiable] for case in spec.cases]
    kinds = {drawn[0].kind for drawn in arguments if drawn}
    return kinds <= {"normal", "uniform"} and "normal" in kinds


def _first_float(
    change: Callable[[np.ndarray, Any], np.ndarray], free: bool, primals: tuple[Any, ...], rng: np.random.Generator
) -> tuple[Any, ...] | None:
    """The first argument that holds numbers of both signs, changed; one of another kind has a domain of its own."""
    for place, primal in enumerate(primals):
        if primal is not None and is_floating(np.asarray(primal).dtype) and np.size(primal):
            array = np.asarray(primal)
            if not free or not (array.min() < 0 < array.max()):
                return None
            with np.errstate(all="ignore"):
                changed = change(np.asarray(array, np.float64), precision.limits(array.dtype)).astype(array.dtype)
            return (*primals[:place], changed, *primals[place + 1 :])
    return None


# The values in float64, and the limits of the dtype that they get.
VALUES: Mapping[str, Callable[[np.ndarray, Any], np.ndarray]] = {
    f"values of {SMALL:g}": lambda x, info: x * SMALL,
    f"values of {LARGE:g}": lambda x, info: x * LARGE,
    "zeros": lambda x, info: np.zeros_like(x),
    "ties": lambda x, info: np.round(2 * x) / 2,
    "all entries equal": lambda x, info: np.full_like(x, x.flat[0]),
    "subnormal values": lambda x, info: x / np.abs(x).max() * float(info.smallest_normal) / 4,
    "the largest finite values": lambda x, info: x / np.abs(x).max() * float(info.max),
}


def _without_structure(primals: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...] | None:
    """Arrays drawn anew between their least and largest entry, where rows sum to 1 or have two equal halves."""

    def redrawn(primal: Any) -> Any:
        array = np.asarray(primal)
        return rng.uniform(array.min(), array.max(), array.shape).astype(array.dtype)

    found = [primal is not None and _structured(np.asarray(primal)) for primal in primals]
    if not any(found):
        return None
    return tuple(redrawn(primal) if has else primal for has, primal in zip(found, primals, strict=True))


def _structured(array: np.ndarray) -> bool:
    if not is_floating(array.dtype) or array.ndim < 1 or array.shape[-1] < 2 or np.ptp(array) == 0:
        return False
    half = array.shape[-1] // 2
    doubled = array.shape[-1] % 2 == 0 and np.array_equal(array[..., :half], array[..., half:])
    return doubled or sums_to_one(array)


def axed(maker: Maker, seed: int) -> Iterator[Case]:
    """One axis made two, wherever nothing else hangs on it; then two made one."""
    primals = maker.make(maker.ordinary, seed)
    shapes = [np.shape(primal) for primal in primals]
    for axis, size in enumerate(shapes[0]):
        names = [name for name, ordinary in maker.ordinary.items() if ordinary == size]
        for more in range(1, MOST_AXES + 1 - len(shapes[0])) if len(names) == 1 and _splits(shapes, axis) else ():
            sizes = {**maker.ordinary, names[0]: SPLIT**more * size}
            name = f"{len(shapes[0]) + more} axes, axis {axis} in {more + 1}"
            yield Case(name, sizes, partial(_split, axis, more), axes=True)
    for axis in range(1, len(shapes[0]) - 1):
        if all(len(shape) <= axis or shape[:axis] != shapes[0][:axis] for shape in shapes[1:]):
            yield Case(f"{len(shapes[0]) - 1} axes", maker.ordinary, partial(_merged, axis), axes=True)


def _splits(shapes: Sequence[tuple[int, ...]], axis: int) -> bool:
    """Whether the axis is the first argument's alone, or stands in the same place behind the same axes."""
    size = shapes[0][axis]
    same = [shape[: axis + 1] == shapes[0][: axis + 1] for shape in shapes]
    return all((shape[axis + 1 :] if own else shape).count(size) == 0 for shape, own in zip(shapes, same, strict=True))


def _split(axis: int, more: int, primals: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...]:
    before = np.shape(primals[0])[: axis + 1]
    return tuple(
        array.reshape(*array.shape[:axis], *[SPLIT] * more, array.shape[axis] // SPLIT**more, *array.shape[axis + 1 :])
        if array is not None and array.shape[: axis + 1] == before
        else array
        for array in primals
    )


def _merged(axis: int, primals: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...]:
    first = primals[0]
    return (first.reshape(*first.shape[:axis], -1, *first.shape[axis + 2 :]), *primals[1:])
