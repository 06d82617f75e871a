"""Inputs of any size: made by the caller's function, drawn from an op's row, or like the arrays of one example."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.drawn import DIMENSIONS
from reference.oracle.opspec import Case, OpSpec, draw
from reference.oracle.specs import SPECS
from reference.oracle.subjects.vjp import generators_restored, quiet

Sizes = Mapping[str, int]
# Axes that have their size in common, each as the place of an argument and that of the axis.
Dimension = tuple[tuple[int, int], ...]
# Pairwise different, so that no two dimensions of the ordinary input are mistaken for each other.
ORDINARY = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
GENERATOR = "rng"


class NotMade(Exception):
    """There is no input of these sizes."""


@dataclass(frozen=True)
class Maker:
    """What makes primals of the sizes asked for.

    ordinary: every dimension, with the size that it has where another one is changed. make(sizes, seed) -> primals.
    exact: the dimensions are the author's or the op's own; otherwise they are guessed from equal sizes.
    """

    ordinary: Sizes
    make: Callable[[Sizes, int], tuple[Any, ...]]
    exact: bool = True


def by_function(make_inputs: Callable[..., Any]) -> Maker:
    """Of a function whose parameters are the dimensions; `rng` is a generator, a default is an ordinary size."""
    parameters = inspect.signature(make_inputs).parameters.values()
    named = [parameter for parameter in parameters if parameter.name != GENERATOR]
    if wrong := [one.name for one in named if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]:
        raise ValueError(f"oracle.sweep: every parameter of make_inputs must be one dimension; got *{wrong[0]}")
    sizes = {one.name: one.default for one in named if isinstance(one.default, int)}
    free = (size for size in ORDINARY if size not in sizes.values())
    ordinary = {one.name: sizes.get(one.name) or next(free, 1) for one in named}

    def make(sizes: Sizes, seed: int) -> tuple[Any, ...]:
        more = {GENERATOR: np.random.default_rng(seed)} if len(named) < len(parameters) else {}
        with generators_restored(), quiet(seed):
            made = make_inputs(**sizes, **more)
        return tuple(made) if isinstance(made, tuple | list) else (made,)

    return Maker(ordinary, make)


def by_row(op: str, statics: Mapping[str, Any], count: int | None) -> Maker:
    """Of the op's row: of the first case whose statics are those and that has so many arguments, else the likest."""
    spec = SPECS[op]
    case = min(_cases(spec), key=lambda case: _unlikeness(spec, case, statics, count))
    names = dict.fromkeys(term.rpartition("*")[2] for drawn in case.arguments.values() for term in drawn.shape.split())
    below = [drawn.below for drawn in case.arguments.values() if drawn.below]
    ordinary = {name: DIMENSIONS[name] for name in dict.fromkeys([*names, *below]) if name in DIMENSIONS}

    def make(sizes: Sizes, seed: int) -> tuple[Any, ...]:
        try:
            drawn = draw(spec, case, seed=seed, dimensions={**DIMENSIONS, **sizes})
        except ValueError as refusal:  # no label below 0 classes, and the like
            raise NotMade(str(refusal)) from refusal
        return spec.passed(case, drawn)[0]

    return Maker(ordinary, make)


def _cases(spec: OpSpec) -> Iterator[Case]:
    if spec.swept:
        yield spec.swept
    yield from spec.cases


def _unlikeness(spec: OpSpec, case: Case, statics: Mapping[str, Any], count: int | None) -> tuple[int, ...]:
    """How far a case is from what is asked: refused with these statics, other arguments, fixed sizes, few sizes."""
    primals, by_name = spec.passed(case, draw(spec, case))
    given = {**{name: value for name, value in by_name.items() if name not in case.statics}, **statics}
    try:
        spec.reference()(*primals, **given)
        refused = False
    except (TypeError, ValueError):
        refused = True
    fixed = sum(term.isdigit() for drawn in case.arguments.values() for term in drawn.shape.split())
    unlike = sum(case.statics.get(name) != value for name, value in statics.items())
    few = -len({term for drawn in case.arguments.values() for term in drawn.shape.split()})
    return (
        refused,
        abs(len(primals) - count) if count is not None else 0,
        fixed + unlike,
        few if spec.entry_by_entry else 0,
    )


