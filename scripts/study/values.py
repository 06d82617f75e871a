"""The live table: what both sides compute for a page's calls, and how far they are apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .page import Page, Value
from .refusal import Refusal
from .sides import run

WIDEST = 60  # entries of an array that is shown in full


@dataclass(frozen=True)
class Result:
    """A call's value on each side, in the textbook's form, and the largest difference between any of them."""

    value: Value
    numpy: Any
    jax: Any
    textbook: dict[str, Any]
    difference: float


def evaluate(page: Page, value: Value, sides: Mapping[str, Mapping[str, Any]]) -> Result:
    """Both sides of a row of the table; a Refusal where they differ, or where its claim does not hold."""
    found, textbook, apart = {}, {}, []
    for side, names in sides.items():
        with page.source.located((*value.path, side)):
            found[side] = run(getattr(value, side), names, f"a value must be computable on the side of {side}")
    with page.source.located((*value.path, "numpy")):
        apart.append(_within(value, "both sides must agree", found["numpy"], found["jax"]))
    with page.source.located((*value.path, "textbook")):
        for side, call in value.textbook.items():
            textbook[side] = run(call, sides[side], f"a textbook call must be computable on the side of {side}")
        for side, got in textbook.items():
            rule = f"the textbook's form and the library's must agree on the side of {side}"
            apart.append(_within(value, rule, got, found[side]))
    result = Result(value, found["numpy"], found["jax"], textbook, max(apart))
    if value.claim:
        _check_claim(page, result, sides)
    return result


def _within(value: Value, rule: str, left: Any, right: Any) -> float:
    """How far two values are apart; a Refusal where that is more than the row allows."""
    apart = difference(left, right)
    if not apart <= value.tolerance:
        raise Refusal(f"{rule} to {value.tolerance:g}; got a difference of {apart:.3g}")
    return apart


def _check_claim(page: Page, result: Result, sides: Mapping[str, Mapping[str, Any]]) -> None:
    numbers = {"numpy": _as_numpy(result.numpy), "jax": _as_numpy(result.jax)}
    with page.source.located((*result.value.path, "claim")):
        holds = run(result.value.claim, {**sides["numpy"], **numbers}, "a claim must be computable")
        if not np.all(holds):
            numpy = " ".join(shown(result.numpy).split())
            raise Refusal(f"a claim must be true; got {result.value.claim!r} with numpy={numpy}")


def _as_numpy(value: Any) -> Any:
    return jax.tree.map(np.asarray, value)


def difference(left: Any, right: Any) -> float:
    """The largest absolute difference; a Refusal where the two are not of the same form."""
    pairs = [jax.tree.flatten(value) for value in (left, right)]
    forms = [[np.shape(leaf) for leaf in leaves] for leaves, _ in pairs]
    if forms[0] != forms[1]:
        raise Refusal(f"both sides must have the same shape; got {forms[0]} and {forms[1]}")
    apart = [_apart(np.asarray(a), np.asarray(b)) for a, b in zip(pairs[0][0], pairs[1][0], strict=True)]
    return max(apart, default=0.0)


def _apart(left: np.ndarray, right: np.ndarray) -> float:
    if left.dtype.kind in "US" or right.dtype.kind in "US":
        return 0.0 if np.array_equal(left, right) else np.inf
    wide = np.result_type(left, right, np.float64)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):  # of two infinities, where they are the same
        apart = np.where(same, 0.0, np.abs(np.subtract(left, right, dtype=wide)))
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def shown(value: Any) -> str:
    """A value as a page shows it: six digits of an array's entries, ten of a single number."""
    if isinstance(value, tuple | list):
        return "\n".join(shown(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{name}: {shown(item)}" for name, item in value.items())
    if value is None or isinstance(value, str):
        return str(value)
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.10g}" if array.dtype.kind == "f" else str(array.item())
    # Beside numbers of ordinary size, what rounding left of a zero is shown as one.
    ordinary = array.dtype.kind == "f" and 1e-3 <= np.max(np.abs(array), initial=0.0) < 1e6
    return np.array2string(
        array,
        precision=6,
        suppress_small=ordinary,
        separator=", ",
        threshold=WIDEST,
        floatmode="maxprec",
        max_line_width=64,
    )
