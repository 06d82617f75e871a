"""Running a forward once on arrays that remember, and believing the record only if its own backward is right."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference.oracle.tracing import moves, sums  # noqa: F401 - both tell the recorded arrays what NumPy does
from reference.oracle.tracing.graph import Graph, Node
from reference.oracle.tracing.recorded import Recorded, bare, node_of, remembering

# Makers of arrays: they see no recorded array, or copy it as a plain one, so the trace stands in for them.
MAKERS = ("zeros", "empty", "ones", "full", "zeros_like", "empty_like", "ones_like", "full_like")
COPIERS = ("array", "asarray", "ascontiguousarray", "asanyarray")


def trace(forward: Callable[..., Any], primals: tuple[np.ndarray, ...]) -> Graph | None:
    """The steps from the primals to the output, or None where they cannot be followed to the end."""
    graph = Graph()
    try:
        with _remembering(graph):
            out = _joined(traced_call(forward, [_leaf(graph, primal) for primal in primals]))
    except Exception:  # anybody's code, on arrays that it does not expect
        return None
    graph.out = _step_of(graph, out)
    return graph if graph.out else None


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


@contextmanager
def _remembering(graph: Graph) -> Iterator[None]:
    """NumPy's makers of arrays make recorded ones for as long as the forward runs."""
    names = [name for name in (*MAKERS, *COPIERS) if hasattr(np, name)]
    before = {name: getattr(np, name) for name in names}
    try:
        for name in names:
            setattr(np, name, (_copier if name in COPIERS else _maker)(graph, before[name]))
        yield
    finally:
        for name in names:
            setattr(np, name, before[name])


def _maker(graph: Graph, make: Callable[..., Any]) -> Callable[..., Any]:
    def made(*args: Any, **how: Any) -> Any:
        array = make(*bare(args), **bare(how))
        return array_of(graph, array) if array.dtype.kind == "f" else array

    return made


def array_of(graph: Graph, array: np.ndarray) -> Recorded:
    """A new array into which the forward may write."""
    recorded = array.view(Recorded)
    recorded.graph = graph
    return recorded


def _copier(graph: Graph, make: Callable[..., Any]) -> Callable[..., Any]:
    def copied(value: Any, *args: Any, **how: Any) -> Any:
        if isinstance(value, Recorded):
            return np.copy(value)
        if isinstance(value, list) and any(map(node_of, moves.leaves_of(value))):
            return _stacked(value)
        return make(value, *args, **how)

    return copied


def _stacked(value: Any) -> Any:
    """A list of recorded arrays, however deep, as one."""
    return np.stack([_stacked(item) for item in value]) if isinstance(value, list) else value
