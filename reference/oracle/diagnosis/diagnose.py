"""The table of hypotheses, simplest first, and the search through it for every wrong argument."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reference.oracle.diagnosis import (
    cotangent,
    coupling,
    elementwise,
    families,
    masks,
    neighbours,
    overlap,
    pooled,
    reduction,
    rounding,
    scale,
    structure,
    terms,
    time,
    upstream,
    uses,
    winners,
)
from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.judge import Match, rank, to_findings, uncertain
from reference.oracle.diagnosis.known import Known, known_mistakes, recognize
from reference.oracle.diagnosis.known.conventions import one_sided, plain_backward
from reference.oracle.diagnosis.model import Hypothesis, Model
from reference.oracle.diagnosis.pullbacks import Pullbacks
from reference.oracle.diagnosis.source import line_of
from reference.oracle.diagnosis.traced.search import Traced, traced
from reference.oracle.diagnosis.view import View
from reference.oracle.report import Finding

# At most this many explanations an argument.
MOST = 3

# Explanations that need no knowledge of the function and that nothing else imitates.
SIMPLE: tuple[Hypothesis, ...] = (
    structure.zero,
    cotangent.downcast,
    rounding.whole_numbers,
    scale.sign,
    scale.named_factor,
    reduction.not_reduced,
    structure.transposed,
    structure.flipped,
    structure.axes_permuted,
    structure.arguments_swapped,
    cotangent.ignores_cotangent,
)

# What a part of a large array may show that a smaller input lacks.
LOCAL: tuple[Hypothesis, ...] = (
    structure.clipped,
    overlap.regularization,
    structure.entries_not_written,
    structure.partly_scaled,
    structure.isolated_entries,
)

# Explanations of the error's behaviour, tried after the known mistakes of the op and before those of its steps.
CLEAR: tuple[Hypothesis, ...] = (
    structure.clipped,
    rounding.rounded_inside,
    overlap.regularization,
    masks.mask_missing,
    elementwise.derivative_missing,
    elementwise.derivative_twice,
    elementwise.derivative_at_output,
    overlap.argument_factor,
    elementwise.epsilon_one_side,
)

# Explanations that a number of the forward at its default, which is tried before them, may explain better.
FORMULAS: tuple[Hypothesis, ...] = (
    elementwise.wrong_derivative,
    masks.mask_wrong,
    masks.mask_drawn_anew,
    upstream.output_ignored,
    cotangent.not_linear,
    coupling.diagonal_only,
    coupling.jacobian_twice,
    overlap.skip_dropped,
    uses.matrix_not_transposed,
    upstream.upstream_factor,
    upstream.output_slope,
    reduction.reduced_too_far,
    reduction.reduced_over_wrong_axis,
)

# What may also be the trace of a mistake in one of the forward's steps.
BEHAVIOUR: tuple[Hypothesis, ...] = (
    families.derivative_of_a_relative,
    scale.composed_factor,
    structure.entries_not_written,
    time.time_not_carried,
    time.time_overwritten,
    reduction.one_index_only,
    reduction.one_sample_repeated,
    structure.row_permuted,
    structure.shifted,
    structure.reordered,
    uses.argument_turned,
    winners.wrong_winner,
    winners.near_ties,
    pooled.other_shares,
    overlap.overlap_dropped,
    reduction.samples_missing,
    uses.use_dropped,
    time.time_off_by_one,
    uses.averaged_repeats,
    terms.another_target,
    uses.scattered_elsewhere,
    coupling.mean_term_missing,
    coupling.mean_left_over,
    coupling.centered_term_missing,
    coupling.statistics_as_constants,
    coupling.coupled_over_wrong_axis,
    coupling.leaks,
    scale.unnamed_factor,
    winners.all_ties,
    structure.partly_scaled,
    elementwise.local_factor,
)

# A constant that nothing on this input equals, before another array is looked for.
CONSTANT: tuple[Hypothesis, ...] = (scale.composed_factor, scale.unnamed_factor)

# What belongs to another example, where nothing but a trace is seen, and no mere move of the true numbers.
NEIGHBOURS: tuple[Hypothesis, ...] = (neighbours.argument_of_a_neighbour,)
MOVED = ("shifted", "flipped")

# Experiments for what nothing else explains, and what holds of the error alone.
LAST: tuple[Hypothesis, ...] = (
    terms.off_by_a_multiple,
    uses.argument_left_out,
    coupling.depends_otherwise,
    neighbours.factor_of_each_example,
    terms.off_by_a_term,
    neighbours.factor_of_rows_and_columns,
)

# What is vague, and said behind everything else.
VAGUE: tuple[Hypothesis, ...] = (
    structure.isolated_entries,
    cotangent.single_precision,
)


@dataclass(frozen=True)
class Background:
    """What the forward was recognized as, an op or an op under a convention; and its steps."""

    evidence: Evidence
    known: list[Known]
    one_sided: list[tuple[str, str, Known]]

    @cached_property
    def traced(self) -> Traced | None:
        """The forward's own steps, where they can be followed, or those of another forward with its values."""
        return traced(self.evidence)


