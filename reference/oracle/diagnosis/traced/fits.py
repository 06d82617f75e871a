"""Whether a slip gives the gradient that came back: as it stands, or with one number fitted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference.oracle.diagnosis.counts import name_ratio
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.resized import holds
from reference.oracle.diagnosis.structure import where_in_words
from reference.oracle.diagnosis.traced.sites import Slip
from reference.oracle.diagnosis.view import View

# A fit leaves at most this share of the error; the judge looks again, at the noise.
NEAR = 1e-4
# What is said of a contribution that does not arrive at all; one that counts otherwise is a wrong term of the sum.
LEAVES_OUT = ("use_dropped", "sum_term_missing", "skip_dropped", "samples_missing")
# Names of a factor that one example more would have confirmed.
COUNTED = ("scaled_by_batch", "scaled_by_size")
# What is said of a sum that is spread over what it is taken of, where it counts otherwise from example to example.
STATISTICS = ("diagonal_only", "mean_term_missing", "centered_term_missing", "statistics_as_constants")


@dataclass(frozen=True)
class Fit:
    """What a slip predicts for one argument.

    factor: how often the contribution counts that the slip leaves out, where that is not never; freedom: how many such
    factors were fitted.
    """

    slip: Slip
    predicted: np.ndarray
    factor: float | None = None
    freedom: int = 0

    def model(self, view: View) -> Model:
        """The fit as a prediction in words."""
        slip, words = self.slip, self.slip.words
        cause = slip.otherwise or slip.cause
        if self.factor is None:
            return self._plain(view)
        if slip.fitted:
            words = f"{words} (by {1 - self.factor:.4g} times its gradient)"
            return Model(slip.cause, words, self.predicted, freedom=1, exact=True)
        if self.freedom > 1:
            words = f"{words}: it counts another number of times for each example"
            cause = "sum_term_missing" if slip.cause in (*LEAVES_OUT, *STATISTICS) else cause
            return Model(cause, words, self.predicted, freedom=self.freedom, exact=True)
        if abs(self.factor + 1) < 1e-9:
            return Model("sign", f"{words}: it has the opposite sign", self.predicted, exact=True)
        if not slip.cause.startswith("time_") and self._alone(view):
            words = f"{words}: it counts {self.factor:.6g} times, and nothing else counts there"
            return Model("partly_scaled", words, self.predicted, freedom=1, exact=True)
        named = list(name_ratio(view, self.factor)) if slip.cause in ("sum_term_missing", "use_dropped") else []
        counted = slip.otherwise or (slip.cause if slip.cause not in LEAVES_OUT else "sum_term_missing")
        counts = named and named[0][0] != "scaled_by_two" and not holds(view, self.factor)
        cause = named[0][0] if counts else counted
        return Model(cause, f"{words}: it counts {self.factor:.6g} times", self.predicted, freedom=1, exact=True)

    def _alone(self, view: View) -> bool:
        """Whether the wrong entries are the true ones times the factor, which is none of a use left out or doubled."""
        factor = self.factor or 0.0
        scaled = np.abs(self.predicted - factor * view.expected)[view.wrong]
        return all(abs(factor - usual) > 1e-6 for usual in (-1, 0, 2)) and bool(
            np.max(scaled, initial=0.0) <= 1e-6 * view.scale
        )

    def _proportional(self, view: View) -> bool:
        """Whether the slip scales the whole gradient."""
        factor = float(np.sum(self.predicted * view.expected) / np.sum(view.expected**2))
        return bool(np.max(np.abs(self.predicted - factor * view.expected)) <= 1e-6 * view.scale)

    def _plain(self, view: View) -> Model:
        slip, words = self.slip, self.slip.words
        holes = (self.predicted == 0) & view.wrong
        if not slip.cause.startswith("time_") and np.array_equal(holes, view.wrong):
            words = f"{words}: {where_in_words(holes)} it is zero"
            return Model("entries_not_written", words, self.predicted, exact=True)
        right = np.abs(view.expected[~view.wrong])
        if slip.cause.startswith("scaled") and np.max(right, initial=0.0) > 64 * view.noise:
            return Model("partly_scaled", words, self.predicted, exact=True)
        if slip.cause in COUNTED and self._proportional(view):
            return Model("scaled", words, self.predicted, exact=True)  # as a count it would have been named before
        if slip.cause == "scaled" and not self._proportional(view):
            return Model("sum_term_missing", f"{words}: one term lacks it", self.predicted, exact=True)
        if slip.cause == "scaled_by_size" and not self._proportional(view):
            return Model("sum_term_missing", f"{words}: one term lacks it", self.predicted, exact=True)
        return Model(slip.cause, words, self.predicted, exact=True, noise=slip.noise * max(1.0, view.scale))


def fits(slip: Slip, predicted: np.ndarray, expected: np.ndarray, got: np.ndarray) -> Iterator[Fit]:
    """The fit of a slip that predicts this, where there is one."""
    if got.shape != expected.shape or not np.isfinite(predicted).all():
        return
    near = NEAR * float(np.max(np.abs(got - expected), initial=0.0))
    part, rest = expected - predicted, got - predicted
    if np.max(np.abs(part), initial=0.0) <= near:
        return
    if np.max(np.abs(rest)) <= near:
        yield Fit(slip, predicted)
    elif slip.fitted or (slip.scalable and not _all_of(expected, predicted) and not _multiples(part, expected)):
        factor = _ratio(part, rest, tuple(range(part.ndim)))
        if np.max(np.abs(factor * part - rest)) <= near:
            yield Fit(slip, predicted + factor * part, float(factor.flat[0]), int(abs(factor.flat[0] + 1) > 1e-9))
        elif slip.scalable and part.ndim > 1:
            factors = _ratio(part, rest, tuple(range(1, part.ndim)))
            if np.max(np.abs(factors * part - rest)) <= near:
                yield Fit(slip, predicted + factors * part, float(factors.flat[0]), len(part))


def _all_of(expected: np.ndarray, predicted: np.ndarray) -> bool:
    """Whether nothing is left without the contribution: a factor of it is a factor of the whole gradient."""
    return bool(np.max(np.abs(predicted), initial=0.0) < 1e-9 * np.max(np.abs(expected), initial=0.0))


def _multiples(part: np.ndarray, expected: np.ndarray) -> bool:
    """Whether the contribution is a share of the whole: a factor of it, too, is a factor of the whole gradient."""
    share = _ratio(expected, part, tuple(range(part.ndim)))
    return bool(np.max(np.abs(part - share * expected), initial=0.0) < 1e-9 * np.max(np.abs(part), initial=0.0))


def _ratio(part: np.ndarray, rest: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The factors, one a slice, that take part closest to rest."""
    power = np.sum(part * part, axis=axes, keepdims=True)
    return np.sum(rest * part, axis=axes, keepdims=True) / np.where(power > 0, power, 1)
