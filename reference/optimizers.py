"""Optimizers by hand: each a pair of pure functions, and the step-for-step twin of an optax optimizer.

>>> optimizer, params = adam(learning_rate=0.1), {"kernel": np.array([1.0, 2.0])}
>>> state = optimizer.init(params)
>>> params, state = optimizer.update({"kernel": np.array([0.5, -0.5])}, state, params)
>>> print(params["kernel"])
[0.9 2.1]

params and grads are nested dicts of arrays with the same keys. Nothing is changed in place. The state is a dict of
running quantities, nested like params, and for adam of the number of steps done. Where the formulas come from stands
in docs/derivations/optimizers.md.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference._trees import check_alike, check_not_negative, check_positive, check_share, map_arrays

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
# Of the adam within muon; adam itself can be told.
MUON_BETA1, MUON_BETA2 = 0.9, 0.999


class Optimizer(NamedTuple):
    """init(params) -> state; update(grads, state, params) -> (params, state)."""

    init: Callable[[Any], dict[str, Any]]
    update: Callable[[Any, dict[str, Any], Any], tuple[Any, dict[str, Any]]]


def sgd(learning_rate=0.01):
    """Stochastic gradient descent: a step against the gradient.

    p <- p - learning_rate g.

    Twin: optax.sgd(learning_rate).
    """
    check_positive("sgd", learning_rate=learning_rate)

    def update(grads, state, params):
        check_alike("sgd", grads, params)
        return map_arrays(lambda p, g: p - learning_rate * g, params, grads), state

    return Optimizer(lambda params: {}, update)


def momentum(learning_rate=0.01, momentum=0.9):
    """Gradient descent with momentum: a ball that rolls, and keeps a share of its velocity.

    v <- momentum v + g;  p <- p - learning_rate v.

    Twin: optax.sgd(learning_rate, momentum).
    """
    check_positive("momentum", learning_rate=learning_rate)
    check_share("momentum", momentum=momentum)

    def update(grads, state, params):
        check_alike("momentum", grads, params)
        velocity = map_arrays(lambda v, g: momentum * v + g, state["velocity"], grads)
        return map_arrays(lambda p, v: p - learning_rate * v, params, velocity), {"velocity": velocity}

    return Optimizer(lambda params: {"velocity": map_arrays(np.zeros_like, params)}, update)


def nesterov(learning_rate=0.01, momentum=0.9):
    """Nesterov's accelerated gradient: momentum that looks one step ahead.

    v <- momentum v + g;  p <- p - learning_rate (g + momentum v).

    The parameters kept are the ones looked ahead to, so the gradient is taken where it is always taken: at them.

    Twin: optax.sgd(learning_rate, momentum, nesterov=True).
    """
    check_positive("nesterov", learning_rate=learning_rate)
    check_share("nesterov", momentum=momentum)

    def update(grads, state, params):
        check_alike("nesterov", grads, params)
        velocity = map_arrays(lambda v, g: momentum * v + g, state["velocity"], grads)
        params = map_arrays(lambda p, g, v: p - learning_rate * (g + momentum * v), params, grads, velocity)
        return params, {"velocity": velocity}

    return Optimizer(lambda params: {"velocity": map_arrays(np.zeros_like, params)}, update)


def adagrad(learning_rate=0.01, initial_accumulator=0.0, epsilon=1e-7):
    """AdaGrad: each parameter's steps shrink as its squared gradients add up.

    s <- s + g^2;  p <- p - learning_rate g / sqrt(s + epsilon).

    Where s is 0 there has been no gradient yet, and no step is taken.

    Twin: optax.adagrad(learning_rate, initial_accumulator_value=initial_accumulator, eps=epsilon).
    """
    check_positive("adagrad", learning_rate=learning_rate, epsilon=epsilon)
    check_not_negative("adagrad", initial_accumulator=initial_accumulator)

    def update(grads, state, params):
        check_alike("adagrad", grads, params)
        squares = map_arrays(lambda s, g: s + g * g, state["squares"], grads)
        params = map_arrays(lambda p, g, s: p - learning_rate * g / np.sqrt(s + epsilon), params, grads, squares)
        return params, {"squares": squares}

    return Optimizer(
        lambda params: {"squares": map_arrays(lambda p: np.full_like(p, initial_accumulator), params)}, update
    )


def rmsprop(learning_rate=0.01, decay=0.99, epsilon=1e-7):
    """RMSProp: AdaGrad that forgets, by a running mean of the squared gradients in place of their sum.

    s <- decay s + (1 - decay) g^2;  p <- p - learning_rate g / sqrt(s + epsilon).

    Twin: optax.rmsprop(learning_rate, decay=decay, eps=epsilon).
    """
    check_positive("rmsprop", learning_rate=learning_rate, epsilon=epsilon)
    check_share("rmsprop", decay=decay)

    def update(grads, state, params):
        check_alike("rmsprop", grads, params)
        squares = map_arrays(lambda s, g: decay * s + (1 - decay) * g * g, state["squares"], grads)
        params = map_arrays(lambda p, g, s: p - learning_rate * g / np.sqrt(s + epsilon), params, grads, squares)
        return params, {"squares": squares}

    return Optimizer(lambda params: {"squares": map_arrays(np.zeros_like, params)}, update)


def adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam: momentum and RMSProp together, each freed of its bias towards the zero it started from.

    t <- t + 1;  m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    p <- p - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Twin: optax.adam(learning_rate, b1=beta1, b2=beta2, eps=epsilon).
    """
    return _adam("adam", learning_rate, beta1, beta2, epsilon, weight_decay=0.0)


