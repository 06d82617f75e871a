"""The user's own backward, and what mends it: the grammar read backwards, from the wrong program to the true one."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.diagnosis.grammar import (
    further_edits,
    mending_edits,
    plain_edits,
    replacing_edits,
    whole_edits,
)
from reference.oracle.diagnosis.search import RUNS, Found, Search
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.view import View
from reference.oracle.recording.adjoint import of_pullback
from reference.oracle.recording.frameworks.as_numpy import vjp_as_numpy
from reference.oracle.recording.program import Program

# What it was called to begin with, if an edit of this name mends it; of others that are no edits both ways, nothing.
BACKWARDS = {
    "term_missing": "term_extra",
    "term_extra": "term_missing",
    "derivative_missing": "derivative_twice",
    "derivative_twice": "derivative_missing",
    "mask_missing": "mask_wrong",
    "part_missing": "term_extra",
    "time_not_carried": "term_extra",
    "statistics_as_constants": "term_extra",
    "squared": "wrong_operand",
    "factor added": "wrong_factor",
    "mask added": "mask_missing",
    "slope added": "derivative_missing",
    "term added": "term_missing",
    "sum added": "not_accumulated",
    "carry added": "time_not_carried",
}
BOTH_WAYS = (
    "sign", "scaled_by_count", "scaled_by_constant", "wrong_factor", "wrong_operand", "wrong_axis", "wrong_reduction",
    "wrong_index", "wrong_winner", "wrong_derivative", "derivative_at_wrong_value", "mask_wrong", "shifted", "flipped",
    "transposed", "elementwise_product", "downcast", "epsilon_one_side", "static_ignored", "not_accumulated",
    "updated_weight", "not_linear", "regularization", "stale_state",
)  # fmt: skip


class Mending(Search):
    """The edits of a wrong backward after which it is the true one."""

    runs = 3 * RUNS  # of one program, where a search has several
    stages = ((plain_edits, whole_edits, mending_edits), (further_edits, replacing_edits))

    def of(self, view: View) -> list[Found]:
        """What mends the gradient of one argument; nothing of one that is 0, which too many edits give."""
        if np.all(np.abs(view.expected) <= view.noise):
            return []
        return [turned for one in self.found.get(view.position, []) if (turned := self._turned(one))]

    @cached_property
    def linear(self) -> bool:
        """Whether the opposite of the cotangent gives the opposite gradients; whatever else is mended in one."""
        (program,) = self.programs
        users = program.users.get(program.cotangent, [])
        turned = {step: lambda v, s=step: s.run({**v, program.cotangent: -program.cotangent.value}) for step in users}
        changed = program.edited(turned)
        return all(_same(-gradient, program.gradients[place].value) for place, gradient in changed.items())

    def _line(self, edited: Edited) -> int | None:
        source = self.evidence.subject.source
        code = getattr(inspect.unwrap(source), "__code__", None) if source else None
        file = code.co_filename if code else ""
        lines = {step.line for step in edited.edits if step.code is not None and step.code.co_filename == file}
        return lines.pop() if len(lines) == 1 else None

    def _turned(self, found: Found) -> Found | None:
        model = self._called(found.model)
        cause = BACKWARDS.get(model.cause, model.cause if model.cause in BOTH_WAYS else None)
        cause = "scaled_by_constant" if model.message.startswith("has 2 times the contribution") else cause
        cause = cause if self.linear or cause == "updated_weight" else "not_linear"
        if cause is None:
            return None
        lacking = model.message.removeprefix("lacks ")
        said = f"is right once it {lacking}" if lacking == model.message else f"is right without {lacking}"
        return replace(found, model=replace(model, cause=cause, message=said, mends=True))


def mending(evidence: Evidence) -> Mending | None:
    """The subject's own backward, as far as it can be followed."""
    program = _recorded(evidence.subject.vjp, evidence)
    if program is None:
        vjp = vjp_as_numpy(evidence.subject, evidence.primals, evidence.cotangent)
        program = None if vjp is None else _recorded(vjp, evidence)
    if program is None:
        return None
    return Mending(evidence.turned, [program], [])


def _recorded(vjp: Callable[..., Any], evidence: Evidence) -> Program | None:
    program = of_pullback(vjp, evidence.primals, evidence.names, evidence.cotangent)
    return program if program is not None and _follows(program, evidence) else None


def _follows(program: Program, evidence: Evidence) -> bool:
    """Whether the recorded backward returns what the subject's did, wherever that is wrong."""
    triples = zip(evidence.got, evidence.wrong, range(len(evidence.got)), strict=True)
    return all(
        _same(program.gradients[place].value, got) if place in program.gradients else False
        for got, wrong, place in triples
        if wrong and got is not None
    )


def _same(own: np.ndarray, got: Any) -> bool:
    size = float(np.max(np.abs(got), initial=0.0))
    return own.shape == np.shape(got) and bool(np.max(np.abs(own - got), initial=0.0) <= 1e-9 * size)
