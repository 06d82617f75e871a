"""A hypothesis predicts what the backward would have returned had it made one particular mistake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reference.oracle.diagnosis.view import View


@dataclass(frozen=True)
class Model:
    """The prediction of one mistake for one argument.

    predicted: what the mistake would have returned. observed: what to compare it with, where that is not simply the
    gradient that came back (a part of it, or its sum). freedom: how many numbers were fitted to make it agree.
    message continues "<argument>_ct ...". role is that of the finding. separates: the input that tells it from
    explanations that fit as well here.
    """

    cause: str
    message: str
    predicted: np.ndarray
    observed: np.ndarray | None = None
    freedom: int = 0
    fix: str = ""
    exact: bool = False
    separates: str = ""
    # What an experiment showed, where that is the evidence and not a prediction.
    shown: str = ""
    # Whether that leaves nothing to ask of the prediction.
    proven: bool = False
    # The number that an edit leaves out or applies once more, where it is one.
    number: float | None = None
    # Largest error of `predicted` itself, where it was measured rather than computed.
    noise: float = 0.0
    role: str = ""

    @property
    def key(self) -> str:
        """The cause, with its role where it has one."""
        return f"{self.cause} ({self.role})" if self.role else self.cause


Hypothesis = Callable[["View"], Iterator[Model]]
