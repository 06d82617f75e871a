"""Optimizers by hand: each a pair of pure functions, and the step-for-step twin of an optax optimizer.

    optimizer = adam(learning_rate=0.001)
    state = optimizer.init(params)
    params, state = optimizer.update(grads, state, params)

params and grads are nested dicts of arrays with the same keys. Nothing is changed in place. The state is a dict of
running quantities, nested like params, and for adam of the number of steps done. Where the formulas come from stands
in docs/derivations/optimizers.md.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference._checks import require


class Optimizer(NamedTuple):
    """init(params) -> state; update(grads, state, params) -> (params, state)."""

    init: Callable[[Any], dict[str, Any]]
    update: Callable[[Any, dict[str, Any], Any], tuple[Any, dict[str, Any]]]


def sgd(learning_rate=0.01):
    """Stochastic gradient descent: a step against the gradient.

    p <- p - learning_rate g.

    Twin: optax.sgd(learning_rate).
    """
    _check_positive("sgd", learning_rate=learning_rate)

    def update(grads, state, params):
        _check_alike("sgd", grads, params)
        return _map(lambda p, g: p - learning_rate * g, params, grads), state

    return Optimizer(lambda params: {}, update)


def momentum(learning_rate=0.01, momentum=0.9):
    """Gradient descent with momentum: a ball that rolls, and keeps a share of its velocity.

    v <- momentum v + g;  p <- p - learning_rate v.

    Twin: optax.sgd(learning_rate, momentum).
    """
    _check_positive("momentum", learning_rate=learning_rate)
    _check_share("momentum", momentum=momentum)

    def update(grads, state, params):
        _check_alike("momentum", grads, params)
        velocity = _map(lambda v, g: momentum * v + g, state["velocity"], grads)
        return _map(lambda p, v: p - learning_rate * v, params, velocity), {"velocity": velocity}

    return Optimizer(lambda params: {"velocity": _map(np.zeros_like, params)}, update)


def nesterov(learning_rate=0.01, momentum=0.9):
    """Nesterov's accelerated gradient: momentum that looks one step ahead.

    v <- momentum v + g;  p <- p - learning_rate (g + momentum v).

    The parameters kept are the ones looked ahead to, so the gradient is taken where it is always taken: at them.

    Twin: optax.sgd(learning_rate, momentum, nesterov=True).
    """
    _check_positive("nesterov", learning_rate=learning_rate)
    _check_share("nesterov", momentum=momentum)

    def update(grads, state, params):
        _check_alike("nesterov", grads, params)
        velocity = _map(lambda v, g: momentum * v + g, state["velocity"], grads)
        params = _map(lambda p, g, v: p - learning_rate * (g + momentum * v), params, grads, velocity)
        return params, {"velocity": velocity}

    return Optimizer(lambda params: {"velocity": _map(np.zeros_like, params)}, update)


def adagrad(learning_rate=0.01, initial_accumulator=0.0, epsilon=1e-7):
    """AdaGrad: each parameter's steps shrink as its squared gradients add up.

    s <- s + g^2;  p <- p - learning_rate g / sqrt(s + epsilon).

    Where s is 0 there has been no gradient yet, and no step is taken.

    Twin: optax.adagrad(learning_rate, initial_accumulator_value=initial_accumulator, eps=epsilon).
    """
    _check_positive("adagrad", learning_rate=learning_rate, epsilon=epsilon)
    _check_not_negative("adagrad", initial_accumulator=initial_accumulator)

    def update(grads, state, params):
        _check_alike("adagrad", grads, params)
        squares = _map(lambda s, g: s + g * g, state["squares"], grads)
        params = _map(lambda p, g, s: p - learning_rate * g / np.sqrt(s + epsilon), params, grads, squares)
        return params, {"squares": squares}

    return Optimizer(lambda params: {"squares": _map(lambda p: np.full_like(p, initial_accumulator), params)}, update)


def rmsprop(learning_rate=0.01, decay=0.99, epsilon=1e-7):
    """RMSProp: AdaGrad that forgets, by a running mean of the squared gradients in place of their sum.

    s <- decay s + (1 - decay) g^2;  p <- p - learning_rate g / sqrt(s + epsilon).

    Twin: optax.rmsprop(learning_rate, decay=decay, eps=epsilon).
    """
    _check_positive("rmsprop", learning_rate=learning_rate, epsilon=epsilon)
    _check_share("rmsprop", decay=decay)

    def update(grads, state, params):
        _check_alike("rmsprop", grads, params)
        squares = _map(lambda s, g: decay * s + (1 - decay) * g * g, state["squares"], grads)
        params = _map(lambda p, g, s: p - learning_rate * g / np.sqrt(s + epsilon), params, grads, squares)
        return params, {"squares": squares}

    return Optimizer(lambda params: {"squares": _map(np.zeros_like, params)}, update)


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
    _check_not_negative("adamw", weight_decay=weight_decay)
    return _adam("adamw", learning_rate, beta1, beta2, epsilon, weight_decay)


def _adam(name, learning_rate, beta1, beta2, epsilon, weight_decay):
    _check_positive(name, learning_rate=learning_rate, epsilon=epsilon)
    _check_share(name, beta1=beta1, beta2=beta2)

    def init(params):
        return {"step": 0, "mean": _map(np.zeros_like, params), "square": _map(np.zeros_like, params)}

    def update(grads, state, params):
        _check_alike(name, grads, params)
        step = state["step"] + 1
        mean = _map(lambda m, g: beta1 * m + (1 - beta1) * g, state["mean"], grads)
        square = _map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["square"], grads)

        def move(p, m, v):
            unbiased_mean, unbiased_square = m / (1 - beta1**step), v / (1 - beta2**step)
            return p - learning_rate * (unbiased_mean / (np.sqrt(unbiased_square) + epsilon) + weight_decay * p)

        return _map(move, params, mean, square), {"step": step, "mean": mean, "square": square}

    return Optimizer(init, update)


def _map(function, tree, *others):
    """The function of every array of a nested dict, and of the arrays in the same places of the others."""
    if isinstance(tree, dict):
        return {key: _map(function, branch, *(other[key] for other in others)) for key, branch in tree.items()}
    return function(np.asarray(tree), *map(np.asarray, others))


def _check_alike(name, grads, params, path=""):
    if isinstance(params, dict) or isinstance(grads, dict):
        keys = [sorted(tree) if isinstance(tree, dict) else "an array" for tree in (grads, params)]
        got = f"{keys[0]} against {keys[1]}" + (f" in {path}" if path else "")
        require(keys[0] == keys[1], name, "grads must have the keys of params", got)
        for key in params:
            _check_alike(name, grads[key], params[key], f"{path}/{key}" if path else str(key))
        return
    shapes = np.shape(grads), np.shape(params)
    got = f"{shapes[0]} against {shapes[1]}" + (f" in {path}" if path else "")
    require(shapes[0] == shapes[1], name, "grads must have the shapes of params", got)


def _check_positive(name, **values):
    _check_range(name, "a finite number above 0", lambda value: 0 < value < math.inf, values)


def _check_not_negative(name, **values):
    _check_range(name, "a finite number, 0 or more", lambda value: 0 <= value < math.inf, values)


def _check_share(name, **values):
    _check_range(name, "a number, at least 0 and below 1", lambda value: 0 <= value < 1, values)


def _check_range(name, rule, legal, values):
    for key, value in values.items():
        good = bool(isinstance(value, int | float | np.number) and legal(value))
        require(good, name, f"{key} must be {rule}", f"{key}={value!r}")
