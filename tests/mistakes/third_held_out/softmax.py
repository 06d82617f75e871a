"""Mistakes in softmax and log-softmax (catalogue 31 to 40), written from the catalogue alone."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("softmax")
X = sized(((3, 7),), ((40, 60),))
wrong = partial(family.wrong, inputs=X, argument="x")


def soft(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_soft(x):
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@family.whole(32, "wrong backward", "layer", X, op="softmax", argument="x", cause="diagonal_only")
class SoftmaxLikeASigmoid:
    def forward(self, x):
        self.out = soft(x)
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


@family.whole(
    33,
    "wrong backward",
    "torch",
    X,
    op="softmax",
    names=("x",),
    argument="x",
    cause=("identity", "derivative_missing"),
)
def torch_softmax_passes_through():
    import torch

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.softmax(x, dim=1)

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad,) = grad_outputs
            return grad.clone()

    return Softmax


@family.whole(34, "wrong backward", "vjp", X, op="softmax", argument="x", cause="scaled_by_two")
def softmax_counts_its_jacobian_twice(x):
    p = soft(x)

    def pullback(g):
        jacobian = np.einsum("ni,ij->nij", p, np.eye(x.shape[1])) - np.einsum("ni,nj->nij", p, p)
        return np.einsum("nij,ni->nj", jacobian + jacobian.transpose(0, 2, 1), g)

    return p, pullback


@family.whole(
    37,
    "wrong backward",
    "jax",
    X,
    op="log_softmax",
    names=("x",),
    argument="x",
    cause=("sum_term_missing", "not_linear"),
)
def jax_log_softmax_for_a_cotangent_of_sum_one():
    import jax

    logp = jax.custom_vjp(lambda x: jax.nn.log_softmax(x, axis=-1))
    logp.defvjp(lambda x: (jax.nn.log_softmax(x), jax.nn.softmax(x)), lambda p, g: (g - p,))
    return logp


def log_softmax_forward(x):
    out = log_soft(x)
    return out, out


@wrong(38, log_softmax_forward, style="cache", op="log_softmax", cause=("diagonal_only", "sum_term_missing"))
def log_softmax_entry_by_entry(dout, logp):
    return dout - np.exp(logp) * dout


@wrong(37, log_softmax_forward, style="cache", op="log_softmax", cause=("sum_term_missing", "wrong_operand"))
def log_softmax_weighted_by_the_logarithm(dout, logp):
    return dout - logp * dout.sum(-1, keepdims=True)


@wrong(37, log_softmax_forward, style="cache", op="log_softmax", cause="sum_term_missing")
def log_softmax_sum_without_its_weights(dout, logp):
    return dout - dout.sum(-1, keepdims=True)


def softmax_fwd(x):
    p = soft(x)
    return p, p


rule = partial(wrong, forward=softmax_fwd, style="rule", op="softmax")


@rule(31, cause=("coupled_over_wrong_axis", "static_ignored"))
def softmax_sums_down_the_batch(p, g):
    return (p * (g - (p * g).sum(axis=0)),)


@rule(38, cause="sum_term_missing")
def softmax_subtracts_the_mean(p, g):
    return (p * (g - (p * g).mean(axis=-1, keepdims=True)),)


@rule(38, cause=("diagonal_only", "sum_term_missing"))
def softmax_only_weighs(p, g):
    return (p * g,)


@rule(38, cause="sum_term_missing")
def softmax_subtracts_an_unweighted_sum(p, g):
    return (p * (g - g.sum(axis=-1, keepdims=True)),)


@wrong(91, lambda x: soft(x), op="softmax", cause=("entries_not_written", "samples_missing"))
def softmax_loop_one_row_short(dout, x):
    p, dx = soft(x), np.zeros_like(x)
    for i in range(1, len(x)):
        jacobian = np.diag(p[i]) - np.outer(p[i], p[i])
        dx[i] = jacobian @ dout[i]
    return dx


@wrong(75, lambda x: soft(x), op="softmax", cause="one_sample_repeated")
def softmax_loop_fills_every_row(dout, x):
    p, dx = soft(x), np.empty_like(x)
    for i in range(len(x)):
        dx[:] = (np.diag(p[i]) - np.outer(p[i], p[i])) @ dout[i]
    return dx
