"""What is true of a case, found without the oracle: by differences of its own forward, and by calling it twice."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.mistakes.case import Mistake
from tests.mistakes.run import Vjp, copies, cotangent_for, is_differentiable, like, parts, vjp_of

STEP = {"float64": 1e-3, "float32": 2.0**-5}
TOLERANCE = {"float64": 1e-6, "float32": 2e-2}
# At most so many entries of an argument are differenced, spread over it.
ENTRIES = 80


def gradient_errors(case: Mistake, seed: int = 0) -> list[str]:
    """What is wrong with the gradient on the small input, one sentence each; empty where it is right."""
    vjp, primals = vjp_of(case), case.inputs("small", seed)
    if case.kind == "wrong forward" and not np.isfinite(parts(vjp(*copies(primals))[0])[0]).all():
        # A forward that overflows here is differenced where it does not.
        primals = tuple(np.clip(p, -20, 20) if p.dtype.kind == "f" else p for p in primals)
    out, pullback = vjp(*copies(primals))
    cotangent = cotangent_for(case, out, seed)
    got = pullback(_copied(cotangent))
    if len(got) != len(primals):
        return [f"{len(got)} cotangents for {len(primals)} arguments"]
    fresh = vjp_of(case) if case.kind == "impure" else vjp
    return [
        f"{case.names[i]}: {error}"
        for i, primal in enumerate(primals)
        if is_differentiable(case, i, primal)
        for error in _argument_errors(case, fresh, primals, cotangent, i, got[i])
    ]


def _argument_errors(case: Mistake, vjp: Vjp, primals: tuple, cotangent: Any, index: int, got: Any) -> Iterator[str]:
    primal = primals[index]
    if got is None or np.shape(got) != primal.shape:
        yield f"the cotangent is {'None' if got is None else np.shape(got)}"
        return
    if np.asarray(got).dtype != primal.dtype:
        yield f"its dtype is {np.asarray(got).dtype}"
    if not np.isfinite(got).all():
        yield "it is not finite"
        return
    for direction in _directions(primal):
        left, right, centered = _slopes(case, vjp, primals, cotangent, index, direction)
        claimed = float(np.sum(direction * got))
        scale = 1 + max(abs(left), abs(right)) * np.sqrt(primal.size)
        tolerance = TOLERANCE[case.precision] * scale
        bends = abs(left - right) > 100 * tolerance
        low, high = (min(left, right), max(left, right)) if bends else (centered, centered)
        if not low - tolerance <= claimed <= high + tolerance:
            where = np.flatnonzero(direction)[:3]
            yield f"along {where} it claims {claimed:.6g}, the slope is {left:.6g} to {right:.6g}"


def _directions(primal: np.ndarray) -> Iterator[np.ndarray]:
    """All entries together, which settles ties, then one entry at a time."""
    yield np.ones(primal.shape)
    for flat in np.unique(np.linspace(0, primal.size - 1, min(primal.size, ENTRIES)).astype(int)):
        direction = np.zeros(primal.shape)
        direction.flat[flat] = 1.0
        yield direction


def _slopes(case: Mistake, vjp: Vjp, primals: tuple, cotangent: Any, index: int, direction: np.ndarray):
    """The derivatives of <cotangent, forward> along a direction: from below, from above, and centered."""
    weights, spread = parts(cotangent), float(np.std(primals[index]))
    h = STEP[case.precision] * min(1.0, spread or 1.0)

    def value(steps: int) -> float:
        moved = copies(primals)
        moved[index][...] = (primals[index] + steps * h * direction).astype(primals[index].dtype)
        outs = parts(vjp(*moved)[0])
        return sum(float(np.sum(w.astype(np.float64) * out)) for w, out in zip(weights, outs, strict=True))

    below2, below, here, above, above2 = (value(steps) for steps in (-2, -1, 0, 1, 2))
    left, right = (3 * here - 4 * below + below2) / (2 * h), (4 * above - 3 * here - above2) / (2 * h)
    return left, right, (8 * (above - below) - (above2 - below2)) / (12 * h)


@np.errstate(all="ignore")
def impurities(case: Mistake, seed: int = 0) -> list[str]:
    """What a call changes that is not its own: arguments, cotangent, an earlier result, the next call."""
    vjp, primals = vjp_of(case), case.inputs("small", seed)
    given = copies(primals)
    out, pullback = vjp(*given)
    first_out = [np.array(part) for part in parts(out)]
    cotangent = cotangent_for(case, out, seed)
    passed = _copied(cotangent)
    first = pullback(passed)
    kept = _copied(first)
    second = pullback(_copied(cotangent))
    pullback(like(out, iter([np.asarray(2 * part, part.dtype) for part in parts(cotangent)])))
    said = [
        ("the cotangent", passed, cotangent),
        ("a second backward", second, kept),
        ("the first result", first, kept),
    ]
    again, pullback = vjp(*copies(primals))
    said += [
        ("an argument", given, primals),
        ("a second forward", again, first_out if len(first_out) > 1 else first_out[0]),
    ]
    vjp(*(p + np.ones_like(p) if p.dtype.kind == "f" else p for p in copies(primals)))
    said += [("the next backward", vjp(*copies(primals))[1](_copied(cotangent)), kept), ("an output", out, first_out)]
    return [f"{what} differs" for what, now, before in said if not _equal(now, before)]


def _copied(tree: Any) -> Any:
    if isinstance(tree, tuple | list):
        return tuple(_copied(item) for item in tree)
    if isinstance(tree, dict):
        return {key: _copied(item) for key, item in tree.items()}
    return None if tree is None else np.array(tree)


def _equal(now: Any, before: Any) -> bool:
    pairs = list(zip(_flat(now), _flat(before), strict=False))
    return all((a is None) == (b is None) and (a is None or np.array_equal(a, b, equal_nan=True)) for a, b in pairs)


def _flat(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in _flat(tree[key])]
    return [leaf for item in tree for leaf in _flat(item)] if isinstance(tree, tuple | list) else [tree]
