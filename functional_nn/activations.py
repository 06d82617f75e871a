"""Activations: elementwise functions of one array, and softmax along an axis."""

import math
from numbers import Integral

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn._checks import as_number, require, require_flag, require_floating
from functional_nn._entrywise import elementwise
from functional_nn._gaussian import normal_cdf
from functional_nn._jit import jit_op
from functional_nn._numerics import exp_minus_one, hyperbolic_tangent, log_one_plus_exp, logistic
from functional_nn._reduced import of_scores
from functional_nn.cpu.xla import barrier, is_positive


@jit_op()
def sigmoid(x: jax.Array) -> jax.Array:
    """The logistic function, which maps the real line onto the interval from 0 to 1.

    sigmoid(x) = 1 / (1 + exp(-x)), and sigmoid'(x) = sigmoid(x) sigmoid(-x).

    Stable because exp is only taken of -|x|; the derivative uses sigmoid(-x) for 1 - sigmoid(x), which would cancel.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Saito, Deep Learning from Scratch, sections 3.2 and 5.5.1; docs/derivations/activations.md.

    >>> print(sigmoid(jnp.array([-1.0, 0.0, 1.0])))
    [0.27 0.5  0.73]
    """
    return elementwise("sigmoid", logistic, x)


@jit_op()
def log_sigmoid(x: jax.Array) -> jax.Array:
    """The logarithm of the logistic function.

    log_sigmoid(x) = -log(1 + exp(-x)) = min(x, 0) - log1p(exp(-|x|)), and its derivative is sigmoid(-x).

    Stable because sigmoid(x), which underflows, is never formed, and both terms have the same sign.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Goodfellow et al., Deep Learning, section 3.10; docs/derivations/activations.md.

    >>> print(log_sigmoid(jnp.array([-1000.0, 0.0])))
    [-1000.      -0.69]
    """
    return elementwise("log_sigmoid", lambda x: -log_one_plus_exp(-x), x)


@jit_op()
def tanh(x: jax.Array) -> jax.Array:
    """The hyperbolic tangent, which maps the real line onto the interval from -1 to 1.

    tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), and tanh'(x) = 1 - tanh(x)^2 = 4 sigmoid(2x) sigmoid(-2x).

    The second form of the derivative is the accurate one: 1 - tanh(x)^2 cancels where tanh saturates.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Goodfellow et al., Deep Learning, section 6.3.2; docs/derivations/activations.md.

    >>> print(tanh(jnp.array([-1.0, 0.0, 1.0])))
    [-0.76  0.    0.76]
    """
    return elementwise("tanh", hyperbolic_tangent, x)


@jit_op()
def relu(x: jax.Array) -> jax.Array:
    """The rectified linear unit: x where it is positive, and 0 elsewhere.

    relu(x) = max(x, 0), and relu'(x) = 1 where x > 0, else 0.

    At the kink relu'(0) = 0, as in the book and in PyTorch, so that a unit at rest learns nothing. NaN stays NaN.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Saito, Deep Learning from Scratch, sections 3.2.7 and 5.5.1; docs/derivations/activations.md.

    >>> print(relu(jnp.array([-1.0, 0.0, 2.0])))
    [0. 0. 2.]
    """
    require_floating("relu", x=x)
    return _relu(jnp.asarray(x))


@jit_op("negative_slope")
def leaky_relu(x: jax.Array, *, negative_slope: float = 0.01) -> jax.Array:
    """The rectified linear unit that lets negative values through, scaled by a slope.

    leaky_relu(x) = x where x > 0, else negative_slope * x; the derivative is 1 or negative_slope.

    At the kink the derivative is negative_slope, the left one, so that a slope of 0 is relu in its gradient too.
    The side is read from x, never from the output, whose sign a negative slope turns over.

    Args: x, any shape, a floating dtype; negative_slope, a finite number. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for any other negative_slope.
    References: Maas, Hannun and Ng, Rectifier nonlinearities, ICML 2013; docs/derivations/activations.md.

    >>> print(leaky_relu(jnp.array([-1.0, 2.0]), negative_slope=0.25))
    [-0.25  2.  ]
    """
    slope = _finite("leaky_relu", "negative_slope", negative_slope)
    return elementwise("leaky_relu", lambda x: jnp.where(x > 0, x, slope * x), x, parameter=slope)


