"""Smooth activations, as students and kernel authors write their slopes (catalogue 41 to 46, 53, 54)."""

import math
from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("activations")

hidden = sized(((5, 7),), ((48, 96),))


def louder(size, seed):
    return (1.8 * hidden(size, seed)[0],)


wrong = partial(family.wrong, inputs=hidden, argument="x")
phi = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tanh_keeping_both(x):
    y = np.tanh(x)
    return y, (x, y)


def sigmoid_keeping_both(x):
    y = sigmoid(x)
    return y, {"in": x, "out": y}


def softplus(x):
    return np.logaddexp(0.0, x)


def sharp_softplus(x, beta=3.0):
    return np.logaddexp(0.0, beta * x) / beta


def softsign(x):
    return x / (1 + np.abs(x))


def mish(x):
    return x * np.tanh(softplus(x))


def quick_gelu(x):
    return x * sigmoid(1.702 * x)


def erf_gelu(x):
    return 0.5 * x * (1 + phi(x / math.sqrt(2)))


def fast_gelu(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    t = np.tanh(inner)
    return 0.5 * x * (1 + t), (x, t)


@wrong(
    42, sigmoid_keeping_both, style="rule", op="sigmoid", cause=("wrong_operand", "local_factor", "derivative_at_input")
)
def sigmoid_with_input_and_output_mixed(saved, g):
    return (g * saved["out"] * (1 - saved["in"]),)


@wrong(41, tanh_keeping_both, style="cache", op="tanh", cause=("derivative_at_output", "local_factor"))
def tanh_taken_of_the_saved_output(g, cache):
    _, y = cache
    return g / np.cosh(y) ** 2


@wrong(45, tanh_keeping_both, style="rule", op="tanh", cause=("wrong_derivative", "local_factor"))
def tanh_without_the_square(saved, g):
    return (g * (1 - saved[1]),)


@wrong(43, softplus, op="softplus", cause=("wrong_derivative", "local_factor"))
def softplus_slope_from_the_mirrored_side(dy, x):
    return dy / (1 + np.exp(x))


@wrong(49, sharp_softplus, names=("x",), cause=("static_ignored", "wrong_derivative", "local_factor"))
def softplus_sharpness_left_at_one(dy, x, beta=1.0):
    return dy * sigmoid(beta * x)


@wrong("", softsign, cause=("local_factor", "wrong_derivative"))
def softsign_denominator_not_squared(dy, x):
    return dy / (1 + np.abs(x))


@wrong("", softsign, cause=("local_factor", "wrong_derivative"))
def softsign_denominator_without_absolute_value(dy, x):
    return dy / (1 + x) ** 2


@wrong("", mish, cause=("sum_term_missing", "use_dropped", "local_factor"))
def mish_gate_held_fixed(dy, x):
    return dy * np.tanh(softplus(x))


@wrong("", mish, cause=("sum_term_missing", "local_factor", "derivative_missing"))
def mish_without_the_slope_of_softplus(dy, x):
    t = np.tanh(softplus(x))
    return dy * (t + x * (1 - t * t))


@family.whole(
    "",
    "wrong backward",
    "vjp",
    hidden,
    op="silu",
    argument="x",
    cause=("wrong_operand", "local_factor", "derivative_at_input", "sum_term_missing"),
)
def silu_shortcut_with_x_for_y(x):
    s = sigmoid(x)
    y = x * s
    return y, lambda g: (g * (y + s * (1 - x)),)


@family.whole("", "wrong backward", "vjp", hidden, op="silu", argument="x", cause=("sum_term_missing", "local_factor"))
def silu_second_term_without_x(x):
    s = sigmoid(x)
    return x * s, lambda g: (g * (s + s * (1 - s)),)


@wrong(53, quick_gelu, cause=("approximation_one_side", "wrong_derivative", "local_factor"))
def quick_gelu_with_the_slope_of_the_exact_one(dy, x):
    cdf = 0.5 * (1 + phi(x / math.sqrt(2)))
    return dy * (cdf + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


@wrong(53, erf_gelu, op="gelu", cause=("sum_term_missing", "local_factor"))
def gelu_density_without_its_constant(dy, x):
    cdf = 0.5 * (1 + phi(x / math.sqrt(2)))
    return dy * (cdf + x * np.exp(-0.5 * x * x))


fast = partial(wrong, forward=fast_gelu, style="rule", op="gelu", statics={"approximate": True})


@fast(53, inputs=louder, cause=("sum_term_missing", "local_factor"))
def gelu_cubic_term_differentiated_without_its_three(saved, g):
    x, t = saved
    inner = math.sqrt(2 / math.pi) * (1 + 0.044715 * x**2)
    return (g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner),)


@fast(53, cause=("sum_term_missing", "use_dropped", "local_factor"))
def gelu_gate_held_fixed(saved, g):
    _, t = saved
    return (g * 0.5 * (1 + t),)


@wrong("", lambda x: -np.logaddexp(0.0, -x), op="log_sigmoid", cause=("wrong_derivative", "local_factor"))
def log_sigmoid_with_the_unmirrored_slope(dy, x):
    return dy * sigmoid(x)


@wrong("", lambda x: np.exp(-(x**2)), cause="local_factor")
def bell_without_the_inner_x(dy, x):
    return -2 * dy * np.exp(-(x**2))


@wrong("", lambda x: np.sin(3.0 * x), cause=("scaled_by_static", "scaled"))
def sine_layer_frequency_forgotten(dy, x, omega=3.0):
    return dy * np.cos(omega * x)


@wrong("", lambda x: 1.7159 * np.tanh(2 * x / 3), cause=("scaled", "scaled_by_static"))
def lecun_tanh_without_the_inner_slope(dy, x):
    return dy * 1.7159 * (1 - np.tanh(2 * x / 3) ** 2)


@wrong("", lambda x: x - np.tanh(x), cause=("wrong_derivative", "local_factor"))
def tanhshrink_with_the_slope_of_tanh(dy, x):
    return dy * (1 - np.tanh(x) ** 2)


@wrong(
    "",
    lambda x: x + np.sin(2 * x) ** 2 / 2,
    cause=("skip_dropped", "use_dropped", "sum_term_missing", "wrong_derivative", "local_factor"),
)
def snake_without_its_straight_part(dy, x):
    return dy * np.sin(4 * x)


@wrong("", np.arctan, names=("x",), cause=("wrong_derivative", "local_factor"))
def arctan_square_of_the_sum(dy, x):
    return dy / (1 + np.abs(x)) ** 2


@wrong(109, tanh_keeping_both, style="rule", op="tanh", cause="downcast")
def tanh_saved_in_half_precision(saved, g):
    y = saved[1].astype(np.float16).astype(float)
    return (g * (1 - y * y),)


@family.whole(109, "wrong backward", "layer", hidden, op="sigmoid", argument="x", cause=("wrong_dtype", "downcast"))
class SigmoidWithASinglePrecisionBuffer:
    def forward(self, x):
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy):
        grad = np.empty(self.y.shape, dtype=np.float32)
        np.multiply(dy, self.y * (1 - self.y), out=grad, casting="same_kind")
        return grad


@wrong("", np.tanh, names=("x",), op="tanh", cause=("not_linear", "clipped"))
def tanh_with_a_clipped_upstream(dy, x):
    return np.clip(dy, -0.5, 0.5) * (1 - np.tanh(x) ** 2)


@family.whole(
    27,
    "wrong backward",
    "torch",
    hidden,
    op="sigmoid",
    names=("x",),
    argument="x",
    cause=("derivative_twice", "local_factor"),
)
def torch_sigmoid_slope_saved_and_applied_again():
    import torch

    class Sigmoid(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.sigmoid(x)
            ctx.save_for_backward(y, y * (1 - y))
            return y

        @staticmethod
        def backward(ctx, *grads):
            y, slope = ctx.saved_tensors
            return grads[0] * slope * y * (1 - y)

    return Sigmoid
