"""The one forward and backward of a trial that every judgment refers to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.oracle.numerics import probes
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, copies, finding, generator_state


@dataclass(frozen=True)
class Base:
    """An output, the cotangent drawn for it, and what the pullback made of that."""

    out: Any
    flat: np.ndarray
    cotangent: np.ndarray
    pullback: Callable[[Any], Any]
    got: tuple[Any, ...]
    # The very arrays that came back, to see whether a later call writes into them; `got` holds copies.
    returned: tuple[Any, ...]

    def upstream(self, values: np.ndarray | None = None) -> Any:
        """A cotangent in the structure of the output; a new one each time."""
        return trees.like(self.out, self.cotangent if values is None else values)


def base_of(trial: Trial) -> Base:
    """Call forward and backward once; a Fault where that cannot be judged."""
    before = generator_state()
    out = output_of(trial, trial.forward())
    trial.draws = not _same_state(before, generator_state())
    out, pullback = trial.vjp()
    flat = trees.vector(output_of(trial, out))
    cotangent = drawn(trial, out, flat.size)
    return _pulled(trial, out, flat, cotangent, pullback)


def _pulled(trial: Trial, out: Any, flat: np.ndarray, cotangent: np.ndarray, pullback: Any) -> Base:
    returned = trial.pull(pullback, trees.like(out, cotangent))
    return Base(out, flat, cotangent, pullback, copies(returned), returned)


def drawn(trial: Trial, out: Any, size: int) -> np.ndarray:
    """A signed cotangent that no user's seed can draw, or the given one; ones where the backward takes none."""
    if trial.subject.upstream == "one":
        return np.ones(size)
    if trial.cotangent is not None:
        return rounded(out, trees.given(out, trial.cotangent))
    shapes = [np.shape(leaf) for leaf in trees.leaves(out)]
    rng = probes.generator(trial.subject.name, shapes, trial.seed, "cotangent")
    return rounded(out, probes.signed(rng, size))


def rounded(out: Any, cotangent: np.ndarray) -> np.ndarray:
    """A cotangent as the dtypes of the output round it; leaves of whole numbers have none."""
    pairs = zip(trees.leaves(out), trees.leaves(trees.like(out, cotangent)), strict=True)
    return trees.vector([own for leaf, own in pairs if trees.carries_cotangent(leaf)])


def behind_a_forward(trial: Trial, base: Base) -> Base:
    """The same, with a forward before every backward: for one that spoils what its forward saved."""
    return replace(base, pullback=lambda cotangent: trial.vjp()[1](cotangent))


def with_ones(trial: Trial, base: Base) -> Base:
    """The same with a cotangent of one, for a backward that is meant to come last."""
    return _pulled(trial, base.out, base.flat, np.ones(base.flat.size), base.pullback)


def output_of(trial: Trial, out: Any) -> Any:
    """The output, if it is made of real numbers; a Fault otherwise."""
    kinds = [type(leaf).__name__ for leaf in trees.leaves(out) if leaf is None or not _numeric(leaf)]
    if kinds:
        raise Fault(
            finding(
                "raises",
                f"the forward returns {'None' if kinds[0] == 'NoneType' else 'a ' + kinds[0]}",
                "an array, a number, or a tuple, list or dict of them is needed",
                fix="Return the output.",
                blame="forward",
            )
        )
    values = trees.vector(out)
    whole = sorted({np.asarray(leaf).dtype.name for leaf in trees.leaves(out) if np.size(leaf)})
    if not values.size and whole:
        raise Fault(
            finding(
                "downcast",
                f"the forward returns {' and '.join(whole)}, which has no derivative",
                "an output of floating dtype is needed",
                fix="Return the output in the dtype of the arguments.",
                blame="forward",
                role="form",
            )
        )
    if np.isnan(values).any():
        raise Fault(
            finding("not_finite", "the forward returns NaN", f"for finite {', '.join(trial.names)}", blame="forward")
        )
    return out


def _numeric(leaf: Any) -> bool:
    try:
        return trees.is_numeric(leaf)
    except Exception:  # an object may raise anything when it is looked at
        return False


def _same_state(before: tuple[Any, Any], after: tuple[Any, Any]) -> bool:
    return before[0] == after[0] and before[1][2] == after[1][2] and np.array_equal(before[1][1], after[1][1])
