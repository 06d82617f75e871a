"""One question, put with the same values in several memories: is the answer the same, up to rounding?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import probes
from reference.oracle.numerics.precision import last_place
from reference.oracle.questions.answers import alike
from reference.oracle.questions.base import Base
from reference.oracle.questions.memory_battery.layouts import EXPANDED, Layout, in_memory_order
from reference.oracle.questions.repeated import AGAIN
from reference.oracle.rendering.numbers import apart
from reference.oracle.rendering.text import shown_index
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, copies

# What lies in memory beside the arguments, whose positions stand for them.
COTANGENT = -1
# The values moved by one rounding, so many times, show what rounding may do to an answer; so many times that is let be.
MOVES, SLACK = 3, 4
# What rounds to half the digits inside shows where the values move by this share and by twice as much, which smooth
# code answers evenly; up to the second share of the largest entry, as a step of the function would be larger.
NUDGE, COARSEST = 2.0**-11, 2.0**-6
OUTPUT = "the output"

Plan = Mapping[int, Layout]
# The output as a vector and every gradient, by name.
Answer = dict[str, Any]


@dataclass(frozen=True)
class Otherwise:
    """Another answer than the usual one, in words; refused: none at all; chance: not again when it was asked again.

    part: what differs most, the output or a gradient; gap: by how much.
    """

    said: str
    part: str = ""
    gap: float = np.inf
    refused: bool = False
    in_forward: bool = False
    chance: bool = False


@dataclass(frozen=True)
class Question:
    """Primals and a cotangent, which a trial's subject is asked about."""

    trial: Trial
    primals: tuple[Any, ...]
    cotangent: Any

    @classmethod
    def of(cls, trial: Trial, base: Base) -> "Question":
        """The question that the base has answered; what that answered is known."""
        question = cls(trial, trial.primals, base.upstream())
        question.__dict__["usual"] = _named(trial, base.flat, base.got)
        return question

    @cached_property
    def usual(self) -> Answer:
        """The answer in ordinary memory; a Fault where there is none."""
        return self.answer({})

    def slots(self) -> list[int]:
        """The cotangent, where the backward takes one, and the positions of the arguments that lie in memory."""
        taken = [COTANGENT] if self.trial.subject.upstream != "one" else []
        return taken + [at for at, primal in enumerate(self.primals) if isinstance(primal, np.ndarray)]

    def otherwise(self, plan: Plan) -> Otherwise | None:
        """What becomes of the answer with these in other memory; None where it stays, or where none lies otherwise."""
        if not any(self.moved_by(layout, at) for at, layout in plan.items()):
            return None
        try:
            got = self.answer(plan)
        except Fault as fault:
            said = (fault.finding.message.splitlines() or [""])[0]
            return Otherwise(said, refused=True, in_forward=fault.finding.blame == "forward")
        names = self._differing(got)
        if not names:
            return None
        name, usual, other = names[0], self.usual[names[0]], got[names[0]]
        seen = Otherwise(_apart(name, usual, other), name, _gap(usual, other), in_forward=name == OUTPUT)
        if not self._lasts(plan):
            return replace(seen, chance=True)
        return replace(seen, said=seen.said + self._explained(plan, got))

    def answer(self, plan: Plan, read: Callable[[Any], Any] = lambda laid: laid) -> Answer:
        """What comes back where these lie in other memory, or for what is read from there."""
        handed = tuple(read(_in(plan.get(at), primal)) for at, primal in enumerate(self.primals))
        out, pullback = self.trial.vjp(handed=handed)
        values = trees.vector(out)
        cotangent = trees.mapped(lambda leaf: read(_in(plan.get(COTANGENT), leaf)), self.cotangent)
        return _named(self.trial, values, copies(self.trial.pull(pullback, cotangent)))

    def moved_by(self, layout: Layout, at: int) -> bool:
        """Whether what stands there lies otherwise than in this layout."""
        return any(map(layout.moves, self._arrays(at)))

    def _arrays(self, at: int) -> list[np.ndarray]:
        return trees.arrays(self.cotangent if at == COTANGENT else self.primals[at])

    def _differing(self, got: Answer) -> list[str]:
        """The names of the parts that differ from the usual by more than rounding explains."""
        names = [name for name, part in got.items() if not alike((self.usual[name],), (part,))]
        return [name for name in names if _gap(self.usual[name], got[name]) > SLACK * self._rounding[name]]

    @cached_property
    def _rounding(self) -> dict[str, float]:
        """What rounding does to each part of the answer, at most; asked where some differ."""
        gaps = dict.fromkeys(self.usual, 0.0)
        for number in range(MOVES):
            try:
                once = self._moved_by(number, 1.0, None)
                ahead = [self._moved_by(number, steps, NUDGE) for steps in (1.0, 2.0)]
            except Fault:
                continue
            for name, part in self.usual.items():
                gap = max(_gap(part, once[name]), _uneven(part, *(one[name] for one in ahead)))
                gaps[name] = max(gaps[name], gap)
        return {name: gap if np.isfinite(gap) else 0.0 for name, gap in gaps.items()}

    def _moved_by(self, number: int, steps: float, share: float | None) -> Answer:
        """The answer where every given number is so many steps of a share away, or of its own last place."""
        rng = probes.generator(self.trial.subject.name, [], self.trial.seed, f"rounding {number}")
        move = partial(_moved, rng, steps, share)
        primals = tuple(map(move, self.primals))
        return replace(self, primals=primals, cotangent=trees.mapped(move, self.cotangent)).answer({})

    def _lasts(self, plan: Plan) -> bool:
        """Whether it is the memory: whenever asked, the usual answer comes in the usual memory, and another in this."""
        try:
            return all(
                not self._differing(self.answer({})) and self._differing(self.answer(plan)) for _ in range(AGAIN)
            )
        except Fault:
            return False

    def _explained(self, plan: Plan, got: Answer) -> str:
        """Words for what is read, where the memory read in order explains the answer."""
        try:
            read = self.answer(plan, lambda laid: in_memory_order(laid) if isinstance(laid, np.ndarray) else laid)
        except Fault:
            return ""
        same = all(alike((part,), (read[name],)) for name, part in got.items())
        return ", as if the memory were read in order" if same else ""


