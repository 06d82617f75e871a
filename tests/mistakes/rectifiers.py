"""Mistakes in rectifiers and in GELU, softplus, ELU and SiLU (catalogue 43 to 54)."""

from functools import partial

import numpy as np

from .activations import away_from_zero, erf_of, matrix, relu, sigmoid
from .case import Family, normal

family = Family("activations")
wrong = partial(family.wrong, inputs=matrix, argument="x")


kinked = partial(wrong, inputs=away_from_zero)
relu_wrong = partial(kinked, forward=relu, op="relu")


@relu_wrong(47, cause="not_linear")
def relu_mask_from_upstream(dout, x):
    return np.where(dout > 0, dout, 0)


@family.whole(
    48, "wrong backward", "layer", away_from_zero, op="relu", argument="x", cause=("mask_missing", "identity")
)
class ReluMaskFromOutputAtLeastZero:
    def forward(self, x):
        self.out = np.maximum(0, x)
        return self.out

    def backward(self, dout):
        return dout * (self.out >= 0)


@relu_wrong(43, cause="mask_wrong")
def relu_mask_inverted(dout, x):
    return dout * (x < 0)


@relu_wrong(19, cause="ignores_cotangent")
def relu_step_instead_of_product(dout, x):
    return (x > 0).astype(float)


@relu_wrong(43, cause=("wrong_derivative", "local_factor"))
def relu_times_its_output(dout, x):
    return dout * relu(x)


@relu_wrong(43, cause="zero")
def relu_gradient_zero(dout, x):
    dx = np.zeros_like(x)
    dx[x < 0] = 0
    return dx


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


leaky_wrong = partial(kinked, forward=leaky, op="leaky_relu", statics={"negative_slope": 0.1})


@leaky_wrong(49, cause=("static_ignored", "mask_missing", "entries_not_written"))
def leaky_slope_missing(dout, x):
    return dout * (x > 0)


@leaky_wrong(49, cause=("static_ignored", "identity"))
def leaky_slope_one(dout, x):
    return dout * np.where(x > 0, 1, 1)


@leaky_wrong(49, cause="static_ignored")
def leaky_slope_by_default(dout, x):
    return dout * np.where(x > 0, 1, 0.01)


def leaky_down(x):
    out = np.where(x > 0, x, -0.5 * x)
    return out, out


@kinked(50, leaky_down, style="cache", op="leaky_relu", statics={"negative_slope": -0.5}, cause="mask_wrong")
def leaky_mask_from_the_output(dout, out):
    return dout * np.where(out > 0, 1, -0.5)


@family.impure(51, relu, away_from_zero, op="relu", argument="x", cause="cotangent_changed")
def relu_clears_upstream(dout, x):
    dout[x <= 0] = 0
    return dout


@family.whole(51, "impure", "layer", away_from_zero, op="relu", argument="x", cause="cotangent_changed")
class ReluInPlace:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


@family.impure(
    51, lambda x: np.maximum(x, 0, out=x), away_from_zero, names=("x",), op="relu", argument="x", cause="input_changed"
)
def relu_forward_in_place(dout, x):
    return dout * (x > 0)


def gelu(x):
    return x * 0.5 * (1 + erf_of(x / np.sqrt(2)))


def gelu_backward(dout, x):
    return dout * (0.5 * (1 + erf_of(x / np.sqrt(2))) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


gelu_wrong = partial(wrong, forward=gelu, op="gelu")


@gelu_wrong(53, cause="approximation_one_side")
def gelu_backward_by_tanh(dout, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2))


@gelu_wrong(53, cause="approximation_one_side")
def gelu_backward_by_sigmoid(dout, x):
    s = sigmoid(1.702 * x)
    return dout * (s + 1.702 * x * s * (1 - s))


@gelu_wrong(43, cause="sum_term_missing")
def gelu_density_term_missing(dout, x):
    return dout * 0.5 * (1 + erf_of(x / np.sqrt(2)))


def tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@wrong(53, tanh_gelu, op="gelu", statics={"approximate": True}, cause="approximation_one_side")
def tanh_gelu_backward_exact(dout, x):
    return gelu_backward(dout, x)


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


