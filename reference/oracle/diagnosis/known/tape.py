"""A small tape of differentiable steps whose backward can be given one mistake at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Rule = Callable[["Node", np.ndarray], tuple[np.ndarray, ...]]


@dataclass(eq=False)
class Node:
    """A value, the nodes it was computed from, and how; site names the line of the loop that made it."""

    value: np.ndarray
    kind: str = "leaf"
    parents: tuple["Node", ...] = ()
    site: str = ""
    # A factor, a mask or another state, as the kind needs.
    extra: Any = None


@dataclass
class Tape:
    """All nodes in the order they were made."""

    nodes: list[Node] = field(default_factory=list)

    def step(self, kind: str, value: np.ndarray, *parents: Node, site: str = "", extra: Any = None) -> Node:
        """Record one step."""
        self.nodes.append(Node(value, kind, parents, site, extra))
        return self.nodes[-1]

    def leaf(self, value: np.ndarray) -> Node:
        """An argument."""
        return self.step("leaf", np.asarray(value, np.float64))

    def matmul(self, a: Node, b: Node, site: str = "") -> Node:
        """The matrix product over the last two axes."""
        return self.step("matmul", a.value @ b.value, a, b, site=site)

    def add(self, a: Node, b: Node) -> Node:
        """The sum; b may be a vector."""
        return self.step("add", a.value + b.value, a, b)

    def times(self, a: Node, factor: float, site: str = "") -> Node:
        """A constant multiple."""
        return self.step("times", a.value * factor, a, site=site, extra=factor)

    def mul(self, a: Node, b: Node, site: str = "") -> Node:
        """The elementwise product."""
        return self.step("mul", a.value * b.value, a, b, site=site)

    def turned(self, a: Node) -> Node:
        """The last two axes exchanged."""
        return self.step("turned", a.value.swapaxes(-1, -2), a)

    def part(self, a: Node, index: Any) -> Node:
        """A part of an array."""
        return self.step("part", a.value[index], a, extra=index)

    def stacked(self, nodes: list[Node], axis: int) -> Node:
        """Several arrays along a new axis."""
        return self.step("stacked", np.stack([node.value for node in nodes], axis), *nodes, extra=axis)

    def carried(self, a: Node, site: str) -> Node:
        """The same value, on its way to the next step."""
        return self.step("carried", a.value, a, site=site)

    def masked(self, a: Node, mask: np.ndarray, site: str = "") -> Node:
        """Minus infinity where the mask is False."""
        return self.step("masked", np.where(mask, a.value, -np.inf), a, site=site, extra=mask)

    def act(self, kind: str, a: Node, site: str = "", extra: Any = None) -> Node:
        """sigmoid, tanh, relu, or softmax over the last axis."""
        return self.step(kind, VALUES[kind](a.value), a, site=site, extra=extra)

    def backward(self, out: Node, cotangent: np.ndarray, site: str = "", variant: str = "") -> dict[int, np.ndarray]:
        """The cotangents of all leaves by their number; the steps of one site follow a variant rule."""
        cotangents: dict[int, np.ndarray] = {id(out): np.asarray(cotangent, np.float64)}
        for node in reversed(self.nodes):
            if not node.parents or id(node) not in cotangents:
                continue
            chosen = variant if node.site == site and variant in RULES[node.kind] else "right"
            for parent, ct in zip(node.parents, RULES[node.kind][chosen](node, cotangents[id(node)]), strict=True):
                ct = _summed(ct, parent.value.shape)
                cotangents[id(parent)] = cotangents[id(parent)] + ct if id(parent) in cotangents else ct
        leaves = [node for node in self.nodes if node.kind == "leaf"]
        return {i: cotangents[id(leaf)] for i, leaf in enumerate(leaves) if id(leaf) in cotangents}

    def variants(self) -> Iterator[tuple[str, str, str]]:
        """(site, kind, variant) for every mistake that can be made."""
        sites = dict.fromkeys((node.site, node.kind) for node in self.nodes if node.site)
        for site, kind in sites:
            yield from ((site, kind, variant) for variant in RULES[kind] if variant != "right")


def _summed(ct: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A cotangent summed over the axes that broadcasting added."""
    if ct.ndim > len(shape):
        ct = ct.sum(axis=tuple(range(ct.ndim - len(shape))))
    if ct.shape != shape:
        raise ValueError("the variant does not fit these shapes")
    return ct


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _softmax(z: np.ndarray) -> np.ndarray:
    weights = np.exp(z - z.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


VALUES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": _softmax,
}


