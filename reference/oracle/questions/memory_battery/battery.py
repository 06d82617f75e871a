"""The same values in other memory must give the same answers: asked of every argument and of the cotangent.

First all of them lie in some other way at once, each in another one, in as many turns as there are layouts. Only where
an answer is another one, or none, is it asked which of them it was, one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.questions.base import Base
from reference.oracle.questions.judged import Judged
from reference.oracle.questions.memory_battery.layouts import EXPANDED, LAYOUTS, Layout, all_alike, rows_alike
from reference.oracle.questions.memory_battery.question import COTANGENT, Otherwise, Question
from reference.oracle.questions.purity import harmless
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, finding

# One that lay in another memory, in which way, and what became of the answer.
Trouble = tuple[int, Layout, Otherwise]
# A gradient that differs by no more than so many times its noise was not read otherwise.
NOISES = 8


@dataclass(frozen=True)
class Misread:
    """A finding, and which part of the answer differs by how much, at most."""

    found: Finding
    part: str
    gap: float


def above_noise(misread: Sequence[Misread], judged: Sequence[Judged]) -> list[Finding]:
    """Those findings that the noise of the gradients, measured since, does not explain."""
    noise = {f"{one.name}_ct": one.noise for one in judged}
    return [one.found for one in misread if not one.gap <= NOISES * noise.get(one.part, 0.0)]


def judge(trial: Trial, base: Base, impure: list[Finding]) -> tuple[list[Misread], list[str]]:
    """What is misread in other memory, and in words what is refused there; asked where equal calls are answered alike.

    NumPy hands on expanded arrays for reading only: code that writes into what it is given is given neither. Of code
    that draws nothing is asked: which entry gets which number may follow the memory (`torch.rand_like`).
    """
    drawn = trial.draws or trial.subject.draws
    if trial.subject.style == "jax" or drawn or not all(map(harmless, impure)):
        return [], []
    in_torch = trial.subject.style == "torch"
    layouts = [one for one in LAYOUTS if one.in_torch or not in_torch]
    if impure and not in_torch:
        layouts = [one for one in layouts if one.writeable and one is not EXPANDED]
    troubles = _in_turns(Question.of(trial, base), layouts)
    troubles += _behind_sums(trial, base) if EXPANDED in layouts else []
    if by_chance := [other for _, _, other in troubles if other.chance]:
        return [Misread(_by_chance(by_chance[0]), by_chance[0].part, by_chance[0].gap)], []
    slots = sorted({slot for slot, _, _ in troubles}, key=lambda slot: (slot != COTANGENT, slot))
    found, sentences = [], []
    for slot in slots:
        own = [(layout, other) for at, layout, other in troubles if at == slot]
        misread = [(layout, other) for layout, other in own if not other.refused]
        refused = [(layout, other) for layout, other in own if other.refused]
        if misread:
            worst = max((other for _, other in misread), key=lambda other: other.gap)
            found.append(Misread(_misread(trial, slot, misread), worst.part, worst.gap))
        sentences += [_refused(trial, slot, refused)] if refused else []
    return found, sentences


def _in_turns(question: Question, layouts: list[Layout]) -> list[Trouble]:
    """Every argument and the cotangent in every layout, and no two in the same one at a time."""
    slots = question.slots()
    layouts = [layout for layout in layouts if any(question.moved_by(layout, slot) for slot in slots)]
    for turn in range(len(layouts)):
        plan = {slot: layouts[(turn + place) % len(layouts)] for place, slot in enumerate(slots)}
        other = question.otherwise(plan)
        if other and other.chance:
            return [(COTANGENT, layouts[turn], other)]
        if other:
            return [*_one_by_one(question, layouts)] or [*_together(question, plan)]
    return []


def _one_by_one(question: Question, layouts: list[Layout]) -> Iterator[Trouble]:
    for slot in question.slots():
        for layout in layouts:
            if other := question.otherwise({slot: layout}):
                yield slot, layout, other


def _together(question: Question, plan: dict[int, Layout]) -> Iterator[Trouble]:
    """None of them alone is misread: then the one without which all is well."""
    for slot in plan:
        rest = {at: layout for at, layout in plan.items() if at != slot}
        other = question.otherwise(plan)
        if other and not question.otherwise(rest):
            yield slot, plan[slot], other
            return


def _behind_sums(trial: Trial, base: Base) -> Iterator[Trouble]:
    """A cotangent that is constant, or constant along the first axis, is handed on with strides of 0."""
    for made in (all_alike, rows_alike) if trial.subject.upstream != "one" else ():
        cotangent = trees.mapped(partial(_of_arrays, made), base.upstream())
        if not any(map(EXPANDED.moves, trees.arrays(cotangent))):
            continue
        try:
            other = Question(trial, trial.primals, cotangent).otherwise({COTANGENT: EXPANDED})
        except Fault:  # this cotangent is refused in any memory
            continue
        if other:
            yield COTANGENT, EXPANDED, other


def _of_arrays(made: Callable[[np.ndarray], np.ndarray], leaf: Any) -> Any:
    return made(leaf) if isinstance(leaf, np.ndarray) else leaf


def _name(trial: Trial, slot: int) -> str:
    return "the cotangent" if slot == COTANGENT else trial.names[slot]


def _ways(layouts: list[Layout]) -> str:
    names = list(dict.fromkeys(layout.name for layout in layouts))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _by_chance(other: Otherwise) -> Finding:
    message = f"equal calls give another {'output' if other.in_forward else 'gradient'} now and then"
    return finding("not_deterministic", message, other.said, blame="forward" if other.in_forward else "backward")


def _misread(trial: Trial, slot: int, own: list[tuple[Layout, Otherwise]]) -> Finding:
    layout, other = own[0]
    who = "forward" if other.in_forward else "backward"
    message = f"the {who} misreads {_name(trial, slot)} where it is {layout.name}"
    also = [one for one, _ in own[1:] if one.name != layout.name]
    evidence = f"the same values in other memory: {other.said}"
    evidence += f"; also where it is {_ways(also)}" if also else ""
    if slot == COTANGENT:
        return finding("wrong_strides", message, evidence, blame=who, role="cotangent")
    return finding("wrong_strides", message, evidence, argument=trial.names[slot], blame=who, role="argument")


def _refused(trial: Trial, slot: int, own: list[tuple[Layout, Otherwise]]) -> str:
    """A refusal is no wrong gradient; and nothing is known of what would come back."""
    ways = _ways([layout for layout, _ in own])
    return (
        f"Where {_name(trial, slot)} is {ways}, {own[0][1].said}. Code that hands on such memory (a transpose, a slice,"
        " the gradient of a sum) stops there: make it contiguous first."
    )
