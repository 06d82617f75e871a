"""The forward against a named op, or, where none is named, the op whose values it has."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision, probes
from reference.oracle.opspec import OpSpec
from reference.oracle.questions.base import Base
from reference.oracle.specs import SPECS
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, quiet

# Values agree when they differ by less than this many roundings of the largest.
ROUNDINGS = 1e6


@dataclass(frozen=True)
class Agreement:
    """An op whose values the forward has, and by which sum or mean of them, where the op gives one an example."""

    op: str
    statics: dict[str, Any]
    # What the output's cotangent is multiplied with on its way to the op's values: None where they are the same.
    factor: float | None = None
    words: str = ""


def validated(op: str | None, statics: Mapping[str, Any] | None) -> dict[str, Any]:
    """The statics, if the op has them; a ValueError for an unknown op or static."""
    if op is None:
        if statics:
            raise ValueError(f"oracle.check: statics need an op; got statics={dict(statics)!r} without one")
        return {}
    if op not in SPECS:
        raise ValueError(f"oracle.check: op must be one of {', '.join(SPECS)}; got {op!r}")
    known = SPECS[op].keywords
    if strangers := [name for name in statics or {} if name not in known]:
        rule = f"statics of {op} must be among {', '.join(known)}" if known else f"{op} has no statics"
        raise ValueError(f"oracle.check: {rule}; got {strangers[0]!r}")
    return dict(statics or {})


def reference_out(op: str, statics: Mapping[str, Any], primals: tuple[Any, ...]) -> Any:
    """The op's output in float64; the op's own ValueError or TypeError where it refuses the primals."""
    with quiet(None):
        return SPECS[op].reference()(*map(widened, primals), **statics)


def reference_pull(agreement: Agreement, base: Base, primals: tuple[Any, ...]) -> tuple[Any, ...]:
    """The op's own gradients for the trial's cotangent, in float64."""
    spec = SPECS[agreement.op]
    with quiet(None):
        out, residuals = spec.reference("_fwd")(*map(widened, primals), **agreement.statics)
        if agreement.factor is not None:
            cotangent = np.full(np.shape(out), agreement.factor * float(base.cotangent[0]))
        else:
            size = trees.vector(out).size  # further outputs of the op (statistics) that the subject does not return
            cotangent = trees.like(out, np.pad(base.cotangent, (0, size - base.cotangent.size)))
        return tuple(spec.reference("_bwd")(residuals, cotangent))


def widened(primal: Any) -> Any:
    """A copy in float64; integers and None as they are."""
    if isinstance(primal, np.ndarray):
        return primal.astype(np.float64) if is_floating(primal.dtype) else np.array(primal)
    return primal


def one_an_example(trial: Trial, base: Base, agreement: Agreement) -> bool:
    """Whether the backward takes one cotangent an example, as the op does, where the forward gives one number."""
    if agreement.factor is None or trial.subject.upstream != "free":
        return False
    spec = SPECS[agreement.op]
    with quiet(None):
        out, residuals = spec.reference("_fwd")(*map(widened, trial.primals), **agreement.statics)
        cotangent = np.cos(1.3 * np.arange(np.size(out)) + 0.2).reshape(np.shape(out))
        wanted = spec.reference("_bwd")(residuals, agreement.factor * cotangent)
    try:
        got = trial.pull(base.pullback, cotangent)
    except Fault:  # it takes one number, as its forward gives
        return False
    pairs = [
        (a, b) for a, b in zip(got, wanted, strict=False) if isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    ]
    return bool(pairs) and all(a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-8) for a, b in pairs)


def agrees(
    trial: Trial, base: Base, op: str, statics: Mapping[str, Any], loose: float | None = None
) -> tuple[Agreement | None, Any, Any]:
    """(the agreement, or None with the primals and the op's values where the forward differs by more than loose)."""
    loose = tolerance(trial, base) if loose is None else loose
    expected = reference_out(op, statics, trial.primals)
    agreement = matching(op, dict(statics), base.flat, expected, loose)
    if agreement is None:
        return None, trial.primals, expected
    # What overflows on its way depends on the order of operations, and says nothing of the formula.
    for primals in elsewhere(trial, SPECS[op]) if precision.far_from_overflow(trees.arrays(trial.primals)) else ():
        try:
            wanted = reference_out(op, statics, primals)
        except (TypeError, ValueError):
            continue
        found = trial.value(primals, base.flat.size)
        if matching(op, dict(statics), found, wanted, loose) != agreement:
            return None, primals, wanted
    return agreement, trial.primals, expected


def tolerance(trial: Trial, base: Base) -> float:
    """The relative difference that rounding excuses."""
    floats = [primal for primal in trial.primals if isinstance(primal, np.ndarray)]
    coarse = max(precision.coarsest(floats), precision.coarsest([np.asarray(leaf) for leaf in trees.leaves(base.out)]))
    return ROUNDINGS * coarse if coarse <= precision.EPSILON["float64"] else 64 * coarse


def matching(op: str, statics: dict[str, Any], found: np.ndarray, expected: Any, loose: float) -> Agreement | None:
    """Whether the values are the op's, or the sum or mean of its values over the examples."""
    values = trees.vector(expected)
    first = np.size(trees.leaves(expected)[0])
    if _near(found, values, loose) or _near(found, values[:first], loose):
        return Agreement(op, statics)
    if found.size == 1 and values.size > 1 and SPECS[op].family.endswith("losses"):
        for factor, words in ((1 / values.size, "mean"), (1.0, "sum")):
            if _near(found, np.array([factor * values.sum()]), loose):
                sentence = (
                    f"the forward returns the {words} of the {values.size} values of {op}: a convention, no mistake"
                )
                return Agreement(op, statics, factor, sentence)
    return None


def elsewhere(trial: Trial, spec: OpSpec) -> Iterator[tuple[Any, ...]]:
    """Inputs aimed at differences: the same values in another order (others, where all are equal), larger, and ties."""
    rng = probes.generator(trial.subject.name, [np.shape(p) for p in trial.primals], trial.seed, "elsewhere")
    free = [place for place in trial.differentiable if _unrestricted(spec, place, _equal(trial.primals[place]))]

    def reordered(x: np.ndarray) -> np.ndarray:
        return rng.normal(size=x.shape) if _equal(x) else rng.permuted(x.ravel()).reshape(x.shape)

    for transform in (reordered, lambda x: 4 * x, np.round):
        yield tuple(
            transform(primal.astype(np.float64)).astype(primal.dtype) if position in free else primal
            for position, primal in enumerate(trial.primals)
        )


def _equal(x: np.ndarray) -> bool:
    return bool(np.all(x == x.ravel()[:1]))


def _unrestricted(spec: OpSpec, position: int, equal: bool) -> bool:
    """Whether any real number is in the argument's domain: no probability, variance or the like.

    Where all entries are equal, as zeros are, values show little, and one case of any real numbers is enough.
    """
    kinds = [list(case.arguments.values())[position].kind for case in spec.cases if len(case.arguments) > position]
    return (any if equal else all)(kind == "normal" for kind in kinds)


def recognized(trial: Trial, base: Base, loose: float | None = None) -> Agreement | None:
    """The first op of the table whose values the forward has, here and elsewhere, up to rounding or to loose."""
    if not precision.far_from_overflow(trees.arrays(trial.primals)):
        return None
    for spec in SPECS.values():
        tried: list[dict[str, Any]] = []
        for statics in [{}, *(dict(case.statics) for case in spec.cases)]:
            if statics in tried or len(inspect.signature(spec.reference("_fwd")).parameters) < len(trial.primals):
                continue
            tried.append(statics)
            try:
                plain = spec.plain_at(trial.primals, statics)
                agreement = None if plain else agrees(trial, base, spec.name, statics, loose)[0]
            except Exception:  # these primals are not what this op takes
                continue
            if agreement is not None:
                return agreement
    return None


def _near(found: np.ndarray, values: np.ndarray, loose: float) -> bool:
    if found.shape != values.shape or not found.size:
        return False
    finite = np.isfinite(values)
    if not np.array_equal(found[~finite], values[~finite], equal_nan=True):
        return False
    scale = float(np.max(np.abs(values), initial=0.0, where=finite))
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(found[finite] - values[finite]) <= loose * scale + precision.TINY))
