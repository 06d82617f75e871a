"""The search: every row at every place of every program, ranked by how many bits the edit takes to say."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import log2
from typing import ClassVar

import numpy as np

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.diagnosis.exchange import called
from reference.oracle.diagnosis.fit import fitted, near_enough, solved
from reference.oracle.diagnosis.forms import forms
from reference.oracle.diagnosis.grammar import Groups, further_edits, plain_edits, whole_edits
from reference.oracle.diagnosis.guards import about_as_much
from reference.oracle.diagnosis.naming import (
    ADDED,
    IN_A_SLOPE,
    by_the_mask,
    may_overwrite,
    overwritten_or_alone,
)
from reference.oracle.diagnosis.penalties import is_of_penalty, penalty_steps
from reference.oracle.diagnosis.regions import POINTWISE
from reference.oracle.diagnosis.values import is_written_slope
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View
from reference.oracle.recognition.recognize import Known
from reference.oracle.recognition.statics import other_statics
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step
from reference.oracle.specs import SPECS

# The rows at some places of a program.
Edits = Callable[[Program, Groups], Iterator[Edited]]
# Arguments with more entries together are not searched; runs of single steps for all edits of a kind together.
ENTRIES, RUNS = 60_000, 40_000
# Bits: an op at other statics, a fitted number, a right gradient that the edit would have made wrong; and what an edit
# gains by every further argument that it explains.
OTHER_STATICS, FITTED, BROKEN, SHARED = 4.0, 4.0, 3.0, 2.0
# Of what only bounds an error.
GUARDS = 30.0
CERTAIN = 8.0
# Of edits that make, in a backward by hand, the derivative of a function of the forward.
MADE_A_SLOPE = {
    "wrong_operand": "derivative_at_wrong_value",
    "shifted": "derivative_at_wrong_value",
    "squared": "wrong_derivative",
    "factor added": "wrong_derivative",
    "term added": "wrong_derivative",
}
# The rounding of a program's own gradients, as a share of the largest entry.
EXACT = 1e-13


@dataclass(frozen=True)
class Found:
    """An edit that explains the gradient of an argument."""

    bits: float
    model: Model


@dataclass(frozen=True, eq=False)
class Search:
    """The programs of a wrong backward, and what their edits explain."""

    evidence: Evidence
    programs: list[Program]
    known: list[Known]
    runs: ClassVar[int] = RUNS
    stages: ClassVar[tuple[tuple[Edits, ...], ...]] = (
        (plain_edits, whole_edits),
        (further_edits,),
    )

    def of(self, view: View) -> list[Found]:
        """What explains one argument: edits of programs, and the op at other statics."""
        called = [(one, self._called(one.model)) for one in self.found.get(view.position, [])]
        found = [replace(one, model=replace(model, cause=ADDED.get(model.cause, model.cause))) for one, model in called]
        statics = [one for known in self.known for one in other_statics(view, known)]
        found += [Found(OTHER_STATICS + BROKEN * spoilt, model) for spoilt, model in statics]
        return found + [Found(GUARDS, model) for program in self.programs for model in about_as_much(view, program)]

    def _called(self, model: Model) -> Model:
        if self._pointwise:
            model = replace(model, cause=IN_A_SLOPE.get(model.cause, model.cause))
        return model if self._looped else overwritten_or_alone(model)

    @cached_property
    def _pointwise(self) -> bool:
        curves = (known for known in self.known if known.family == "activations")
        return any(SPECS[known.op].entry_by_entry for known in curves) or any(map(entry_by_entry, self.programs[:1]))

    @cached_property
    def _looped(self) -> bool:
        return may_overwrite(self.evidence)

    @cached_property
    def found(self) -> dict[int, list[Found]]:
        """By argument, what explains it; rows that ask a lot where nothing else explains all."""
        found: dict[int, list[Found]] = {}
        wanted = [i for i, wrong in enumerate(self.evidence.wrong) if wrong and self.evidence.got[i] is not None]
        with np.errstate(all="ignore"):
            for stage in self.stages:
                for edits in stage:
                    for program in self.programs:
                        for position, one in self._explaining(program, edits):
                            found.setdefault(position, []).append(one)
                if all(self._certain(found.get(position, [])) for position in wanted):
                    break
        return found

    @staticmethod
    def _certain(found: list[Found]) -> bool:
        """Whether an edit is short enough that no row that asks more could be shorter."""
        return any(one.bits < CERTAIN and not one.model.freedom for one in found)

    def _explaining(self, program: Program, edits: Edits) -> Iterator[tuple[int, Found]]:
        """The arguments that each edit explains, within the budget: edits at places from which some wrong one comes."""
        place, penalized, left = log2(max(2, len(program.groups))), penalty_steps(program), self.runs
        ends = [step for i, step in program.gradients.items() if self.evidence.wrong[i]]
        wanted = set().union(*map(program.ancestors, ends))
        groups = [group for group in program.groups if not wanted.isdisjoint(group)]
        for edited in self._with_numbers(program, edits(program, groups)):
            behind = program.behind(list(edited.edits))
            if wanted.isdisjoint(behind):
                continue
            left -= len(behind)
            if left < 0:
                return
            explained, broken = self._tried(program, edited, behind, wanted)
            changed = [edited.term] if edited.term is not None else edited.edits
            if penalized:
                explained = {i: _of_penalty(program, changed, penalized, i, model) for i, model in explained.items()}
            line = self._line(edited)
            for position, model in explained.items():
                bits = place + edited.bits + BROKEN * broken - SHARED * (len(explained) - 1) + FITTED * model.freedom
                yield position, Found(bits, replace(model, line=line))

    def _line(self, edited: Edited) -> int | None:
        """The line of the user's backward that an edit belongs to, where that is certain."""
        return None

    def _with_numbers(self, program: Program, edits: Iterator[Edited]) -> Iterator[Edited]:
        """The edits, those that hold a number to be found with it."""
        for edited in edits:
            if edited.at is None:
                yield edited
                continue
            for position, wrong in enumerate(self.evidence.wrong):
                got = self.evidence.got[position]
                if wrong and got is not None and position in program.gradients:
                    number = solved(program, edited, position, np.asarray(got, float))
                    yield from () if number is None else (edited.at(number),)

    def _tried(
        self, program: Program, edited: Edited, behind: list[Step], wanted: set[Step]
    ) -> tuple[Mapping[int, Model], int]:
        """The wrong arguments that an edit explains, and how many right ones it would have made wrong.

        wanted: what the wrong gradients are computed from. All that the edit changes is run where it explains one.
        """
        explained = self._explained(edited, _run(program, edited, program.towards(wanted, behind, edited.edits)))
        predictions = _run(program, edited, behind) if explained else {}
        if not predictions:
            return {}, 0
        if edited.mask is not None:
            explained = {
                i: replace(model, cause=by_the_mask(program, edited.mask, i, model.cause))
                for i, model in explained.items()
            }
        if edited.exchange:
            cause = called(edited)
            explained = {i: replace(model, cause=cause) for i, model in explained.items()}
        if any(model.cause in MADE_A_SLOPE for model in explained.values()) and bends(program, edited):
            named = {i: MADE_A_SLOPE.get(model.cause, model.cause) for i, model in explained.items()}
            explained = {i: replace(model, cause=named[i]) for i, model in explained.items()}
        return explained, sum(self._broken(position, predicted) for position, predicted in predictions.items())

    def _explained(self, edited: Edited, predictions: Mapping[int, np.ndarray]) -> dict[int, Model]:
        found = {}
        for position, (got, expected, near) in self._wrong.items():
            predicted = predictions.get(position)
            fit = None if predicted is None else fitted(edited, predicted, expected, got, near, self.sizes)
            found |= {} if fit is None else {position: fit}
        return found

    @cached_property
    def _wrong(self) -> dict[int, tuple[np.ndarray, np.ndarray, float]]:
        """Of every wrong argument what came back, the true gradient, and how near is near enough."""
        evidence, found = self.evidence, {}
        for position, (got, expected) in enumerate(zip(evidence.got, evidence.expected, strict=True)):
            if evidence.wrong[position] and got is not None and expected is not None:
                got = np.asarray(got, float)
                rounded = evidence.rounded(position) * float(np.max(evidence.unevenness(position), initial=1.0))
                near = near_enough(expected, got, rounded)
                found[position] = (got, expected, near)
        return found

    def _broken(self, position: int, predicted: np.ndarray) -> bool:
        """Whether the gradient of a right argument would have been another one."""
        got = self.evidence.got[position]
        if got is None or position in self._wrong or np.shape(got) != np.shape(predicted):
            return False
        return not np.allclose(predicted, got, rtol=1e-6, atol=1e-9)

    @cached_property
    def sizes(self) -> set[int]:
        """The sizes of the arguments along neighbouring axes together."""
        shapes = [np.shape(primal) for primal in self.evidence.primals]
        spans = [shape[i:j] for shape in shapes for i in range(len(shape)) for j in range(i + 1, len(shape) + 1)]
        return {int(np.prod(span)) for span in spans}


