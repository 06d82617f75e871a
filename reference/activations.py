"""Activations: elementwise functions of one array, and softmax along an axis."""

import math
from numbers import Integral

import numpy as np

from reference._checks import as_floating, as_number, quiet, require, require_flag, require_hashable
from reference._numerics import exponentials, like, normal_cdf, normal_pdf


def sigmoid(x):
    """The logistic function, which maps the real line onto the interval from 0 to 1.

    sigmoid(x) = 1 / (1 + exp(-x)), and sigmoid'(x) = sigmoid(x) sigmoid(-x).

    Stable because exp is only taken of -|x|; the derivative uses sigmoid(-x) for 1 - sigmoid(x), which would cancel.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Saito, Deep Learning from Scratch, sections 3.2 and 5.5.1; docs/derivations/activations.md.
    """
    return sigmoid_fwd(x)[0]


@quiet
def sigmoid_fwd(x):
    x = as_floating("sigmoid", "x", x)
    shrunk = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, shrunk) / (1 + shrunk)
    complement = np.where(x >= 0, shrunk, 1) / (1 + shrunk)
    return like(x, out), (out, complement)


@quiet
def sigmoid_bwd(residuals, cotangent):
    out, complement = residuals
    return (like(cotangent, cotangent * out * complement),)


def log_sigmoid(x):
    """The logarithm of the logistic function.

    log_sigmoid(x) = -log(1 + exp(-x)) = min(x, 0) - log1p(exp(-|x|)), and its derivative is sigmoid(-x).

    Stable because sigmoid(x), which underflows, is never formed, and both terms have the same sign.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Goodfellow et al., Deep Learning, section 3.10; docs/derivations/activations.md.
    """
    return log_sigmoid_fwd(x)[0]


@quiet
def log_sigmoid_fwd(x):
    x = as_floating("log_sigmoid", "x", x)
    shrunk = np.exp(-np.abs(x))
    complement = np.where(x >= 0, shrunk, 1) / (1 + shrunk)
    return like(x, np.minimum(x, 0) - np.log1p(shrunk)), (complement,)


@quiet
def log_sigmoid_bwd(residuals, cotangent):
    (complement,) = residuals
    return (like(cotangent, cotangent * complement),)


def tanh(x):
    """The hyperbolic tangent, which maps the real line onto the interval from -1 to 1.

    tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), and tanh'(x) = 1 - tanh(x)^2 = 4 sigmoid(2x) sigmoid(-2x).

    The second form of the derivative is the accurate one: 1 - tanh(x)^2 cancels where tanh saturates.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Goodfellow et al., Deep Learning, section 6.3.2; docs/derivations/activations.md.
    """
    return tanh_fwd(x)[0]


@quiet
def tanh_fwd(x):
    x = as_floating("tanh", "x", x)
    return like(x, np.tanh(x)), (x,)


@quiet
def tanh_bwd(residuals, cotangent):
    (x,) = residuals
    shrunk = np.exp(-2 * np.minimum(np.abs(x), 400))
    return (like(cotangent, cotangent * (4 * shrunk / (1 + shrunk) ** 2)),)


def relu(x):
    """The rectified linear unit: x where it is positive, and 0 elsewhere.

    relu(x) = max(x, 0), and relu'(x) = 1 where x > 0, else 0.

    At the kink relu'(0) = 0, as in the book and in PyTorch, so that a unit at rest learns nothing. NaN stays NaN.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Saito, Deep Learning from Scratch, sections 3.2.7 and 5.5.1; docs/derivations/activations.md.
    """
    return relu_fwd(x)[0]


@quiet
def relu_fwd(x):
    x = as_floating("relu", "x", x)
    return like(x, np.maximum(x, 0)), (x > 0,)


@quiet
def relu_bwd(residuals, cotangent):
    (positive,) = residuals
    return (like(cotangent, np.where(positive, cotangent, 0)),)


def leaky_relu(x, *, negative_slope=0.01):
    """The rectified linear unit that lets negative values through, scaled by a slope.

    leaky_relu(x) = x where x > 0, else negative_slope * x; the derivative is 1 or negative_slope.

    At the kink the derivative is negative_slope, the left one, so that a slope of 0 is relu in its gradient too.
    The side is read from x, never from the output, whose sign a negative slope turns over.

    Args: x, any shape, a floating dtype; negative_slope, a finite number. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for any other negative_slope.
    References: Maas, Hannun and Ng, Rectifier nonlinearities, ICML 2013; docs/derivations/activations.md.
    """
    return leaky_relu_fwd(x, negative_slope=negative_slope)[0]


