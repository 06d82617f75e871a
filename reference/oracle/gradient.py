"""The gradient of every argument: its form, its values, and whether this input could tell."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle import precision, probes, returned, trees
from reference.oracle.base import Base
from reference.oracle.compare import by_elements, by_truth
from reference.oracle.figures import Compared
from reference.oracle.forward import Agreement, reference_pull, widened
from reference.oracle.numerical import Measure, Slope, taylor_order
from reference.oracle.report import ArgumentReport, Finding
from reference.oracle.search import by_probes
from reference.oracle.vacuous import alive_elsewhere
from reference.oracle.vjp import Fault, Trial, finding

# Up to this many entries in all, every one is measured; an argument of at most FEW is in any case.
ENTRIES = 2000
FEW = 64


@dataclass(frozen=True)
class Judged:
    """One argument, judged."""

    name: str
    compared: Compared
    findings: tuple[Finding, ...] = ()
    # Words for the wrong gradient, in case the diagnosis has none.
    otherwise: tuple[str, str, str] | None = None
    probed: bool = False
    sentences: tuple[str, ...] = ()

    @property
    def report(self) -> ArgumentReport:
        """The figures."""
        return self.compared.report

    @property
    def wrong(self) -> bool:
        """Whether the gradient is wrong."""
        return self.compared.wrong

    @property
    def expected(self) -> np.ndarray | None:
        """The true gradient, where all of it is known."""
        return self.compared.expected

    @property
    def noise(self) -> float:
        """The error that the measurement of the truth may have."""
        return self.compared.noise

    def unexplained(self) -> Finding:
        """The finding for a wrong gradient that no known mistake explains."""
        cause, message, said = self.otherwise or ("unexplained", f"{self.name}_ct is wrong", self.compared.said)
        report = self.report
        said = said or f"{report.wrong_entries} of {report.size} entries differ by up to {report.max_error:.3g}"
        return finding(cause, message, said, argument=self.name, index=report.worst_index, got=report.got,
                       expected=report.expected)  # fmt: skip


@dataclass(frozen=True)
class Standard:
    """What every argument is judged by."""

    trial: Trial
    base: Base
    truth: tuple[Any, ...] | None
    mode: str
    rounding: tuple[float, ...]


def judge_gradient(trial: Trial, base: Base, agreement: Agreement | None, mode: str) -> list[Judged]:
    """Judge every argument that carries a gradient, in order."""
    trial.measured = _measured(trial, base)
    base = replace(base, flat=trial.value(trial.measured, base.flat.size))
    standard = Standard(trial, base, _truth(trial, base, agreement), mode, _rounding(trial, base))
    return [_one(standard, position) for position in trial.differentiable]


def nothing_known(trial: Trial, base: Base) -> list[Judged]:
    """Every argument unjudged, where the forward has no derivative."""
    return [Judged(trial.names[p], _blank(trial, base, p, "cannot tell")) for p in trial.differentiable]


def _measured(trial: Trial, base: Base) -> tuple[Any, ...]:
    """The primals in float64, if the subject computes in what it is given: then its rounding hides nothing."""
    floats = [p for p in trial.primals if isinstance(p, np.ndarray) and is_floating(p.dtype)]
    coarse = precision.coarsest(floats)
    if coarse == precision.EPSILON["float64"]:
        return trial.primals
    wide = tuple(map(widened, trial.primals))
    try:
        out = trial.forward(wide)
    except Fault:
        return trial.primals
    found = trees.vector(out)
    honest = precision.coarsest([np.asarray(leaf) for leaf in trees.leaves(out)]) == precision.EPSILON["float64"]
    if not honest or precision.rounded_to_float32(found) or found.size != base.flat.size:
        return trial.primals
    scale = float(np.max(np.abs(found), initial=0.0))
    return wide if np.allclose(found, base.flat, rtol=0, atol=256 * coarse * scale) else trial.primals


def _truth(trial: Trial, base: Base, agreement: Agreement | None) -> tuple[Any, ...] | None:
    if agreement is None:
        return None
    try:
        pulled = reference_pull(agreement, base, trial.primals)
    except (TypeError, ValueError):
        return None
    return pulled + (None,) * (len(trial.primals) - len(pulled))


def _rounding(trial: Trial, base: Base) -> tuple[float, ...]:
    """What each gradient may differ by because it was computed in a finite precision."""
    moved = _nudged(trial, base)
    sizes = []
    for position, got in enumerate(base.got):
        if not isinstance(got, np.ndarray) or not got.size or got.dtype.kind == "c":
            sizes.append(0.0)
            continue
        wide = np.asarray(got, np.float64)
        largest = float(np.max(np.abs(wide), initial=0.0, where=np.isfinite(wide)))
        sizes.append(64 * _run_epsilon(trial, base, got) * largest + _sway(wide, [m[position] for m in moved]))
    return tuple(sizes)


def _run_epsilon(trial: Trial, base: Base, got: np.ndarray) -> float:
    floats = [p for p in (*trial.primals, *map(np.asarray, trees.leaves(base.out)), got) if isinstance(p, np.ndarray)]
    coarse = precision.coarsest(floats)
    return max(coarse, precision.EPSILON["float32"]) if precision.rounded_to_float32(got) else coarse


def _nudged(trial: Trial, base: Base) -> list[tuple[Any, ...]]:
    """The gradients at inputs rounded differently: how far rounding can carry them. Only below float64."""
    floats = [p for p in trial.primals if isinstance(p, np.ndarray) and is_floating(p.dtype)]
    if precision.coarsest(floats) == precision.EPSILON["float64"]:
        return []
    answers = []
    for number in range(2):
        rng = probes.generator(trial.subject.name, [base.flat.shape], trial.seed, f"nudge {number}")
        nudged = tuple(
            (p.astype(np.float64) * (1 + precision.epsilon(p.dtype) * rng.choice((-1, 1), p.shape))).astype(p.dtype)
            if position in trial.differentiable
            else p
            for position, p in enumerate(trial.primals)
        )
        try:
            _, pullback = trial.vjp(nudged)
            answers.append(trial.pull(pullback, base.upstream()))
        except Fault:
            continue
    return answers


def _sway(got: np.ndarray, moved: list[Any]) -> float:
    """Eight times the change that nine entries in ten stay below: a mask that flips at one entry does not count."""
    gaps = [np.abs(np.asarray(m, np.float64) - got) for m in moved if np.shape(m) == got.shape]
    finite = [gap[np.isfinite(gap)] for gap in gaps]
    return max((8 * float(np.quantile(gap, 0.9)) for gap in finite if gap.size), default=0.0)


def _one(standard: Standard, position: int) -> Judged:
    trial, base = standard.trial, standard.base
    name, primal, got = trial.names[position], trial.primals[position], base.got[position]
    if trouble := returned.complaint(primal, got):
        return _malformed(standard, position, *trouble)
    if not primal.size:
        return Judged(name, _blank(trial, base, position, "pass"))
    measure = Measure(trial, position, base.cotangent, base.flat)
    slope = measure.ladder(probes.signed(_rng(trial, position), primal.shape))
    if not slope.known:
        return _unmeasurable(trial, base, position)
    compared, probed = _compared(standard, measure, slope, position, got)
    form = _form(trial, base, position, compared)
    if form and not compared.wrong:
        compared = replace(compared, report=replace(compared.report, verdict="fail"))
    return _verified(standard, Judged(name, compared, form, probed=probed), measure, slope)


def _rng(trial: Trial, position: int) -> np.random.Generator:
    shape = trial.primals[position].shape
    return probes.generator(trial.subject.name, [shape], trial.seed, f"ladder {trial.names[position]}")


def _compared(
    standard: Standard, measure: Measure, slope: Slope, position: int, got: np.ndarray
) -> tuple[Compared, bool]:
    """By every entry where that is cheap, by the reference's gradient where it is known, by directions otherwise."""
    trial = standard.trial
    name, rounding = trial.names[position], standard.rounding[position]
    truth = _checked_truth(standard, measure, slope, position)
    total = sum(trial.primals[p].size for p in trial.differentiable)
    small = total <= ENTRIES or got.size <= FEW
    if truth is not None and ((standard.mode != "full" and not small) or measure.x.dtype != np.float64):
        return by_truth(measure, slope, name, got, truth, rounding), False
    if standard.mode == "full" or (standard.mode == "auto" and small):
        return by_elements(measure, slope, name, got, truth, rounding), False
    return by_probes(measure, slope, name, got, rounding), True


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
    blank = _blank(trial, base, position, "fail")
    said = f"the argument has shape {primal.shape} and dtype {primal.dtype}"
    if cause != "wrong_shape":
        return Judged(name, blank, (finding(cause, f"{name}_ct {words}", said, argument=name),))
    measure = Measure(trial, position, base.cotangent, base.flat)
    truth = standard.truth[position] if standard.truth else None
    slope = measure.ladder(probes.signed(_rng(trial, position), primal.shape)) if primal.size else None
    if truth is None and slope is not None and slope.known and primal.size <= ENTRIES:
        truth = by_elements(measure, slope, name, np.zeros(primal.shape), None, 0.0).expected
    noise = slope.noise / slope.step if slope is not None else 0.0
    return Judged(name, replace(blank, expected=truth, noise=noise), otherwise=(cause, f"{name}_ct {words}", said))


