"""The gradients of the forward run once more with something of it changed."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.known.statics import placed
from reference.oracle.diagnosis.pullbacks import leaves
from reference.oracle.tracing.alterations import CountChange, KeyChange, MaskChange, NumberChange, altering
from reference.oracle.tracing.graph import Graph
from reference.oracle.tracing.trace import trace

# (cause, words, the gradients of all arguments)
Other = tuple[str, str, list[np.ndarray | None]]


def gradients_with(
    evidence: Evidence,
    cotangent: np.ndarray,
    cause: str,
    words: str,
    **changes: MaskChange | KeyChange | NumberChange | CountChange,
) -> Iterator[Other]:
    """What the forward so changed sends back: by its own slopes, and where places change, by those saved before."""
    with np.errstate(all="ignore"), altering(**changes):  # pyright: ignore[reportArgumentType]
        graph = trace(evidence.subject.forward, evidence.primals)
    upstream = _upstream(evidence, cotangent, graph)
    if graph is None or upstream is None:
        return
    with np.errstate(all="ignore"):
        yield cause, words, graph.backward(upstream)
        own = trace(evidence.subject.forward, evidence.primals) if "key" in changes else None
        if own and upstream.size == cotangent.size:
            yield cause, words, _with_slopes_of(own, graph).backward(cotangent)


def _upstream(evidence: Evidence, cotangent: np.ndarray, graph: Graph | None) -> np.ndarray | None:
    """The cotangent for the output of the other forward: where that has more or fewer positions, at its beginning."""
    if graph is None or graph.out is None:
        return None
    outs, shape = leaves(evidence.out), graph.out.value.shape
    if len(outs) == 1 and outs[0].size == cotangent.size and outs[0].ndim == len(shape) > 1:
        return placed(cotangent.reshape(outs[0].shape), shape)
    return cotangent if graph.out.value.size == cotangent.size else None


def _with_slopes_of(own: Graph, other: Graph) -> Graph:
    """The other forward, whose activations have the slopes that the own one saved, and whose writes add up."""
    for mine, node in zip(own.nodes, other.nodes, strict=True):
        if node.kind == "pointwise" and len(node.pulls) == len(mine.pulls) and node.value.shape == mine.value.shape:
            node.pulls = mine.pulls
        if node.name == "setitem" and len(node.pulls) == 2:
            node.pulls = (lambda ct: ct, node.pulls[1])
    return other
