"""The axes of arrays by letters, as einsum has them, and how many entries a sum over axes adds."""

from typing import Any

import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def count(array: Any, axis: Any) -> int:
    """How many entries a sum over these axes adds."""
    axes = range(np.ndim(array)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([np.shape(array)[a] for a in axes], dtype=int))


def spelled(subscripts: str, operands: tuple) -> tuple[list[str], str]:
    """Subscripts in full: with an output, and letters for dots."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    hidden = [
        np.ndim(o) - len(s.replace("...", "")) if "..." in s else 0 for s, o in zip(inputs, operands, strict=True)
    ]
    dots = LETTERS[: max(hidden)]
    inputs = [s.replace("...", dots[len(dots) - n :]) for s, n in zip(inputs, hidden, strict=True)]
    once = "".join(sorted(c for c in set("".join(inputs)) if "".join(inputs).count(c) == 1 and c not in dots))
    return inputs, right.replace("...", dots) if arrow else dots + once
