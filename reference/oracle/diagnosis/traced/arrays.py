"""Everything that a forward holds, as what may stand in the place of one of its slopes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from reference.oracle.diagnosis.elementwise import FORMULAS
from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.traced.sites import Sites, where_in_words
from reference.oracle.tracing.graph import Node

# Entries of all arrays of one shape together.
ENTRIES = 3_000_000

MORE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sign(u)": np.sign,
    "|u|": np.abs,
    "u**3": lambda u: u**3,
    "1 / u**2": lambda u: 1 / u**2,
    "1 / u**3": lambda u: 1 / u**3,
    "sqrt(u)": np.sqrt,
    "1 / sqrt(u)": lambda u: 1 / np.sqrt(u),
    "1": np.ones_like,
    "sigmoid(1.702 * u)": lambda u: 1 / (1 + np.exp(-1.702 * u)),
    "1 / (1 - u)": lambda u: 1 / (1 - u),
    "cos(u)": np.cos,
    "sin(u)": np.sin,
    "1 / cosh(u)": lambda u: 1 / np.cosh(u),
}
# What else a mask may be: that of a neighbour.
NEIGHBOURS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    f"u moved by {step} along axis {axis}": partial(np.roll, shift=step, axis=axis)
    for axis in (0, -1)
    for step in (1, -1)
}


@dataclass(frozen=True)
class Array:
    """Something that may stand in the place of a slope: a formula of a value of the forward, pass by pass."""

    source: Node | None
    words: str
    formula: str
    values: tuple[np.ndarray, ...]


def matrix_of(sites: Sites, evidence: Evidence, shape: tuple[int, ...], passes: int) -> tuple[list[Array], np.ndarray]:
    """Everything of this shape that the forward holds, one row an array."""
    rows: list[Array] = []
    multiples = {f"{number:.6g} * u": partial(np.multiply, number) for number in _numbers(sites)}
    seen: set[bytes] = set()
    size = int(np.prod(shape, dtype=int)) * passes
    for source, words, values in _values(sites, evidence, passes):
        argument = source is not None and source.kind == "leaf"
        if not all(_fits(value.shape, shape) and (argument or value.size > 1) for value in values):
            continue
        moved = NEIGHBOURS if set(np.unique(values[0])) == {0.0, 1.0} else {}
        for formula, function in (FORMULAS | MORE | multiples | moved).items():
            if (len(rows) + 1) * size > ENTRIES:
                break
            row = tuple(np.broadcast_to(function(value), shape) for value in values)
            key = np.concatenate([part.ravel()[:64] for part in row]).round(10).tobytes()
            if key not in seen and all(np.isfinite(part).all() for part in row):
                seen.add(key)
                rows.append(Array(source, words, formula, row))
    matrix = [np.concatenate([part.ravel() for part in row.values]) for row in rows]
    return rows, np.stack(matrix) if matrix else np.zeros((0, size))


def _numbers(sites: Sites) -> list[float]:
    """The numbers that the forward multiplies by."""
    constant = {
        float(n.partials[0].flat[0]) for n in sites.nodes if len(n.partials) == 1 and np.ptp(n.partials[0]) == 0
    }
    return sorted(number for number in constant if abs(number) not in (0.0, 1.0))[:4]


def _fits(own: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    own = (1,) * (len(shape) - len(own)) + own
    return len(own) == len(shape) and all(a in (1, b) for a, b in zip(own, shape, strict=True))


def _values(sites: Sites, evidence: Evidence, passes: int) -> Iterator[tuple[Node | None, str, tuple[np.ndarray, ...]]]:
    """The values of the steps, the constants that they multiply by, and the arguments that are no floats."""
    alone = [(node,) for node in sites.nodes if node.kind == "leaf" or passes == 1]
    for group in alone + ([] if passes == 1 else [*sites.groups, *sites.entering]):
        if len(group) in (1, passes):
            words = sites.leaf_name(group[0]) or f"the value of {where_in_words(group[0])}"
            yield group[0], words, tuple(node.value for node in group) * (passes // len(group))
    for group in sites.groups:
        if len(group) in (1, passes) and group[0].kind == "pointwise" and len(group[0].parents) == 1:
            words = f"the factor of {where_in_words(group[0])}"
            yield None, words, tuple(node.partials[0] for node in group) * (passes // len(group))
    for name, primal in zip(evidence.names, evidence.primals, strict=False):
        if np.asarray(primal).dtype.kind == "b":
            yield None, name, (np.asarray(primal, np.float64),) * passes