def adamw(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=1e-4):
    """AdamW: Adam, and a weight decay beside it that the running means do not see.

    p <- p - learning_rate ((m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) + weight_decay p), with t, m and v
    as in adam.

    Twin: optax.adamw(learning_rate, b1=beta1, b2=beta2, eps=epsilon, weight_decay=weight_decay).
    """
    check_not_negative("adamw", weight_decay=weight_decay)
    return _adam("adamw", learning_rate, beta1, beta2, epsilon, weight_decay)


def _adam(name, learning_rate, beta1, beta2, epsilon, weight_decay):
    check_positive(name, learning_rate=learning_rate, epsilon=epsilon)
    check_share(name, beta1=beta1, beta2=beta2)

    def update(grads, state, params):
        check_alike(name, grads, params)
        step = state["step"] + 1
        mean = map_arrays(lambda m, g: beta1 * m + (1 - beta1) * g, state["mean"], grads)
        square = map_arrays(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["square"], grads)

        def move(p, m, v):
            unbiased_mean, unbiased_square = m / (1 - beta1**step), v / (1 - beta2**step)
            return p - learning_rate * (unbiased_mean / (np.sqrt(unbiased_square) + epsilon) + weight_decay * p)

        return map_arrays(move, params, mean, square), {"step": step, "mean": mean, "square": square}

    return Optimizer(_at_rest, update)


def _at_rest(params):
    return {"step": 0, "mean": map_arrays(np.zeros_like, params), "square": map_arrays(np.zeros_like, params)}


def muon(learning_rate=0.02, beta=0.95, epsilon=1e-8, weight_decay=0.0, adam_learning_rate=0.005):
    """Muon: of a kernel's momentum only the directions count, not how strongly each was asked for.

    t <- t + 1;  m <- beta m + (1 - beta) g;  u = beta m / (1 - beta^(t + 1)) + (1 - beta) g / (1 - beta^t);
    p <- p - learning_rate (sqrt(max(1, outputs / inputs)) orthogonal(u) + weight_decay p).

    A kernel of two axes or more is taken as the matrix (inputs, outputs) with its last axis as the outputs;
    `orthogonal` brings the singular values near 1. Biases and scales take the steps of adam with
    adam_learning_rate, beta1 0.9, beta2 0.999 and the same look ahead in the mean.

    Twin: optax.contrib.muon(learning_rate, beta=beta, eps=epsilon, weight_decay=weight_decay,
    adam_learning_rate=adam_learning_rate, muon_weight_dimension_numbers=...), with MuonDimensionNumbers of every axis
    but the last, and the last, for each kernel.
    """
    check_positive("muon", learning_rate=learning_rate, epsilon=epsilon, adam_learning_rate=adam_learning_rate)
    check_share("muon", beta=beta)
    check_not_negative("muon", weight_decay=weight_decay)

    def share(p):
        return beta if p.ndim > 1 else MUON_BETA1

    def update(grads, state, params):
        check_alike("muon", grads, params)
        step = state["step"] + 1

        def move(p, g, m, v):
            ahead = share(p) * m / (1 - share(p) ** (step + 1)) + (1 - share(p)) * g / (1 - share(p) ** step)
            if p.ndim > 1:
                return p - learning_rate * (_orthogonal_kernel(ahead, epsilon) + weight_decay * p)
            return p - adam_learning_rate * ahead / (np.sqrt(v / (1 - MUON_BETA2**step)) + epsilon)

        def square_of(v, g):
            return v if v.ndim > 1 else MUON_BETA2 * v + (1 - MUON_BETA2) * g * g

        mean = map_arrays(lambda m, g: share(m) * m + (1 - share(m)) * g, state["mean"], grads)
        square = map_arrays(square_of, state["square"], grads)
        return map_arrays(move, params, grads, mean, square), {"step": step, "mean": mean, "square": square}

    return Optimizer(_at_rest, update)


def orthogonal(matrix, epsilon=1e-8):
    """U V^T nearly, of the matrix U S V^T: five steps of Newton and Schulz bring the singular values near 1.

    X <- a X + (b X X^T + c (X X^T)^2) X, from X = matrix / |matrix|: each step takes every singular value s of X to
    a s + b s^3 + c s^5 and leaves the singular vectors. These a, b and c (Jordan, 2024) raise small values fast:
    after five steps those that were above 0.01 lie between 0.68 and 1.14.

    Args:
        matrix: (rows, columns), a floating dtype.
        epsilon: what is added to the norm.

    Returns:
        (rows, columns), the dtype of matrix.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T  # X X^T is the smaller product of the two
    x = x / (np.sqrt(np.sum(x * x)) + epsilon)
    a, b, c = NEWTON_SCHULZ
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide else x.T


def _orthogonal_kernel(kernel, epsilon):
    """Of all axes but the last as the inputs and the last as the outputs; longer where there are more outputs."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    inputs, outputs = matrix.shape
    return math.sqrt(max(1, outputs / inputs)) * orthogonal(matrix, epsilon).reshape(kernel.shape)
