"""Where a function bends: which gradients are legal, and which are not even there.

At a kink every value between the one-sided derivatives is legal. At a tie each winner alone may have anything from
nothing to the whole, but not all of them the whole: moved together, the winners move the maximum once.
"""

from dataclasses import dataclass

import numpy as np

from reference.oracle.numerics.numerical import Measure, Slope
from reference.oracle.questions.legal import legal
from reference.oracle.report import Finding
from reference.oracle.subjects.vjp import finding

# So many doubtful entries are measured on a ladder of their own before the rest is taken to be like them.
SAMPLED = 12
TRUSTED = 3
# Ties are looked at one output after the other, up to this many.
GROUPS = 24


@dataclass(frozen=True)
class Settled:
    """What a second look says of the doubtful entries."""

    wrong: np.ndarray
    # Entries at a kink whose value is legal.
    excused: np.ndarray
    # The derivative where it was measured anew, NaN elsewhere.
    values: np.ndarray
    errors: np.ndarray
    kinked_wrong: np.ndarray
    shared: str = ""

    def findings(self, name: str) -> tuple[Finding, ...]:
        """The finding where only entries at kinks or ties are wrong."""
        if self.shared:
            message = f"{name}_ct gives tied entries more, or less, than one winner's gradient in all"
            return (finding("all_ties", message, self.shared, argument=name),)
        if self.wrong.any() and bool(np.all(self.kinked_wrong[self.wrong])):
            count = int(self.wrong.sum())
            message = f"{name}_ct lies outside the one-sided derivatives at {count} kinked entries"
            evidence = "elsewhere, where the forward is smooth, the gradient is right"
            index = tuple(int(i) for i in np.argwhere(self.wrong)[0])
            return (finding("all_ties", message, evidence, argument=name, index=index, role="kink"),)
        return ()


def settle(
    measure: Measure,
    slope: Slope,
    got: np.ndarray,
    measured: np.ndarray,
    allowed: np.ndarray,
    doubtful: np.ndarray,
    bends: np.ndarray,
    rounding: float,
    trusted: bool = False,
    enough: int | None = None,
) -> Settled:
    """Measure the doubtful entries again: with their own steps, and from both sides.

    Where `measured` is the reference's gradient it is trusted, and only a kink excuses another value. `enough` of the
    worst entries are measured before the rest is taken to be like them.
    """
    look = _Look(measure, slope, got, rounding, trusted)
    with np.errstate(all="ignore"):
        excess = np.abs(got - measured) / np.maximum(allowed, 1e-300)
    excess = np.where(np.isnan(excess), np.inf, excess)
    doubts = np.flatnonzero(doubtful)
    order = doubts[np.argsort(-excess.ravel()[doubts], kind="stable")]
    first = enough or (TRUSTED if trusted else SAMPLED)
    for index in order[:first]:
        look.at(index)
    rest = order[first:]
    if not (look.excused.any() or look.kinked.any()):
        # The worst are confirmed and none was a kink: an error far above the noise needs no more proof.
        proven = np.full(rest.shape, True) if enough else excess.ravel()[rest] > 100
        look.wrong.flat[rest[proven]] = True
        rest = rest[~proven]
    for index in rest:
        look.at(index)
    for index in np.flatnonzero(bends.ravel() & ~doubtful.ravel())[: 8 * GROUPS]:
        look.at(index)
    shared = "" if look.wrong.any() else _joint(look)
    return Settled(look.wrong, look.excused & ~look.wrong, look.values, look.errors, look.kinked & look.wrong, shared)


class _Look:
    """The second look, entry by entry."""

    def __init__(self, measure: Measure, slope: Slope, got: np.ndarray, rounding: float, trusted: bool):
        self.measure, self.slope, self.got, self.rounding, self.trusted = measure, slope, got, rounding, trusted
        self.wrong = np.zeros(got.shape, bool)
        self.excused = np.zeros(got.shape, bool)
        self.kinked = np.zeros(got.shape, bool)
        self.values = np.full(got.shape, np.nan)
        self.errors = np.full(got.shape, np.nan)

    def at(self, index: int) -> None:
        """Decide one entry: on the common step first, then on its own ladder."""
        unit = np.zeros(self.got.shape)
        unit.flat[index] = 1.0
        got = float(self.got.flat[index])
        near = self.measure.interval(unit, self.slope.step, self.slope.noise)
        if near.holds(got, self.rounding) and (near.kinked or near.error <= 8 * self.slope.error):
            self.excused.flat[index] = self.kinked.flat[index] = near.kinked
            self.values.flat[index], self.errors.flat[index] = near.middle, near.error
            self.wrong.flat[index] = self.trusted and not near.kinked
            return
        own = self.measure.ladder(unit)
        if not own.known:
            # No difference can be formed here: the edge of the domain, an infinite input.
            self.excused.flat[index] = True
            return
        closer = self.measure.interval(unit, own.step, own.noise)
        smooth = abs(got - own.value) <= 4 * own.error + self.rounding
        self.kinked.flat[index] = closer.kinked
        self.values.flat[index], self.errors.flat[index] = own.value, own.error
        # Several kinks within one step of each other are told apart by shorter steps.
        held = closer.holds(got, self.rounding) or legal(self.measure, own, unit, got, self.rounding)
        self.excused.flat[index] = closer.kinked and held
        self.wrong.flat[index] = not self.excused.flat[index] and (self.trusted or not smooth)


def _joint(look: _Look) -> str:
    """Move tied entries together; a sentence where the gradient does not add up to what the output then does."""
    tied = np.flatnonzero(look.kinked.ravel())
    if tied.size < 2:
        return ""
    for group in _groups(look, tied):
        direction = np.zeros(look.got.shape)
        direction.flat[group] = 1.0
        total = float(np.sum(look.got.ravel()[group]))
        sides = look.measure.interval(direction, look.slope.step, look.slope.noise)
        rounding = look.rounding * len(group)
        nearer = look.measure.ladder(direction)
        if not sides.holds(total, rounding) and not legal(look.measure, nearer, direction, total, rounding):
            look.wrong.flat[group] = True
            bounds = f"{sides.low:.6g}" if not sides.kinked else f"{sides.low:.6g} to {sides.high:.6g}"
            moved = f"moved together, {len(group)} tied entries change the output by {bounds}"
            return f"{moved}, their gradients sum to {total:.6g}"
    return ""


def _groups(look: _Look, tied: np.ndarray) -> list[np.ndarray]:
    """All tied entries at once, those of equal value, and those that bear on the same output."""
    groups = [tied]
    values = np.asarray(look.measure.x, np.float64).ravel()[tied]
    groups += [tied[values == value] for value in np.unique(values)[:GROUPS]]
    groups += _by_output(look, tied[: 4 * GROUPS])
    return [group for group in groups if group.size > 1]


def _by_output(look: _Look, tied: np.ndarray) -> list[np.ndarray]:
    touched = []
    for index in tied:
        unit = np.zeros(look.got.shape)
        unit.flat[index] = 1.0
        ahead, _ = look.measure.moved(unit, look.slope.step)
        touched.append(ahead != look.measure.base)
    shared = np.stack(touched)
    columns = np.unique(shared[:, shared.sum(0) > 1], axis=1).T[:GROUPS]
    return [tied[column] for column in columns]
