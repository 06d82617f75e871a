"""Whether an edit gives what came back: as it is, with a number in front, or with a number in it that is found."""

import numpy as np

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.diagnosis.naming import multiple_cause, whole
from reference.oracle.evidence.model import Model
from reference.oracle.recording.program import Program

# Steps of the search, how much each must gain, and how near is near enough, as a share of the largest entry.
MOST, GAIN, SOLVED = 20, 0.8, 1e-9
# How near a prediction must come, as a share of the largest entry, to be asked further.
NEAR = 1e-4
# What an edit may leave of a small error, and what is rounding whatever the error.
LEFT, ROUNDED = 0.05, 1e-9
# As many times the noise is excused in `match.py`.
EXCUSED = 16


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
            if np.max(np.abs(error)) <= SOLVED * np.max(np.abs(got)):
                return now
            if not np.max(np.abs(error)) < GAIN * np.max(np.abs(left)):
                return None
    except Exception:  # the edit does not fit these shapes
        return None
    return None


def fitted(
    edited: Edited, predicted: np.ndarray, expected: np.ndarray, got: np.ndarray, near: float, sizes: set[int]
) -> Model | None:
    """The edit as a prediction, or the same with one fitted number, where it is near enough to be asked further."""
    if predicted.shape != got.shape:
        return None
    away = np.max(np.abs(predicted - got), initial=0.0)
    if not np.isfinite(away):
        return None
    if away <= near:
        return Model(edited.cause, edited.words, predicted, freedom=edited.freedom)
    if edited.free:
        times = multiple(got, predicted)
        if times and np.max(np.abs(times * predicted - got)) <= near:
            words, freedom = f"{edited.words}, times {times:.6g}", int(not whole(times))
            return Model(edited.cause, words, times * predicted, freedom=freedom)
    if edited.scalable and expected.shape == got.shape:
        times = multiple(got - expected, predicted - expected)
        prediction = expected + times * (predicted - expected)
        if times and np.max(np.abs(prediction - got)) <= near:
            left = 1 - times
            words = edited.words.replace("lacks ", f"has {left:.6g} times ", 1)
            cause = multiple_cause(edited.cause, left, sizes)
            named = whole(left) or cause == "scaled_by_count"
            return Model(cause, words, prediction, freedom=int(not named))
    return None


def near_enough(expected: np.ndarray, got: np.ndarray, rounded: float = 0.0) -> float:
    """How near is near enough: to the size of the gradients, and to that of the error, where it is a small one.

    rounded: what rounding left of chance in what came back; all that it excuses is near.
    """
    size = max(np.max(np.abs(got), initial=0.0), np.max(np.abs(expected), initial=0.0), 1e-300)
    error = np.max(np.abs(got - expected), initial=0.0) if got.shape == expected.shape else size
    return float(max(min(NEAR * size, LEFT * error), ROUNDED * size, EXCUSED * rounded))


def multiple(array: np.ndarray, of: np.ndarray) -> float:
    """The number by which one array comes nearest to another."""
    power = float(np.sum(of * of))
    return float(np.sum(array * of)) / power if power else 0.0
