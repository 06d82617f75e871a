"""How far off an answer is where the functions in it are only approximated, and whether an error is spread like that.

Who approximates an exponential errs everywhere by about the same share. A mistake in some entries does not.
"""

import numpy as np

from reference.oracle.accuracy.arithmetic import Arithmetic, run
from reference.oracle.accuracy.comparison import Comparison
from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.accuracy.plain import Situation
from reference.oracle.recording.program import Program

# The functions are off by this share, so many times.
OFF, RUNS = 2.0**-14, 8
# At least this share of the entries is further off than rounding.
MANY = 1 / 8
# The share by which functions must be off to explain an entry: at most the first, and so many times the usual one.
LARGEST, UNEVEN = 2.0**-4, 32.0


def swayed(at: Situation, program: Program) -> dict[int | None, np.ndarray]:
    """What every entry of every answer moves by, in root mean square, for each unit of what the functions are off."""
    exact = FORMATS["float64"]
    arithmetic = Arithmetic(exact, sums=exact, rng=at.generator("approximation"), curves=OFF)
    found: dict[int | None, list[np.ndarray]] = {}
    for _ in range(RUNS):
        out, gradients = run(program, {}, arithmetic)
        for key, one in {None: at.reference.output(np.asarray(out)), **gradients}.items():
            found.setdefault(key, []).append(np.asarray(one, np.float64))
    return {key: np.std(runs, axis=0) / OFF for key, runs in found.items()}


def share_off(compared: Comparison, sway: np.ndarray) -> float | None:
    """The share by which functions must be off to explain an error; None where it is spread in another way."""
    outside = compared.outside
    if sway.shape != outside.shape or np.mean(outside) < MANY:
        return None
    with np.errstate(all="ignore"):
        needed = (compared.error - compared.allowed)[outside] / sway[outside]
    usual = float(np.median(needed))
    return usual if float(np.max(needed)) <= min(LARGEST, UNEVEN * usual) else None
