"""Every row, five ways: by hand, by JAX in reverse, by JAX forward, by central differences, and to second order."""

from inspect import signature

import jax
import numpy as np
import pytest
from helpers.rows import (
    Row,
    assert_close,
    central_difference,
    every_differentiable_row,
    every_row,
    inner,
    probe,
)


@every_row
def test_value_is_the_same_in_both_twins(row: Row):
    expected = row.reference(*row.arguments)
    value, _ = row.compiled(row.arguments, probe(expected, row.id))
    assert_close(value, expected, row.spec.tolerance.twin, row.id)


@every_row
def test_op_is_the_first_of_its_forward_pair(row: Row):
    out, _ = row.forward(*row.arguments)
    assert_close(row.reference(*row.arguments), out, 0.0, row.id)


@every_differentiable_row
def test_cotangents_by_hand_are_those_of_jax(row: Row):
    cotangent = probe(row.reference(*row.arguments), row.id)
    by_hand = row.pullback(row.arguments, cotangent)
    _, by_jax = row.compiled(row.arguments, cotangent)
    assert_close(by_hand, by_jax, row.spec.tolerance.twin, f"{row.id}: cotangents by hand")


@every_row
def test_backward_returns_one_cotangent_per_argument(row: Row):
    out, residuals = row.forward(*row.arguments)
    cotangents = row.spec.reference("_bwd")(residuals, probe(out, row.id))
    parameters = signature(row.spec.reference("_fwd")).parameters.values()
    expected = [parameter.name for parameter in parameters if parameter.kind != parameter.KEYWORD_ONLY]
    by_keyword = {name: row.case.arguments.get(name) for name in row.spec.by_keyword}
    expected += [name for name, drawn in by_keyword.items() if drawn and drawn.differentiable]
    assert isinstance(cotangents, tuple), f"{row.id}: the backward returned {type(cotangents).__name__}, not a tuple"
    assert len(cotangents) == len(expected), f"{row.id}: {len(cotangents)} cotangents for arguments {expected}"
    for position, cotangent in enumerate(cotangents):
        if position not in row.moved:
            assert cotangent is None, f"{row.id}: argument {position} has no gradient, its cotangent must be None"
        else:
            assert cotangent.shape == np.shape(row.arguments[position]), f"{row.id}: cotangent {position}"


@every_differentiable_row
def test_cotangents_by_hand_are_those_of_central_differences(row: Row):
    function, points = row.closed(row.reference, row.arguments), row.pick(row.arguments)
    cotangent = probe(row.reference(*row.arguments), row.id)
    by_hand = row.pullback(row.arguments, cotangent)
    rng = np.random.default_rng(5)
    for position, point in enumerate(points):
        claimed, measured = [], []
        for direction in _directions(point, rng):
            others = tuple(direction if i == position else np.zeros_like(p) for i, p in enumerate(points))
            claimed.append(inner(by_hand[position], direction))
            measured.append(inner(central_difference(function, points, others), cotangent))
        what = f"{row.id}: cotangent {position} by hand against central differences, by direction"
        assert_close(np.array(claimed), np.array(measured), row.spec.tolerance.numerical, what)


def _directions(point: np.ndarray, rng: np.random.Generator, most: int = 24):
    """Single elements, all of them where there are few, and two dense signed directions."""
    for flat in rng.permutation(point.size)[:most]:
        unit = np.zeros(point.size)
        unit[flat] = 1.0
        yield unit.reshape(point.shape)
    yield from rng.normal(size=(2, *point.shape))


@pytest.mark.slow
@every_differentiable_row
def test_forward_mode_is_the_adjoint_of_the_backward_by_hand(row: Row):
    tangents = probe(row.pick(row.arguments), row.id + "/tangents")
    out, moved = row.compiled_jvp(row.arguments, tangents)
    cotangent = probe(jax.tree.map(np.asarray, out), row.id)
    left, right = inner(cotangent, moved), inner(row.pullback(row.arguments, cotangent), tangents)
    scale = np.sqrt(inner(moved, moved) * inner(cotangent, cotangent)) + 1e-30
    message = f"{row.id}: <cotangent, J tangent> = {left!r}, <J^T cotangent, tangent> = {right!r}"
    assert abs(left - right) <= row.spec.tolerance.twin * scale, message


@pytest.mark.slow
@every_differentiable_row
def test_forward_mode_is_the_central_difference(row: Row):
    points = row.pick(row.arguments)
    tangents = probe(points, row.id + "/tangents")
    _, moved = row.compiled_jvp(row.arguments, tangents)
    measured = central_difference(row.closed(row.reference, row.arguments), points, tangents)
    assert_close(moved, measured, row.spec.tolerance.numerical, f"{row.id}: jvp")


@pytest.mark.slow
@pytest.mark.one_in(3)
@every_differentiable_row
def test_second_order_is_the_central_difference_of_the_backward_by_hand(row: Row):
    points = row.pick(row.arguments)
    tangents = probe(points, row.id + "/tangents")
    cotangent = probe(row.reference(*row.arguments), row.id)

    def backward(*moved):
        return jax.vjp(row.closed(row.jax, row.arguments), *moved)[1](cotangent)

    def backward_by_hand(*moved):
        return row.pullback(row.closed(lambda *whole: whole, row.arguments)(*moved), cotangent)

    @jax.jit
    def both_modes(points, tangents):
        cotangents, forward_over_reverse = jax.jvp(backward, points, tangents)
        return cotangents, forward_over_reverse, jax.vjp(backward, *points)[1](tangents)

    cotangents, forward_over_reverse, reverse_over_reverse = both_modes(points, tangents)
    measured = central_difference(backward_by_hand, points, tangents)
    first = max(float(np.abs(leaf).max(initial=0.0)) for leaf in jax.tree.leaves(cotangents))
    for position, (got, want) in enumerate(zip(forward_over_reverse, measured, strict=True)):
        scale = max(float(np.abs(want).max(initial=0.0)), first)
        error = float(np.abs(np.asarray(got) - want).max(initial=0.0))
        message = f"{row.id}: second order, argument {position}: largest error {error:.2e}, scale {scale:.2e}"
        assert error <= 10 * row.spec.tolerance.numerical * scale, message
    # A Hessian is symmetric, so both modes agree on it.
    assert_close(reverse_over_reverse, forward_over_reverse, 1e-9, f"{row.id}: reverse over reverse")
