"""The table of hypotheses, simplest first, and the search through it for every wrong argument."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis import cotangent, coupling, elementwise, overlap, reduction, scale, structure
from reference.oracle.diagnosis.judge import rank, to_findings
from reference.oracle.diagnosis.known import Known, known_mistakes, recognize
from reference.oracle.diagnosis.model import Hypothesis, Model
from reference.oracle.diagnosis.pullbacks import Pullbacks
from reference.oracle.diagnosis.source import line_of
from reference.oracle.diagnosis.view import View
from reference.oracle.evidence import Evidence
from reference.oracle.report import Finding

# At most this many explanations an argument.
MOST = 3

# Explanations that need no knowledge of the function and that nothing else imitates.
SIMPLE: tuple[Hypothesis, ...] = (
    structure.zero,
    cotangent.downcast,
    scale.sign,
    scale.named_factor,
    reduction.not_reduced,
    structure.transposed,
    structure.flipped,
    structure.axes_permuted,
    structure.arguments_swapped,
    cotangent.ignores_cotangent,
)

# Explanations of the error's behaviour, tried after the known mistakes of the op.
BEHAVIOUR: tuple[Hypothesis, ...] = (
    elementwise.derivative_missing,
    elementwise.derivative_twice,
    elementwise.derivative_at_output,
    elementwise.wrong_derivative,
    elementwise.mask_missing,
    elementwise.mask_wrong,
    cotangent.not_linear,
    coupling.diagonal_only,
    overlap.argument_factor,
    overlap.skip_dropped,
    reduction.reduced_too_far,
    reduction.one_index_only,
    reduction.one_sample_repeated,
    structure.entries_not_written,
    structure.shifted,
    structure.row_permuted,
    structure.reordered,
    reduction.reduced_over_wrong_axis,
    overlap.overlap_dropped,
    reduction.samples_missing,
    coupling.mean_term_missing,
    coupling.centered_term_missing,
    overlap.regularization,
    coupling.statistics_as_constants,
    coupling.coupled_over_wrong_axis,
    elementwise.local_factor,
    scale.unnamed_factor,
    structure.partly_scaled,
    structure.isolated_entries,
    cotangent.single_precision,
)


def diagnose(evidence: Evidence) -> list[Finding]:
    """At most three explanations of every wrong argument, the simplest first; none where none is certain."""
    views = [view for view in _views(evidence) if np.isfinite(view.got).all() and np.isfinite(view.expected).all()]
    known = recognize(evidence) if views else []
    findings = []
    for view in views:
        matches = rank(view, _models(view, known), MOST)
        findings += to_findings(view, matches, _line(view) if matches else None)
    return findings


def _line(view: View) -> int | None:
    evidence = view.evidence
    return line_of(evidence.subject.source, view.name, view.position, len(evidence.primals))


def _views(evidence: Evidence) -> Iterator[View]:
    ask = Pullbacks(evidence)
    for position, wrong in enumerate(evidence.wrong):
        if wrong and evidence.got[position] is not None and evidence.expected[position] is not None:
            yield View(evidence, position, ask)


def _models(view: View, known: list[Known]) -> Iterator[Model]:
    for hypothesis in SIMPLE:
        yield from hypothesis(view)
    for op in known:
        yield from known_mistakes(view, op)
    for hypothesis in BEHAVIOUR:
        yield from hypothesis(view)
