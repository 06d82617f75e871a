"""The edits of operands, factors, terms, time and counts: planted mistakes and the names that come out."""

import numpy as np
import pytest
from test_oracle_edits import drawn, evidence_of, measured, recorded, recurrent, softmax

from reference.oracle.diagnosis.diagnose import diagnose
from reference.oracle.recording.adjoint import of_forward

TINY = 1e-3


def scaled_rows(x, gain):
    return gain * x / np.sqrt((x**2).mean(axis=1, keepdims=True) + TINY)


def of_rows(inside=True, outside=False, count=None):
    def backward(ct, x, gain):
        root = np.sqrt((x**2).mean(axis=1, keepdims=True) + TINY)
        unit, d = x / root, ct * gain if inside else ct
        dx = (d - unit * (d * unit).sum(axis=1, keepdims=True) / (count or x.shape[1])) / root
        return dx * gain if outside else dx, (ct * unit).sum(axis=0)

    return backward


def unit_columns(v):
    return v / np.sqrt((v**2).sum(axis=0))


def of_columns(power):
    def backward(ct, v):
        length = np.sqrt((v**2).sum(axis=0))
        unit = v / length
        return ((ct - unit * (ct * unit).sum(axis=0)) / length**power,)

    return backward


def spread(x):
    return x.std(axis=1)


def of_spread_without_the_mean(ct, x):
    return ((ct / x.std(axis=1))[:, None] * x / x.shape[1],)


def shares(x):
    return x / np.abs(x).sum(axis=1, keepdims=True)


def of_shares_with_a_fixed_sum(ct, x):
    return (ct / np.abs(x).sum(axis=1, keepdims=True),)


def two_outputs(x):
    return np.stack([(x**2).mean(axis=1), np.tanh(x).sum(axis=1)], axis=1)


def of_two_outputs_without_the_first(ct, x):
    return (ct[:, 1:] * (1 - np.tanh(x) ** 2),)


PRESENT = np.arange(7) < np.array([[7], [3], [5]])


def mean_of_the_present(x):
    return (x**2 * PRESENT).sum(axis=1) / PRESENT.sum(axis=1)


def of_mean_by_the_longest(ct, x):
    return (ct[:, None] * PRESENT * 2 * x / 7,)


def looked_up(table):
    return table[[0, 2, 2, 1, 2]] ** 2


def of_looked_up_averaged(ct, table):
    index, grad = [0, 2, 2, 1, 2], np.zeros_like(table)
    np.add.at(grad, index, ct * 2 * table[index])
    return (grad / np.maximum(np.bincount(index, minlength=len(table)), 1)[:, None],)


def rectified(x, w):
    return np.maximum(x @ w, 0)


def of_rectified_cotangent(ct, x, w):
    delta = np.maximum(ct, 0)
    return delta @ w.T, x.T @ delta


def embedded(table, w):
    return np.tanh(table[[0, 1, 1]] * w)


def of_embedded_after_the_step(ct, table, w):
    rows = table[[0, 1, 1]]
    delta = ct * (1 - np.tanh(rows * w) ** 2)
    grad = np.zeros_like(table)
    np.add.at(grad, [0, 1, 1], delta * w)
    return grad, delta * (table - 0.05 * grad)[[0, 1, 1]]


def lengths_of(a, b):
    return ((a - b) ** 2 / (1 + b**2)).sum(axis=1)


def of_lengths_over_the_other(ct, a, b):
    by_b = -2 * (a - b) / (1 + b**2) - 2 * b * (a - b) ** 2 / (1 + b**2) ** 2
    return ct[:, None] * 2 * (a - b) / (1 + a**2), ct[:, None] * by_b


def of_states_in_chunks(ct, x, kernel, carried, bias):
    states = recurrent(x, kernel, carried, bias)
    before = np.concatenate([np.zeros_like(states[:, :1]), states], axis=1)
    grads, handed = [np.zeros_like(p) for p in (x, kernel, carried, bias)], 0.0
    for step in reversed(range(x.shape[1])):
        delta = (ct[:, step] + handed * (step % 2 == 0)) * (1 - states[:, step] ** 2)
        grads[0][:, step] = delta @ kernel.T
        grads[1] += x[:, step].T @ delta
        grads[2] += before[:, step].T @ delta
        grads[3] += delta.sum(axis=0)
        handed = delta @ carried.T
    return tuple(grads)


