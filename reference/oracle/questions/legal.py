"""What a gradient may be at a kink, or near one: every slope between the one-sided ones."""

import numpy as np

from reference.oracle.numerics.numerical import Measure, Slope

# How many times the step is divided by 64 in search of one that crosses no kink.
NEARER = 4


def legal(measure: Measure, slope: Slope, direction: np.ndarray, predicted: float, rounding: float) -> bool:
    """Whether a slope is legal at the kinks of this input: with small steps no other kink is crossed."""
    step, miss = slope.step, abs(predicted - slope.value)
    for _ in range(NEARER):
        noise = min(slope.noise, _noise(measure, direction, step))
        if 4 * noise / step <= miss / 4:
            interval = measure.interval(direction, step, noise)
            if interval.error <= miss / 4:
                if interval.holds(predicted, rounding):
                    return True
                if not interval.kinked:
                    return False
        step /= 64
    return False


def _noise(measure: Measure, direction: np.ndarray, step: float) -> float:
    """The noise of the forward about here; the ladder takes kinks that its steps cross for more of it than there is."""
    apart = abs(measure.central(direction, step)[0] - measure.central(direction, step / 2)[0])
    return measure.rounding + 4 * step * apart
