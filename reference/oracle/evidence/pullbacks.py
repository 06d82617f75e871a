"""The true pullback of any cotangent, and the subject's, at the inputs of the evidence or at others."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.numerics import budget
from reference.oracle.recording.adjoint import followed, of_forward
from reference.oracle.subjects import trees
from reference.oracle.subjects.returned import aligned

# The largest Jacobian worth holding.
LARGEST = 4_000_000


def leaves(out: Any) -> list[np.ndarray]:
    """The leaves of an output as arrays, in order."""
    return [np.asarray(leaf) for leaf in trees.leaves(out)]


def rebuild(like: Any, vector: np.ndarray) -> Any:
    """The entries of a vector in the structure and shapes of an output."""
    ends = np.cumsum([leaf.size for leaf in leaves(like)])
    pieces = iter(np.split(np.asarray(vector), ends[:-1]))
    return trees.mapped(lambda leaf: next(pieces).reshape(np.shape(leaf)), like)


def flat(out: Any) -> np.ndarray:
    """All entries of an output as one float64 vector."""
    parts = [np.asarray(leaf, dtype=np.float64).ravel() for leaf in leaves(out)]
    return np.concatenate(parts) if parts else np.zeros(0)


# The share of the budget that all questions about other arguments may spend together.
ALL = 1 / 8


class Pullbacks:
    """Asks the subject's forward and backward further questions, within a counted budget; None beyond it."""

    def __init__(self, evidence: Evidence, exact: Callable[[np.ndarray], tuple | None] | None = None):
        self.evidence = evidence
        # exact(unit cotangent) -> gradients, of an op that the forward is known to be.
        self.exact = exact
        self._jacobians: dict[int, np.ndarray | None] = {}
        self._asked = 0
        self._got: dict[int, np.ndarray | None] = {}

    @cached_property
    def _work(self) -> int:
        return budget.work(self.evidence.subject.forward, self.evidence.primals, self.evidence.out)

    def affords(self, calls: float, share: float = 1.0) -> bool:
        """Whether so many calls of the forward stay within the budget of one question, or within a share of it."""
        return budget.affordable(calls, self._work, share)

    def forward(self, primals: tuple[np.ndarray, ...]) -> np.ndarray:
        """The subject's forward on copies, as a vector."""
        return flat(self.evidence.subject.forward(*(np.array(primal) for primal in primals)))

    def subject(self, cotangent: np.ndarray, primals: tuple[np.ndarray, ...] | None = None) -> tuple | None:
        """What the subject's backward returns for the cotangent given as a vector."""
        primals = self.evidence.primals if primals is None else primals
        try:
            _, pullback = self.evidence.subject.vjp(*(np.array(primal) for primal in primals))
            returned = pullback(self._typed(cotangent))
            gradients, complaint = aligned(returned, self.evidence.names, self._differentiable)
            return None if complaint else gradients
        except Exception:  # the subject is anybody's code
            return None

    @cached_property
    def _differentiable(self) -> tuple[int, ...]:
        """The positions of the arguments that carry a gradient."""
        names, constants = self.evidence.names, getattr(self.evidence.subject, "constants", ())
        pairs = enumerate(zip(names, self.evidence.primals, strict=True))
        return tuple(i for i, (name, primal) in pairs if _floating(primal) and name not in constants)

    def _typed(self, cotangent: np.ndarray) -> Any:
        typed = rebuild(self.evidence.cotangent, cotangent)
        if isinstance(self.evidence.cotangent, np.ndarray):
            return typed.astype(self.evidence.cotangent.dtype)
        return typed

    def truth(self, position: int, cotangent: np.ndarray) -> np.ndarray | None:
        """The true gradient of one argument for the cotangent given as a vector."""
        jacobian = self.jacobian(position)
        if jacobian is None:
            return None
        return (cotangent @ jacobian).reshape(self.evidence.primals[position].shape)

    def truth_at(self, position: int, primals: tuple[np.ndarray, ...]) -> np.ndarray | None:
        """The true gradient of one argument for the cotangent of the evidence at other arguments."""
        if (traced := self.traced_at(position, primals)) is not None:
            return traced
        cotangent = flat(self.evidence.cotangent)
        calls = 4 * primals[position].size
        if not self.affords(calls, 1 / 20) or not self.affords(self._asked + calls, ALL):  # asked many times
            return None
        self._asked += calls
        try:
            jacobian = differentiate(self.forward, primals, position)
        except Exception:  # the subject may refuse these arguments
            return None
        return (cotangent @ jacobian).reshape(primals[position].shape)

    def traced_at(self, position: int, primals: tuple[np.ndarray, ...]) -> np.ndarray | None:
        """The same where the forward can be recorded: at the price of one call."""
        cotangent, names = flat(self.evidence.cotangent), self.evidence.names
        program = of_forward(self.evidence.subject.forward, primals, names, cotangent)
        if program is None or position not in program.gradients:
            return None if program is None else np.zeros(np.shape(primals[position]))
        return program.gradients[position].value

    @cached_property
    def numbers(self) -> set[float]:
        """The sizes of the numbers that the forward computes with, as far as it can be recorded."""
        steps = followed(self.evidence.subject.forward, self.evidence.primals).steps
        given = [item for step in steps if isinstance(step.function, np.ufunc) for item in step.args]
        return {abs(float(item)) for item in given if isinstance(item, int | float | np.generic)}

    def jacobian(self, position: int) -> np.ndarray | None:
        """d out / d argument, one row an entry of the output; by central differences of fourth order."""
        if position not in self._jacobians:
            self._jacobians[position] = self._measure(position)
        return self._jacobians[position]

    def _measure(self, position: int) -> np.ndarray | None:
        primal = self.evidence.primals[position]
        rows = flat(self.evidence.out).size
        if not _floating(primal) or rows * primal.size > LARGEST:
            return None
        if self.exact and self.affords(3 * rows) and (exact := self._row_by_row(position, rows)) is not None:
            return exact
        if not self.affords(4 * primal.size):
            return None
        try:
            return differentiate(self.forward, self.evidence.primals, position)
        except Exception:  # the subject may refuse a perturbed input
            return None

    def _row_by_row(self, position: int, rows: int) -> np.ndarray | None:
        """The Jacobian from the known op's own backward."""
        answers = [self.exact(unit) if self.exact else None for unit in np.eye(rows)]
        parts = [None if answer is None else answer[position] for answer in answers]
        return (
            None
            if not parts or any(part is None for part in parts)
            else np.stack([np.ravel(np.asarray(p)) for p in parts])
        )

    def got_jacobian(self, position: int) -> np.ndarray | None:
        """The matrix that the subject's backward multiplies a cotangent with: its pullback of every unit vector."""
        if position not in self._got:
            self._ask_unit_vectors()
        return self._got.get(position)

    def _ask_unit_vectors(self) -> None:
        rows = flat(self.evidence.out).size
        count = len(self.evidence.primals)
        self._got = dict.fromkeys(range(count))
        sizes = [np.asarray(got).size if got is not None else 0 for got in self.evidence.got]
        if rows * max(sizes, default=0) > LARGEST or not self.affords(3 * rows):
            return
        answers = [self.subject(unit) for unit in np.eye(rows)]
        for position in range(count):
            column = [answer[position] for answer in answers if answer is not None and answer[position] is not None]
            if len(column) == rows and len({np.shape(entry) for entry in column}) == 1:
                self._got[position] = np.stack([np.asarray(entry, np.float64).ravel() for entry in column])


def differentiate(
    forward: Callable[[tuple[np.ndarray, ...]], np.ndarray], primals: tuple[np.ndarray, ...], position: int
) -> np.ndarray:
    """The Jacobian of forward with respect to one primal, by the four-point central difference."""
    primal = np.asarray(primals[position])
    step = float(np.finfo(primal.dtype).eps) ** 0.25 if primal.dtype.kind == "f" else 1e-2
    columns = []
    for index in np.ndindex(primal.shape):
        h = step * max(1.0, abs(float(primal[index])))

        def at(offset: float, index=index) -> np.ndarray:
            moved = np.array(primal)
            moved[index] += offset
            return forward((*primals[:position], moved, *primals[position + 1 :]))

        columns.append((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h))
    return np.stack(columns, axis=-1) if columns else np.zeros((forward(primals).size, 0))


def _floating(array: np.ndarray) -> bool:
    return np.asarray(array).dtype.kind == "f"
