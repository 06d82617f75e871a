"""A recorded program run again in another arithmetic: plain in a dtype, or with one known imprecision."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.oracle.accuracy.formats import SINGLE, Format
from reference.oracle.recording.functions import MOVES, multiplied
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled, reaching

# What adds up, or only moves entries: such results stay in the format of sums until something else is made of them.
ADDING = frozenset(("add", "added up", "added_at", "getitem", "setitem", "scattered", "returned", *MOVES))
# Of one number, or two, what nobody approximates; all other functions of numbers are curves.
EXACT = frozenset(("add", "subtract", "multiply", "negative", "maximum", "minimum", "absolute", "square", "where"))
# A sum that is a smaller share of its terms is what rounding left.
NOTHING = 2.0**-36
# Products of one contraction that are formed one by one; beyond, NumPy sums them in float32 in its own order.
FORMED = 2_000_000


@dataclass(frozen=True)
class Arithmetic:
    """How a program computes: every elementary result, factor, product and partial sum rounded to a format.

    plain: what every elementary result is rounded to. factors: the factors of a product with a sum behind it, where
    they are coarser. terms: each such product before it is added. sums: every partial sum, one after the other.
    rng: rounds up or down at random, and adds in a random order. reordered: sums are half a rounding of all that is
    added off, too, as in code whose steps come in another order. curves: the share by which the results of functions
    that may be approximated are off, partly all of one step alike.
    """

    plain: Format
    factors: Format | None = None
    terms: Format | None = None
    sums: Format = SINGLE
    rng: np.random.Generator | None = None
    reordered: bool = False
    curves: float = 0.0

    def elementary(self, values: Any) -> Any:
        """A result of one step as it is stored."""
        values = np.asarray(values)
        return self.plain.rounded(values, self.rng) if values.dtype.kind == "f" else values

    def curved(self, values: Any) -> Any:
        """A result of a function that may be approximated."""
        if not (self.curves and self.rng):
            return values
        off = self.rng.normal() + self.rng.normal(size=np.shape(values))
        return values * (1 + self.curves * off)

    def added(self, values: Any) -> Any:
        """A result of additions as it is stored until something else is made of it."""
        values = np.asarray(values)
        return self.sums.rounded(values, self.rng) if values.dtype.kind == "f" else values

    def total(self, terms: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        """The sum over the axes, one term after the other."""
        kept = [axis for axis in range(terms.ndim) if axis not in axes]
        outer = tuple(terms.shape[axis] for axis in kept)
        rows = terms.transpose(*kept, *axes).reshape(*outer, math.prod(terms.shape[axis] for axis in axes))
        rows = self.terms.rounded(rows, self.rng) if self.terms else rows
        rows = rows[..., self.rng.permutation(rows.shape[-1])] if self.rng else rows
        if not rows.shape[-1]:
            return np.zeros(rows.shape[:-1])
        with np.errstate(all="ignore"):
            if self.sums.name in ("float32", "float64"):
                total = np.add.accumulate(rows.astype(self.sums.name), axis=-1)[..., -1].astype(np.float64)
                return total + self._of_another_order(rows)
            so_far = rows[..., 0]
            for place in range(1, rows.shape[-1]):
                so_far = self.sums.rounded(so_far + rows[..., place])
            return so_far

    def _of_another_order(self, rows: np.ndarray) -> Any:
        """Half a rounding of all that is added, which is more than nothing where sums are exact in this order.

        So they are in norms of rows of equal entries, which the root of epsilon alone divides.
        """
        if self.rng is None or not self.reordered:
            return 0.0
        largest = np.abs(rows).sum(-1)
        return self.sums.ulp(1.0) / 2 * largest * self.rng.uniform(-1, 1, largest.shape)

    def contracted(self, inputs: tuple[str, ...], output: str, *operands: Any) -> np.ndarray:
        """A sum of products over named axes."""
        given = [np.asarray(operand, np.float64) for operand in operands]
        given = [self.factors.rounded(one, self.rng) for one in given] if self.factors else given
        sizes = {letter: size for letters, one in zip(inputs, given, strict=True)
                 for letter, size in zip(letters, one.shape, strict=True)}  # fmt: skip
        summed = "".join(letter for letter in sizes if letter not in output)
        if np.prod(list(sizes.values()), dtype=float) > FORMED:
            return multiplied(inputs, output, *(one.astype(np.float32) for one in given)).astype(np.float64)
        terms = multiplied(inputs, output + summed, *given)
        return self.total(terms, tuple(range(len(output), terms.ndim)))


def run(
    program: Program, given: Mapping[Step, np.ndarray], arithmetic: Arithmetic
) -> tuple[np.ndarray | None, dict[int, np.ndarray]]:
    """The output and the gradients of a program whose leaves have these values, in this arithmetic."""
    ends = [*program.gradients.values(), *([program.out] if program.out else [])]
    raw: dict[Step, Any] = {**corrections(program), **given}
    stored: dict[Step, Any] = dict(raw)
    with np.errstate(all="ignore"):
        for step in reaching(program.tape.steps, ends):
            if step in raw:
                continue
            adding = step.name in ADDING
            made = _made(step, raw if adding else stored, arithmetic)
            made = arithmetic.curved(made) if is_curve(step) else made
            raw[step] = arithmetic.added(made) if adding else arithmetic.elementary(made)
            stored[step] = arithmetic.elementary(raw[step]) if adding else raw[step]
    # What is no step, as a cotangent that is handed on, is what it was.
    gradients = {position: stored.get(step, step.value) for position, step in program.gradients.items()}
    return (stored.get(program.out, program.out.value) if program.out else None), gradients


def corrections(program: Program) -> dict[Step, np.ndarray]:
    """What a careful reference adds to take a rounding out, which a plain computation leaves in: as it was recorded.

    It is a sum that comes to nothing beside its terms, and that is added to what is no smaller than they are, as the
    mean of what a mean was taken off.
    """
    return {
        step: step.value for step in program.tape.steps if step.name in ("sum", "mean") and _corrects(program, step)
    }


def _corrects(program: Program, step: Step) -> bool:
    terms, users = np.asarray(filled(step.args[0], {})), program.users.get(step, [])
    most = float(np.max(np.abs(step.value), initial=0.0))
    if not users or terms.dtype.kind != "f" or not most <= NOTHING * float(np.max(np.abs(terms), initial=0.0)):
        return False
    others = [other for user in users for other in user.parents if other is not step]
    beside = min((float(np.max(np.abs(other.value), initial=0.0)) for other in others), default=0.0)
    return {user.name for user in users} <= {"add", "subtract"} and most <= NOTHING * beside


def is_curve(step: Step) -> bool:
    """Whether a step takes a function of numbers that may be approximated."""
    return isinstance(step.function, np.ufunc) and step.value.dtype.kind == "f" and step.name not in EXACT


def _made(step: Step, values: Mapping[Step, Any], arithmetic: Arithmetic) -> Any:
    """What a step makes of these values; sums are taken in the arithmetic's own way."""
    if step.function is multiplied:
        inputs, output, *operands = step.args
        return arithmetic.contracted(inputs, output, *(filled(one, values) for one in operands))
    if step.name not in ("sum", "mean", "gathered"):
        return step.run(values)
    array = np.asarray(filled(step.args[0], values))
    if array.dtype.kind != "f":
        return step.run(values)
    axes, shape = _summed(step, array)
    total = arithmetic.total(array, axes)
    count = max(1, array.size // max(1, total.size)) if step.name == "mean" else 1
    return (total / count).reshape(shape)


def _summed(step: Step, array: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes over which a step sums, and the shape of what it returns."""
    axis = step.args[1] if step.name == "gathered" else step.how.get("axis")
    chosen = range(array.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(int(one) % array.ndim for one in chosen), step.value.shape
