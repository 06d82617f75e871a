"""mistakes in softmax and log-softmax (catalogue 32 to 39)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("softmax")

scores = sized(((3, 5),), ((64, 40),))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@family.whole(
    32, "wrong backward", "layer", scores, op="softmax", argument="z", cause=("diagonal_only", "sum_term_missing")
)
class Softmax:
    def forward(self, z):
        self.a = softmax(z)
        return self.a

    def backward(self, da):
        return da * self.a * (1 - self.a)


@family.wrong(33, softmax, scores, op="softmax", names=("x",), argument="x", cause=("identity", "derivative_missing"))
def delta_straight_through(delta, x):
    return delta.copy()


@family.whole(34, "wrong backward", "vjp", scores, op="softmax", argument="x", cause="scaled_by_two")
def jacobian_of_each_row_added_to_its_transpose(x):
    p = softmax(x)

    def pullback(g):
        rows = []
        for row, up in zip(p, g, strict=True):
            jacobian = np.diag(row) - np.outer(row, row)
            rows.append((jacobian + jacobian.T) @ up)
        return (np.array(rows),)

    return p, pullback


def log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    out = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return out, out


@family.wrong(
    37, log_softmax, scores, style="rule", op="log_softmax", argument="x", cause=("sum_term_missing", "not_linear")
)
def probability_without_the_sum(log_p, dy):
    return dy - np.exp(log_p)


@family.wrong(
    38, log_softmax, scores, style="cache", op="log_softmax", argument="x", cause=("diagonal_only", "sum_term_missing")
)
def probability_times_its_own_upstream(grad, output):
    return grad - np.exp(output) * grad


@family.whole(
    88,
    "wrong backward",
    "torch",
    scores,
    names=("x",),
    argument="x",
    cause=("coupled_over_wrong_axis", "static_ignored", "sum_term_missing"),
)
def softmax_summed_over_dim_zero():
    import torch

    class RowSoftmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.softmax(x, dim=1)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, *grad_outputs):
            (dy,) = grad_outputs
            (y,) = ctx.saved_tensors
            return y * (dy - (dy * y).sum(dim=0, keepdim=True))

    return RowSoftmax


square = sized(((5, 5),), ((40, 40),))


@family.wrong(
    32,
    lambda x: softmax(x, axis=1),
    square,
    argument="x",
    cause=("coupled_over_wrong_axis", "sum_term_missing"),
)
def row_sums_broadcast_as_columns(dout, x):
    y = softmax(x, axis=1)
    return y * (dout - np.sum(dout * y, axis=1))


def huge(size, seed):
    (x,) = normal(seed, (3, 5) if size == "small" else (64, 40))
    x[1] += 800
    return (x,)


@family.wrong(36, softmax, huge, names=("x",), argument="x", cause="not_finite")
def recomputed_without_the_shift(g, x):
    with np.errstate(all="ignore"):
        e = np.exp(x)
        p = e / e.sum(axis=-1, keepdims=True)
        return p * (g - (g * p).sum(axis=-1, keepdims=True))


def one_row_far_below(size, seed):
    (x,) = normal(seed, (4, 3) if size == "small" else (50, 20))
    x[-1] -= 1e4
    return (x,)


@family.whole(35, "wrong backward", "layer", one_row_far_below, argument="logits", cause="not_finite")
class LogSoftmaxShiftedByTheGlobalMaximum:
    def forward(self, logits):
        self.logits = logits
        m = np.max(logits, axis=1, keepdims=True)
        return logits - m - np.log(np.sum(np.exp(logits - m), axis=1, keepdims=True))

    def backward(self, grad_output):
        e = np.exp(self.logits - np.max(self.logits))
        with np.errstate(invalid="ignore"):
            p = e / np.sum(e, axis=1, keepdims=True)
        return grad_output - p * grad_output.sum(axis=1, keepdims=True)
