"""Large arguments: random directions find that something is wrong, halving finds where.

A direction moves every entry at once, so one pair of forward evaluations tests them all; a gradient that is wrong
shows as a difference between the slope it predicts and the one measured. Halving the box of entries that move then
leads to a wrong entry in as many pairs as the size has binary digits.
"""

from dataclasses import dataclass

import numpy as np

from reference.oracle.numerics import probes
from reference.oracle.numerics.numerical import Measure, Slope
from reference.oracle.questions.figures import DRAWN, Compared
from reference.oracle.questions.legal import legal
from reference.oracle.report import ArgumentReport
from reference.oracle.subjects.vjp import finding

DIRECTIONS = 4
SAMPLED = 6


@dataclass(frozen=True)
class Miss:
    """A direction in which the gradient predicts another slope than was measured."""

    direction: np.ndarray
    step: float
    noise: float
    error: float
    slack: float


def by_probes(measure: Measure, slope: Slope, name: str, got: np.ndarray, rounding: float) -> Compared:
    """Judge a large gradient by directions, and where it is wrong find an entry that is."""
    wide = np.asarray(got, np.float64)
    worst, noise = None, slope.noise / slope.step
    for direction in directions(measure, name):
        miss = probe(measure, slope, wide, direction, rounding)
        if miss is not None:
            worst = miss
            break
    if worst is None:
        return _passed(measure, name, got, noise)
    index = located(measure, wide, worst)
    entry = _entry(measure, index)
    if np.isfinite(wide).all() and _legal_alone(measure, wide, index, entry, rounding):
        return _tied(measure, name, got, worst, index)
    return _failed(measure, name, got, worst, index, entry, rounding)


def directions(measure: Measure, name: str) -> list[np.ndarray]:
    """Signed directions; every second one moves equal entries alike, so that ties stay ties."""
    trial, x = measure.trial, measure.x
    drawn = []
    for number in range(DIRECTIONS):
        rng = probes.generator(trial.subject.name, [x.shape], trial.seed, f"direction {name} {number}")
        drawn.append(probes.by_value(rng, x) if number % 2 else probes.signed(rng, x.shape))
    return drawn


def probe(measure: Measure, slope: Slope, got: np.ndarray, direction: np.ndarray, rounding: float) -> Miss | None:
    """None where the slope along a direction is the predicted one, or a legal one at kinks."""
    value, made = measure.central(direction, slope.step)
    predicted = float(np.sum(got * made))
    curved = abs(slope.error - slope.noise / slope.step)
    slack = 8 * (slope.noise / slope.step + curved) + 4 * rounding * np.sqrt(got.size)
    if abs(predicted - value) <= slack:
        return None
    own = measure.ladder(direction)
    exact = float(np.sum(got * direction))
    rounded = 4 * rounding * np.sqrt(got.size)
    if not own.known or abs(exact - own.value) <= 4 * own.error + rounded:
        return None
    if legal(measure, own, direction, exact, rounded):
        return None
    slack = 4 * own.error + rounded
    return Miss(direction, own.step, own.noise, exact - own.value if np.isfinite(exact) else np.inf, slack)


