"""Mistakes of released kernels, rewritten: norms, look-ups, rotations, gates; a race, and a first call."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import sigmoid

family = Family("released")


# Root mean square over the last of three axes.
SEQUENCES = sized(((2, 3, 4), (4,)), ((4, 9, 16), (16,)))


def rms_norm(x, scale):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    return x * r * scale, (x, r, scale)


def rms_back(residuals, dy):
    x, r, scale = residuals
    d = dy * scale
    return d * r - x * r**3 * np.mean(d * x, axis=-1, keepdims=True), np.sum(dy * x * r, axis=(0, 1))


norms = partial(family.wrong, forward=rms_norm, inputs=SEQUENCES, style="rule", names=("x", "scale"), op="rms_norm")


@norms(143, cause="part_missing", argument="x scale")
def rows_counted_by_the_first_axis(residuals, dy):
    x, r, scale = residuals
    rows, roots, upstream = x.reshape(-1, x.shape[-1]), r.reshape(-1), dy.reshape(-1, x.shape[-1])
    dx, dscale = np.zeros_like(rows), np.zeros_like(scale)
    for row in range(x.shape[0]):
        d, h = upstream[row] * scale, rows[row] * roots[row]
        dx[row] = (d - h * np.mean(d * h)) * roots[row]
        dscale += upstream[row] * h
    return dx.reshape(x.shape), dscale


@norms(144, cause="wrong_index", argument="x")
def every_row_written_to_row_zero(residuals, dy):
    x, r, scale = residuals
    dx, dscale = np.zeros_like(x), np.zeros_like(scale)
    for example in range(x.shape[0]):
        for row in range(x.shape[1]):
            d, h = dy[example, row] * scale, x[example, row] * r[example, row]
            dx[example, 0] = (d - h * np.mean(d * h)) * r[example, row]
            dscale += dy[example, row] * h
    return dx, dscale


def norm_of_sum(x, residual, scale):
    """The sum goes on beside its norm."""
    y, saved = rms_norm(x + residual, scale)
    return (x + residual, y), saved


ADDED = sized(((2, 3, 4), (2, 3, 4), (4,)), ((4, 9, 16), (4, 9, 16), (16,)))


@family.wrong(
    145, norm_of_sum, ADDED, style="rule", cause="term_missing", also="term_extra", argument="x residual scale"
)
def stream_added_before_the_norm(residuals, cotangents):
    stream, dy = cotangents
    dx, dscale = rms_back(residuals, dy + stream)
    return dx, dx + 0.0, dscale


PICTURES = sized(((5, 4, 2, 3), (4,), (4,)), ((9, 12, 6, 5), (12,), (12,)))
GROUPS = {"op": "group_norm", "statics": {"groups": 2, "layout": "channels_first"}}


def group_norm(x, scale, bias):
    grouped = x.reshape(len(x), 2, -1)
    r = 1 / np.sqrt(grouped.var(axis=2, keepdims=True) + 1e-5)
    h = ((grouped - grouped.mean(axis=2, keepdims=True)) * r).reshape(x.shape)
    return scale[:, None, None] * h + bias[:, None, None], (h, r, scale)


def group_back(residuals, dy, positions=None):
    h, r, scale = residuals
    d, g = (dy * scale[:, None, None]).reshape(len(h), 2, -1), h.reshape(len(h), 2, -1)
    count = dy.shape[1] // 2 * (positions or dy.shape[2] * dy.shape[3])
    dx = r * (d - (d.sum(2, keepdims=True) + g * (d * g).sum(2, keepdims=True)) / count)
    return dx.reshape(h.shape), np.sum(dy * h, (0, 2, 3)), np.sum(dy, (0, 2, 3))


group_norms = partial(
    family.wrong, forward=group_norm, inputs=PICTURES, style="rule", names=("x", "scale", "bias"), **GROUPS
)


@group_norms(146, cause="scaled_by_count", argument="x")
def width_taken_for_all_positions(residuals, dy):
    return group_back(residuals, dy, positions=dy.shape[3])


@group_norms(147, cause="part_missing", argument="scale bias")
def examples_beyond_one_block_left_out(residuals, dy):
    block = 4
    dx, *_ = group_back(residuals, dy)
    return dx, np.sum((dy * residuals[0])[:block], (0, 2, 3)), np.sum(dy[:block], (0, 2, 3))


def words(size, seed):
    rows, width, looked_up = (5, 3, 12) if size == "small" else (24, 16, 300)
    (table,) = normal(seed, (rows, width))
    return np.arange(looked_up) ** 2 % rows, table


@family.wrong(
    148, lambda indices, table: table[indices], words, cause="downcast", argument="table", op="embedding",
    names=("indices", "table"),
)  # fmt: skip
def rows_added_up_in_half_precision(dy, indices, table):
    total = np.zeros(table.shape, np.float16)
    np.add.at(total, indices, dy.astype(np.float16))
    return None, total.astype(table.dtype)


# Sines whose two halves differ, as with frequencies of their own.
TURNED = sized(((2, 3, 2, 4), (3, 1, 4), (3, 1, 4)), ((3, 8, 4, 8), (8, 1, 8), (8, 1, 8)))


def half_turned(x):
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([-second, first], axis=-1)


@family.wrong(
    149, lambda x, cos, sin: x * cos + half_turned(x) * sin, TURNED, cause="wrong_index", argument="x",
    constants=("cos", "sin"), names=("x", "cos", "sin"),
)  # fmt: skip
def halves_of_the_sine_exchanged(dout, x, cos, sin):
    return dout * cos - half_turned(dout) * sin, None, None


GATED = sized(((5, 3), (5, 3), (3, 4)), ((24, 8), (24, 8), (8, 6)))


def gated(x, gate, kernel):
    return (x * sigmoid(gate)) @ kernel


@family.wrong(150, gated, GATED, cause="wrong_factor", argument="kernel")
def output_computed_again_without_its_gate(dout, x, gate, kernel):
    s, d = sigmoid(gate), dout @ kernel.T
    return d * s, d * x * s * (1 - s), x.T @ dout


@family.whole(159, "impure", "rule", SEQUENCES, names=("x", "scale"), cause="not_deterministic", factory=True)
def rows_lost_in_a_race():
    chance = np.random.default_rng(159)

    def backward(residuals, dy):
        dx, dscale = rms_back(residuals, dy)
        return np.where(chance.random(dx.shape[:2])[..., None] < 0.3, 0, dx), dscale

    return rms_norm, backward


@family.whole(160, "impure", "rule", SEQUENCES, names=("x", "scale"), cause="stale_state", factory=True)
def first_call_returns_what_tuning_left():
    tried = []

    def backward(residuals, dy):
        dx, dscale = rms_back(residuals, dy)
        tried.append(dscale)
        return dx, 3 * dscale if len(tried) == 1 else dscale

    return rms_norm, backward
