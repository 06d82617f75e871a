"""Running a forward once on arrays that remember, and believing the record only if its own backward is right."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.oracle.tracing import moves, sums  # noqa: F401 - both tell the recorded arrays what NumPy does
from reference.oracle.tracing.graph import Graph, Node, TooLong
from reference.oracle.tracing.makers import making_recorded
from reference.oracle.tracing.recorded import node_of, remembering


def trace(forward: Callable[..., Any], primals: tuple[np.ndarray, ...]) -> Graph | None:
    """The steps from the primals to the output, or None where they cannot be followed to the end."""
    graph = followed(forward, primals)
    return graph if graph.out else None


def followed(forward: Callable[..., Any], primals: tuple[np.ndarray, ...]) -> Graph:
    """The steps as far as they can be followed, and how much the forward did; without an output where that is lost."""
    graph = Graph()
    try:
        with making_recorded(graph):
            out = _joined(traced_call(forward, [_leaf(graph, primal) for primal in primals]))
            graph.out = _step_of(graph, out)
    except (Exception, TooLong):  # anybody's code, on arrays that it does not expect
        graph.out = None
    finally:
        graph.recording = False
    return graph


def traced_call(forward: Callable[..., Any], primals: list[Any]) -> Any:
    """The frame at which places in the user's code begin."""
    return forward(*primals)


def _leaf(graph: Graph, primal: Any) -> Any:
    primal = np.asarray(primal)
    if primal.dtype.kind != "f":
        graph.leaves.append(None)
        return primal
    node = Node("leaf", "argument", np.array(primal, np.float64))
    graph.nodes.append(node)
    graph.leaves.append(node)
    return remembering(graph, primal, node)


def _joined(out: Any) -> Any:
    """Several outputs as one vector."""
    values = list(out.values()) if isinstance(out, dict) else out
    if not isinstance(values, tuple | list):
        return out
    return np.concatenate([np.ravel(_joined(value)) for value in values])


def _step_of(graph: Graph, out: Any) -> Node | None:
    """The step of the output; a number that forgot its past is the last step with that value."""
    if node := node_of(out):
        return node
    value = np.asarray(out)
    alike = [n for n in graph.nodes if n.value.shape == value.shape and np.array_equal(n.value, value)]
    return alike[-1] if alike else None