@jit_op("alpha")
def elu(x: jax.Array, *, alpha: float = 1.0) -> jax.Array:
    """The exponential linear unit: x where it is positive, and an exponential that levels off at -alpha elsewhere.

    elu(x) = x where x > 0, else alpha (exp(x) - 1); the derivative is 1, or alpha exp(x).

    Stable because expm1 keeps the digits of exp(x) - 1 near 0, and exp is never taken of a positive number. At 0
    the derivative is alpha, the left one; with alpha = 1 there is no kink.

    Args: x, any shape, a floating dtype; alpha, a finite number, at least 0. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for any other alpha.
    References: Clevert, Unterthiner and Hochreiter, ICLR 2016, arXiv:1511.07289; docs/derivations/activations.md.

    >>> print(elu(jnp.array([-1.0, 2.0])))
    [-0.63  2.  ]
    """
    scale = _finite("elu", "alpha", alpha, least=0.0)

    def unit(x: jax.Array) -> jax.Array:
        return jnp.where(x > 0, x, scale * exp_minus_one(jnp.where(x > 0, 0, x)))

    return elementwise("elu", unit, x, parameter=scale)


@jit_op()
def softplus(x: jax.Array) -> jax.Array:
    """The smooth form of relu, whose derivative is the logistic function.

    softplus(x) = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), and softplus'(x) = sigmoid(x).

    Stable because exp is only taken of -|x|, and log1p keeps the digits of what exp leaves.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Dugas et al., NIPS 2000; Goodfellow et al., section 3.10; docs/derivations/activations.md.

    >>> print(softplus(jnp.array([-1.0, 0.0, 1000.0])))
    [   0.31    0.69 1000.  ]
    """
    return elementwise("softplus", log_one_plus_exp, x)


@jit_op()
def silu(x: jax.Array) -> jax.Array:
    """The sigmoid linear unit, also called swish: x weighted by its own logistic function.

    silu(x) = x sigmoid(x), and silu'(x) = sigmoid(x) + x sigmoid(x) sigmoid(-x).

    Stable because sigmoid is, and sigmoid(-x) stands for 1 - sigmoid(x).

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Elfwing, Uchibe and Doya, Neural Networks 107 (2018); docs/derivations/activations.md.

    >>> print(silu(jnp.array([-1.0, 0.0, 1.0])))
    [-0.27  0.    0.73]
    """
    return elementwise("silu", lambda x: x * logistic(x), x)


@jit_op("approximate")
def gelu(x: jax.Array, *, approximate: bool = False) -> jax.Array:
    """The Gaussian error linear unit: x weighted by the probability that a standard normal variable is below x.

    gelu(x) = x Phi(x) with Phi(x) = erfc(-x / sqrt(2)) / 2, and gelu'(x) = Phi(x) + x phi(x). approximate=True puts
    (1 + tanh(u)) / 2 = sigmoid(2u) for Phi(x), with u = sqrt(2 / pi) (x + 0.044715 x^3).

    Stable because 1 + erf and 1 + tanh, which cancel in the lower tail, are never formed.

    Args: x, any shape, a floating dtype; approximate, a boolean. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for any other approximate.
    References: Hendrycks and Gimpel, arXiv:1606.08415; docs/derivations/activations.md.

    >>> print(gelu(jnp.array([-1.0, 0.0, 1.0])))
    [-0.16  0.    0.84]
    """
    require_flag("gelu", "approximate", approximate)
    gate, unit = (_tanh_gate, "gelu_tanh") if approximate else (normal_cdf, "gelu")
    return elementwise("gelu", lambda x: x * gate(x), x, unit)


