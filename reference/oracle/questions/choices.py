"""At a kink or a tie: whether the gradient is the one that a framework takes among the legal ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.questions.base import Base
from reference.oracle.questions.judged import Judged
from reference.oracle.recording.adjoint import of_forward
from reference.oracle.recording.choices import CHOICES, OUTERMOST, Rules
from reference.oracle.recording.frameworks.as_numpy import as_numpy
from reference.oracle.report import Finding
from reference.oracle.specs import SPECS
from reference.oracle.subjects.vjp import Trial, finding

CONVENTIONS = tuple(CHOICES)
# Slopes at a kink differ by shares of the gradient; rounding, and the measurement of the rest, by far less.
APART = 1e-6

Gradients = dict[int, np.ndarray]


def validated(convention: str | None) -> None:
    """A ValueError for a framework whose choices are not known."""
    if convention is not None and convention not in CHOICES:
        raise ValueError(f"oracle.check: convention must be one of {', '.join(CHOICES)}; got {convention!r}")


def held(
    trial: Trial, base: Base, judged: list[Judged], convention: str, op: str | None
) -> tuple[list[Judged], list[str]]:
    """The arguments judged once more at kinks, and a sentence where the framework's choice could not be found out."""
    follow = _followed(trial, base)
    low, high = (follow(rules) for rules in OUTERMOST) if follow else (None, None)
    if follow is None or low is None or high is None:
        return judged, [f"The forward cannot be followed: its choice at kinks was not compared with {convention}'s."]
    flat = op is not None and dict(SPECS[op].kinks) == {0.0: 0.0}  # then the derivative at 0 is that of relu
    choices = CHOICES[convention][: len(CHOICES[convention]) // (2 if flat else 1)]
    wanted = [found for found in map(follow, choices) if found]
    positions = {trial.names[p]: p for p in trial.differentiable}
    return [_held(one, base, positions[one.name], (low, high), wanted, convention) for one in judged], []


def _followed(trial: Trial, base: Base) -> Callable[[Rules], Gradients | None] | None:
    """The gradients of the forward by given rules at kinks."""
    forward = trial.subject.forward
    if of_forward(forward, trial.primals, trial.names, base.cotangent) is None:
        forward = as_numpy(trial.subject, trial.primals)
    if forward is None:
        return None

    def gradients(rules: Rules) -> Gradients | None:
        program = of_forward(forward, trial.primals, trial.names, base.cotangent, choices=rules)
        return program and {position: step.value for position, step in program.gradients.items()}

    return gradients


def _held(
    judged: Judged, base: Base, position: int, ends: tuple[Gradients, Gradients], wanted: list[Gradients], name: str
) -> Judged:
    got: Any = base.got[position]
    if judged.wrong or not isinstance(got, np.ndarray) or any(position not in found for found in (*ends, *wanted)):
        return judged
    got = np.asarray(got, np.float64)
    near = APART * float(np.max(np.abs(ends[1][position]), initial=np.abs(got).max(initial=0.0))) + judged.noise
    kinked = np.abs(ends[1][position] - ends[0][position]) > near
    other = [kinked & ~(np.abs(got - found[position]) <= near) for found in wanted]
    nearest = min(range(len(other)), key=lambda place: other[place].sum())
    if not other[nearest].any():
        return judged
    return _other_choice(judged, got, wanted[nearest][position], other[nearest], name)


def _other_choice(judged: Judged, got: np.ndarray, wanted: np.ndarray, other: np.ndarray, name: str) -> Judged:
    index = tuple(int(i) for i in np.argwhere(other)[0])
    message = f"{judged.name}_ct is legal at {int(other.sum())} kinked entries, and not what {name} takes there"
    said = f"at {list(index)} it is {got[index]:.6g}, in {name} {wanted[index]:.6g}"
    found: Finding = finding("framework_choice", message, said, argument=judged.name, index=index,
                             got=float(got[index]), expected=float(wanted[index]))  # fmt: skip
    report = replace(judged.report, verdict="fail", wrong_entries=int(other.sum()), worst_index=index,
                     max_error=float(np.abs(got - wanted)[other].max()), got=float(got[index]),
                     expected=float(wanted[index]))  # fmt: skip
    return replace(judged, compared=replace(judged.compared, report=report), findings=(*judged.findings, found))
