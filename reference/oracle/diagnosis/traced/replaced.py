"""A slope, a factor or a mask of the forward with another array in its place: all arrays of the forward are tried.

Along a probe the gradient's error is <t * c, q - p>: t is the tangent that the probe brings to the entrance of a part
of the forward, c the cotangent at its exit, p its slope, and q what stands in the place of p. So one product with a
matrix tries thousands of arrays q, and only those that fit are predicted in full.
"""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.traced.arrays import Array, matrix_of
from reference.oracle.diagnosis.traced.gates import Gate, gates
from reference.oracle.diagnosis.traced.naming import cause_of
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node
from reference.oracle.tracing.trace import trace

# Candidates that are predicted in full, or tried in pairs.
MOST, MOST_PAIRED = 12, 40
# Steps of a forward beyond which nothing is tried.
STEPS = 250
# How near a candidate must come along the probe, as a share of the error.
NEAR = 1e-6


def replaced(sites: Sites, forward: Callable, evidence: Evidence) -> Iterator[Slip]:
    """The replacements that explain a wrong argument along a probe."""
    if len(sites.nodes) > STEPS:
        return
    arrays = cache(lambda shape, passes: matrix_of(sites, evidence, shape, passes))
    for position, wrong in enumerate(evidence.wrong):
        got, expected = evidence.got[position], evidence.expected[position]
        if not wrong or got is None or expected is None or np.shape(got) != np.shape(expected):
            continue
        probe = np.cos(1.7 * np.arange(np.size(expected)) + 0.4).reshape(np.shape(expected))
        probe = probe * _read_last(sites, position)
        tangents = _tangents(sites, forward, evidence, position, probe)
        if tangents is not None:
            error = float(np.sum(probe * (np.asarray(got, np.float64) - expected)))
            yield from _at_labels(sites, evidence, tangents, error)
            yield from _upstream(sites, tangents, error, arrays, position)
            yield from _fitting(sites, tangents, error, arrays)


def _read_last(sites: Sites, position: int) -> np.ndarray:
    """Of an argument that a loop reads part by part, the part of the last pass: no wrong slope of an earlier pass has
    changed what comes back to it. Everything of any other argument."""
    leaf = sites.graph.leaves[position]
    shape = leaf.value.shape if leaf else ()
    for group in sites.groups if sites.timed else ():
        read = [sites.entries(node) for node in group if sites.argument(node) is leaf]
        parts = [entries for entries in read if entries is not None]
        if 1 < len(parts) == len(group):
            last = np.zeros(int(np.prod(shape)))
            last[parts[-1].ravel()] = 1.0
            return last.reshape(shape)
    return np.ones(shape)


def _upstream(
    sites: Sites, tangents: dict[Node, np.ndarray], error: float, arrays: Callable, position: int
) -> Iterator[Slip]:
    """A value of the forward as a factor of the cotangent: missing, once too often, or in the place of another one."""
    out = sites.graph.out
    if out is None or out not in tangents or not out.value.ndim:
        return
    weights = (tangents[out] * sites.arriving[out]).ravel()
    choices, matrix = arrays(out.value.shape, 1)
    plain = _plain(choices)
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
        if np.ptp(factor) <= 1e-9 * np.max(np.abs(factor)):
            continue  # a constant is a matter of scale
        own = all(array.source is sites.graph.leaves[position] for array in (*top, *bottom))
        cause = "local_factor" if own else "wrong_operand" if top and bottom else "argument_factor_missing"
        yield Slip(cause, words, {out: lambda ct, factor=factor: out.sent(ct * factor)})


def _plain(choices: list[Array]) -> list[int]:
    """The numbers of the values themselves among their formulas."""
    return [number for number, array in enumerate(choices) if array.formula == "u"][:MOST_PAIRED]


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


def factors_of(sites: Sites, evidence: Evidence, position: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """(cause, words, prediction) of every array of the forward that the whole gradient is multiplied by."""
    got, expected = (np.asarray(pair[position], np.float64) for pair in (evidence.got, evidence.expected))
    arrays, matrix = matrix_of(sites, evidence, expected.shape, 1)
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


def _slip(sites: Sites, gate: Gate, array: Array, times: bool, choices: list[Array]) -> tuple[float, Slip]:
    """(how far-fetched it is, the replacement)."""
    cause = cause_of(sites, gate, array, times, [choices[number] for number in _plain(choices)])
    verb = "has, besides the right derivative, the factor" if times else "has, in the place of the derivative,"
    place = where_in_words(gate.exits[0])
    words = f"{verb} {array.formula.replace('u', 'v')} with v = {array.words} in {place}"
    own = gate.slopes if times else [np.ones(())] * len(array.values)
    slopes = [factor * value for factor, value in zip(own, array.values, strict=True)]
    strange = 2 * times + 3 * (array.formula not in ("u", "1 / u")) + 0.1 * len(array.formula)
    return strange - 4 * gate.holds(array.source), Slip(cause, words, gate.detours(slopes, sites.arriving))


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