@jit_op("axis")
def softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """Turns scores into probabilities: positive, of sum 1 along the axis, and the larger the score the larger.

    softmax(x)_i = exp(x_i) / sum_j exp(x_j), and x_ct = p (ct - sum_j p_j ct_j) with p = softmax(x).

    Stable because the largest score is subtracted first, which changes nothing, and keeps exp below 1.

    Args: x, a floating dtype; axis, that of the classes, with at least one. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for an axis that x has not or that is empty.
    References: Saito, Deep Learning from Scratch, section 3.5; docs/derivations/activations.md.

    >>> print(softmax(jnp.array([1.0, 2.0, 3.0])))
    [0.09 0.24 0.67]
    """
    require_floating("softmax", x=x)
    return of_scores("softmax", x, _axis_of("softmax", x, axis))


@jit_op("axis")
def log_softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """The logarithm of softmax.

    log_softmax(x)_i = x_i - log sum_j exp(x_j), and x_ct = ct - p sum_j ct_j with p = softmax(x).

    Stable because the largest score m is subtracted first, and accurate where a probability is nearly 1 because
    log sum exp = m + log1p(sum of the others' exp(x_j - m)).

    Args: x, a floating dtype; axis, that of the classes, with at least one. Returns: the shape and dtype of x.
    Raises: TypeError for any other x, ValueError for an axis that x has not or that is empty.
    References: Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021); docs/derivations/activations.md.

    >>> print(log_softmax(jnp.array([0.0, 1000.0])))
    [-1000.     0.]
    """
    require_floating("log_softmax", x=x)
    return of_scores("log_softmax", x, _axis_of("log_softmax", x, axis))


@jit_op()
def step(x: jax.Array) -> jax.Array:
    """The step function of the perceptron: 1 where x is positive, and 0 elsewhere.

    step(x) = 1 where x > 0, else 0; the derivative is 0 everywhere.

    At the jump step(0) = 0, as in the book, and the derivative, which does not exist there, is 0 too: no network
    with this activation learns by its gradient. NaN stays NaN.

    Args: x, any shape, a floating dtype. Returns: the shape and dtype of x. Raises: TypeError for any other x.
    References: Saito, Deep Learning from Scratch, section 3.2.2; docs/derivations/activations.md.

    >>> print(step(jnp.array([-1.0, 0.0, 1.0])))
    [0. 0. 1.]
    """
    return elementwise("step", lambda x: lax.stop_gradient(jnp.where(jnp.isnan(x), x, is_positive(x))), x)


def _finite(op: str, name: str, value: float, least: float = -math.inf) -> float:
    rule = "be a finite number" + (f", at least {least:g}" if math.isfinite(least) else "")
    return as_number(op, name, value, rule, lambda number: math.isfinite(number) and number >= least)


def _axis_of(op: str, x: jax.Array, axis: int) -> int:
    shape = jnp.shape(x)
    legal = isinstance(axis, Integral) and -len(shape) <= axis < len(shape)
    require(legal, op, "axis must be one of the axes of x", f"axis={axis!r}, x.shape={shape}")
    require(shape[axis] > 0, op, "axis must have at least one entry", f"axis={axis}, x.shape={shape}")
    return int(axis)


@jax.custom_jvp
def _relu(x: jax.Array) -> jax.Array:
    return jnp.maximum(x, 0)


@_relu.defjvp
def _relu_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    # Judged by the result, which the next layer keeps anyway, so that x can be forgotten.
    out = barrier(_relu(x))
    return out, jnp.where(out > 0, tangent, 0)


def _tanh_gate(x: jax.Array) -> jax.Array:
    # Beyond 40 the gate is 0 or 1 in every dtype, and a cube could overflow.
    x = jnp.clip(x, -40, 40)
    slope = 2 * math.sqrt(2 / math.pi)
    return logistic(x * (slope + (slope * 0.044715) * x * x))
