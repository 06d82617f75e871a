"""What it means that another array stands in the place of a slope: the cause of a replacement."""

import numpy as np

from reference.oracle.diagnosis.traced.arrays import Array
from reference.oracle.diagnosis.traced.factors import scaling
from reference.oracle.diagnosis.traced.gates import Gate
from reference.oracle.diagnosis.traced.sites import Sites
from reference.oracle.diagnosis.traced.slopes import BY_OUTPUT, named
from reference.oracle.tracing.graph import Node

DISTANCES = ("u", "-u", "2 * u", "sign(u)")


def cause_of(sites: Sites, gate: Gate, array: Array, times: bool, plain: list[Array]) -> str:
    """The cause of an array in the place of a gate's slope, or (times) besides it; plain: the values of the forward."""
    if times:
        return _of_a_factor(sites, gate, array)
    return _of_its_values(sites, gate, array) or _of_its_source(sites, gate, array, plain)


def _of_a_factor(sites: Sites, gate: Gate, array: Array) -> str:
    slope = gate.slopes[0]
    if gate.region is not None and np.ptp(slope) > 0 and np.allclose(slope * array.values[0], 1, atol=1e-9):
        return "derivative_missing"
    lost = array.formula == "1 / u" and any(array.source in exit.parents for exit in gate.exits)
    argument = array.source is not None and sites.leaf_name(array.source)
    return "argument_factor_missing" if lost or argument else "wrong_operand"


def _of_its_values(sites: Sites, gate: Gate, array: Array) -> str:
    """What the numbers tell, wherever they come from: a mask, a constant factor, an epsilon; nothing for others."""
    slope, other = gate.slopes[0], array.values[0]
    if _of_a_neighbour(gate, array):
        return "time_off_by_one"
    masks = np.any(slope == 0) or np.any(other == 0)
    if masks and len(set(np.unique(slope)) - {0.0}) <= 1 and set(np.unique(other)) <= {0.0, 1.0}:
        return "mask_wrong"
    with np.errstate(all="ignore"):
        ratio, shift = other / slope, 1 / other - 1 / slope
    ratio = ratio[np.isfinite(ratio)]
    if ratio.size and np.ptp(ratio) < 1e-9 and np.all(other[slope == 0] == 0):
        return scaling(sites, float(ratio.flat[0]))[0]
    if np.ptp(shift) < 1e-9 and 0 < abs(np.mean(shift)) < 0.1 * np.median(np.abs(1 / slope)):
        return "epsilon_one_side"
    if array.formula == "1" and gate.region is not None:
        return "mask_missing" if np.any(slope == 0) else "derivative_missing"
    return ""


def _of_a_neighbour(gate: Gate, array: Array) -> bool:
    """Whether every pass through a loop has the slope of the pass before, or of the one behind."""
    own, other = gate.slopes, array.values
    moved = (zip(own[1:], other[:-1], strict=True), zip(own[:-1], other[1:], strict=True)) if len(own) > 2 else ()
    return any(all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in pairs) for pairs in moved)


def _of_its_source(sites: Sites, gate: Gate, array: Array, plain: list[Array]) -> str:
    entrance = gate.entrances[0]
    divides = array.formula.startswith("1 /") and np.allclose(gate.slopes[0] * entrance.value, 1)
    if not gate.holds(array.source) or divides:
        lacks = gate.operand is None and _lacks_a_factor(gate, array, plain)
        return "argument_factor_missing" if lacks else "wrong_operand"
    name = named(gate.region) if gate.region else ""
    if name and array.formula == BY_OUTPUT[name][1] and array.source is entrance:
        return "derivative_at_input"
    distance = array.formula in DISTANCES and entrance.name in ("argument", "subtract", "add", "absolute")
    return "other_loss" if distance and _summed(sites, gate.exits[0]) else "wrong_derivative"


def _lacks_a_factor(gate: Gate, array: Array, plain: list[Array]) -> bool:
    """Whether what stands in the place of a slope is the slope without a factor that the forward holds."""
    own, other = gate.slopes[0], array.values[0]
    lost = [choice for choice in plain if array.formula != "u" or (choice.source and choice.source.kind == "leaf")]
    values = (choice.values[0] for choice in lost)
    return any(np.ptp(value) > 0 and np.allclose(other * value, own, rtol=1e-9, atol=1e-12) for value in values)


def _summed(sites: Sites, node: Node) -> bool:
    """Whether the step is a loss of each entry: only sums follow, and what works entry by entry."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += sites.users[node]
    return node.value.ndim < 2 and any(n.kind == "summed" for n in seen) and all(n.kind != "product" for n in seen)