def _in(layout: Layout | None, value: Any) -> Any:
    """A copy of an array, in this layout where there is one."""
    if not isinstance(value, np.ndarray):
        return value
    laid = layout.of(value) if layout else None
    return np.array(value) if laid is None else laid


def _named(trial: Trial, values: np.ndarray, gradients: tuple[Any, ...]) -> Answer:
    return {OUTPUT: values, **{f"{name}_ct": one for name, one in zip(trial.names, gradients, strict=True)}}


def _moved(rng: np.random.Generator, steps: float, share: float | None, value: Any) -> Any:
    """Every floating number a share away, or its last place, in the memory that it lies in.

    Equal ones move alike, so that a tie stays a tie; but not in what could lie expanded, where sums in another order
    round otherwise although all numbers are alike.
    """
    if not isinstance(value, np.ndarray) or not is_floating(value.dtype):
        return value
    wide, moved = value.astype(np.float64), np.array(value)
    away = probes.signed(rng, wide.shape) if EXPANDED.moves(value) else probes.by_value(rng, wide)
    if share is None:
        moved[...] = wide + steps * np.sign(away) * last_place(value) * (wide != 0)
    else:
        moved[...] = wide * (1 + steps * share * away)
    return moved


def _uneven(usual: Any, once: Any, twice: Any) -> float:
    """How far the second of two equal moves differs from the first, at most, up to the share that rounding explains."""
    if not all(isinstance(one, np.ndarray) and one.shape == np.shape(usual) for one in (usual, once, twice)):
        return 0.0
    first, second, third = (np.asarray(one, np.float64) for one in (usual, once, twice))
    with np.errstate(all="ignore"):
        bend = np.abs(first - 2 * second + third)
    largest = float(np.max(np.abs(first), initial=0.0, where=np.isfinite(first)))
    return min(float(np.max(bend, initial=0.0, where=np.isfinite(bend))), COARSEST * largest)


def _gaps(usual: Any, other: Any) -> np.ndarray | None:
    """How far every entry is off: infinitely where it is not a number and was one. None where they have two forms."""
    if not (isinstance(usual, np.ndarray) and isinstance(other, np.ndarray) and usual.shape == other.shape):
        return None
    a, b = np.asarray(usual, np.float64), np.asarray(other, np.float64)
    gaps = np.where((a == b) | np.isnan(a), 0.0, np.abs(a - b))
    return np.where(np.isnan(gaps), np.inf, gaps)


def _gap(usual: Any, other: Any) -> float:
    gaps = _gaps(usual, other)
    if gaps is None:
        return 0.0 if usual is None and other is None else np.inf
    return float(np.max(gaps, initial=0.0))


def _apart(name: str, usual: Any, other: Any) -> str:
    """The entry that differs most, in words."""
    gaps = _gaps(usual, other)
    if gaps is None:
        return f"{name} has another form"
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(gaps)), gaps.shape))
    got, was = apart(float(other[at]), float(usual[at]))
    return f"{name}{shown_index(at)} is {got} where it was {was}"