def by_example(primals: Sequence[Any], names: Sequence[str]) -> Maker:
    """Like arrays that are there: axes of equal size are one dimension, sizes of 1 stay."""
    return like(primals, names, dimensions_of(primals))


def dimensions_of(primals: Sequence[Any]) -> dict[Dimension, int]:
    """The axes of each size above 1, the smallest size first."""
    places = [((p, axis), size) for p, primal in enumerate(primals) for axis, size in enumerate(np.shape(primal))]
    sizes = sorted({size for _, size in places if size > 1})
    return {tuple(place for place, own in places if own == size): size for size in sizes}


def like(primals: Sequence[Any], names: Sequence[str], dimensions: Mapping[Dimension, int]) -> Maker:
    """Like arrays that are there, with these dimensions at these ordinary sizes."""
    by_name = {_called(dimension, names): dimension for dimension in dimensions}

    def make(sizes: Sizes, seed: int) -> tuple[Any, ...]:
        changed = {place: size for name, size in sizes.items() for place in by_name[name]}
        bounds = {(np.shape(primals[position])[axis], new) for (position, axis), new in changed.items()}
        shapes = [list(np.shape(primal)) for primal in primals]
        for (position, axis), new in changed.items():
            shapes[position][axis] = new
        rng = np.random.default_rng([seed, 7907])
        return tuple(_like(primal, tuple(shape), bounds, rng) for primal, shape in zip(primals, shapes, strict=True))

    return Maker({name: dimensions[dimension] for name, dimension in by_name.items()}, make, exact=False)


def _called(dimension: Dimension, names: Sequence[str]) -> str:
    """The first axis of a dimension."""
    position, axis = dimension[0]
    name = names[position] if position < len(names) else f"argument_{position}"
    return f"axis {axis} of {name}"


def _like(primal: Any, shape: tuple[int, ...], bounds: Collection[tuple[int, int]], rng: np.random.Generator) -> Any:
    """The entries over and over along every axis, floating ones moved a little; whole numbers stay below a size."""
    if primal is None:
        return None
    array = np.asarray(primal)
    if shape == array.shape and not _bounded(array, bounds):
        return array.copy()
    index = np.ix_(*(np.arange(new) % size for size, new in zip(array.shape, shape, strict=True))) if array.ndim else ()
    part = np.array(array[index])
    if array.dtype.kind in "iu" and (bound := _bounded(array, bounds)):
        return np.where(part >= 0, part % bound, part).astype(array.dtype)
    if not is_floating(array.dtype) or np.isin(array, (0, 1)).all():
        return part
    moved = np.asarray(part, np.float64) * rng.uniform(0.9, 1.1, part.shape)
    if sums_to_one(array) and part.ndim and part.shape[-1]:
        moved /= moved.sum(-1, keepdims=True)
    return moved.astype(array.dtype)


def _bounded(array: np.ndarray, bounds: Collection[tuple[int, int]]) -> int:
    """Below which number the whole numbers of an array must stay, where the size above them becomes smaller."""
    if array.dtype.kind not in "iu" or not array.size:
        return 0
    smallest = min((new for size, new in bounds if size > int(array.max())), default=0)
    return smallest if smallest and smallest <= int(array.max()) else 0


def sums_to_one(array: np.ndarray) -> bool:
    """Whether every row is a distribution."""
    if not is_floating(array.dtype) or not array.ndim or array.shape[-1] < 2 or not np.isfinite(array).all():
        return False
    return bool((array >= 0).all() and np.allclose(np.asarray(array, np.float64).sum(-1), 1, atol=1e-3))


def entries(primals: Sequence[Any]) -> int:
    """The numbers in all primals together."""
    return sum(prod(np.shape(primal)) for primal in primals)