ROWS, STATES = [(7, 5), (5,)], [(2, 4, 3), (3, 5), (5, 5), (5,)]
PLANTED = {
    "a gain left out": (scaled_rows, of_rows(inside=False), ROWS, "wrong_factor", "x"),
    "a gain twice": (scaled_rows, of_rows(outside=True), ROWS, "wrong_factor", "x"),
    "a gain behind the sum": (scaled_rows, of_rows(inside=False, outside=True), ROWS, "wrong_factor", "x"),
    "another count in one term": (scaled_rows, of_rows(count=7), ROWS, "scaled_by_count", "x"),
    "a length too often": (unit_columns, of_columns(2), [(5, 3)], "wrong_factor", "v"),
    "a length left out": (unit_columns, of_columns(0), [(5, 3)], "wrong_factor", "v"),
    "what is not centered": (spread, of_spread_without_the_mean, [(5, 7)], "wrong_operand", "x"),
    "a fixed sum": (shares, of_shares_with_a_fixed_sum, [(5, 7)], "statistics_as_constants", "x"),
    "a way that ends in a mean": (two_outputs, of_two_outputs_without_the_first, [(5, 7)], "term_missing", "x"),
    "the longest row's count": (mean_of_the_present, of_mean_by_the_longest, [(3, 7)], "scaled_by_count", "x"),
    "equal indices averaged": (looked_up, of_looked_up_averaged, [(4, 3)], "scaled_by_count", "table"),
    "a rectified cotangent": (rectified, of_rectified_cotangent, [(7, 5), (5, 3)], "not_linear", "x"),
    "rows after their step": (embedded, of_embedded_after_the_step, [(4, 5), (3, 5)], "updated_weight", "w"),
    "another argument in a value": (lengths_of, of_lengths_over_the_other, [(5, 3), (5, 3)], "wrong_operand", "a"),
    "carried in chunks of two": (recurrent, of_states_in_chunks, STATES, "time_not_carried", "x"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_named(name):
    forward, backward, shapes, cause, argument = PLANTED[name]
    evidence = evidence_of(forward, backward, shapes)
    assert any(evidence.wrong), "the mistake shows"
    first = next((found for found in diagnose(evidence) if found.argument == argument), None)
    assert first is not None, f"{argument} is explained"
    assert first.cause == cause, first.message


def sorted_rows(x):
    return np.cumsum(np.sort(x, axis=-1), axis=-1) * np.tanh(x)


REGROUPED = {
    "gain before a quotient": (scaled_rows, ROWS),
    "gain behind a quotient": (lambda v, s: v * s / np.sqrt((v**2).sum(axis=0)), [(5, 3), (3,)]),
    "gain in a divisor": (lambda v, s: v / s * np.tanh(v), [(5, 3), (3,)]),
}


@pytest.mark.parametrize("name", REGROUPED)
def test_a_regrouped_product_has_the_same_gradients(name):
    forward, shapes = REGROUPED[name]
    primals = drawn(shapes)
    plain, cotangent = recorded(forward, primals)
    program = of_forward(forward, primals, ["a", "b"], cotangent, regroups=True)
    assert program is not None, "its factors can be grouped"
    for position, step in plain.gradients.items():
        np.testing.assert_allclose(program.gradients[position].value, step.value, rtol=1e-12, atol=1e-14)


def test_what_cannot_be_regrouped_is_no_other_program():
    assert of_forward(softmax, drawn([(3, 5)]), ["x"], np.ones((3, 5)), regroups=True) is None


def test_a_sorted_array_gives_the_measured_gradients():
    primals = drawn([(3, 5)])
    program, cotangent = recorded(sorted_rows, primals)
    np.testing.assert_allclose(
        program.gradients[0].value, measured(sorted_rows, primals, cotangent)[0], rtol=1e-6, atol=1e-8
    )


def weighted(x, w, v):
    y = x * np.exp(w) / v.reshape(1, -1)
    return y + 1


@pytest.mark.parametrize(("lost", "said"), [("w", "the factor `np.exp(w)` in"), ("v", "by v besides in")])
def test_a_part_of_a_line_does_not_go_by_the_name_of_the_whole(lost, said):
    def backward(ct, x, w, v):
        dx = ct * (1 if lost == "w" else np.exp(w)) / (1 if lost == "v" else v)
        y = x * np.exp(w) / v
        return dx, (ct * y).sum(axis=0), -(ct * y / v).sum(axis=0)

    first = diagnose(evidence_of(weighted, backward, [(5, 7), (7,), (7,)]))[0]
    assert said in first.message
