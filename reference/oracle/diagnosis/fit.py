"""A number in an edit that is to be found: the one for which the program gives what came back."""

import numpy as np

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.recording.program import Program

# Steps of the search, how much each must gain, and how near is near enough, as a share of the largest entry.
MOST, GAIN, NEAR = 20, 0.8, 1e-9


def solved(program: Program, edited: Edited, position: int, got: np.ndarray) -> float | None:
    """The number at which an edit gives this gradient, by secants; None where they do not lead there."""

    def away(number: float) -> np.ndarray:
        assert edited.at is not None
        return program.edited(edited.at(number).edits).get(position, got * np.nan) - got

    try:
        before, now = edited.own, edited.own + 1e-3 * max(abs(edited.own), 1e-3)
        left, error = away(before), away(now)
        if left.shape != got.shape:
            return None
        for _ in range(MOST):
            slope = (error - left) / (now - before)
            power = float(np.sum(slope * slope))
            if not np.isfinite(power) or power == 0:
                return None
            before, left, now = now, error, now - float(np.sum(slope * error)) / power
            error = away(now)
            if np.max(np.abs(error)) <= NEAR * np.max(np.abs(got)):
                return now
            if not np.max(np.abs(error)) < GAIN * np.max(np.abs(left)):
                return None
    except Exception:  # the edit does not fit these shapes
        return None
    return None