@quiet
def leaky_relu_fwd(x, *, negative_slope=0.01):
    x = as_floating("leaky_relu", "x", x)
    slope = _finite("leaky_relu", "negative_slope", negative_slope)
    slopes = np.where(x > 0, 1.0, slope)
    return like(x, np.where(x > 0, x, slope * x)), (slopes,)


@quiet
def leaky_relu_bwd(residuals, cotangent):
    (slopes,) = residuals
    return (like(cotangent, cotangent * slopes),)


def elu(x, *, alpha=1.0):
    """The exponential linear unit: x where it is positive, and an exponential that levels off at -alpha elsewhere.

    elu(x) = x where x > 0, else alpha (exp(x) - 1); the derivative is 1, or alpha exp(x).

    Stable because expm1 keeps the digits of exp(x) - 1 near 0, and exp is never taken of a positive number. At 0
    the derivative is alpha, the left one; with alpha = 1 there is no kink.

    Args: x, any shape, a floating dtype; alpha, a finite number, at least 0. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for any other alpha.
    References: Clevert, Unterthiner and Hochreiter, ICLR 2016, arXiv:1511.07289; docs/derivations/activations.md.
    """
    return elu_fwd(x, alpha=alpha)[0]


@quiet
def elu_fwd(x, *, alpha=1.0):
    x = as_floating("elu", "x", x)
    alpha = _finite("elu", "alpha", alpha, least=0.0)
    negative = np.minimum(x, 0)
    return like(x, np.where(x > 0, x, alpha * np.expm1(negative))), (x > 0, negative, alpha)


@quiet
def elu_bwd(residuals, cotangent):
    positive, negative, alpha = residuals
    return (like(cotangent, np.where(positive, cotangent, cotangent * (alpha * np.exp(negative)))),)


def softplus(x):
    """The smooth form of relu, whose derivative is the logistic function.

    softplus(x) = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), and softplus'(x) = sigmoid(x).

    Stable because exp is only taken of -|x|, and log1p keeps the digits of what exp leaves.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Dugas et al., NIPS 2000; Goodfellow et al., section 3.10; docs/derivations/activations.md.
    """
    return softplus_fwd(x)[0]


@quiet
def softplus_fwd(x):
    x = as_floating("softplus", "x", x)
    shrunk = np.exp(-np.abs(x))
    slope = np.where(x >= 0, 1, shrunk) / (1 + shrunk)
    return like(x, np.maximum(x, 0) + np.log1p(shrunk)), (slope,)


@quiet
def softplus_bwd(residuals, cotangent):
    (slope,) = residuals
    return (like(cotangent, cotangent * slope),)


def silu(x):
    """The sigmoid linear unit, also called swish: x weighted by its own logistic function.

    silu(x) = x sigmoid(x), and silu'(x) = sigmoid(x) + x sigmoid(x) sigmoid(-x).

    Stable because sigmoid is, and sigmoid(-x) stands for 1 - sigmoid(x).

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Elfwing, Uchibe and Doya, Neural Networks 107 (2018); docs/derivations/activations.md.
    """
    return silu_fwd(x)[0]


@quiet
def silu_fwd(x):
    x = as_floating("silu", "x", x)
    shrunk = np.exp(-np.abs(x))
    gate = np.where(x >= 0, 1, shrunk) / (1 + shrunk)
    complement = np.where(x >= 0, shrunk, 1) / (1 + shrunk)
    return like(x, x * gate), (x, gate, complement)


@quiet
def silu_bwd(residuals, cotangent):
    x, gate, complement = residuals
    return (like(cotangent, cotangent * (gate * (1 + x * complement))),)