def _form(trial: Trial, base: Base, position: int, compared: Compared) -> tuple[Finding, ...]:
    """Findings of precision and of values that are no numbers, beside those of kinks."""
    name, got, primal = trial.names[position], base.got[position], trial.primals[position]
    found = list(compared.findings)
    wide = np.asarray(got, np.float64)
    if compared.wrong and not np.isfinite(wide).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(wide))[0])
        count = int((~np.isfinite(wide)).sum())
        found.append(finding("not_finite", f"{name}_ct holds {wide[at]} at {list(at)}",
                             f"{count} of {wide.size} entries are not finite", argument=name, index=at,
                             got=float(wide[at])))  # fmt: skip
    if _narrowed(trial, got, primal) and not compared.wrong:
        said = f"its dtype is {got.dtype}" if got.dtype != primal.dtype else "all its entries end where float32 ends"
        found.append(finding("downcast", f"{name}_ct is computed in a lower precision than {name} has", said,
                             argument=name))  # fmt: skip
    return tuple(found)


def _narrowed(trial: Trial, got: np.ndarray, primal: np.ndarray) -> bool:
    """Whether the gradient is coarser than the coarsest argument."""
    floats = [p for p in trial.primals if isinstance(p, np.ndarray) and is_floating(p.dtype)]
    coarse = precision.coarsest(floats)
    if precision.epsilon(got.dtype) > coarse:
        return True
    return coarse == precision.EPSILON["float64"] and precision.rounded_to_float32(got)


