"""The gradients of the forward run once more with something of it changed."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.tracing.alterations import KeyChange, MaskChange, NumberChange, altering
from reference.oracle.tracing.graph import Graph
from reference.oracle.tracing.trace import trace

# (cause, words, the gradients of all arguments)
Other = tuple[str, str, list[np.ndarray | None]]


def gradients_with(
    evidence: Evidence, cotangent: np.ndarray, cause: str, words: str, **changes: MaskChange | KeyChange | NumberChange
) -> Iterator[Other]:
    """What the forward so changed sends back: by its own slopes, and where places change, by those saved before."""
    with np.errstate(all="ignore"), altering(**changes):  # pyright: ignore[reportArgumentType]
        graph = trace(evidence.subject.forward, evidence.primals)
    if graph and graph.out and graph.out.value.size == cotangent.size:
        with np.errstate(all="ignore"):
            yield cause, words, graph.backward(cotangent)
            if "key" in changes and (own := trace(evidence.subject.forward, evidence.primals)):
                yield cause, words, _with_slopes_of(own, graph).backward(cotangent)


def _with_slopes_of(own: Graph, other: Graph) -> Graph:
    """The other forward, whose activations have the slopes that the own one saved, and whose writes add up."""
    for mine, node in zip(own.nodes, other.nodes, strict=True):
        if node.kind == "pointwise" and len(node.pulls) == len(mine.pulls) and node.value.shape == mine.value.shape:
            node.pulls = mine.pulls
        if node.name == "setitem" and len(node.pulls) == 2:
            node.pulls = (lambda ct: ct, node.pulls[1])
    return other
