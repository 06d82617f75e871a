"""One wrong argument, and what may be asked about it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.pullbacks import Pullbacks, leaves


@dataclass(frozen=True)
class View:
    """The evidence as one argument sees it; shared between all that ask."""

    evidence: Evidence
    position: int
    ask: Pullbacks
    # The statics of the op that the forward was recognized as.
    recognized: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def turned(self) -> "View":
        """The same with the true gradient for what came back, and the other way round."""
        return replace(self, evidence=self.evidence.turned)

    @property
    def name(self) -> str:
        """The argument's name."""
        return self.evidence.names[self.position]

    @cached_property
    def x(self) -> np.ndarray:
        """The argument."""
        return np.asarray(self.evidence.primals[self.position])

    @cached_property
    def got(self) -> np.ndarray:
        """What the backward returned."""
        got = self.evidence.got[self.position]
        return np.asarray(got, dtype=np.float64) if got is not None else np.zeros(0)

    @cached_property
    def expected(self) -> np.ndarray:
        """The true gradient."""
        return np.asarray(self.evidence.expected[self.position], dtype=np.float64)

    @cached_property
    def same_shape(self) -> bool:
        """Whether the gradient has the argument's shape."""
        return self.got.shape == self.expected.shape

    @cached_property
    def scale(self) -> float:
        """The largest true entry."""
        return float(np.max(np.abs(self.expected), initial=0.0))

    @cached_property
    def precision(self) -> float:
        """The relative rounding that the subject's dtype excuses."""
        dtypes = [np.asarray(self.evidence.got[self.position]).dtype, self.x.dtype]
        return max((float(np.finfo(d).eps) for d in dtypes if d.kind == "f"), default=1e-3)

    @cached_property
    def noise(self) -> float:
        """The largest difference that measurement and rounding excuse."""
        measured = 4 * float(self.evidence.noise[self.position])
        return measured + (64 * self.precision + 1e-10) * self.scale

    @cached_property
    def uneven(self) -> np.ndarray | float:
        """How many times as much it is in single entries, at least 1."""
        return self.evidence.unevenness(self.position)

    @cached_property
    def error(self) -> np.ndarray:
        """Got minus expected."""
        return self.got - self.expected

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which entries differ beyond the noise."""
        return np.abs(self.error) > 4 * self.noise

    @cached_property
    def outs(self) -> list[np.ndarray]:
        """The arrays of the output."""
        return leaves(self.evidence.out)

    @cached_property
    def out(self) -> np.ndarray:
        """The first array of the output, the only one of most functions."""
        return np.asarray(self.outs[0], dtype=np.float64)

    @cached_property
    def cotangent(self) -> np.ndarray:
        """The cotangent of that array."""
        return np.asarray(leaves(self.evidence.cotangent)[0], dtype=np.float64)

    @cached_property
    def statics(self) -> dict[str, Any]:
        """The statics of the op, where it is named or recognized."""
        return dict(self.recognized) | dict(self.evidence.statics)

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arguments by name."""
        return {name: np.asarray(p) for name, p in zip(self.evidence.names, self.evidence.primals, strict=False)}

    def others(self) -> dict[str, np.ndarray]:
        """The other floating arguments by name."""
        return {n: np.asarray(a, np.float64) for n, a in self.arrays.items() if n != self.name and a.dtype.kind == "f"}

    @cached_property
    def jacobian(self) -> np.ndarray | None:
        """d out / d argument, or None where it is too large."""
        return self.ask.jacobian(self.position)

    @cached_property
    def got_jacobian(self) -> np.ndarray | None:
        """The same matrix as the backward has it, or None where it is too large."""
        return self.ask.got_jacobian(self.position)

    @cached_property
    def jacobian_noise(self) -> float:
        """How far the measured Jacobian misses the expected gradient: the error of whatever is computed from it."""
        truth = self.truth(self.flat_cotangent)
        return 0.0 if truth is None else float(np.max(np.abs(truth - self.expected), initial=0.0)) + self.noise

    @cached_property
    def flat_cotangent(self) -> np.ndarray:
        """All cotangents as one vector."""
        return np.concatenate([np.asarray(c, np.float64).ravel() for c in leaves(self.evidence.cotangent)])

    def truth(self, cotangent: np.ndarray) -> np.ndarray | None:
        """The true gradient of this argument for another cotangent."""
        return self.ask.truth(self.position, cotangent.ravel())
