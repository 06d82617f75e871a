"""A slope, a factor or a mask of the forward with another array in its place: all arrays of the forward are tried.

Along a probe the gradient's error is <t * c, q - p>: t is the tangent that the probe brings to the entrance of a part
of the forward, c the cotangent at its exit, p its slope, and q what stands in the place of p. So one product with a
matrix tries thousands of arrays q, and only those that fit are predicted in full.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from reference.oracle.diagnosis.elementwise import FORMULAS
from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.traced.factors import scaling
from reference.oracle.diagnosis.traced.gates import Gate, gates
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.diagnosis.traced.slopes import BY_OUTPUT, named
from reference.oracle.tracing.graph import Detour, Node
from reference.oracle.tracing.trace import trace

# Entries of all candidates of one shape together; candidates that are predicted in full, or tried in pairs.
ENTRIES, MOST, MOST_PAIRED = 3_000_000, 12, 40
# How near a candidate must come along the probe, as a share of the error.
NEAR = 1e-6

MORE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sign(u)": np.sign,
    "|u|": np.abs,
    "u**3": lambda u: u**3,
    "1 / u**2": lambda u: 1 / u**2,
    "1 / u**3": lambda u: 1 / u**3,
    "sqrt(u)": np.sqrt,
    "1 / sqrt(u)": lambda u: 1 / np.sqrt(u),
    "1": np.ones_like,
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
DISTANCES = ("u", "-u", "2 * u", "sign(u)")


@dataclass(frozen=True)
class Array:
    """Something that may stand in the place of a slope: a formula of a value of the forward, pass by pass."""

    source: Node | None
    words: str
    formula: str
    values: tuple[np.ndarray, ...]


def replaced(sites: Sites, forward: Callable, evidence: Evidence) -> Iterator[Slip]:
    """The replacements that explain a wrong argument along a probe."""
    arrays = cache(lambda shape, passes: _matrix(sites, evidence, shape, passes))
    for position, wrong in enumerate(evidence.wrong):
        got, expected = evidence.got[position], evidence.expected[position]
        if not wrong or got is None or expected is None or np.shape(got) != np.shape(expected):
            continue
        probe = np.cos(1.7 * np.arange(np.size(expected)) + 0.4).reshape(np.shape(expected))
        tangents = _tangents(sites, forward, evidence, position, probe)
        if tangents is not None:
            error = float(np.sum(probe * (np.asarray(got, np.float64) - expected)))
            yield from _at_labels(sites, evidence, tangents, error)
            yield from _upstream(sites, tangents, error, arrays)
            yield from _fitting(sites, tangents, error, arrays)


def _upstream(sites: Sites, tangents: dict[Node, np.ndarray], error: float, arrays: Callable) -> Iterator[Slip]:
    """A value of the forward as a factor of the cotangent: missing, once too often, or in the place of another one."""
    out = sites.graph.out
    if out is None or out not in tangents or not out.value.ndim:
        return
    weights = (tangents[out] * sites.arriving[out]).ravel()
    choices, matrix = arrays(out.value.shape, 1)
    plain = [number for number, array in enumerate(choices) if array.formula == "u"][:MOST_PAIRED]
    rows = matrix[plain]
    with np.errstate(all="ignore"):
        sums = np.where(rows == 0, np.inf, 1 / rows) * weights @ np.vstack([rows, np.ones(rows.shape[1])]).T
    sums = np.vstack([sums, np.append(rows @ weights, 0.0)])
    near = NEAR * abs(error) + 1e-11 * float(np.abs(weights).sum())
    for below, above in np.argwhere(np.abs(sums - weights.sum() - error) <= near)[:MOST]:
        top = [choices[plain[above]]] if above < len(plain) else []
        bottom = [choices[plain[below]]] if below < len(plain) else []
        words = " and ".join(
            [f"has the factor {array.words}" for array in top] + [f"lacks the factor {array.words}" for array in bottom]
        )
        factor = np.ones(out.value.shape)
        factor = factor * top[0].values[0] if top else factor
        factor = factor / bottom[0].values[0] if bottom else factor
        cause = "wrong_operand" if top and bottom else "argument_factor_missing"
        yield Slip(cause, words, {out: lambda ct, factor=factor: out.sent(ct * factor)})


def _at_labels(sites: Sites, evidence: Evidence, tangents: dict[Node, np.ndarray], error: float) -> Iterator[Slip]:
    """A number too much at the label of every example, in the scores of a layer or in those that are given."""
    for labels in (np.asarray(primal) for primal in evidence.primals):
        for node in sites.nodes if labels.dtype.kind in "iu" and labels.ndim and labels.size else ():
            inside = labels.shape == node.value.shape[:-1] and 0 <= labels.min() <= labels.max() < node.value.shape[-1]
            if inside and node in tangents and (node.kind in ("leaf", "product") or node.name == "add"):
                chosen = np.eye(node.value.shape[-1])[labels]
                if weight := float(np.sum(tangents[node] * chosen)):
                    words = f"has {error / weight:.6g} too much at the label of every example in {where_in_words(node)}"
                    yield Slip("sum_term_missing", words, {node: _with_more(node, error / weight * chosen)})


def _with_more(node: Node, more: np.ndarray) -> Detour:
    return lambda ct: node.sent(ct + more)


def _fitting(sites: Sites, tangents: dict[Node, np.ndarray], error: float, arrays: Callable) -> Iterator[Slip]:
    found: list[tuple[float, Slip]] = []
    for gate in gates(sites):
        if not all(a in tangents and b in sites.arriving for a, b in gate.ends()):
            continue
        weights = gate.weights(tangents, sites.arriving)
        own = np.concatenate([slope.ravel() for slope in gate.slopes])
        if not np.any(weights) or not np.isfinite(weights).all():
            continue
        choices, matrix = arrays(gate.slopes[0].shape, len(gate.exits))
        wanted = error + float(weights @ own)
        near = NEAR * abs(error) + 1e-11 * float(np.abs(weights) @ np.abs(own))
        for times, sums in ((False, matrix @ weights), (True, matrix @ (weights * own))):
            fitting = np.flatnonzero(np.abs(sums - wanted) <= near)[:MOST]
            found += [_slip(sites, gate, choices[number], times, choices) for number in fitting]
    yield from (slip for _, slip in sorted(found, key=lambda pair: pair[0])[:MOST])


def _matrix(sites: Sites, evidence: Evidence, shape: tuple[int, ...], passes: int) -> tuple[list[Array], np.ndarray]:
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


def factors_of(sites: Sites, evidence: Evidence, position: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """(cause, words, prediction) of every array of the forward that the whole gradient is multiplied by."""
    got, expected = (np.asarray(pair[position], np.float64) for pair in (evidence.got, evidence.expected))
    arrays, matrix = _matrix(sites, evidence, expected.shape, 1)
    probe = np.cos(1.7 * np.arange(expected.size) + 0.4)
    wanted = float(probe @ got.ravel())
    sums = matrix @ (probe * expected.ravel())
    near = NEAR * float(np.abs(probe) @ np.abs(got - expected).ravel()) + 1e-12 * float(
        np.abs(probe) @ np.abs(expected).ravel()
    )
    for number in np.flatnonzero(np.abs(sums - wanted) <= near)[:MOST]:
        array = arrays[number]
        argument = array.source is not None and sites.leaf_name(array.source)
        own = array.source is sites.graph.leaves[position]
        cause = "local_factor" if own else "argument_factor_missing" if argument else "wrong_operand"
        words = f"is the true gradient times {array.formula.replace('u', 'v')} with v = {array.words}"
        yield cause, words, expected * array.values[0]


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
    for group in alone + ([] if passes == 1 else sites.groups):
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


def _slip(sites: Sites, gate: Gate, array: Array, times: bool, choices: list[Array]) -> tuple[float, Slip]:
    """(how far-fetched it is, the replacement)."""
    slopes = (
        [own * value for own, value in zip(gate.slopes, array.values, strict=True)] if times else list(array.values)
    )
    what = array.formula.replace("u", "v") if array.formula != "u" else "v"
    place = where_in_words(gate.exits[0])
    mine = gate.region is not None and array.source in (gate.entrances[0], gate.exits[0])
    cause = _cause(sites, gate, array, times, mine)
    if cause == "wrong_operand" and not times and _lacks_a_factor(gate, array, choices):
        cause = "argument_factor_missing"
    verb = "has, besides the right derivative, the factor" if times else "has, in the place of the derivative,"
    words = f"{verb} {what} with v = {array.words} in {place}"
    strange = 2 * times + 3 * (array.formula not in ("u", "1 / u")) - 4 * mine + 0.1 * len(array.formula)
    return strange, Slip(cause, words, gate.detours(slopes, sites.arriving))


def _lacks_a_factor(gate: Gate, array: Array, choices: list[Array]) -> bool:
    """Whether what stands in the place of a slope is the slope without a factor that the forward holds."""
    own, other = gate.slopes[0], array.values[0]
    plain = [choice.values[0] for choice in choices if choice.formula == "u"][:MOST_PAIRED]
    return any(np.ptp(value) > 0 and np.allclose(other * value, own, rtol=1e-9, atol=1e-12) for value in plain)


def _cause(sites: Sites, gate: Gate, array: Array, times: bool, mine: bool) -> str:
    slope = gate.slopes[0]
    masks = len(set(np.unique(slope)) - {0.0}) <= 1
    if masks and set(np.unique(array.values[0])) <= {0.0, 1.0} and not times:
        return "mask_wrong"
    with np.errstate(all="ignore"):
        ratio = array.values[0] / slope
    known = ratio[np.isfinite(ratio)]
    if not times and known.size and np.ptp(known) < 1e-9 and np.all(array.values[0][slope == 0] == 0):
        return scaling(sites, float(known.flat[0]))[0]
    with np.errstate(all="ignore"):
        shift = 1 / array.values[0] - 1 / slope
    if not times and np.ptp(shift) < 1e-9 and 0 < abs(np.mean(shift)) < 0.1 * np.median(np.abs(1 / slope)):
        return "epsilon_one_side"
    if array.formula == "1" and not times and gate.region is not None:
        return "mask_missing" if np.any(slope == 0) else "derivative_missing"
    if times and gate.region is not None and np.ptp(slope) > 0 and np.ptp(slope * array.values[0]) < 1e-9:
        return "derivative_missing"
    if times or gate.region is None:
        lost = times and array.formula == "1 / u" and any(array.source in exit.parents for exit in gate.exits)
        leaf = lost or (array.source is not None and sites.leaf_name(array.source))
        return "argument_factor_missing" if times and leaf else "wrong_operand"
    name = named(gate.region)
    own = BY_OUTPUT[name][1] if name else ""
    divides = array.formula.startswith("1 /") and np.allclose(slope * gate.entrances[0].value, 1)
    if not mine or divides:
        return "wrong_operand"
    if array.formula == own and array.source is gate.entrances[0]:
        return "derivative_at_input"
    distance = array.formula in DISTANCES and gate.entrances[0].name in ("argument", "subtract", "add", "absolute")
    return "other_loss" if distance and _summed(sites, gate.exits[0]) else "wrong_derivative"


def _summed(sites: Sites, node: Node) -> bool:
    """Whether the step is a loss of each entry: only sums follow, and what works entry by entry."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += sites.users[node]
    return node.value.ndim < 2 and any(n.kind == "summed" for n in seen) and all(n.kind != "product" for n in seen)


def _tangents(
    sites: Sites, forward: Callable, evidence: Evidence, position: int, probe: np.ndarray
) -> dict[Node, np.ndarray] | None:
    """How every step moves when one argument moves along the probe, by the four-point difference."""
    x = np.asarray(evidence.primals[position], np.float64)
    h = 1e-4 * max(1.0, float(np.max(np.abs(x), initial=0.0)))
    runs = []
    for steps in (1, -1, 2, -2):
        primals = list(evidence.primals)
        primals[position] = (x + steps * h * probe).astype(np.asarray(evidence.primals[position]).dtype)
        graph = trace(forward, tuple(primals))
        if graph is None or len(graph.nodes) != len(sites.graph.nodes):
            return None
        runs.append(graph.nodes)
    return {
        node: (8 * (a.value - b.value) - (c.value - d.value)) / (12 * h)
        for node, a, b, c, d in zip(sites.graph.nodes, *runs, strict=True)
        if a.value.shape == b.value.shape == c.value.shape == d.value.shape == node.value.shape
    }
