"""Activations: elementwise functions of one array, and softmax along an axis.

What each takes, returns and refuses stands with its twin in functional_nn/activations.py.
"""

import math
from numbers import Integral

import numpy as np

from reference._checks import as_floating, as_number, quiet, require, require_flag, require_hashable
from reference._gates import normal_gate, tanh_gate


def sigmoid(x):
    """The logistic function, which maps the real line onto the interval from 0 to 1.

    y = 1 / (1 + exp(-x)). By the quotient rule y' = exp(-x) / (1 + exp(-x))^2, which is y (1 - y).
    Residuals: the output. Derivation: docs/derivations/activations.md.
    """
    return sigmoid_fwd(x)[0]


@quiet
def sigmoid_fwd(x):
    x = as_floating("sigmoid", "x", x)
    # For negative x multiplied above and below by exp(x): so exp is only taken of -|x|, and cannot overflow.
    shrunk = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, shrunk) / (1 + shrunk)
    return out, (out,)


@quiet
def sigmoid_bwd(residuals, cotangent):
    (out,) = residuals
    return (cotangent * out * (1 - out),)


def log_sigmoid(x):
    """The logarithm of the logistic function.

    y = -log(1 + exp(-x)), so that y' = exp(-x) / (1 + exp(-x)) = sigmoid(-x).
    Residuals: the slope. Derivation: docs/derivations/activations.md.
    """
    return log_sigmoid_fwd(x)[0]


@quiet
def log_sigmoid_fwd(x):
    x = as_floating("log_sigmoid", "x", x)
    return -np.logaddexp(0, -x), (sigmoid(-x),)


@quiet
def log_sigmoid_bwd(residuals, cotangent):
    (slope,) = residuals
    return (cotangent * slope,)


def tanh(x):
    """The hyperbolic tangent, which maps the real line onto the interval from -1 to 1.

    y = sinh(x) / cosh(x), and each is the other's derivative, so that y' = (cosh^2 - sinh^2) / cosh^2 = 1 - y^2.
    Residuals: the output. Derivation: docs/derivations/activations.md.
    """
    return tanh_fwd(x)[0]


@quiet
def tanh_fwd(x):
    x = as_floating("tanh", "x", x)
    out = np.tanh(x)
    return out, (out,)


@quiet
def tanh_bwd(residuals, cotangent):
    (out,) = residuals
    return (cotangent * (1 - out**2),)


def relu(x):
    """The rectified linear unit: x where it is positive, and 0 elsewhere.

    The slope is 1 where x > 0 and 0 where x < 0; at the kink it is taken from the left, 0.
    Residuals: where x is positive. Derivation: docs/derivations/activations.md.
    """
    return relu_fwd(x)[0]


@quiet
def relu_fwd(x):
    x = as_floating("relu", "x", x)
    return np.maximum(x, 0), (x > 0,)


@quiet
def relu_bwd(residuals, cotangent):
    (positive,) = residuals
    return (np.where(positive, cotangent, 0),)


def leaky_relu(x, *, negative_slope=0.01):
    """The rectified linear unit that lets negative values through, scaled by a slope.

    The slope is 1 where x > 0, else negative_slope, at the kink as well.
    Residuals: the slope of every element. Derivation: docs/derivations/activations.md.
    """
    return leaky_relu_fwd(x, negative_slope=negative_slope)[0]


@quiet
def leaky_relu_fwd(x, *, negative_slope=0.01):
    x = as_floating("leaky_relu", "x", x)
    negative_slope = _finite("leaky_relu", "negative_slope", negative_slope)
    slope = np.where(x > 0, 1, negative_slope).astype(x.dtype)
    return x * slope, (slope,)


@quiet
def leaky_relu_bwd(residuals, cotangent):
    (slope,) = residuals
    return (cotangent * slope,)


def elu(x, *, alpha=1.0):
    """The exponential linear unit: x where it is positive, and an exponential that levels off at -alpha elsewhere.

    y = alpha (exp(x) - 1) where x <= 0, with the slope alpha exp(x); elsewhere y = x, with the slope 1.
    Residuals: the slope of every element. Derivation: docs/derivations/activations.md.
    """
    return elu_fwd(x, alpha=alpha)[0]


@quiet
def elu_fwd(x, *, alpha=1.0):
    x = as_floating("elu", "x", x)
    alpha = _finite("elu", "alpha", alpha, least=0.0)
    negative = np.minimum(x, 0)
    out = np.where(x > 0, x, alpha * np.expm1(negative))
    slope = np.where(x > 0, 1, alpha * np.exp(negative))
    return out.astype(x.dtype), (slope.astype(x.dtype),)


@quiet
def elu_bwd(residuals, cotangent):
    (slope,) = residuals
    return (cotangent * slope,)


def softplus(x):
    """The smooth form of relu, whose derivative is the logistic function.

    y = log(1 + exp(x)), so that y' = exp(x) / (1 + exp(x)) = sigmoid(x).
    Residuals: the slope. Derivation: docs/derivations/activations.md.
    """
    return softplus_fwd(x)[0]


