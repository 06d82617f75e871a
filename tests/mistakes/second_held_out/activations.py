"""mistakes in sigmoid, tanh and what is made of them (catalogue 41 to 46, 53, 54)."""

import math

import numpy as np

from ..case import Family, sized

family = Family("activations")

matrix = sized(((4, 5),), ((64, 40),))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@family.whole(
    41, "wrong backward", "layer", matrix, op="sigmoid", argument="x", cause=("derivative_at_output", "local_factor")
)
class SigmoidNeuron:
    def forward(self, x):
        self.activation = sigmoid(x)
        return self.activation

    def derivative(self, z):
        return sigmoid(z) * (1 - sigmoid(z))

    def backward(self, error):
        return error * self.derivative(self.activation)


@family.whole(
    41, "wrong backward", "vjp", matrix, op="tanh", argument="u", cause=("derivative_at_output", "local_factor")
)
def transfer_function_of_the_output(u):
    out = np.tanh(u)
    return out, lambda g: (g / np.cosh(out) ** 2,)


@family.wrong(42, sigmoid, matrix, op="sigmoid", argument="x", cause=("derivative_at_input", "local_factor"))
def x_times_one_minus_x(dy, x):
    return dy * x * (1.0 - x)


@family.whole(
    46,
    "wrong backward",
    "torch",
    matrix,
    names=("input",),
    op="tanh",
    argument="input",
    cause=("derivative_at_input", "local_factor"),
)
def tanh_saved_its_input():
    import torch

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input):
            ctx.save_for_backward(input)
            return torch.tanh(input)

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad_output,) = grad_outputs
            (result,) = ctx.saved_tensors
            return grad_output * (1 - result.pow(2))

    return Tanh


def tanh(x):
    y = np.tanh(x)
    return y, y


@family.wrong(45, tanh, matrix, style="rule", argument="x", cause=("wrong_derivative", "local_factor"))
def tanh_is_its_own_derivative(y, grad):
    return grad * y


@family.wrong(45, tanh, matrix, style="cache", op="tanh", argument="x", cause=("wrong_derivative", "local_factor"))
def one_plus_the_square(dout, out):
    return dout * (1 + out**2)


def far_out(size, seed):
    x = np.linspace(-3, 3, 20 if size == "small" else 1000).reshape(4, -1)
    x[2] -= 900
    return (x,)


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@family.wrong(44, stable_sigmoid, far_out, argument="x", cause="not_finite")
def exponential_over_its_square(dy, x):
    with np.errstate(all="ignore"):
        e = np.exp(-x)
        return dy * e / (1 + e) ** 2


@family.wrong(
    54, lambda x: np.logaddexp(0, x), lambda size, seed: (-far_out(size, seed)[0],), argument="x", cause="not_finite"
)
def softplus_slope_by_the_exponential(dy, x):
    with np.errstate(all="ignore"):
        return dy * np.exp(x) / (np.exp(x) + 1)


def log_sigmoid(x):
    return -np.logaddexp(0, -x), x


@family.wrong(
    45, log_sigmoid, matrix, style="rule", op="log_sigmoid", argument="x", cause=("wrong_derivative", "local_factor")
)
def log_sigmoid_with_the_slope_of_softplus(x, g):
    return g * sigmoid(x)


def erf(x):
    return np.vectorize(math.erf)(x)


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


@family.wrong(
    53, gelu, matrix, op="gelu", argument="x", cause=("approximation_one_side", "wrong_derivative", "local_factor")
)
def gelu_gradient_of_the_tanh_form(grad_output, x):
    k = math.sqrt(2 / math.pi)
    t = np.tanh(k * (x + 0.044715 * x**3))
    left = 0.5 * (1 + t)
    right = 0.5 * x * (1 - t**2) * k * (1 + 3 * 0.044715 * x**2)
    return grad_output * (left + right)


@family.whole(
    53,
    "wrong backward",
    "layer",
    matrix,
    argument="x",
    cause=("approximation_one_side", "wrong_derivative", "local_factor"),
)
class NewGelu:
    """The forward of GPT-2, and the exact derivative."""

    def forward(self, x):
        self.x = x
        return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * np.power(x, 3.0))))

    def backward(self, dout):
        cdf = 0.5 * (1 + erf(self.x / np.sqrt(2)))
        pdf = np.exp(-0.5 * self.x**2) / np.sqrt(2 * np.pi)
        return dout * (cdf + self.x * pdf)


@family.whole(
    53,
    "wrong backward",
    "vjp",
    matrix,
    op="gelu",
    argument="h",
    cause=("approximation_one_side", "wrong_derivative", "local_factor"),
)
def gelu_with_quick_gradient(h):
    def grad(g):
        s = sigmoid(1.702 * h)
        return (g * (s + 1.702 * h * s * (1 - s)),)

    return h * (1 + erf(h / 2**0.5)) / 2, grad


def swish(x):
    s = sigmoid(x)
    return x * s, (x, s)


@family.wrong(
    43, swish, matrix, style="cache", op="silu", argument="x", cause=("sum_term_missing", "local_factor", "use_dropped")
)
def swish_gate_as_constant(dout, cache):
    _, gate = cache
    return dout * gate


def glu(a, b):
    return a * sigmoid(b)


@family.wrong(
    43, glu, sized(((4, 5), (4, 5)), ((64, 40), (64, 40))), argument="b", cause=("derivative_missing", "local_factor")
)
def gate_slope_not_applied(grad, a, b):
    return grad * sigmoid(b), grad * a


@family.whole(
    43,
    "wrong backward",
    "network",
    sized(((6, 4), (6, 2), (4, 5), (5,), (5, 2), (2,)), ((50, 20), (50, 3), (20, 32), (32,), (32, 3), (3,))),
    inputs_of_layer=2,
    gradients={"w_h": "w_h", "b_h": "b_h", "w_o": "w_o", "b_o": "b_o"},
    argument="w_h b_h",
    cause="derivative_missing",
)
class HiddenUnits:
    def __init__(self, w_h, b_h, w_o, b_o):
        self.w_h, self.b_h, self.w_o, self.b_o = w_h, b_h, w_o, b_o

    def loss(self, x, y):
        self.h = sigmoid(x @ self.w_h + self.b_h)
        self.error = self.h @ self.w_o + self.b_o - y
        return np.mean(np.sum(self.error**2, axis=1) / 2)

    def gradient(self, x, y):
        self.loss(x, y)
        d_o = self.error / len(x)
        d_h = d_o @ self.w_o.T
        return {"w_o": self.h.T @ d_o, "b_o": d_o.sum(0), "w_h": x.T @ d_h, "b_h": d_h.sum(0)}