def _run(program: Program, edited: Edited, steps: list[Step]) -> dict[int, np.ndarray]:
    try:
        return program.edited(edited.edits, steps)
    except Exception:  # the edit does not fit these shapes
        return {}


def entry_by_entry(program: Program) -> bool:
    """Whether a forward of one argument acts on each entry by itself."""
    shapes = {step.value.shape for step in (*program.forward, *program.tape.leaves) if step.value.ndim}
    alone = sum(leaf is not program.cotangent for leaf in program.tape.leaves) == 1
    return alone and len(shapes) == 1 and all(step.name in POINTWISE for step in program.forward)


def bends(program: Program, edited: Edited) -> bool:
    """Whether an edit of a backward by hand makes the derivative of a function of the forward of what it changes."""
    changed = {} if program.arriving else program.values_with(edited.edits)
    anew = [value for step, value in changed.items() if step not in program.carrying]
    return any(is_written_slope(program, np.asarray(value)) for value in anew)


def _of_penalty(program: Program, changed: Iterable[Step], penalized: set[Step], position: int, model: Model) -> Model:
    own = all(is_of_penalty(program, step, penalized, position) for step in changed)
    return replace(model, cause="regularization") if own else model


def searched(evidence: Evidence, known: list[Known]) -> Search | None:
    """The search through the programs of an evidence whose own gradients are the measured ones."""
    if sum(np.size(primal) for primal in evidence.primals) > ENTRIES:
        return None
    usable = [program for program in forms(evidence, known) if _usable(program, evidence)]
    exact = _sharpened(evidence, usable[0]) if usable else evidence
    return Search(exact, usable, known) if usable or known else None


