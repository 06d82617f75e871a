"""The forward follows a convention of its own, and the backward is that of the plain op: each right, together wrong."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.forward_variants import variants
from reference.oracle.diagnosis.known.candidates import candidates
from reference.oracle.diagnosis.known.recognize import Known, agrees, ops, reductions, triple
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import leaves
from reference.oracle.diagnosis.view import View

CAUSE_OF = {
    "convention_epsilon": "epsilon_one_side",
    "convention_variance": "variance_correction",
    "convention_approximation": "approximation_one_side",
    "convention_kernel": "flipped",
    "convention_layout": "axes_permuted",
    "convention_axis": "coupled_over_wrong_axis",
    "convention_dropout": "scaled_by_keep_rate",
    "convention_padding": "padding_counted",
    "convention_domain": "other_loss",
    "convention_static": "static_ignored",
}


def one_sided(evidence: Evidence) -> list[tuple[str, str, Known]]:
    """(cause, words, op) for every convention under which some op has the forward's values."""
    found = []
    primals = tuple(np.asarray(primal) for primal in evidence.primals)
    if sum(primal.size for primal in primals) > 50_000:
        return []
    with np.errstate(all="ignore"):
        for op in (evidence.op,) if evidence.op else ops():
            statics = [dict(evidence.statics)] if evidence.op else candidates(op, primals, evidence.out)
            for chosen in list(statics)[:8]:
                found += list(_conventions(evidence, op, dict(chosen), primals))
    return found


def _conventions(
    evidence: Evidence, op: str, statics: dict, primals: tuple[np.ndarray, ...]
) -> Iterator[tuple[str, str, Known]]:
    target = np.asarray(leaves(evidence.out)[0], np.float64)
    upstream = np.asarray(leaves(evidence.cotangent)[0], np.float64)
    try:
        guesses = list(variants(op, statics, primals))
    except Exception:  # the arguments are not this op's
        return
    for cause, words, value in guesses:
        if cause not in CAUSE_OF or value is None:
            continue
        for reduction, reduced, cotangent in reductions(np.asarray(value, np.float64), upstream):
            if agrees(reduced, target):
                known = Known(op, triple(op)[2], statics, primals, value, cotangent, reduction)
                transposed = op == "dense" and cause == "convention_layout"
                yield "not_transposed" if transposed else CAUSE_OF[cause], words, known


def plain_backward(view: View, found: list[tuple[str, str, Known]]) -> Iterator[Model]:
    """The gradient of the op without the forward's convention."""
    for cause, words, known in found:
        try:
            predicted = known.gradients()[view.position]
        except Exception:  # the reference refuses these arguments
            continue
        if predicted is not None:
            message = f"is that of {known.op} itself; the forward {words}"
            yield Model(cause, message, np.asarray(predicted), exact=True)
