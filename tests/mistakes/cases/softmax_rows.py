"""Softmax and its logarithm."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .functions import log_softmax, softmax, softmax_along

family = Family("softmax")

rows = sized(((3, 5),), ((64, 100),))
wrong = partial(family.wrong, op="softmax", argument="x")


@wrong(32, softmax, rows, cause="diagonal_only")
def softmax_diagonal_only(dout, x):
    p = softmax(x)
    return p * (1 - p) * dout


def softmax_fwd(x):
    p = softmax(x)
    return p, p


@wrong(32, softmax_fwd, rows, style="rule", cause="statistics_as_constants")
def softmax_diagonal_without_square(p, cotangent):
    return (p * cotangent,)


@wrong(33, softmax_fwd, rows, style="cache", cause="derivative_missing")
def softmax_identity(dout, p):
    return dout


@wrong(34, softmax_fwd, rows, style="rule", cause="scaled_by_constant")
def softmax_doubled(p, cotangent):
    return (2 * p * (cotangent - (p * cotangent).sum(axis=-1, keepdims=True)),)


@wrong(32, softmax_fwd, rows, style="cache", cause="sign")
def softmax_jacobian_negated(dout, p):
    return p * (np.sum(p * dout, axis=1, keepdims=True) - dout)


@wrong(32, softmax_fwd, rows, style="rule", cause="wrong_factor")
def softmax_outer_factor_missing(p, cotangent):
    return (cotangent - (p * cotangent).sum(axis=-1, keepdims=True),)


@wrong(88, softmax_fwd, rows, style="rule", cause="wrong_axis")
def softmax_sum_over_the_batch(p, cotangent):
    return (p * (cotangent - (p * cotangent).sum(axis=0, keepdims=True)),)


@wrong(3, softmax_fwd, rows, style="cache", cause="wrong_axis")
def softmax_sum_over_everything(dout, p):
    return p * (dout - np.sum(p * dout))


@wrong(32, softmax_fwd, rows, style="cache", cause="wrong_factor")
def softmax_sum_of_upstream_unweighted(dout, p):
    return p * (dout - dout.sum(axis=-1, keepdims=True))


@wrong(32, softmax_fwd, rows, style="cache", cause="part_missing")
def softmax_jacobian_of_the_last_row_only(dout, p):
    dx = np.zeros_like(p)
    jacobian = np.zeros((p.shape[1], p.shape[1]))
    for row in p:
        jacobian = np.diag(row) - np.outer(row, row)
    dx[-1] = jacobian @ dout[-1]
    return dx


@family.impure(40, softmax_fwd, rows, style="rule", op="softmax", cause="changed_in_place", argument="x")
def softmax_overwrites_saved_output(p, cotangent):
    total = (p * cotangent).sum(axis=-1, keepdims=True)
    p *= cotangent - total
    return (p,)


@wrong(27, softmax, rows, cause="wrong_operand")
def softmax_of_softmax_in_backward(dout, x):
    p = softmax(softmax(x))
    return p * (dout - (p * dout).sum(axis=-1, keepdims=True))


@family.whole(19, "wrong backward", "layer", rows, op="softmax", cause="ignores_cotangent", argument="x")
class SoftmaxSlope:
    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        return self.out * (1 - self.out)


def gap_rows(size, seed):
    """Rows whose levels lie 800 apart, and one row with such a gap inside."""
    (x,) = rows(size, seed)
    x[0] += 800
    x[1] -= 800
    x[2, 0] += 800
    return (x,)


def softmax_backward(dout, x):
    p = softmax(x)
    return p * (dout - (p * dout).sum(axis=-1, keepdims=True))


forward_wrong = partial(family.wrong_forward, argument="x", cause="not_finite")


@forward_wrong(35, softmax_backward, gap_rows, op="softmax")
def softmax_shifted_by_the_whole_maximum(x):
    e = np.exp(x - x.max())
    with np.errstate(invalid="ignore"):
        return e / e.sum(axis=-1, keepdims=True)


@forward_wrong(36, softmax_backward, gap_rows, op="softmax")
def softmax_without_shift(x):
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(x)
        return e / e.sum(axis=-1, keepdims=True)


def log_softmax_backward(dout, x):
    return dout - softmax(x) * dout.sum(axis=-1, keepdims=True)


@forward_wrong(39, log_softmax_backward, gap_rows, op="log_softmax")
def log_of_softmax(x):
    with np.errstate(divide="ignore"):
        return np.log(softmax(x))


@family.wrong(37, log_softmax, rows, op="log_softmax", cause="ignores_cotangent", argument="x")
def upstream_not_summed(g, x):
    return g - np.exp(log_softmax(x))


@family.wrong(38, log_softmax, rows, op="log_softmax", cause="diagonal_only", argument="x")
def each_times_its_own(g, x):
    return g - np.exp(log_softmax(x)) * g


@family.whole(34, "wrong backward", "vjp", rows, op="softmax", argument="x", cause="term_extra")
def softmax_counts_its_jacobian_twice(x):
    p = softmax(x)

    def pullback(g):
        jacobian = np.einsum("ni,ij->nij", p, np.eye(x.shape[1])) - np.einsum("ni,nj->nij", p, p)
        return np.einsum("nij,ni->nj", jacobian + jacobian.transpose(0, 2, 1), g)

    return p, pullback


@wrong(75, softmax, rows, cause="wrong_index")
def softmax_loop_fills_every_row(dout, x):
    p, dx = softmax(x), np.empty_like(x)
    for i in range(len(x)):
        dx[:] = (np.diag(p[i]) - np.outer(p[i], p[i])) @ dout[i]
    return dx


@family.control(32, softmax, rows, op="softmax")
def softmax_by_whole_jacobians_anew(dout, x):
    p = softmax(x)
    return np.einsum("nij,nj->ni", p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :]), dout)


@family.control(37, log_softmax, rows, op="log_softmax")
def log_softmax_complete(dout, x):
    return dout - softmax(x) * dout.sum(-1, keepdims=True)


def softmax_down_the_columns_backward(dout, x):
    p = softmax_along(x, 0)
    return p * (dout - (p * dout).sum(0))


@family.wrong_forward(
    31, softmax_down_the_columns_backward, rows, op="softmax", argument="x", cause="convention_layout"
)
def softmax_down_the_columns_anew(x):
    return softmax_along(x, axis=0)


def log_sum_exp(x):
    m = x.max(-1)
    return m + np.log(np.exp(x - m[:, None]).sum(-1))


@family.control("F7", log_sum_exp, lambda size, seed: (np.zeros((3, 4) if size == "small" else (20, 30)) + 500,))
def large_and_all_equal(g, x):
    return g[:, None] * np.exp(x - log_sum_exp(x)[:, None])


feature_maps = sized(((2, 5, 3, 4),), ((6, 21, 12, 10),))


@family.whole(40, "impure", "vjp", feature_maps, op="log_softmax", statics={"axis": 1}, cause="changed_in_place")
def exponentiated_where_it_was_saved(x):
    y = np.moveaxis(log_softmax(np.moveaxis(x, 1, -1)), -1, 1)
    saved = y.copy()

    def pullback(g):
        np.exp(saved, out=saved)
        return g - saved * g.sum(axis=1, keepdims=True)

    return y, pullback


control = partial(family.control, inputs=rows)


@control("", lambda x: (np.log(softmax(x)),) * 2, style="rule", op="log_softmax", names=("x",))
def log_softmax_by_softmax_of_its_output(out, g):
    return (g - softmax(out) * g.sum(axis=-1, keepdims=True),)


@control("", lambda x: (softmax(x),) * 2, style="cache", op="softmax", names=("x",))
def softmax_by_stacked_jacobians(dy, p):
    jacobians = np.eye(p.shape[-1]) * p[:, None, :] - p[:, :, None] * p[:, None, :]
    return np.einsum("nij,nj->ni", jacobians, dy)
