"""What the backward would have returned had it made one particular mistake."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Model:
    """The prediction of one mistake for one argument.

    predicted: what the mistake would have returned. observed: what to compare it with, where that is not simply the
    gradient that came back (a part of it, or its sum). freedom: how many numbers were fitted to make it agree.
    message continues "<argument>_ct ...". role is that of the finding. separates: the input that tells it from
    explanations that fit as well here. shown: what an experiment showed, where that is the evidence and not a
    prediction. noise: the largest error of `predicted` itself, where it was measured rather than computed. mends: it
    predicts the truth, by an edit of what the backward computes, which stands in this line. mend says such an edit
    beside what is none.
    """

    cause: str
    message: str
    predicted: np.ndarray
    observed: np.ndarray | None = None
    freedom: int = 0
    separates: str = ""
    shown: str = ""
    noise: float = 0.0
    role: str = ""
    mends: bool = False
    mend: str = ""
    line: int | None = None

    @property
    def key(self) -> str:
        """The cause, with its role where it has one."""
        return f"{self.cause} ({self.role})" if self.role else self.cause