def diagnose(evidence: Evidence, *, only: tuple[Hypothesis, ...] = ()) -> list[Finding]:
    """At most three explanations of every wrong argument, the simplest first; none where none is certain.

    only names the hypotheses to try; SIMPLE and LOCAL are cheap on arrays of any size.
    """
    if not any(evidence.wrong):
        return []
    background = Background(evidence, [], []) if only else _recognized(evidence)
    findings = []
    for view in _views(evidence, background.known):
        matches = rank(view, _models_of(view, only), MOST) if only else _explained(view, background)
        findings += to_findings(view, matches, _line(view) if matches else None)
    return findings


def _first(certain: list[Match], others: list[Match]) -> list[Match]:
    """The certain explanations before the others, one a cause."""
    causes = {match.model.cause for match in certain}
    return [*certain, *(match for match in others if match.model.cause not in causes)][:MOST]


def _recognized(evidence: Evidence) -> Background:
    if known := recognize(evidence):
        return Background(evidence, known, [])
    return Background(evidence, [], one_sided(evidence))


def _line(view: View) -> int | None:
    evidence = view.evidence
    return line_of(evidence.subject.source, view.name, view.position, len(evidence.primals))


def _views(evidence: Evidence, known: list[Known]) -> Iterator[View]:
    evidence = sharpened(evidence, known[0]) if known else evidence
    ask = Pullbacks(evidence, known[0].pull if known else None)
    statics = tuple(known[0].statics.items()) if known else ()
    for position, wrong in enumerate(evidence.wrong):
        got, expected = evidence.got[position], evidence.expected[position]
        if (
            wrong
            and got is not None
            and expected is not None
            and np.size(expected)
            and np.isfinite(got).all()
            and np.isfinite(expected).all()
        ):
            yield View(evidence, position, ask, statics)


def sharpened(evidence: Evidence, known: Known) -> Evidence:
    """The recognized op's own gradients where none were measured, or too coarsely to tell causes apart."""
    try:
        exact = known.gradients()
    except Exception:  # the reference refuses these arguments
        return evidence
    expected, noise = list(evidence.expected), list(evidence.noise)
    for position, (measured, own) in enumerate(zip(expected, exact, strict=False)):
        if own is not None and evidence.wrong[position]:
            size = float(np.max(np.abs(own), initial=0.0))
            coarse = measured is None or noise[position] > 1e-6 * size
            if coarse and np.shape(own) == np.shape(evidence.primals[position]):
                expected[position], noise[position] = np.asarray(own, np.float64), 1e-12 * size
    return replace(evidence, expected=tuple(expected), noise=tuple(noise))


def _models_of(view: View, hypotheses: tuple[Hypothesis, ...]) -> Iterator[Model]:
    for hypothesis in hypotheses:
        yield from _asked(hypothesis(view))


def _explained(view: View, background: Background) -> list[Match]:
    """One mistake in a step of the forward; else another array in one of them; else how the error behaves."""
    matches = rank(view, _certain(view, background), MOST)
    if background.traced and uncertain(matches):
        matches = _first(rank(view, _asked(background.traced.rarer(view)), MOST), matches)
    if not matches:
        matches = rank(view, _models_of(view, CONSTANT), MOST)
    if not matches and background.traced:
        matches = rank(view, _asked(background.traced.replaced(view)), 1)
    matches = rank(view, _models_of(view, BEHAVIOUR), MOST, matches)
    if uncertain(matches) and not (matches and matches[0].model.cause in MOVED):
        matches = _first(rank(view, _models_of(view, NEIGHBOURS), 1), matches)
    if not matches:
        matches = rank(view, _models_of(view, LAST), 1)
    return rank(view, _vague(view, background), MOST, matches)


def _certain(view: View, background: Background) -> Iterator[Model]:
    yield from _models_of(view, SIMPLE)
    for op in background.known:
        yield from _asked(known_mistakes(view, op))
    yield from _asked(plain_backward(view, background.one_sided))
    yield from _models_of(view, CLEAR)
    if background.traced:
        yield from _asked(background.traced.defaults(view))
    yield from _models_of(view, FORMULAS)
    if background.traced:
        yield from _asked(background.traced.models(view))


def _vague(view: View, background: Background) -> Iterator[Model]:
    yield from _models_of(view, VAGUE)
    if background.traced:
        yield from _asked(background.traced.shares(view))


def _asked(models: Iterator[Model]) -> Iterator[Model]:
    """The predictions up to one that cannot be made of these values or shapes: it explains nothing here."""
    with suppress(ValueError, ArithmeticError, IndexError, TypeError):
        yield from models
