"""The gradient of every argument: its form, its values, and whether this input could tell."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.numerics import budget, probes
from reference.oracle.numerics.numerical import Measure, Slope
from reference.oracle.questions.base import Base
from reference.oracle.questions.compare import by_elements, by_truth
from reference.oracle.questions.doubts import form_findings, unmeasurable, verified
from reference.oracle.questions.figures import Compared
from reference.oracle.questions.forward import Agreement, reference_pull
from reference.oracle.questions.jointly import passed, together
from reference.oracle.questions.judged import Judged, blank
from reference.oracle.questions.rounding import excused, measured, single
from reference.oracle.questions.search import by_probes
from reference.oracle.subjects import returned
from reference.oracle.subjects.vjp import Trial, finding

# Up to this many entries in all, every one is measured if calls are cheap; so are those of an argument of at most FEW.
ENTRIES = 2000
FEW = 64
# The share of what a question may cost that the entries may, where the reference's gradient is known beside them.
KNOWN = 1 / 8


@dataclass(frozen=True)
class Standard:
    """What every argument is judged by."""

    trial: Trial
    base: Base
    truth: tuple[Any, ...] | None
    mode: str
    rounding: tuple[float, ...]

    # The arguments that are right in directions of all arguments at once, each with the noise of that.
    jointly: dict[int, float] = field(default_factory=dict)

    @cached_property
    def entries(self) -> int:
        """The entries of all arguments that carry a gradient."""
        return sum(self.trial.primals[position].size for position in self.trial.differentiable)

    def measurable(self, size: int, share: float) -> bool:
        """Whether the forward may be called for every entry of an argument, at a share of what a question may cost."""
        if size <= FEW // 4 or (size > FEW and self.entries > ENTRIES):
            return size <= FEW
        return budget.affordable(2 * (size if size <= FEW else self.entries), self._work, share)

    @cached_property
    def _work(self) -> int:
        return budget.work(lambda *primals: self.trial.forward(primals), self.trial.measured, self.base.out)

    @cached_property
    def single(self) -> tuple[float, ...]:
        """What a backward that computes in float32 inside is excused; asked where some gradient seems wrong."""
        return single(self.trial, self.base)


def judge_gradient(trial: Trial, base: Base, agreement: Agreement | None, mode: str) -> list[Judged]:
    """Judge every argument that carries a gradient, in order."""
    trial.measured = measured(trial, base)
    base = replace(base, flat=trial.value(trial.measured, base.flat.size))
    truth, total = _truth(trial, base, agreement), sum(trial.primals[p].size for p in trial.differentiable)
    jointly = together(trial, base).right if mode == "auto" and truth is None and total > ENTRIES else {}
    standard = Standard(trial, base, truth, mode, excused(trial, base), jointly)
    return [_one(standard, position) for position in trial.differentiable]


def nothing_known(trial: Trial, base: Base) -> list[Judged]:
    """Every argument unjudged, where the forward has no derivative."""
    return [Judged(trial.names[p], blank(trial, base, p, "cannot tell")) for p in trial.differentiable]


def _truth(trial: Trial, base: Base, agreement: Agreement | None) -> tuple[Any, ...] | None:
    if agreement is None:
        return None
    try:
        pulled = reference_pull(agreement, base, trial.primals)
    except (TypeError, ValueError):
        return None
    return pulled + (None,) * (len(trial.primals) - len(pulled))


def _one(standard: Standard, position: int) -> Judged:
    trial, base = standard.trial, standard.base
    name, primal, got = trial.names[position], trial.primals[position], base.got[position]
    if trouble := returned.complaint(primal, got):
        return _malformed(standard, position, *trouble)
    if not primal.size:
        return Judged(name, blank(trial, base, position, "pass"))
    measure = Measure(trial, position, base.cotangent, base.flat)
    if position in standard.jointly:
        return _told(standard, position, passed(trial, base, position, standard.jointly[position]), None, 0.0, True)
    slope = measure.ladder(probes.signed(_rng(trial, position), primal.shape))
    if not slope.known:
        return unmeasurable(trial, base, position)
    compared, probed = _compared(standard, measure, slope, position, standard.rounding[position])
    if inside := standard.single[position] if compared.wrong else 0.0:
        rounding = standard.rounding[position] + inside
        compared, probed = _compared(standard, measure, slope, position, rounding)
        compared = replace(compared, noise=max(compared.noise, inside))
    return _told(standard, position, compared, slope, inside, probed)


def _told(
    standard: Standard, position: int, compared: Compared, slope: Slope | None, inside: float, probed: bool
) -> Judged:
    """What was compared, with what its form shows and a second opinion."""
    trial, base = standard.trial, standard.base
    name, primal = trial.names[position], trial.primals[position]
    form = form_findings(trial, base, position, compared, inside)
    if any(found.off for found in form):  # coarser than float32
        compared = replace(compared, report=replace(compared.report, verdict="fail"))
    sentences = (f"{name}: {compared.said}.",) if probed and not compared.wrong else ()
    judged = Judged(name, compared, form, probed=probed, sentences=sentences)
    direction = probes.signed(_rng(trial, position), primal.shape)
    predicted = float(np.sum(np.asarray(base.got[position], np.float64) * direction))
    return verified(trial, base, judged, Measure(trial, position, base.cotangent, base.flat), slope, predicted)


def _rng(trial: Trial, position: int) -> np.random.Generator:
    shape = trial.primals[position].shape
    return probes.generator(trial.subject.name, [shape], trial.seed, f"ladder {trial.names[position]}")


def _compared(
    standard: Standard, measure: Measure, slope: Slope, position: int, rounding: float
) -> tuple[Compared, bool]:
    """By every entry where that is cheap, by the reference's gradient where it is known, by directions otherwise."""
    trial, got = standard.trial, standard.base.got[position]
    name = trial.names[position]
    truth = _checked_truth(standard, measure, slope, position)
    small = standard.measurable(got.size, KNOWN if truth is not None else 1)
    if truth is not None and ((standard.mode != "full" and not small) or measure.x.dtype != np.float64):
        return by_truth(measure, slope, name, got, truth, rounding), False
    if standard.mode == "full" or (standard.mode == "auto" and small and not _probed_first(standard.entries, got)):
        return by_elements(measure, slope, name, got, truth, rounding), False
    found = by_probes(measure, slope, name, got, rounding)
    if found.wrong and not found.findings and got.size <= FEW:
        return by_elements(measure, slope, name, got, truth, rounding), False
    return found, True