def _verified(standard: Standard, judged: Judged, measure: Measure, slope: Slope) -> Judged:
    """A second opinion on what is wrong, and doubts about what seems right."""
    trial, base = standard.trial, standard.base
    got = np.asarray(base.got[measure.position], np.float64)
    if judged.wrong:
        direction = probes.signed(_rng(trial, measure.position), got.shape)
        order = taylor_order(slope, float(np.sum(got * direction)))
        if order is None or not np.isfinite(order) or judged.compared.said:
            return judged
        said = (
            f"{judged.report.wrong_entries} of {judged.report.size} entries differ by up to"
            f" {judged.report.max_error:.3g}; the Taylor remainder falls with the power {order:.1f} of the step"
            " (2 or more for a true gradient)"
        )
        return replace(judged, compared=replace(judged.compared, said=said))
    return _doubted(standard, judged, measure, slope, got)


def _doubted(standard: Standard, judged: Judged, measure: Measure, slope: Slope, got: np.ndarray) -> Judged:
    """Withhold the pass where the gradient drowns in noise, or is zero only because of this input."""
    trial, base = standard.trial, standard.base
    largest = float(np.max(np.abs(got), initial=0.0))
    floor = judged.noise
    others = [
        float(np.max(np.abs(np.asarray(g, np.float64)), initial=0.0))
        * Measure(trial, p, base.cotangent, base.flat).scale
        for p, g in enumerate(base.got)
        if p in trial.differentiable and isinstance(g, np.ndarray) and g.dtype.kind != "c"
    ]
    if largest * measure.scale <= 1e-12 * max(others, default=0.0) or largest == 0:
        if alive_elsewhere(trial, base, measure.position):
            said = "the gradient is zero at this input, but not at others: a backward that returns zeros would pass"
            return _withheld(
                judged, f"{judged.name}_ct could not be tested", said, "Take an input that the output depends on."
            )
        return judged
    if floor > 0.1 * largest:
        said = f"the gradient is at most {largest:.3g}, the noise of the forward allows errors of {floor:.3g}"
        fix = "Compute in float64, subtract large constants from the output, or scale the argument."
        return _withheld(judged, f"{judged.name}_ct is smaller than the noise of the forward", said, fix)
    return judged


def _withheld(judged: Judged, message: str, said: str, fix: str) -> Judged:
    doubt = finding("power", message, said, argument=judged.name, blame="check", fix=fix)
    compared = replace(judged.compared, report=replace(judged.report, verdict="cannot tell"))
    return replace(judged, compared=compared, findings=(*judged.findings, doubt))


def _unmeasurable(trial: Trial, base: Base, position: int) -> Judged:
    name = trial.names[position]
    judged = Judged(name, _blank(trial, base, position, "cannot tell"))
    said = f"the forward is not finite, or raises, wherever {name} is moved"
    return _withheld(
        judged, f"{name}_ct could not be measured", said, "Choose inputs inside the domain of the function."
    )


def _blank(trial: Trial, base: Base, position: int, verdict: Any) -> Compared:
    """The figures of an argument whose gradient was not compared."""
    primal, got = trial.primals[position], base.got[position]
    size = primal.size if verdict == "fail" else 0
    dtype = got.dtype.name if isinstance(got, np.ndarray) else None
    error = float("inf") if verdict == "fail" else 0.0
    shape = primal.shape
    return Compared(ArgumentReport(trial.names[position], verdict, error, None, None, None, 0.0, size, primal.size,
                                   shape=shape, dtype=dtype))  # fmt: skip
