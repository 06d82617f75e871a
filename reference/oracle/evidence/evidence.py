"""What the engine hands to the diagnosis once a gradient is known to be wrong."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.subjects.subject import Subject


@dataclass(frozen=True)
class Evidence:
    """One pullback of the subject, beside the truth.

    names, primals, got, expected, noise and wrong run in parallel, one entry an argument. `got` is what the backward
    returned for `cotangent`; `expected` is the true cotangent (numerical, or the reference's own where the op is
    known and its forward agrees); None stands for an argument without a gradient. `noise` is the largest error that
    the measurement of `expected` may have. `wrong` says which arguments differ beyond it.
    """

    subject: Subject
    names: tuple[str, ...]
    primals: tuple[np.ndarray, ...]
    out: Any
    cotangent: Any
    got: tuple[np.ndarray | None, ...]
    expected: tuple[np.ndarray | None, ...]
    noise: tuple[float, ...]
    wrong: tuple[bool, ...]
    op: str | None = None
    statics: dict[str, Any] = field(default_factory=dict)
    # What rounding left of chance in each `got`, where that is coarser than float64: as `noise`, of what came back.
    rounding: tuple[float, ...] = ()
    # How many times as far as `noise` says single entries may be off, at least 1: a large one is rounded more coarsely.
    uneven: tuple[np.ndarray | float, ...] = ()

    def unevenness(self, position: int) -> np.ndarray | float:
        """By how much the noise of single entries of one argument is above that of all."""
        return self.uneven[position] if self.uneven else 1.0

    def rounded(self, position: int) -> float:
        """What rounding left of chance in what came back for one argument."""
        return self.rounding[position] if self.rounding else 0.0

    @cached_property
    def turned(self) -> "Evidence":
        """What came back for the truth, and the truth for what came back."""
        pairs = list(zip(self.got, self.expected, self.wrong, strict=True))
        got = tuple(expected if wrong else got for got, expected, wrong in pairs)
        return replace(self, got=got, expected=tuple(got if wrong else expected for got, expected, wrong in pairs))