@wrong(54, softplus, inputs=lambda size, seed: (1000 * matrix(size, seed)[0],), op="softplus", cause="not_finite")
def softplus_slope_overflows(dout, x):
    with np.errstate(over="ignore", invalid="ignore"):
        return dout * np.exp(x) / (1 + np.exp(x))


@wrong(45, softplus, op="softplus", cause=("wrong_derivative", "sign"))
def softplus_slope_reflected(dout, x):
    return dout * sigmoid(-x)


def elu(x):
    return np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0)))


@kinked(49, elu, op="elu", statics={"alpha": 1.5}, cause="static_ignored")
def elu_alpha_missing(dout, x):
    return dout * np.where(x > 0, 1, np.exp(x))


@kinked(
    41,
    elu,
    op="elu",
    statics={"alpha": 1.5},
    cause=("derivative_at_output", "sum_term_missing", "isolated_entries", "partly_scaled"),
)
def elu_output_without_alpha(dout, x):
    return dout * np.where(x > 0, 1, elu(x))


def silu(x):
    return x * sigmoid(x), x


silu_wrong = partial(wrong, forward=silu, style="rule", op="silu")


@silu_wrong(43, cause="sum_term_missing")
def silu_second_term_missing(x, cotangent):
    return (cotangent * sigmoid(x),)


@silu_wrong(43, cause=("local_factor", "wrong_derivative", "sum_term_missing"))
def silu_factor_x_missing(x, cotangent):
    s = sigmoid(x)
    return (cotangent * (s + s * (1 - s)),)


def log_sigmoid(x):
    return -softplus(-x)


@wrong(45, log_sigmoid, op="log_sigmoid", cause="wrong_derivative")
def log_sigmoid_slope_reflected(dout, x):
    return dout * sigmoid(x)


@wrong(45, log_sigmoid, op="log_sigmoid", cause="wrong_derivative")
def log_sigmoid_with_the_slope_of_sigmoid(dout, x):
    return dout * sigmoid(x) * (1 - sigmoid(x))


@family.whole(
    41, "wrong backward", "torch", matrix, op="sigmoid", names=("x",), argument="x", cause="derivative_at_output"
)
def torch_sigmoid_slope_of_the_output():
    import torch

    class Sigmoid(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = 1 / (1 + torch.exp(-x))
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, *grad_outputs):
            (g,) = grad_outputs
            (y,) = ctx.saved_tensors
            s = 1 / (1 + torch.exp(-y))
            return g * s * (1 - s)

    return Sigmoid


@family.whole(
    45, "wrong backward", "jax", matrix, op="tanh", names=("x",), argument="x", cause=("wrong_derivative", "sign")
)
def jax_tanh_slope_plus():
    import jax
    import jax.numpy as jnp

    tanh = jax.custom_vjp(jnp.tanh)
    tanh.defvjp(lambda x: (jnp.tanh(x), jnp.tanh(x)), lambda y, g: (g * (1 + y**2),))
    return tanh


forward_wrong = partial(family.wrong_forward, argument="x")


@forward_wrong(
    53,
    lambda dout, x: gelu_tanh_backward(dout, x),
    matrix,
    op="gelu",
    cause=("convention_approximation", "convention_static", "convention_reduction", "convention_axis"),
)
def gelu_approximated_in_both(x):
    return tanh_gelu(x)


def gelu_tanh_backward(dout, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2))


@forward_wrong(
    49,
    lambda dout, x: dout * np.where(x > 0, 1, 0.2),
    away_from_zero,
    op="leaky_relu",
    statics={"negative_slope": 0.1},
    cause=("static_ignored", "forward", "convention_static", "convention_reduction", "convention_axis"),
)
def leaky_slope_of_another_convention(x):
    return np.where(x > 0, x, 0.2 * x)


@forward_wrong(
    54,
    lambda dout, x: dout * np.where(x >= 0, 1, np.exp(-np.abs(x))) / (1 + np.exp(-np.abs(x))),
    lambda size, seed: (1000 * normal(seed, (3, 5))[0],),
    op="softplus",
    cause=("not_finite", "forward"),
)
def softplus_overflows(x):
    with np.errstate(over="ignore"):
        return np.log(1 + np.exp(x))
