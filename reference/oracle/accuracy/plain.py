"""What a plain computation in the same dtype makes of the same values, in several ways of rounding."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.accuracy.arithmetic import Arithmetic, run
from reference.oracle.accuracy.formats import FORMATS, SINGLE, TF32, Format
from reference.oracle.accuracy.reference import Reference
from reference.oracle.numerics import probes
from reference.oracle.questions.forward import widened
from reference.oracle.recording.program import Program
from reference.oracle.subjects.vjp import Trial

# Runs with elementary results rounded up or down at random, beside the one that rounds to the nearest.
RUNS = 12

Answers = list[tuple[np.ndarray, dict[int, np.ndarray]]]


@dataclass(frozen=True)
class Situation:
    """A kernel's arguments and the cotangent of its output, in float64, and in which dtype it computes."""

    trial: Trial
    reference: Reference
    dtype: str
    primals: tuple[Any, ...]
    cotangent: np.ndarray

    @property
    def format(self) -> Format:
        """What the kernel's arguments and gradients are rounded to."""
        return SINGLE if self.dtype == "tf32" else FORMATS[self.dtype]

    @property
    def arithmetic(self) -> Arithmetic:
        """The plain computation."""
        factors = TF32 if self.dtype == "tf32" else None
        return Arithmetic(self.format, factors, sums=FORMATS["float64"] if self.dtype == "float64" else SINGLE)

    def generator(self, label: str) -> np.random.Generator:
        """A generator of this kernel's name and shapes."""
        shapes = [np.shape(primal) for primal in self.primals]
        return probes.generator(self.trial.subject.name, shapes, self.trial.seed, f"accuracy {label}")

    def recorded(self) -> Program | None:
        """The reference's forward and backward as steps, where they give the very gradients that it has."""
        program = self.reference.program(self.primals, self.trial.names, self.cotangent)
        return program if program is not None and program.out is not None else None


def situation(trial: Trial, reference: Reference, dtype: str, cotangent: np.ndarray) -> Situation:
    """The situation at the trial's own primals."""
    return Situation(trial, reference, dtype, tuple(map(widened, trial.primals)), cotangent)


def answers(at: Situation, program: Program | None, reordered: bool = True) -> Answers:
    """Outputs and gradients of plain computations, the first rounded to the nearest, the others reordered or not."""
    rng = at.generator("rounding")
    if program is None:
        return [_nearby(at, rng) for _ in range(RUNS // 2)]
    ways = [None, *[rng] * RUNS]
    return [computed(at, program, replace(at.arithmetic, rng=way, reordered=reordered)) for way in ways]


def computed(at: Situation, program: Program, arithmetic: Arithmetic) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The kernel's output and gradients as the reference's program has them in an arithmetic."""
    out, gradients = run(program, {}, arithmetic)
    stored = at.format.rounded(at.reference.output(np.asarray(out)))
    return stored, {place: at.format.rounded(one) for place, one in gradients.items()}


def _nearby(at: Situation, rng: np.random.Generator) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The answers at arguments that are half a rounding away: what any computation in this dtype may make of them."""
    coarse = TF32 if at.dtype == "tf32" else at.format

    def moved(values: Any) -> Any:
        floating = isinstance(values, np.ndarray) and is_floating(values.dtype)
        return (
            values + coarse.ulp(values) * rng.uniform(-0.5, 0.5, values.shape) * (values != 0) if floating else values
        )

    out, gradients = at.reference.answer(tuple(map(moved, at.primals)), moved(at.cotangent))
    return at.format.rounded(out), {k: at.format.rounded(g) for k, g in enumerate(gradients) if g is not None}
