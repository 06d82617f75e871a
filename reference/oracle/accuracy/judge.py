"""The judgment of a kernel in low precision: its error beside a plain computation's, and what makes it larger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference.oracle.accuracy import imprecision, mistakes
from reference.oracle.accuracy.asked import Asked
from reference.oracle.accuracy.comparison import MANY_TIMES, TIMES, Comparison, comparison
from reference.oracle.accuracy.formats import SINGLE
from reference.oracle.accuracy.imprecision import Doubted
from reference.oracle.accuracy.persistence import Persistent, persistent
from reference.oracle.accuracy.plain import Situation, answers, situation
from reference.oracle.accuracy.reference import Reference
from reference.oracle.accuracy.wide import NAMELESS, Wide, in_float64
from reference.oracle.numerics.precision import ulp_error
from reference.oracle.questions import doubts
from reference.oracle.questions.base import Base
from reference.oracle.questions.figures import DRAWN, Compared
from reference.oracle.questions.judged import Judged, blank
from reference.oracle.report import Accuracy, ArgumentReport, Finding, Kind
from reference.oracle.subjects import returned
from reference.oracle.subjects.vjp import Trial, finding

# The share of the plain error that a mistake named in float64 must make to count where rounding nearly hides it.
SEEN = 0.25


@dataclass
class Outcome:
    """The arguments, judged; what was found; how accurate output and gradients are; what a pass could not see."""

    judged: list[Judged] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    accuracy: list[Accuracy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    evaluations: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Case:
    """A kernel beside its reference and plain computations; subject: the code as it takes other dtypes."""

    at: Situation
    base: Base
    compared: Mapping[int | None, Comparison]
    persisting: Mapping[int | None, Persistent]
    doubted: Doubted
    wide: Wide | None
    strict: bool

    def right(self, key: int | None) -> bool:
        """Whether the code is right in float64 there, so that only its precision can be wrong."""
        if self.wide is None:
            return False
        return self.wide.exact if key is None else self.wide.right(self.at.trial.names[key])

    def by_rounding(self, key: int | None) -> np.ndarray | np.bool_:
        """The entries that only rounding can put further off than is allowed.

        All where the code is right in float64; else those whose error goes where the arguments move, or is no more than
        one rounding of the largest entries to float32.
        """
        compared, stays = self.compared[key], self.persisting.get(key)
        if self.right(key):
            return np.True_
        least = compared.error <= compared.unit * SINGLE.ulp(1.0) / self.at.format.ulp(1.0)
        return least if stays is None else least | ~stays.lasting

    def mistaken(self, key: int | None) -> bool:
        """Whether an error may be a mistake's: it stays, in all or in one entry."""
        stays = self.persisting.get(key)
        return stays is None or stays.systematic or bool(np.any(self.compared[key].outside & ~self.by_rounding(key)))

    def approximates(self, key: int) -> bool:
        """Whether a gradient is off by as little as an output that stays off a little."""
        causes = (self.doubted.approximate(one) for one in (None, key))
        return None in self.doubted.compared and all(cause is not None for cause in causes)


def judge(trial: Trial, base: Base, reference: Reference, asked: Asked, mode: str, strict: bool) -> Outcome:
    """Judge output and gradients against the reference in float64."""
    case = _case(trial, base, reference, asked, mode, strict)
    outcome = Outcome(evaluations=case.wide.evaluations if case.wide else (0, 0, 0))
    if None in case.compared:
        _judge_output(case, outcome)
    wrong = _diagnosed(case)
    for position in trial.differentiable:
        outcome.judged.append(_argument(case, position, wrong, outcome))
    if seen := [one.plain_ulp for one in outcome.accuracy if one.kind in ("best", "right")]:
        said = f"a plain computation in {asked.dtype} is off by up to {max(seen):.2g} ulp"
        outcome.notes.append(f"Of what has no name in float64, mistakes smaller than rounding: {said}.")
    return outcome


def _case(trial: Trial, base: Base, reference: Reference, asked: Asked, mode: str, strict: bool) -> Case:
    at = situation(trial, reference, asked.dtype, base.cotangent)
    truth, gradients = reference.answer(at.primals, base.cotangent)
    program = at.recorded()
    plain = answers(at, program)
    compared: dict[int | None, Comparison] = {}
    if truth.shape == base.flat.shape:
        compared[None] = comparison("the output", base.flat, truth, [out for out, _ in plain], at.format)
    for position in trial.differentiable:
        true, got = gradients[position], base.got[position]
        if true is not None and returned.complaint(true, got) is None:
            runs = [of.get(position, np.zeros(got.shape)) for _, of in plain]
            compared[position] = comparison(trial.names[position], got, true, runs, at.format)
    doubtful = {key: one for key, one in compared.items() if one.doubtful}
    persisting = persistent(at) if doubtful else {}
    doubted = Doubted(at, program, doubtful, persisting)
    return Case(at, base, compared, persisting, doubted, in_float64(at, asked.subject, mode), strict)


def _judge_output(case: Case, outcome: Outcome) -> None:
    """The forward: another function, or the right one inaccurately."""
    compared = case.compared[None]
    kind: Kind = "best" if compared.best else "right"
    if compared.doubtful:
        kind, cause = _inaccurate(case, None)
        if cause:
            outcome.findings.append(imprecision.found("the output", compared, cause, None))
        elif kind == "wrong":
            at = int(np.argmax(compared.error))
            said = f"entry {at} of the output is {compared.got[at]:.6g}, in float64 it is {compared.truth[at]:.6g}"
            label = case.at.reference.label
            why, message = "forward", f"the forward does not compute {label}"
            if lost := compared.only_lost:
                why, message = "not_finite", f"the forward has {lost} values that are not finite, where {label} is"
            outcome.findings.append(finding(why, message, said, blame="forward"))
    outcome.accuracy.append(_accuracy("the output", compared, kind))


