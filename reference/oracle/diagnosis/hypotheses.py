"""The table of hypotheses, simplest first: what may have gone wrong, asked of the error and of the subject."""

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
from reference.oracle.diagnosis.model import Hypothesis

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