def gelu(x, *, approximate=False):
    """The Gaussian error linear unit: x weighted by the probability that a standard normal variable is below x.

    gelu(x) = x Phi(x) with Phi(x) = erfc(-x / sqrt(2)) / 2, and gelu'(x) = Phi(x) + x phi(x). approximate=True puts
    (1 + tanh(u)) / 2 = sigmoid(2u) for Phi(x), with u = sqrt(2 / pi) (x + 0.044715 x^3).

    Stable because 1 + erf and 1 + tanh, which cancel in the lower tail, are never formed.

    Args: x, any shape, a floating dtype; approximate, a boolean. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for any other approximate.
    References: Hendrycks and Gimpel, arXiv:1606.08415; docs/derivations/activations.md.
    """
    return gelu_fwd(x, approximate=approximate)[0]


@quiet
def gelu_fwd(x, *, approximate=False):
    x = as_floating("gelu", "x", x)
    require_flag("gelu", "approximate", approximate)
    gate, slope = _tanh_gate(x) if approximate else (normal_cdf(x), normal_pdf(x))
    return like(x, x * gate), (x, gate, slope)


@quiet
def gelu_bwd(residuals, cotangent):
    x, gate, slope = residuals
    return (like(cotangent, cotangent * (gate + x * slope)),)


def _tanh_gate(x):
    """(1 + tanh(u)) / 2 and its derivative u' (1 - tanh(u)^2) / 2; beyond 40 they are 0 or 1, and 0."""
    x = np.clip(x, -40, 40)
    u = math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)
    shrunk = np.exp(-2 * np.abs(u))
    gate = np.where(u >= 0, 1, shrunk) / (1 + shrunk)
    return gate, math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x) * (2 * shrunk / (1 + shrunk) ** 2)


def softmax(x, *, axis=-1):
    """Turns scores into probabilities: positive, of sum 1 along the axis, and the larger the score the larger.

    softmax(x)_i = exp(x_i) / sum_j exp(x_j), and x_ct = p (ct - sum_j p_j ct_j) with p = softmax(x).

    Stable because the largest score is subtracted first, which changes nothing, and keeps exp below 1.

    Args: x, a floating dtype; axis, that of the classes, with at least one. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for an axis that x has not or that is empty.
    References: Saito, Deep Learning from Scratch, section 3.5; docs/derivations/activations.md.
    """
    return softmax_fwd(x, axis=axis)[0]


@quiet
def softmax_fwd(x, *, axis=-1):
    x = as_floating("softmax", "x", x)
    axis = _axis_of("softmax", x, axis)
    _, raised, rest = exponentials(x, axis)
    out = raised / (1 + rest)
    return like(x, out), (out, axis)


@quiet
def softmax_bwd(residuals, cotangent):
    out, axis = residuals
    return (like(cotangent, out * (cotangent - np.sum(out * cotangent, axis, keepdims=True))),)


def log_softmax(x, *, axis=-1):
    """The logarithm of softmax.

    log_softmax(x)_i = x_i - log sum_j exp(x_j), and x_ct = ct - p sum_j ct_j with p = softmax(x).

    Stable because the largest score m is subtracted first, and accurate where a probability is nearly 1 because
    log sum exp = m + log1p(sum of the others' exp(x_j - m)).

    Args: x, a floating dtype; axis, that of the classes, with at least one. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for an axis that x has not or that is empty.
    References: Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021); docs/derivations/activations.md.
    """
    return log_softmax_fwd(x, axis=axis)[0]


@quiet
def log_softmax_fwd(x, *, axis=-1):
    x = as_floating("log_softmax", "x", x)
    axis = _axis_of("log_softmax", x, axis)
    shifted, raised, rest = exponentials(x, axis)
    return like(x, shifted - np.log1p(rest)), (raised / (1 + rest), axis)


@quiet
def log_softmax_bwd(residuals, cotangent):
    probabilities, axis = residuals
    return (like(cotangent, cotangent - probabilities * np.sum(cotangent, axis, keepdims=True)),)


def step(x):
    """The step function of the perceptron: 1 where x is positive, and 0 elsewhere.

    step(x) = 1 where x > 0, else 0; the derivative is 0 everywhere.

    At the jump step(0) = 0, as in the book, and the derivative, which does not exist there, is 0 too: no network
    with this activation learns by its gradient. NaN stays NaN.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Saito, Deep Learning from Scratch, section 3.2.2; docs/derivations/activations.md.
    """
    return step_fwd(x)[0]


@quiet
def step_fwd(x):
    x = as_floating("step", "x", x)
    return like(x, np.heaviside(x, 0)), ()


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