def _sharpened(evidence: Evidence, program: Program) -> Evidence:
    """A program's own gradients where differences measured the same ones: they tell more causes apart."""
    expected, noise = list(evidence.expected), list(evidence.noise)
    for position, step in program.gradients.items():
        true, primal = expected[position], evidence.primals[position]
        if true is not None and evidence.wrong[position] and primal.dtype == np.float64:
            expected[position] = step.value
            exact = EXACT * float(np.max(np.abs(step.value), initial=0.0))
            noise[position] = min(noise[position], max(exact, evidence.rounded(position)))
    return replace(evidence, expected=tuple(expected), noise=tuple(noise))


def _usable(program: Program, evidence: Evidence) -> bool:
    """Whether a program's own gradients are the measured ones."""
    rounding = max((float(np.finfo(p.dtype).eps) for p in evidence.primals if p.dtype.kind == "f"), default=0.0)
    quadruples = zip(evidence.expected, evidence.got, evidence.noise, strict=True)
    for position, (true, got, noise) in enumerate(quadruples):
        if true is None:
            continue
        own = program.gradients[position].value if position in program.gradients else np.zeros_like(true)
        sizes = [true, got - true] if got is not None and np.shape(got) == np.shape(true) else [true]
        size = max(float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one))) for one in sizes)
        excused = 8 * noise + (1e-6 + 4000 * rounding) * max(size, 1e-300)
        if own.shape != true.shape or not np.max(np.abs(own - true), initial=0.0) <= excused:
            return False
    return True
