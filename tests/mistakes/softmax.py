"""Mistakes in softmax and log_softmax (catalogue 32 to 40)."""

from functools import partial

import numpy as np

from .case import Family, sized

family = Family("softmax")

rows = sized(((3, 5),), ((64, 100),))
square_rows = sized(((5, 5),), ((64, 64),))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_fwd(x):
    p = softmax(x)
    return p, p


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_softmax_fwd(x):
    out = log_softmax(x)
    return out, np.exp(out)


wrong = partial(family.wrong, op="softmax", argument="x")
wrong_log = partial(family.wrong, op="log_softmax", argument="x")


@wrong(32, softmax, rows, cause="diagonal_only")
def softmax_diagonal_only(dout, x):
    p = softmax(x)
    return p * (1 - p) * dout


@wrong(32, softmax_fwd, rows, style="rule", cause="diagonal_only")
def softmax_diagonal_without_square(p, cotangent):
    return (p * cotangent,)


@wrong(33, softmax_fwd, rows, style="cache", cause="identity")
def softmax_identity(dout, p):
    return dout


@wrong(34, softmax_fwd, rows, style="rule", cause="scaled_by_two")
def softmax_doubled(p, cotangent):
    return (2 * p * (cotangent - (p * cotangent).sum(axis=-1, keepdims=True)),)


@wrong(32, softmax_fwd, rows, style="cache", cause="sign")
def softmax_jacobian_negated(dout, p):
    return p * (np.sum(p * dout, axis=1, keepdims=True) - dout)


@wrong(32, softmax_fwd, rows, style="rule", cause=("local_factor", "wrong_derivative", "derivative_missing"))
def softmax_outer_factor_missing(p, cotangent):
    return (cotangent - (p * cotangent).sum(axis=-1, keepdims=True),)


@wrong(88, softmax_fwd, rows, style="rule", cause="coupled_over_wrong_axis")
def softmax_sum_over_the_batch(p, cotangent):
    return (p * (cotangent - (p * cotangent).sum(axis=0, keepdims=True)),)


@wrong(10, softmax_fwd, square_rows, style="rule", cause=("coupled_over_wrong_axis", "transposed"))
def softmax_sum_without_keepdims(p, cotangent):
    return (p * (cotangent - (p * cotangent).sum(axis=-1)),)


@wrong(3, softmax_fwd, rows, style="cache", cause=("reduced_too_far", "coupled_over_wrong_axis"))
def softmax_sum_over_everything(dout, p):
    return p * (dout - np.sum(p * dout))


@wrong(32, softmax_fwd, rows, style="cache", cause=("sum_term_missing", "local_factor", "wrong_derivative"))
def softmax_sum_of_upstream_unweighted(dout, p):
    return p * (dout - dout.sum(axis=-1, keepdims=True))


@wrong(32, softmax_fwd, rows, style="cache", cause=("use_dropped", "entries_not_written"))
def softmax_jacobian_of_the_last_row_only(dout, p):
    dx = np.zeros_like(p)
    jacobian = np.zeros((p.shape[1], p.shape[1]))
    for row in p:
        jacobian = np.diag(row) - np.outer(row, row)
    dx[-1] = jacobian @ dout[-1]
    return dx


@wrong(27, softmax, rows, cause="derivative_at_output")
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


@family.whole(40, "impure", "layer", rows, op="softmax", cause=("residuals_changed", "buffer_reused"), argument="x")
class SoftmaxInPlace:
    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        dx = self.out
        dx *= dout - (dx * dout).sum(axis=1, keepdims=True)
        return dx


@family.impure(40, softmax_fwd, rows, style="rule", op="softmax", cause="residuals_changed", argument="x")
def softmax_overwrites_saved_output(p, cotangent):
    total = (p * cotangent).sum(axis=-1, keepdims=True)
    p *= cotangent - total
    return (p,)


@wrong_log(37, log_softmax_fwd, rows, style="rule", cause="sum_term_missing")
def log_softmax_sum_of_upstream_missing(p, cotangent):
    return (cotangent - p,)


@wrong_log(38, log_softmax_fwd, rows, style="cache", cause="diagonal_only")
def log_softmax_diagonal_only(dout, p):
    return dout - p * dout


@wrong_log(34, log_softmax_fwd, rows, style="rule", cause="sum_term_missing")
def log_softmax_identity(p, cotangent):
    return (cotangent,)


@wrong_log(37, log_softmax, rows, cause="wrong_derivative")
def log_softmax_with_the_derivative_of_softmax(dout, x):
    p = softmax(x)
    return p * (dout - (p * dout).sum(axis=-1, keepdims=True))


@wrong_log(88, log_softmax_fwd, rows, style="rule", cause="coupled_over_wrong_axis")
def log_softmax_sum_over_the_batch(p, cotangent):
    return (cotangent - p * cotangent.sum(axis=0, keepdims=True),)


@wrong_log(19, log_softmax_fwd, rows, style="cache", cause=("scaled_by_batch", "sum_term_missing"))
def log_softmax_mean_for_sum(dout, p):
    return dout - p * dout.mean(axis=-1, keepdims=True)


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


def log_softmax_backward(dout, x):
    return dout - softmax(x) * dout.sum(axis=-1, keepdims=True)


forward_wrong = partial(family.wrong_forward, argument="x", cause=("not_finite", "forward"))


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


@forward_wrong(39, log_softmax_backward, gap_rows, op="log_softmax")
def log_of_softmax(x):
    with np.errstate(divide="ignore"):
        return np.log(softmax(x))


def batch_axis_backward(dout, x):
    return softmax_backward(dout.T, x.T).T


@family.wrong_forward(
    88,
    batch_axis_backward,
    rows,
    op="softmax",
    argument="x",
    cause=("coupled_over_wrong_axis", "convention_static", "convention_reduction", "convention_axis"),
)
def softmax_over_the_batch(x):
    return softmax(x.T).T