def _inaccurate(case: Case, key: int | None) -> tuple[Kind, tuple[str, str, str] | None]:
    """Of a doubtful array: "wrong", "less" accurate or "right" all the same, and the imprecision that explains it."""
    if cause := case.doubted.cause(key):
        return "less", cause
    compared, mistaken = case.compared[key], case.mistaken(key)
    if compared.factor <= TIMES and not mistaken:
        return "right", None  # single entries, by chance: their error goes where the arguments move
    times = compared.times_beside(case.by_rounding(key))
    if case.strict or times > MANY_TIMES or (mistaken and not case.right(key)):
        return "wrong", None
    return "less", None


def _diagnosed(case: Case) -> dict[str, list[Finding]]:
    """By argument, the mistakes that have a name: in float64, else by what persists in low precision."""
    found: dict[str, list[Finding]] = {}
    unnamed = []
    for key, compared in case.compared.items():
        if key is None:
            continue
        name = case.at.trial.names[key]
        if causes := _in_float64(case, name, compared):
            found[name] = causes
        elif compared.doubtful and not case.right(key) and not case.approximates(key):
            unnamed.append(key)
    wrong = [key for key in unnamed if (stays := case.persisting.get(key)) is not None and stays.systematic]
    gradients = {key: one for key, one in case.compared.items() if key is not None}
    explained = mistakes.explained(case.at, case.base, gradients, case.persisting, wrong) if wrong else ()
    for one in explained:
        if one.cause not in NAMELESS:
            found.setdefault(one.argument or "", []).append(one)
    return found


def _in_float64(case: Case, name: str, compared: Comparison) -> list[Finding]:
    """The mistakes that the same code makes in float64, where its answer in low precision shows them too."""
    if case.wide is None or not (causes := case.wide.named(name)):
        return []
    error = case.wide.errors.get(name)
    size = np.inf if error is None else float(np.sqrt(np.mean(np.square(error))))
    seen = compared.doubtful or size > SEEN * compared.typical
    return causes if seen and case.wide.shows(name, compared.got - compared.truth, compared.typical) else []


def _argument(case: Case, position: int, wrong: Mapping[str, list[Finding]], outcome: Outcome) -> Judged:
    trial, compared = case.at.trial, case.compared.get(position)
    name = trial.names[position]
    if compared is None:
        return _malformed(case, position)
    kind: Kind = "best" if compared.best else "right"
    cause = None
    if name in wrong:
        kind = "wrong"
        outcome.findings += wrong[name]
    elif compared.doubtful:
        kind, cause = _inaccurate(case, position)
        if cause:
            outcome.findings.append(imprecision.found(f"{name}_ct", compared, cause, name))
    figures = _figures(compared, trial.primals[position], case.base.got[position], kind, cause)
    lost = doubts.no_numbers(name, compared.got) if compared.only_lost else None
    judged = Judged(name, figures, otherwise=lost)
    if kind == "wrong" and name not in wrong:
        outcome.findings.append(judged.unexplained())
    outcome.accuracy.append(_accuracy(f"{name}_ct", compared, kind))
    return judged


def _malformed(case: Case, position: int) -> Judged:
    """A gradient whose form cannot be compared, or an argument of which the reference has none."""
    trial, got = case.at.trial, case.base.got[position]
    name, primal = trial.names[position], trial.primals[position]
    if trouble := returned.complaint(primal, got):
        cause, words = trouble
        said = f"the argument has shape {primal.shape} and dtype {primal.dtype}"
        role = "form" if cause == "downcast" else ""
        found = finding(cause, f"{name}_ct {words}", said, argument=name, role=role)
        return Judged(name, blank(trial, case.base, position, "fail"), (found,))
    return Judged(name, blank(trial, case.base, position, "cannot tell"))


def _figures(compared: Comparison, primal: Any, got: np.ndarray, kind: Kind, cause: Any) -> Compared:
    """The figures of one argument, as a check without a reference gives them."""
    error, outside = compared.error, compared.outside
    ranked = np.where(outside, error, -1.0) if outside.any() else error
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(ranked)), error.shape)) if error.any() else None
    failed = kind == "wrong" or cause is not None
    report = ArgumentReport(
        compared.name,
        "fail" if failed else "pass",
        float(np.max(error, initial=0.0)),
        worst,
        None if worst is None else float(compared.got[worst]),
        None if worst is None else float(compared.truth[worst]),
        float(compared.typical),
        max(int(outside.sum()), 1) if failed else 0,
        got.size,
        ulp=ulp_error(got, np.where(compared.known, compared.truth, 0.0), 0.0),
        shape=got.shape,
        dtype=primal.dtype.name,
        error_map=error if error.size <= DRAWN else None,
    )
    return Compared(report, compared.truth, compared.typical)


def _accuracy(name: str, compared: Comparison, kind: Kind) -> Accuracy:
    error, plain = compared.in_units
    return Accuracy(name, kind, error, plain, compared.times if kind in ("less", "wrong") else compared.factor)
