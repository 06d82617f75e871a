"""What makes right code inaccurate: told by rerunning the reference with one imprecision at a time.

An imprecision is believed where its own error points the way the kernel's does; partial sums, which nobody adds in the
same order, where the error grows with the length of the sum; a function that is approximated, where it stays as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from reference.oracle.accuracy.approximation import share_off, swayed
from reference.oracle.accuracy.arithmetic import Arithmetic, is_curve
from reference.oracle.accuracy.comparison import MANY_TIMES, TIMES, Comparison, comparison
from reference.oracle.accuracy.formats import CUT_TF32, FORMATS, SINGLE, TF32
from reference.oracle.accuracy.persistence import Persistent
from reference.oracle.accuracy.plain import Situation, answers, computed, situation
from reference.oracle.accuracy.sized import likelihood, usual
from reference.oracle.questions import shrink
from reference.oracle.recording.program import Program
from reference.oracle.report import Finding
from reference.oracle.subjects.vjp import Fault, finding

# The cosine between the kernel's error and that of an imprecision which may be its own.
ALIKE = 0.5
# And by more than so many times what is usual by chance.
CHANCE = 2
# One of the two is at most so many times as large as the other.
AS_LARGE = 4.0
# How many times as large, beside the plain one, the error of a sum in low precision is on the full input.
GROWS = 1.5
# What persists of an approximated function's error, as a share of the array's own size, is at most this.
SMALL = 2.0**-6
LOW_SUMS, TF32_PRODUCTS = "accumulated_in_low_precision", "computed_in_tf32"
HALVES = ("bfloat16", "float16")
SUMS = frozenset(("sum", "mean", "gathered", "added_at", "matmul", "einsum"))
# By position of the gradient, the output under None.
Arrays = dict[int | None, np.ndarray]


@dataclass(frozen=True)
class Imprecision:
    """A cause, its words, and the arithmetic that has it."""

    cause: str
    words: str
    arithmetic: Arithmetic

    @property
    def rounds(self) -> bool:
        """Whether its errors are as often up as down, and do not stay: partial sums and cut digits are off one way."""
        return self.arithmetic.sums == SINGLE and self.arithmetic.factors != CUT_TF32


def imprecisions(at: Situation, program: Program) -> Iterator[Imprecision]:
    """Those that a kernel of this dtype may have which computes as the program does."""
    plain, sums = at.arithmetic, any(step.name in SUMS for step in program.tape.steps)
    if at.dtype == "float32":
        for factors in (TF32, CUT_TF32):
            yield Imprecision(TF32_PRODUCTS, "multiplies in TF32", replace(plain, factors=factors))
        for name in HALVES:
            lower = Arithmetic(FORMATS[name])
            yield Imprecision("downcast", f"computes in {name} on the way", lower)
    for name in () if not sums else HALVES if at.dtype in ("float32", "tf32") else (at.dtype,):
        half = FORMATS[name]
        yield Imprecision("rounded_before_sum", f"rounds to {name} what it then adds up", replace(plain, terms=half))
        for terms in (None, half):
            yield Imprecision(LOW_SUMS, f"adds up in {name}", replace(plain, sums=half, terms=terms))


@dataclass(frozen=True)
class Doubted:
    """A kernel whose answers are too inaccurate, and what is known of that."""

    at: Situation
    program: Program | None
    # The doubtful arrays: gradients by position, the output under None; and what persists of their errors.
    compared: Mapping[int | None, Comparison]
    persisting: Mapping[int | None, Persistent]

    def cause(self, key: int | None) -> tuple[str, str, str] | None:
        """The cause, words that continue "<array> ...", and the evidence; None where none is certain.

        In all as accurate as a plain computation, an array has none: of a few entries any cause may be like the error.
        """
        if self.program is None:
            return None
        best, likeliest = self._alike(key)
        near = self.approximate(key)
        if near and self._no_rounding(key, likeliest):
            return near
        if likeliest is not None:
            said = f"its error and that of the reference which {likeliest.words} have a cosine of {best:.2f}"
            return likeliest.cause, likeliest.words, said
        return self._sized(key, in_tf32=True) or self._growing(key) or near or self._sized(key, in_tf32=False)

    def _alike(self, key: int | None) -> tuple[float, Imprecision | None]:
        """The imprecision whose error points most the way of the kernel's, where it does."""
        likeness = [(self._likeness(key, run), one) for one, run in self.runs]
        best, likeliest = max(likeness, key=lambda pair: pair[0], default=(0.0, None))
        sure = likeliest is not None and best > ALIKE and not self._by_chance(key, best, likeliest)
        return best, likeliest if sure else None

    def _by_chance(self, key: int | None, best: float, one: Imprecision) -> bool:
        """Whether the same roundings, up or down and in an order at random, point as much the way of its error.

        In rows that are off as a whole a few numbers decide, and two such errors are often alike.
        """
        assert self.program is not None
        runs = usual(self.at, self.program, one.arithmetic, key)
        alike = np.array([self._likeness(key, {key: run}) for run in runs])
        return bool(np.any(alike >= best)) or best < CHANCE * _rms(alike[alike > -1])

    def _no_rounding(self, key: int | None, likeliest: Imprecision | None) -> bool:
        """Whether an error is that of an approximated function, whatever it may be like by chance.

        It is where most of it stays, unless it is like that of partial sums or of cut factors, which stays, too; and
        where the output is off by as much.
        """
        if key is not None and None in self.compared and self.approximate(None):
            own, other = (share_off(self.compared[one], self._sway[one]) or 0.0 for one in (key, None))
            return own < AS_LARGE * other
        if likeliest is None:
            return False
        return likeliest.rounds and self.persisting[key].mostly

    @cached_property
    def runs(self) -> list[tuple[Imprecision, Arrays]]:
        """What the reference gives with each imprecision."""
        assert self.program is not None
        return [(one, self._run(one.arithmetic)) for one in imprecisions(self.at, self.program)]

    @cached_property
    def plain(self) -> Arrays:
        """What it gives without."""
        return self._run(self.at.arithmetic)

    def _run(self, arithmetic: Arithmetic) -> Arrays:
        assert self.program is not None
        out, gradients = computed(self.at, self.program, arithmetic)
        return {None: out, **gradients}

    def _likeness(self, key: int | None, run: Arrays) -> float:
        """The cosine between what sets the kernel and an imprecision apart from the plain computation in one array.

        Entries are weighed by how far they may be off, and alike: neither a few small ones nor a few large ones decide.
        -1 where one is much larger than the other.
        """
        compared, plain = self.compared[key], self.plain.get(key)
        if plain is None or plain.shape != compared.truth.shape:
            return -1.0
        with np.errstate(all="ignore"):
            own, other = compared.got - plain, run[key] - plain
        known = compared.known & np.isfinite(own) & np.isfinite(other)
        return min(_cosine(own[known] * weight, other[known] * weight) for weight in (1 / compared.allowed[known], 1.0))

    def _growing(self, key: int | None) -> tuple[str, str, str] | None:
        """Sums in low precision: the error, beside the plain one, is smaller where less is added up."""
        if not any(one.cause == LOW_SUMS and self._likeness(key, run) > -1 for one, run in self.runs):
            return None
        now, before = self.compared[key].factor, _on_less(self.at, key)
        if before is None or not now > GROWS * max(before, 1.0):
            return None
        said = f"its error is {now:.3g} times the plain one, and {before:.3g} times on a smaller input"
        return LOW_SUMS, "adds up in low precision", said

    def _sized(self, key: int | None, in_tf32: bool) -> tuple[str, str, str] | None:
        """The likeliest by the size of an error that goes: TF32, where another array is like that, or the rest."""
        stays, factor = self.persisting.get(key), self.compared[key].factor
        if stays is None or stays.systematic or factor <= (TIMES if in_tf32 else MANY_TIMES):
            return None
        if in_tf32 and TF32_PRODUCTS not in self._pointed_to:
            return None
        assert self.program is not None
        some = [one for one, _ in self.runs if in_tf32 == (one.cause == TF32_PRODUCTS)]
        runs = [usual(self.at, self.program, one.arithmetic, key) for one in some]
        rated = [(likelihood(self.compared[key], of), one) for of, one in zip(runs, some, strict=True)]
        possible = [(rate, one) for rate, one in rated if rate is not None]
        if not possible:
            return None
        one = max(possible, key=lambda pair: (self._ends_so(key, pair[1]), pair[0]))[1]
        return one.cause, one.words, f"its error is as large everywhere as that of the reference which {one.words}"

    def _ends_so(self, key: int | None, one: Imprecision) -> bool:
        """Whether all entries are numbers of the format to which an imprecision rounds every step."""
        got, plain = self.compared[key].got, one.arithmetic.plain
        return plain != self.at.arithmetic.plain and np.array_equal(plain.rounded(got), got, equal_nan=True)

    @cached_property
    def _pointed_to(self) -> set[str]:
        """The causes that the error of some array points to."""
        found = (self._alike(key)[1] for key in self.compared)
        return {one.cause for one in found if one is not None}

    @property
    def _curved(self) -> bool:
        """Whether the reference takes a function of numbers that may be approximated."""
        return self.program is not None and any(map(is_curve, self.program.tape.steps))

    @cached_property
    def _sway(self) -> Arrays:
        assert self.program is not None
        return swayed(self.at, self.program)

    def approximate(self, key: int | None) -> tuple[str, str, str] | None:
        """A function that is approximated: an error about as large everywhere, which stays where the arguments move.

        One that goes is a cruder rounding, of a function's argument or value; where a known imprecision is as large,
        nobody can tell the two apart.
        """
        if not self._curved or key not in self.compared:
            return None
        compared, stays = self.compared[key], self.persisting.get(key)
        share = _rms(compared.error[compared.known]) / (_rms(compared.truth[compared.known]) or 1.0)
        if share > SMALL or stays is None or share_off(compared, self._sway[key]) is None:
            return None
        if stays.systematic:
            said = f"an error of {share:.1e} of its size stays where the arguments move by more than their rounding"
        elif all(self._likeness(key, run) == -1 for _, run in self.runs):
            said = f"an error of {share:.1e} of its size is spread as that of functions which are off by so much"
        else:
            return None
        return "approximate_function", "comes from a function that is only approximated", said