@quiet
def softplus_fwd(x):
    x = as_floating("softplus", "x", x)
    return np.logaddexp(0, x), (sigmoid(x),)


@quiet
def softplus_bwd(residuals, cotangent):
    (slope,) = residuals
    return (cotangent * slope,)


def silu(x):
    """The sigmoid linear unit, also called swish: x weighted by its own logistic function.

    y = x s with s = sigmoid(x), whose derivative is s (1 - s). By the product rule y' = s + x s (1 - s).
    Residuals: x and s, the gate. Derivation: docs/derivations/activations.md.
    """
    return silu_fwd(x)[0]


@quiet
def silu_fwd(x):
    x = as_floating("silu", "x", x)
    gate = sigmoid(x)
    return x * gate, (x, gate)


@quiet
def silu_bwd(residuals, cotangent):
    x, gate = residuals
    return (cotangent * (gate + x * gate * (1 - gate)),)


def gelu(x, *, approximate=False):
    """The Gaussian error linear unit: x weighted by the probability that a standard normal variable is below x.

    y = x Phi(x), and Phi' is the density phi, so that by the product rule y' = Phi(x) + x phi(x).
    Residuals: x; Phi(x), the gate; and phi(x), the gate's slope. Derivation: docs/derivations/activations.md.
    """
    return gelu_fwd(x, approximate=approximate)[0]


@quiet
def gelu_fwd(x, *, approximate=False):
    x = as_floating("gelu", "x", x)
    require_flag("gelu", "approximate", approximate)
    gate, gate_slope = tanh_gate(x) if approximate else normal_gate(x)
    return (x * gate).astype(x.dtype), (x, gate, gate_slope)


@quiet
def gelu_bwd(residuals, cotangent):
    x, gate, gate_slope = residuals
    x_ct = cotangent * (gate + x * gate_slope)
    return (x_ct.astype(x.dtype),)


def softmax(x, *, axis=-1):
    """Turns scores into probabilities: positive, of sum 1 along the axis, and the larger the score the larger.

    p_i = exp(x_i) / sum_j exp(x_j), so that dp_i/dx_k = p_i ([i = k] - p_k), and x_ct = p (ct - sum_i p_i ct_i).
    Residuals: the output p, and the axis. Derivation: docs/derivations/activations.md.
    """
    return softmax_fwd(x, axis=axis)[0]


@quiet
def softmax_fwd(x, *, axis=-1):
    x = as_floating("softmax", "x", x)
    axis = _axis_of("softmax", x, axis)
    # Less the largest score: the quotient is the same, and no exponential is above 1.
    raised = np.exp(x - np.max(x, axis, keepdims=True))
    out = raised / np.sum(raised, axis, keepdims=True)
    return out, (out, axis)


@quiet
def softmax_bwd(residuals, cotangent):
    out, axis = residuals
    mean_ct = np.sum(out * cotangent, axis, keepdims=True)
    return (out * (cotangent - mean_ct),)


def log_softmax(x, *, axis=-1):
    """The logarithm of softmax.

    y_i = x_i - log sum_j exp(x_j), so that dy_i/dx_k = [i = k] - p_k with p = softmax(x), and x_ct = ct - p sum_i ct_i.
    Residuals: p, and the axis. Derivation: docs/derivations/activations.md.
    """
    return log_softmax_fwd(x, axis=axis)[0]


@quiet
def log_softmax_fwd(x, *, axis=-1):
    x = as_floating("log_softmax", "x", x)
    axis = _axis_of("log_softmax", x, axis)
    shifted = x - np.max(x, axis, keepdims=True)
    out = shifted - np.log(np.sum(np.exp(shifted), axis, keepdims=True))
    return out, (np.exp(out), axis)


@quiet
def log_softmax_bwd(residuals, cotangent):
    probabilities, axis = residuals
    return (cotangent - probabilities * np.sum(cotangent, axis, keepdims=True),)


def step(x):
    """The step function of the perceptron: 1 where x is positive, and 0 elsewhere.

    The slope is 0 wherever there is one; at the jump 0 is taken for it, too.
    Residuals: none. Derivation: docs/derivations/activations.md.
    """
    return step_fwd(x)[0]


@quiet
def step_fwd(x):
    x = as_floating("step", "x", x)
    return np.heaviside(x, 0), ()


@quiet
def step_bwd(residuals, cotangent):
    return (np.zeros_like(cotangent),)


def _finite(op, name, value, least=-math.inf):
    rule = "be a finite number" + (f", at least {least:g}" if math.isfinite(least) else "")
    return as_number(op, name, value, rule, lambda number: math.isfinite(number) and number >= least)


def _axis_of(op, x, axis):
    require_hashable(op, "axis", axis)
    legal = isinstance(axis, Integral) and -x.ndim <= axis < x.ndim
    require(legal, op, "axis must be one of the axes of x", f"axis={axis!r}, x.shape={x.shape}")
    require(x.shape[axis] > 0, op, "axis must have at least one entry", f"axis={axis}, x.shape={x.shape}")
    return int(axis)