def _probed_first(total: int, got: np.ndarray) -> bool:
    """A short argument beside large ones: its entries are measured only where directions say that one is wrong."""
    return total > ENTRIES and got.size > FEW // 8


def _checked_truth(standard: Standard, measure: Measure, slope: Slope, position: int) -> np.ndarray | None:
    """The reference's gradient, if the subject's own forward has the slope that it predicts."""
    truth = standard.truth[position] if standard.truth else None
    if truth is None or np.shape(truth) != measure.x.shape or not np.isfinite(truth).all():
        return None
    truth = np.asarray(truth, np.float64)
    direction = probes.signed(_rng(standard.trial, position), measure.x.shape)
    predicted = float(np.sum(truth * direction))
    slack = 8 * slope.error + 1e-9 * float(np.sum(np.abs(truth)))
    if abs(predicted - slope.value) <= slack:
        return truth
    return truth if measure.interval(direction, slope.step, slope.noise).holds(predicted, slack) else None


def _malformed(standard: Standard, position: int, cause: str, words: str) -> Judged:
    """A gradient that cannot be compared entry by entry; where it has another shape, the truth helps the diagnosis."""
    trial, base = standard.trial, standard.base
    name, primal = trial.names[position], trial.primals[position]
    unread = blank(trial, base, position, "fail")
    said = f"the argument has shape {primal.shape} and dtype {primal.dtype}"
    if cause != "wrong_shape":
        role = "form" if cause == "downcast" else ""
        return Judged(name, unread, (finding(cause, f"{name}_ct {words}", said, argument=name, role=role),))
    measure = Measure(trial, position, base.cotangent, base.flat)
    truth = standard.truth[position] if standard.truth else None
    slope = measure.ladder(probes.signed(_rng(trial, position), primal.shape)) if primal.size else None
    if truth is None and slope is not None and slope.known and primal.size <= ENTRIES:
        truth = by_elements(measure, slope, name, np.zeros(primal.shape), None, 0.0).expected
    noise = slope.noise / slope.step if slope is not None else 0.0
    return Judged(name, replace(unread, expected=truth, noise=noise), otherwise=(cause, f"{name}_ct {words}", said))
