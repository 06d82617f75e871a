"""Elementwise functions that overflow, or whose branches differ (catalogue 43 to 54)."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .activations import X, logistic

family = Family("activations")
wrong = partial(family.wrong, inputs=X, argument="x")
whole = partial(family.whole, argument="x")


def far_out(size, seed):
    (x,) = normal(seed, (3, 7) if size == "small" else (48, 90))
    x[0, 1], x[-1, 2] = -760.0, 820.0
    return (x,)


@np.errstate(over="ignore")
def logistic_far_out(x):
    return logistic(x)


@family.wrong(44, logistic_far_out, far_out, argument="x", cause="not_finite")
@np.errstate(all="ignore")
def logistic_slope_overflows(grad, x):
    e = np.exp(-x)
    return grad * e / (1 + e) ** 2


@whole(54, "wrong backward", "jax", far_out, op="softplus", names=("x",), cause="not_finite")
def jax_softplus_slope_overflows():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def softplus(x):
        return jnp.logaddexp(x, 0.0)

    softplus.defvjp(lambda x: (softplus(x), x), lambda x, g: (g * jnp.exp(x) / (1 + jnp.exp(x)),))
    return softplus


@whole(54, "wrong backward", "layer", far_out, op="elu", cause="not_finite")
class EluBlendsItsBranches:
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))

    def backward(self, dout):
        up = (self.x > 0).astype(float)
        with np.errstate(all="ignore"):
            return dout * (up + (1 - up) * np.exp(self.x))


def elu_forward(x):
    out = np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0)))
    return out, (x, out)


@wrong(
    54,
    elu_forward,
    style="cache",
    op="elu",
    statics={"alpha": 0.7},
    cause=("sum_term_missing", "wrong_derivative", "local_factor"),
)
def elu_slope_without_alpha_added(dout, cache):
    x, out = cache
    return dout * np.where(x > 0, 1, out)


@whole(43, "wrong backward", "torch", X, op="silu", names=("x",), cause=("sum_term_missing", "local_factor"))
def torch_swish_without_its_second_term():
    import torch

    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            s = torch.sigmoid(x)
            ctx.save_for_backward(s)
            return x * s

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad,) = grad_outputs
            (s,) = ctx.saved_tensors
            return grad * s

    return Swish


@wrong(45, lambda x: x / (1 + np.abs(x)), cause=("wrong_derivative", "local_factor"))
def softsign_slope_not_squared(dout, x):
    return dout / (1 + np.abs(x))


def wide(size, seed):
    (x,) = X(size, seed)
    x[1, ::3] = np.abs(x[1, ::3]) + 1.5
    return (6 * x,)


@family.wrong(
    48,
    lambda x: np.clip(x, 0, 6),
    wide,
    argument="x",
    cause=("mask_missing", "mask_wrong", "wrong_derivative"),
)
def relu6_open_above(dout, x):
    return dout * (x > 0)


@whole(49, "wrong backward", "vjp", X, cause=("static_ignored", "local_factor"))
def softplus_forgets_beta(x):
    beta = 1.9
    return np.log1p(np.exp(beta * x)) / beta, lambda g: (g * logistic(x),)