def _cosine(own: np.ndarray, other: np.ndarray) -> float:
    """Of two vectors; -1 where one is much longer."""
    sizes = float(np.linalg.norm(own)), float(np.linalg.norm(other))
    return float(own @ other) / (sizes[0] * sizes[1]) if min(sizes) * AS_LARGE > max(sizes) else -1.0


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0


def found(name: str, compared: Comparison, cause: tuple[str, str, str], argument: str | None) -> Finding:
    """The finding of an imprecision in one array."""
    key, words, said = cause
    error, plain = compared.in_units
    said = f"{said}; root mean square error {error:.3g} ulp, of a plain computation {plain:.3g} ulp"
    message = f"{name} is {compared.times:.3g} times less accurate than a plain computation: it {words}"
    largest = float(np.max(np.abs(compared.truth), initial=0.0, where=compared.known)) or 1.0
    off = float(np.max(compared.error, initial=0.0)) / largest
    return finding(key, message, said, argument=argument, off=off, blame="backward" if argument else "forward")


def rounds_factors(at: Situation, got: np.ndarray) -> bool:
    """Whether an output of float32 is off as the reference's is whose products round, or cut, factors to TF32."""
    program = at.recorded()
    if program is None:
        return False
    truth, _ = at.reference.answer(at.primals, at.cotangent)
    compared = comparison("the output", got, truth, [out for out, _ in answers(at, program)], at.format)
    doubted = Doubted(at, program, {None: compared}, {})
    cause = doubted.cause(None) if compared.doubtful else None
    return cause is not None and cause[0] == TF32_PRODUCTS


def _on_less(at: Situation, key: int | None) -> float | None:
    """How many times the plain error the kernel's is on a smaller input; None where there is no such."""
    for small, base in islice(shrink.smaller(at.trial), 1):
        try:
            less = situation(small, at.reference, at.dtype, base.cotangent)
            truth, gradients = at.reference.answer(less.primals, base.cotangent)
            plain = answers(less, less.recorded(), reordered=False)
        except (Fault, ValueError, TypeError):
            return None
        got: Any = base.flat if key is None else base.got[key]
        true = truth if key is None else gradients[key]
        runs = [out if key is None else of.get(key, np.zeros(np.shape(true))) for out, of in plain]
        if true is None or np.shape(got) != np.shape(true):
            return None
        return comparison("", got, true, runs, at.format).factor
    return None
