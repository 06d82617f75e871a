"""An imprecision told by its size: as large in every entry as that of a reference which rounds so, up or down.

Nobody knows in which order another kernel adds, so its error need not point the way of the reference's.
"""

from dataclasses import replace

import numpy as np

from reference.oracle.accuracy.arithmetic import Arithmetic
from reference.oracle.accuracy.comparison import SPREADS, Comparison
from reference.oracle.accuracy.plain import Situation, computed
from reference.oracle.recording.program import Program

# So often is the reference run in one arithmetic.
RUNS = 6
# The error is at most so many times as large, or as small, in root mean square.
AS_LARGE = 2.0
# Terms that cancel in one formula leave something in another: of that size beside the whole array's.
LEAST = 0.5


def usual(at: Situation, program: Program, arithmetic: Arithmetic, key: int | None) -> np.ndarray:
    """What the reference gives of one array, several times, with all roundings up or down at random."""
    arithmetic = replace(arithmetic, rng=at.generator("size"))
    answers = (computed(at, program, arithmetic) for _ in range(RUNS))
    return np.array([out if key is None else gradients[key] for out, gradients in answers])


def likelihood(compared: Comparison, runs: np.ndarray) -> float | None:
    """The logarithm of how likely the kernel's error is among such; None where it is another, in all or in an entry."""
    if runs.shape[1:] != compared.truth.shape:
        return None
    with np.errstate(all="ignore"):
        variance = np.mean(np.square(runs - compared.truth), axis=0) + compared.spread**2 + compared.place**2 / 12
    known = compared.known & np.isfinite(variance)
    usual = np.sqrt(variance[known])
    usual = np.maximum(usual, LEAST * np.sqrt(np.mean(np.square(usual)))) if usual.size else usual
    share = compared.error[known] / usual
    size = float(np.sqrt(np.mean(np.square(share)))) if share.size else 0.0
    if not 1 / AS_LARGE < size < AS_LARGE or np.max(share) > SPREADS:
        return None
    return float(-np.mean(np.log(usual) + share**2 / 2))
