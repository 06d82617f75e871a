"""The same code on the same values in float64, where it takes them: there a mistake is judged and named as ever."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from reference.oracle import explain
from reference.oracle.accuracy.plain import Situation
from reference.oracle.accuracy.reference import OfOp
from reference.oracle.questions.base import Base, base_of
from reference.oracle.questions.forward import Agreement
from reference.oracle.questions.gradient import judge_gradient
from reference.oracle.questions.judged import Judged
from reference.oracle.questions.narrowed import begun
from reference.oracle.report import Finding
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import Fault, Trial

# How near the forward must come to the reference's to be the same code at work: float32 inside is no other code.
SAME = 1e-5
# How near it comes in float64.
EXACT = 1e-10
# What is no mistake with a name: there rounding may speak, which is judged in the dtype that was asked for.
NAMELESS = ("unexplained", "downcast", "not_linear")
# The share of the error in float64 that the answer in low precision must show too, if it comes from the same steps.
SHOWN = 0.5


@dataclass(frozen=True)
class Wide:
    """The judgment in float64, and the errors there."""

    judged: Mapping[str, Judged]
    findings: Mapping[str, list[Finding]]
    errors: Mapping[str, np.ndarray]
    # Whether the forward computes in float64, and the reference's values.
    exact: bool = False
    evaluations: tuple[int, int, int] = (0, 0, 0)

    def named(self, name: str) -> list[Finding]:
        """The mistakes in one argument's gradient that have a name."""
        found = self.findings.get(name, [])
        return [one for one in found if one.cause not in NAMELESS and one.blame != "check"]

    def right(self, name: str) -> bool:
        """Whether the code is right in float64, so that only its precision can be wrong."""
        judged = self.judged.get(name)
        return judged is not None and judged.report.verdict == "pass" and not self.findings.get(name)

    def shows(self, name: str, narrow_error: np.ndarray, typical: float) -> bool:
        """Whether the error in low precision holds that of float64, as far as rounding lets it be seen."""
        error = self.errors.get(name)
        if error is None or error.shape != narrow_error.shape or not np.isfinite(error).all():
            return True
        power = float(np.sum(error * error))
        narrow_error = np.where(np.isfinite(narrow_error), narrow_error, 0.0)
        share = float(np.sum(error * narrow_error)) / power if power else 0.0
        return share > SHOWN or typical > SHOWN * np.sqrt(power)


def in_float64(at: Situation, subject: Subject, mode: str) -> Wide | None:
    """The judgment there; None where the code takes no float64, or computes something else, or coarsely."""
    with suppress(Fault):
        trial, base = _begun(at, subject)
        truth, _ = at.reference.answer(trial.primals, base.cotangent)
        if not _near(base.flat, truth, SAME):
            return None
        agreement = None
        if isinstance(at.reference, OfOp):
            agreement = Agreement(at.reference.name, at.reference.statics, at.reference.factor)
        judged = {one.name: one for one in judge_gradient(trial, base, agreement, mode)}
        findings: dict[str, list[Finding]] = {name: list(one.findings) for name, one in judged.items()}
        for found in explain.causes(trial, base, list(judged.values()), agreement, []):
            findings.setdefault(found.argument or "", []).append(_said(found))
        pairs = zip(trial.names, base.got, strict=True)
        errors = {
            name: np.asarray(got, np.float64) - expected
            for name, got in pairs
            if name in judged and isinstance(got, np.ndarray) and (expected := judged[name].expected) is not None
            and np.shape(expected) == got.shape
        }  # fmt: skip
        exact = _near(base.flat, truth, EXACT)
        return Wide(judged, findings, errors, exact, (trial.forwards, trial.backwards, trial.aside))
    return None


def _begun(at: Situation, subject: Subject) -> tuple[Trial, Base]:
    """The first calls: with float64, or with float32 where the code computes in that all the same."""
    bare, given = replace(subject, bind=None, shared=None), at.trial.cotangent
    trial = Trial(bare, at.trial.names, at.primals, at.trial.seed, cotangent=given)
    base, _ = begun(trial)
    truth, _ = at.reference.answer(trial.primals, base.cotangent)
    if _near(base.flat, truth, EXACT):
        return trial, base
    single = tuple(
        p.astype(np.float32) if isinstance(p, np.ndarray) and p.dtype == np.float64 else p for p in at.primals
    )
    trial = replace(trial, primals=single)
    return trial, base_of(trial)


def _said(found: Finding) -> Finding:
    return replace(found, evidence=f"on the same values in float64, {found.evidence}")


def _near(out: np.ndarray, truth: np.ndarray, share: float) -> bool:
    if out.shape != truth.shape:
        return False
    scale = float(np.max(np.abs(truth), initial=0.0, where=np.isfinite(truth)))
    return bool(np.allclose(out, truth, rtol=0, atol=share * scale, equal_nan=True))
