"""Softmax in the backward over the batch axis (catalogue 31)."""

import numpy as np

from ..case import Family, normal
from .cross_entropy_scale import classes, one_hot, softmax

family = Family("cross_entropy")


def rows_over_the_batch(logits, t):
    p = softmax(logits)
    return -np.mean(np.log(p[np.arange(len(t)), t]))


@family.wrong(31, rows_over_the_batch, classes, cause=("coupled_over_wrong_axis", "static_ignored"), argument="logits")
def softmax_over_axis_0_in_backward(dout, logits, t):
    e = np.exp(logits - logits.max(axis=0))
    p = e / e.sum(axis=0)
    p[np.arange(len(t)), t] -= 1
    return dout * p / len(t), None


def columns(size, seed):
    z, t = one_hot(size, seed)
    return np.ascontiguousarray(z.T), np.ascontiguousarray(t.T)


@family.wrong(
    31,
    lambda Z, Y: -np.sum(Y * (Z - np.log(np.exp(Z).sum(axis=0)))) / Z.shape[1],
    columns,
    names=("Z", "Y"),
    cause=("coupled_over_wrong_axis", "static_ignored"),
    argument="Z",
    constants=("Y",),
)
def one_column_an_example_and_the_last_axis(dout, Z, Y):
    return dout * (softmax(Z) - Y) / Z.shape[1], None


@family.wrong(
    31,
    lambda x: softmax(x),
    lambda size, seed: normal(seed, (7, 5) if size == "small" else (120, 30)),
    op="softmax",
    names=("x",),
    cause=("coupled_over_wrong_axis", "static_ignored", "sum_term_missing"),
    argument="x",
)
def inner_products_over_the_batch(dy, x):
    p = softmax(x)
    return p * (dy - np.sum(p * dy, axis=0))
