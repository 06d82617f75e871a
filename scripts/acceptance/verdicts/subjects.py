"""The set: every function, formula, way and mistake in every precision, and what each is by the oracle's own rule.

Labels are measured against float64, by no word of the oracle's. A subject is right where its formula is and where, over
some draws, every array that it returns is about as near to float64 as plain code in that dtype is, with sums in float32
(`AS_PLAIN` times its error, in root mean square). It is wrong where an array is beyond what docs/oracle.md allows by a
factor of two: four times the plain error, or an entry off by twice six of these errors and one unit in the last place.
What lies between is left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from reference.oracle.specs import SPECS
from scripts.acceptance.operation import edited
from scripts.acceptance.verdicts.attention import ATTENTION
from scripts.acceptance.verdicts.emulated import PRECISIONS, Way, inaccurate, plain, right
from scripts.acceptance.verdicts.formulas import CROSS_ENTROPY, PRODUCT, SWIGLU, Code, Function, Primals
from scripts.acceptance.verdicts.norms import LAYER_NORM, RMS_NORM

FUNCTIONS = (RMS_NORM, LAYER_NORM, ATTENTION, SWIGLU, CROSS_ENTROPY, PRODUCT)
# Right is at most so many times the plain error; the rule allows 2.
AS_PLAIN = 1.25
# Wrong is so many times what the rule allows: twice the plain error in all, six times it and a unit in one entry.
BEYOND, TIMES, SPREADS = 2.0, 2.0, 6.0
DRAWS = 12
EPSILON = {"float32": 2.0**-23, "tf32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}


@dataclass(frozen=True)
class Subject:
    """One backward of a function, and how it is asked for.

    mistake: "" where the formula is right; causes: in which a report names what is wrong; asked: whether the check is
    told the dtype, or takes it from float32 arrays; long: whether the primals are those with long sums.
    """

    function: Function
    precision: str
    way: Way
    code: Code
    mistake: str = ""
    causes: frozenset[str] = frozenset()
    asked: bool = True
    long: bool = False

    @property
    def name(self) -> str:
        """What it is, in a line."""
        said = [self.function.name, self.precision if self.asked else f"{self.precision}, not said", self.code.__name__]
        said += ["long sums"] * self.long + [self.way.name, self.mistake or "no mistake"]
        return ", ".join([*said, "takes float64" if self.way.takes_float64 else "takes no float64"])

    def rule(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The pair as `oracle.from_rule` takes it."""
        way, function, code = self.way, self.function, self.code

        def forward(*primals: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
            out = way.stored(function.forward(way, *map(way.lifted, primals)), primals[0].dtype)
            return out, (out, *primals)

        def backward(residuals: tuple[np.ndarray, ...], cotangent: np.ndarray) -> tuple[np.ndarray | None, ...]:
            found = code(way, way.lifted(cotangent), *map(way.lifted, residuals))
            pairs = zip(found, residuals[1:], strict=True)
            return tuple(None if one is None else way.stored(one, primal.dtype) for one, primal in pairs)

        return forward, backward


@dataclass(frozen=True)
class Question:
    """Primals and a cotangent that are numbers of a dtype, in float64."""

    primals: Primals
    cotangent: np.ndarray

    def answers(self, forward: Callable[..., Any], backward: Callable[..., Any], dtype: np.dtype) -> list[np.ndarray]:
        """The output and the gradients, for arrays of this dtype, in float64."""

        def cast(values: np.ndarray) -> np.ndarray:
            return values.astype(dtype) if values.dtype.kind == "f" else values

        out, residuals = forward(*map(cast, self.primals.values()))
        gradients = backward(residuals, cast(self.cotangent))
        return [np.asarray(one, np.float64) for one in (out, *gradients) if one is not None]


@cache
def question(function: Function, precision: str, long: bool = False, seed: int = 0) -> Question:
    """The numbers of one draw."""
    rng, dtype = np.random.default_rng(seed), PRECISIONS[precision]

    def rounded(values: np.ndarray) -> np.ndarray:
        return values.astype(dtype).astype(np.float64) if values.dtype.kind == "f" else values

    draw = function.long if long and function.long else function.primals
    primals = {name: rounded(values) for name, values in draw(rng).items()}
    shape = SPECS[function.op].reference()(*primals.values(), **function.statics).shape
    return Question(primals, rounded(rng.normal(size=shape)))


@cache
def truth(function: Function, precision: str, long: bool = False, seed: int = 0) -> list[np.ndarray]:
    """What the reference's op has in float64."""
    spec, asked = SPECS[function.op], question(function, precision, long, seed)

    def forward(*primals: np.ndarray) -> Any:
        return spec.reference("_fwd")(*primals, **function.statics)

    return asked.answers(forward, spec.reference("_bwd"), np.dtype(np.float64))


def errors(subject: Subject, seed: int = 0) -> list[np.ndarray]:
    """How far output and gradients are off at one draw."""
    of = subject.function, subject.precision, subject.long, seed
    got = question(*of).answers(*subject.rule(), PRECISIONS[subject.precision])
    return [one - true for one, true in zip(got, truth(*of), strict=True)]


def usual(subject: Subject) -> list[float]:
    """The root mean squares of these errors over all draws, by array."""
    draws = [errors(subject, seed) for seed in range(DRAWS)]
    return [float(np.sqrt(np.mean(np.square(each)))) for each in zip(*draws, strict=True)]


@cache
def plain_errors(function: Function, precision: str, long: bool) -> list[float]:
    """The usual errors of plain code."""
    return usual(Subject(function, precision, plain(precision), function.backwards[0], long=long))


def label(subject: Subject) -> str:
    """`right`, `wrong`, or `between`."""
    beside = plain_errors(subject.function, subject.precision, subject.long)
    if not subject.causes:
        pairs = zip(usual(subject), beside, strict=True)
        return "right" if all(own <= AS_PLAIN * other for own, other in pairs) else "between"
    epsilon = EPSILON[subject.precision]
    trues = truth(subject.function, subject.precision, subject.long)
    for error, true, other in zip(errors(subject), trues, beside, strict=True):
        if np.sqrt(np.mean(np.square(error))) > BEYOND * TIMES * other:
            return "wrong"
        if np.any(np.abs(error) > BEYOND * (SPREADS * other + epsilon * np.abs(true))):
            return "wrong"
    return "between"


def subjects() -> Iterator[Subject]:
    """All that are made, those between included."""
    for function in FUNCTIONS:
        for number, precision in enumerate(PRECISIONS):
            made = [*_right(function, precision), *_mistaken(function, precision), *_inaccurate(function, precision)]
            for place, one in enumerate(made):
                yield replace(one, way=replace(one.way, takes_float64=(place + number) % 2 == 0))
            if function.products and precision == "tf32":
                yield from (replace(one, asked=False) for one in made if not one.mistake or one in made[::2])


def _ways(function: Function, precision: str) -> tuple[Way, ...]:
    """The honest ways; what is done to factors is another way only where there are products."""
    ways = right(precision)
    return ways if function.products else tuple(way for way in ways if way.factors is None) or ways[:1]


def _right(function: Function, precision: str) -> Iterator[Subject]:
    for code in function.backwards:
        for way in _ways(function, precision):
            yield Subject(function, precision, way, code)


def _mistaken(function: Function, precision: str) -> Iterator[Subject]:
    ways = _ways(function, precision)
    for number, one in enumerate(function.mistakes):
        causes, code = frozenset(one.causes.split()), edited(one.of, one.old, one.new)
        yield Subject(function, precision, ways[number % len(ways)], code, one.what, causes)


def _inaccurate(function: Function, precision: str) -> Iterator[Subject]:
    code, long = function.backwards[0], function.long is not None
    if long:
        yield Subject(function, precision, _ways(function, precision)[-1], code, long=True)
    for way, causes in inaccurate(precision):
        if long or way.accumulator is None:
            yield Subject(function, precision, way, code, "too little precision", causes, long=long)
