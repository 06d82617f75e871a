"""Sums over the batch, over coupled entries, over the uses of a value and over time."""

import numpy as np

from .evidence import (
    AFFINE,
    ENTRIES,
    ROWS,
    Mistakes,
    affine,
    cubes,
    mixed,
    normal,
    slope,
    standardized,
    standardized_backward,
)

MISTAKES = Mistakes()
plant = MISTAKES.plant


@plant("wrong_reduction", "b", affine, *AFFINE)
def bias_not_summed(ct, x, w, b):
    return ct @ w.T, x.T @ ct, ct


@plant("wrong_reduction", "b", affine, *AFFINE)
def bias_summed_to_one_number(ct, x, w, b):
    return ct @ w.T, x.T @ ct, np.full_like(b, ct.sum())


@plant("wrong_reduction", "b", lambda x, b: x + b, normal(1, 5, 5), normal(2, 5))
def bias_summed_over_features(ct, x, b):
    return ct, ct.sum(1)


@plant("part_missing", "w", affine, *AFFINE)
def kernel_of_the_last_example(ct, x, w, b):
    return ct @ w.T, np.outer(x[-1], ct[-1]), ct.sum(0)


@plant("part_missing", "w", lambda x, w: x @ w, normal(1, 7, 5), normal(2, 5, 3))
def last_block_missing(ct, x, w):
    return ct @ w.T, x[:4].T @ ct[:4]


@plant("wrong_index", "x", cubes, normal(1, 3, 5))
def first_example_for_all(ct, x):
    return (np.repeat((ct * slope(x))[:1], 3, axis=0),)


@plant("diagonal_only", "x", mixed, *ENTRIES)
def jacobian_diagonal(ct, x):
    return (ct * (x.sum(1, keepdims=True) + x),)


@plant("wrong_axis", "x", mixed, *ENTRIES)
def coupled_over_the_batch(ct, x):
    return (ct * x.sum(1, keepdims=True) + (ct * x).sum(0, keepdims=True),)


plant("statistics_as_constants", "x", standardized, *ROWS)(lambda ct, x: standardized_backward(ct, x, mean=0))
plant("statistics_as_constants", "x", standardized, *ROWS)(lambda ct, x: standardized_backward(ct, x, variance=0))
plant("statistics_as_constants", "x", standardized, *ROWS)(
    lambda ct, x: standardized_backward(ct, x, mean=0, variance=0)
)


def windows(x):
    """Sums over overlapping windows of three, weighted."""
    return np.stack([x[:, i : i + 3] @ np.array([1.0, -2.0, 0.5]) for i in range(0, 9, 2)], axis=1)


@plant("not_accumulated", "x", windows, normal(1, 3, 11))
def assigned_where_windows_overlap(ct, x):
    x_ct = np.zeros_like(x)
    for number, i in enumerate(range(0, 9, 2)):
        x_ct[:, i : i + 3] = ct[:, number, None] * np.array([1.0, -2.0, 0.5])
    return (x_ct,)


LOOKUP = (normal(1, 7, 5), np.array([1, 3, 3, 6, 1]))


@plant("not_accumulated", "table", lambda table, index: table[index], *LOOKUP)
def fancy_addition(ct, table, index):
    table_ct = np.zeros_like(table)
    table_ct[index] += ct
    return table_ct, None


@plant("scaled_by_count", "table", lambda table, index: table[index], *LOOKUP)
def averaged_repeats(ct, table, index):
    table_ct = np.zeros_like(table)
    np.add.at(table_ct, index, ct)
    return table_ct / np.maximum(np.bincount(index, minlength=7), 1)[:, None], None


@plant("term_missing", "w", lambda x, w: (x @ w) @ w.T, normal(1, 3, 5), normal(2, 5, 7))
def second_use_only(ct, x, w):
    return ct @ w @ w.T, ct.T @ (x @ w)


@plant("term_missing", "x", lambda x: x + cubes(x), *ENTRIES)
def skip_forgotten(ct, x):
    return (ct * slope(x),)


@plant("regularization", "w", lambda x, w: np.sum(cubes(x @ w)) + 0.3 * np.sum(w**2), *AFFINE[:2])
def penalty_halved(ct, x, w):
    delta = ct * slope(x @ w)
    return delta @ w.T, x.T @ delta + 0.3 * ct * w


def recurrent(x, w, u, b):
    """A recurrence (not tanh, so that no template knows it), batch first."""
    state, states = np.zeros((len(x), len(u))), []
    for step in range(x.shape[1]):
        state = np.arctan(x[:, step] @ w + state @ u + b)
        states.append(state)
    return np.stack(states, axis=1)


def unrolled(ct, x, w, u, b, carry=True, add=True, new=False):
    out = recurrent(x, w, u, b)
    states = [np.zeros((len(x), len(u))), *np.moveaxis(out, 1, 0)]
    x_ct, w_ct, u_ct, b_ct = (np.zeros_like(a) for a in (x, w, u, b))
    carried = np.zeros_like(states[0])
    for step in reversed(range(x.shape[1])):
        before = (ct[:, step] + carried) * np.cos(states[step + 1]) ** 2
        x_ct[:, step] = before @ w.T
        if not add:
            w_ct, u_ct, b_ct = (np.zeros_like(a) for a in (w, u, b))
        w_ct = w_ct + x[:, step].T @ before
        u_ct = u_ct + states[step + new].T @ before
        b_ct = b_ct + before.sum(0)
        carried = before @ u.T if carry else 0 * carried
    return x_ct, w_ct, u_ct, b_ct


SEQUENCE = (normal(1, 3, 4, 2), 0.6 * normal(2, 2, 5), 0.5 * normal(3, 5, 5), 0.3 * normal(4, 5))
plant("time_not_carried", "x", recurrent, *SEQUENCE)(lambda ct, x, w, u, b: unrolled(ct, x, w, u, b, carry=False))
plant("not_accumulated", "w", recurrent, *SEQUENCE)(lambda ct, x, w, u, b: unrolled(ct, x, w, u, b, add=False))
plant("shifted", "u", recurrent, *SEQUENCE)(lambda ct, x, w, u, b: unrolled(ct, x, w, u, b, new=True))
