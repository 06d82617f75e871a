"""A known loss at the end of a network: the known mistakes of its gradient, at the scores of the last layer."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.known.candidates import candidates
from reference.oracle.diagnosis.known.losses import variants_of
from reference.oracle.diagnosis.known.recognize import Known, alike_up_to_a_count, ops, triple
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

LONGEST = 40


def heads(sites: Sites, evidence: Evidence) -> Iterator[Slip]:
    """Every known mistake in the gradient of every loss that a part of the forward is."""
    for scores, loss in _ends(sites):
        for targets in evidence.primals:
            known = _known(scores, loss, sites, np.asarray(targets))
            for cause, words, wrong in variants_of(known, 0) if known else ():
                what = f"{words}, as the gradient of {where_in_words(scores)}"
                yield Slip(cause, what, {scores: _instead(scores, wrong)})
            if known:
                return


def _ends(sites: Sites) -> Iterator[tuple[Node, Node]]:
    """(scores, loss): a step on which a number, or one an example, depends, beside arguments alone."""
    for loss in reversed(sites.nodes):
        if loss.value.ndim > 1 or loss.kind == "leaf" or loss not in sites.arriving:
            continue
        frontier, passed = {loss}, 0
        while frontier and passed < LONGEST:
            inner = [node for node in frontier if node.kind != "leaf"]
            if passed and len(inner) == 1 and inner[0].value.ndim > 1 and _of_a_layer(inner[0]):
                yield inner[0], loss
                break
            if not inner:
                break
            latest = max(inner, key=sites.order.__getitem__)
            frontier.remove(latest)
            frontier.update(latest.parents)
            passed += 1


def _of_a_layer(node: Node) -> bool:
    return node.kind == "product" or (node.name == "add" and any(parent.kind == "product" for parent in node.parents))


def _known(scores: Node, loss: Node, sites: Sites, targets: np.ndarray) -> Known | None:
    """The loss of scores and targets that has these values."""
    if targets.shape not in (scores.value.shape, scores.value.shape[:-1]):
        return None
    primals = (scores.value, targets)
    for op in ops():
        if triple(op)[2] == "losses":
            for statics in candidates(op, primals, loss.value):
                if known := alike_up_to_a_count(op, dict(statics), primals, loss.value, sites.arriving[loss]):
                    return known
    return None


def _instead(node: Node, wrong: np.ndarray) -> Detour:
    return lambda ct: node.sent(wrong)