def _part(node: Node, ct: np.ndarray) -> tuple[np.ndarray]:
    whole = np.zeros_like(node.parents[0].value)
    whole[node.extra] = ct
    return (whole,)


def _coupled(p: np.ndarray, ct: np.ndarray, axis: int) -> tuple[np.ndarray]:
    return (p * (ct - np.sum(p * ct, axis=axis, keepdims=True)),)


def _activation(slope: Callable[[np.ndarray], np.ndarray], function: Callable[[np.ndarray], np.ndarray]):
    """The rules of an activation whose derivative is `slope` of its output."""
    return {
        "right": lambda n, ct: (ct * slope(n.value),),
        "derivative_missing": lambda n, ct: (ct,),
        "derivative_twice": lambda n, ct: (ct * slope(n.value) ** 2,),
        "derivative_at_input": lambda n, ct: (ct * slope(n.parents[0].value),),
        "derivative_at_output": lambda n, ct: (ct * slope(function(n.value)),),
        "time_off_by_one": lambda n, ct: (ct * slope(n.extra),),
    }


RULES: Mapping[str, Mapping[str, Rule]] = {
    "matmul": {
        "right": lambda n, ct: (ct @ _t(n.parents[1].value), _product(n.parents[0].value, ct)),
        "not_transposed": lambda n, ct: (ct @ n.parents[1].value, _product(n.parents[0].value, ct)),
        "not_transposed_right": lambda n, ct: (ct @ _t(n.parents[1].value), n.parents[0].value @ ct),
    },
    "add": {"right": lambda n, ct: (ct, ct)},
    "times": {
        "right": lambda n, ct: (ct * n.extra,),
        "scaled_by_root": lambda n, ct: (ct,),
        "scaled_by_root_twice": lambda n, ct: (ct * n.extra**2,),
    },
    "mul": {
        "right": lambda n, ct: (ct * n.parents[1].value, ct * n.parents[0].value),
        "arguments_swapped": lambda n, ct: (ct * n.parents[0].value, ct * n.parents[1].value),
    },
    "turned": {"right": lambda n, ct: (ct.swapaxes(-1, -2),)},
    "part": {"right": _part},
    "stacked": {"right": lambda n, ct: tuple(np.moveaxis(ct, n.extra, 0))},
    "carried": {"right": lambda n, ct: (ct,), "time_not_carried": lambda n, ct: (0 * ct,)},
    "masked": {"right": lambda n, ct: (np.where(n.extra, ct, 0),)},
    "tanh": _activation(lambda y: 1 - y * y, np.tanh),
    "sigmoid": _activation(lambda y: y * (1 - y), _sigmoid),
    "relu": {"right": lambda n, ct: (ct * (n.value > 0),), "mask_missing": lambda n, ct: (ct,)},
    "softmax": {
        "right": lambda n, ct: _coupled(n.value, ct, -1),
        "diagonal_only": lambda n, ct: (n.value * (1 - n.value) * ct,),
        "diagonal_only_product": lambda n, ct: (n.value * ct,),
        "identity": lambda n, ct: (ct,),
        "coupled_over_wrong_axis": lambda n, ct: _coupled(n.value, ct, -2),
        "sum_term_missing": lambda n, ct: (n.value * (ct - ct.sum(axis=-1, keepdims=True)),),
        "derivative_at_output": lambda n, ct: _coupled(_softmax(n.value), ct, -1),
    },
    "cross_entropy": {"right": lambda n, ct: (ct * n.extra,)},
    "squared_error": {"right": lambda n, ct: (ct * n.extra,)},
}


def _t(matrix: np.ndarray) -> np.ndarray:
    return matrix.swapaxes(-1, -2)


def _product(a: np.ndarray, ct: np.ndarray) -> np.ndarray:
    """a^T ct, summed over leading axes where the other factor had none (done by the caller)."""
    return _t(a) @ ct