def located(measure: Measure, got: np.ndarray, miss: Miss) -> tuple[int, ...]:
    """A wrong entry: halve the box of moving entries, and follow the half with the larger error."""
    if not np.isfinite(got).all():
        return tuple(int(i) for i in np.argwhere(~np.isfinite(got))[0])
    box = [(0, size) for size in got.shape]
    error = miss.error
    while any(high - low > 1 for low, high in box):
        axis = max(range(len(box)), key=lambda a: box[a][1] - box[a][0])
        low, high = box[axis]
        half = [*box[:axis], (low, (low + high) // 2), *box[axis + 1 :]]
        first = _error_in(measure, got, miss, half)
        rest = error - first
        if abs(first) >= abs(rest):
            box, error = half, first
        else:
            box[axis], error = ((low + high) // 2, high), rest
    return tuple(low for low, _ in box)


def _error_in(measure: Measure, got: np.ndarray, miss: Miss, box: list[tuple[int, int]]) -> float:
    direction = np.zeros(got.shape)
    inside = tuple(slice(low, high) for low, high in box)
    direction[inside] = miss.direction[inside]
    value, made = measure.central(direction, miss.step)
    return float(np.sum(got * made)) - value


def _entry(measure: Measure, index: tuple[int, ...]) -> Slope:
    unit = np.zeros(measure.x.shape)
    unit[index] = 1.0
    return measure.ladder(unit)


def _legal_alone(measure: Measure, got: np.ndarray, index: tuple[int, ...], entry: Slope, rounding: float) -> bool:
    """Whether the entry found is right by itself, so that only several together are wrong."""
    unit = np.zeros(got.shape)
    unit[index] = 1.0
    if abs(got[index] - entry.value) <= 4 * entry.error + rounding:
        return True
    return legal(measure, entry, unit, float(got[index]), rounding)


def _tied(measure: Measure, name: str, got: np.ndarray, miss: Miss, index: tuple[int, ...]) -> Compared:
    """Every entry by itself is legal, together they are not: tied entries share one gradient."""
    said = f"moved together the entries change the output otherwise than {name}_ct says, by {abs(miss.error):.3g}"
    message = f"{name}_ct gives tied entries more, or less, than one winner's gradient in all"
    found = finding("all_ties", message, said, argument=name, index=index, got=float(got[index]))
    report = ArgumentReport(
        name, "fail", abs(miss.error), index, float(got[index]), None, miss.noise / miss.step, 2, got.size,
        shape=got.shape, dtype=got.dtype.name,
    )  # fmt: skip
    return Compared(report, None, miss.noise / miss.step, (found,), said)


def _failed(
    measure: Measure, name: str, got: np.ndarray, miss: Miss, index: tuple[int, ...], entry: Slope, rounding: float
) -> Compared:
    wide = np.asarray(got, np.float64)
    alone = miss.direction[index] * (wide[index] - entry.value)
    only = bool(abs(miss.error - alone) <= miss.slack + abs(miss.direction[index]) * 4 * entry.error)
    sampled = {} if only else {i: _entry(measure, i).value for i in _sample(measure, name, got.shape)}
    sampled[index] = entry.value
    wrong = {i for i, value in sampled.items() if not abs(wide[i] - value) <= 8 * entry.error + rounding}
    count = 1 if only else max(2, round(got.size * len(wrong) / len(sampled)))
    report = ArgumentReport(
        name, "fail", float(abs(wide[index] - entry.value)), index, float(wide[index]), entry.value,
        entry.noise / entry.step, count, got.size, shape=got.shape, dtype=got.dtype.name,
    )  # fmt: skip
    said = _said(index, only, len(wrong), len(sampled))
    noise = entry.noise / entry.step
    if found := _cause(name, wide, index, entry.value, said, only):
        return Compared(report, None, noise, (found,), said)
    truth = _undone(measure, name, wide, sampled, rounding)
    return Compared(report, truth, max(noise, 1e-9 * float(np.max(np.abs(truth)))) if truth is not None else noise,
                    (), said)  # fmt: skip


def _sample(measure: Measure, name: str, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    rng = probes.generator(measure.trial.subject.name, [shape], measure.trial.seed, f"sample {name}")
    return [tuple(int(i) for i in np.unravel_index(flat, shape)) for flat in rng.integers(np.prod(shape), size=SAMPLED)]


def _said(index: tuple[int, ...], only: bool, wrong: int, sampled: int) -> str:
    if only:
        return f"found by halving; without entry {list(index)} the rest agrees with the forward"
    return f"found by halving; {wrong} of {sampled} entries looked at are wrong"


def _cause(name: str, got: np.ndarray, index: tuple[int, ...], expected: float, said: str, only: bool):
    """What needs no more than a look: one entry alone, or none at all."""
    more = {"argument": name, "index": index, "got": float(got[index]), "expected": float(expected)}
    if only:
        return finding("part_missing", f"{name}_ct is wrong at {list(index)} alone", said, **more)
    return finding("missing", f"{name}_ct is zero everywhere", said, role="zero", **more) if not got.any() else None


def _undone(measure: Measure, name: str, got: np.ndarray, sampled: dict, rounding: float) -> np.ndarray | None:
    """The whole true gradient where a constant factor leads to it: one in all samples that holds in directions too."""
    ratios = np.array([got[i] / value for i, value in sampled.items() if abs(value) > 0])
    if ratios.size < 3 or not abs(ratios[0]) > 0 or np.ptp(ratios) > 1e-5 * abs(ratios[0]):
        return None
    truth = got / float(np.median(ratios))
    for direction in directions(measure, name)[:2]:
        slope = measure.ladder(direction)
        if not abs(float(np.sum(truth * direction)) - slope.value) <= 8 * slope.error + 4 * rounding * np.sqrt(
            got.size
        ):
            return None
    return truth


def _passed(measure: Measure, name: str, got: np.ndarray, noise: float) -> Compared:
    report = ArgumentReport(
        name, "pass", 0.0, None, None, None, noise, 0, got.size, shape=got.shape, dtype=got.dtype.name,
        error_map=np.zeros(got.shape) if got.size <= DRAWN else None,
    )  # fmt: skip
    return Compared(report, None, noise, (), chance(measure, noise))


def chance(measure: Measure, noise: float) -> str:
    """What the directions may have missed, as a probability."""
    # Along a signed direction the error of one entry has a density of at most 1 at zero, per unit of that error.
    missed = (2 * 8 / 1e4) ** DIRECTIONS
    return (
        f"{DIRECTIONS} random directions: an error of 10,000 times the noise floor ({noise:.2g}) is missed with"
        f" probability below {missed:.0e}"
    )
