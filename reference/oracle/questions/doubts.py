"""Second opinions: on the form of a gradient, on one that seems wrong, and on one that seems right."""

from dataclasses import replace

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision
from reference.oracle.numerics.numerical import Measure, Slope, taylor_order
from reference.oracle.questions.base import Base
from reference.oracle.questions.figures import Compared
from reference.oracle.questions.judged import Judged, blank
from reference.oracle.questions.vacuous import alive_elsewhere
from reference.oracle.report import Finding
from reference.oracle.subjects.vjp import Trial, finding


def form_findings(trial: Trial, base: Base, position: int, compared: Compared, inside: float) -> tuple[Finding, ...]:
    """Findings of precision and of values that are no numbers, beside those of kinks; inside: the noise of float32."""
    name, got, primal = trial.names[position], base.got[position], trial.primals[position]
    found = list(compared.findings)
    wide = np.asarray(got, np.float64)
    if compared.wrong and not np.isfinite(wide).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(wide))[0])
        wanted = None if compared.expected is None else float(compared.expected[at])
        cause, message, evidence = no_numbers(name, wide)
        found.append(finding(cause, message, evidence, argument=name, index=at, got=float(wide[at]), expected=wanted))
    said = "" if compared.wrong else _narrowed(trial, got, primal, inside)
    if said:
        message = f"{name}_ct is computed in a lower precision than {name} has"
        coarse = precision.beyond_single(precision.epsilon(got.dtype))
        found.append(finding("downcast", message, said, argument=name, off=coarse))
    return tuple(found)


def no_numbers(name: str, wide: np.ndarray) -> tuple[str, str, str]:
    """Cause, message and evidence of a gradient with entries that are infinite or NaN."""
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(wide))[0])
    count = int((~np.isfinite(wide)).sum())
    return "not_finite", f"{name}_ct holds {wide[at]} at {list(at)}", f"{count} of {wide.size} entries are not finite"


def _narrowed(trial: Trial, got: np.ndarray, primal: np.ndarray, inside: float) -> str:
    """How one sees that the gradient is coarser than the coarsest argument, if it is."""
    floats = [p for p in trial.primals if isinstance(p, np.ndarray) and is_floating(p.dtype)]
    coarse = precision.coarsest(floats)
    if precision.epsilon(got.dtype) > coarse:
        return f"its dtype is {got.dtype}"
    if coarse == precision.EPSILON["float64"] and precision.rounded_to_float32(got):
        return "all its entries end where float32 ends"
    return "it jitters by single precision where the arguments move by less" if inside else ""


def verified(
    trial: Trial, base: Base, judged: Judged, measure: Measure, slope: Slope | None, predicted: float
) -> Judged:
    """A second opinion on what is wrong, and doubts about what seems right."""
    if not judged.wrong:
        return _doubted(trial, base, judged, measure)
    order = taylor_order(slope, predicted) if slope else None
    if order is None or not np.isfinite(order) or judged.compared.said:
        return judged
    said = (
        f"{judged.report.wrong_entries} of {judged.report.size} entries differ by up to {judged.report.max_error:.3g};"
        f" the Taylor remainder falls with the power {order:.1f} of the step (2 or more for a true gradient)"
    )
    return replace(judged, compared=replace(judged.compared, said=said))


def _doubted(trial: Trial, base: Base, judged: Judged, measure: Measure) -> Judged:
    """Withhold the pass where the gradient drowns in noise, or is zero only because of this input."""
    largest = _largest(base.got[measure.position])
    bearing = max(
        _largest(base.got[p]) * Measure(trial, p, base.cotangent, base.flat).scale for p in trial.differentiable
    )
    if largest * measure.scale <= 1e-12 * bearing or largest == 0:
        if not alive_elsewhere(trial, base, measure.position):
            return judged
        said = "the gradient is zero at this input, but not at others: a backward that returns zeros would pass"
        fix = "Take an input that the output depends on."
        return _withheld(judged, f"{judged.name}_ct could not be tested", said, fix)
    if judged.noise <= 0.1 * largest:
        return judged
    said = f"the gradient is at most {largest:.3g}, the noise of the forward allows errors of {judged.noise:.3g}"
    fix = "Compute in float64, subtract large constants from the output, or scale the argument."
    return _withheld(judged, f"{judged.name}_ct is smaller than the noise of the forward", said, fix)


def _largest(gradient: object) -> float:
    if not isinstance(gradient, np.ndarray) or gradient.dtype.kind == "c":
        return 0.0
    return float(np.max(np.abs(np.asarray(gradient, np.float64)), initial=0.0))


def _withheld(judged: Judged, message: str, said: str, fix: str) -> Judged:
    doubt = finding("power", message, said, argument=judged.name, blame="check", fix=fix)
    compared = replace(judged.compared, report=replace(judged.report, verdict="cannot tell"))
    return replace(judged, compared=compared, findings=(*judged.findings, doubt))


def unmeasurable(trial: Trial, base: Base, position: int) -> Judged:
    name = trial.names[position]
    judged = Judged(name, blank(trial, base, position, "cannot tell"))
    said = f"the forward is not finite, or raises, wherever {name} is moved"
    return _withheld(
        judged, f"{name}_ct could not be measured", said, "Choose inputs inside the domain of the function."
    )
