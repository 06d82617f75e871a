"""Calculus by central differences: derivatives of functions of one array, and descent along them.

What each takes, returns and refuses stands with its twin in functional_nn/calculus.py; h, how far to step to each side,
is the reference's own.
"""

import math
from numbers import Integral
from operator import index as as_index

import numpy as np

from reference._checks import as_array, as_number, is_floating, require


def derivative(f, *, h=1e-4):
    """The derivative of a function of one variable.

    f'(x) is nearly (f(x + h) - f(x - h)) / (2 h): a small h in place of the limit. The error of the formula shrinks
    with h^2, that of rounding grows with 1/h; at h = 1e-4 both are small in float64, in which all is computed.
    ValueError where h is not a finite number above 0, or too small to change x.
    Derivation: docs/derivations/calculus.md.
    """
    h = _step("derivative", h)

    def f_prime(x):
        x = _float64("derivative", "x", x)
        after, before = x + h, x - h
        # 2 h but for rounding: the step that was really taken.
        taken = after - before
        _check_moved("derivative", h, x, np.all(taken != 0))
        # Copies, because f may return its argument, or an array that its next call overwrites.
        return (np.array(f(after), np.float64) - np.array(f(before), np.float64)) / taken

    return f_prime


def partial_derivative(f, index, *, h=1e-4):
    """The partial derivative of a scalar function of several variables: one moves, the others stand still.

    The difference of `derivative`, with the step h in x[index] alone. Derivation: docs/derivations/calculus.md.
    """
    h = _step("partial_derivative", h)

    def partial(x):
        x = _float64("partial_derivative", "x", x)
        return _partial("partial_derivative", f, x, _position(index, x.shape), h)

    return partial


def gradient(f, *, h=1e-4):
    """The gradient of a scalar function: all its partial derivatives, in the shape of its argument.

    Two values of f for every element of x, so for few elements only. Derivation: docs/derivations/calculus.md.
    """
    h = _step("gradient", h)

    def grad(x):
        x = _float64("gradient", "x", x)
        out = np.empty_like(x)
        for position in np.ndindex(x.shape):
            out[position] = _partial("gradient", f, x, position, h)
        return out

    return grad


def directional_derivative(f, *, h=1e-4):
    """The rate at which a scalar function changes when its argument moves along a vector.

    The difference of `derivative`, with a step of length h along v, times the length of v.
    Derivation: docs/derivations/calculus.md.
    """
    h = _step("directional_derivative", h)

    def along(x, v):
        op = "directional_derivative"
        x, v = _float64(op, "x", x), _float64(op, "v", v)
        require(x.shape == v.shape, op, "v must have the shape of x", f"x.shape={x.shape}, v.shape={v.shape}")
        length = np.linalg.norm(v)
        if length == 0:
            return 0.0 * _scalar(op, f(x.copy()))
        unit = v / length
        after, before = x + h * unit, x - h * unit
        taken = np.sum((after - before) * unit)
        _check_moved(op, h, x, taken != 0)
        return (_scalar(op, f(after)) - _scalar(op, f(before))) / taken * length

    return along


def gradient_descent(f, start, *, learning_rate=0.01, steps=100):
    """Descends from a point to a minimum, step by step against the gradient.

    x <- x - learning_rate gradient(f)(x), over and over. Derivation: docs/derivations/calculus.md.
    """
    start = _float64("gradient_descent", "start", start)
    rate = _rate_of_descent(learning_rate, steps)
    path = np.empty((steps + 1, *start.shape))
    path[0] = start
    for step in range(steps):
        path[step + 1] = path[step] - rate * gradient(f)(path[step])
    return path[-1].copy(), path


def _partial(op, f, x, position, h):
    # Copies, made anew for each call: f may keep or change what it is given.
    after, before = x.copy(), x.copy()
    after[position] += h
    before[position] -= h
    taken = after[position] - before[position]
    _check_moved(op, h, x, taken != 0)
    return (_scalar(op, f(after)) - _scalar(op, f(before))) / taken


def _float64(op, name, value):
    """A copy of the value in float64: differences need the digits, and nobody else sees the copy."""
    array = as_array(op, name, value)
    if not (is_floating(array.dtype) or array.dtype.kind in "iub"):
        raise TypeError(f"{op}: {name} must hold real numbers; got {name}.dtype={array.dtype}")
    return array.astype(np.float64)


def _scalar(op, value):
    require(np.shape(value) == (), op, "f must return a scalar", f"shape={np.shape(value)}")
    return np.float64(value)


def _position(index, shape):
    """The index as a tuple that names one element of an array of this shape."""
    position = index if isinstance(index, tuple) else (index,)
    try:
        position = tuple(as_index(i) for i in position)
    except TypeError:
        rule = "index must be an integer or a tuple of integers"
        raise TypeError(f"partial_derivative: {rule}; got index={index!r}") from None
    fits = len(position) == len(shape) and all(-size <= i < size for i, size in zip(position, shape, strict=True))
    require(fits, "partial_derivative", "index must name one element of x", f"index={index!r}, x.shape={shape}")
    return position


def _step(op, h):
    return as_number(op, "h", h, "be a finite number above 0", lambda number: 0 < number < math.inf)


def _check_moved(op, h, x, moved):
    require(bool(moved), op, "h must be large enough to change x in float64", f"h={h!r}, x={x!r}")


def _rate_of_descent(learning_rate, steps):
    op, rule = "gradient_descent", "be a finite number above 0"
    rate = as_number(op, "learning_rate", learning_rate, rule, lambda number: 0 < number < math.inf)
    whole = isinstance(steps, Integral) and int(steps) >= 0
    require(whole, op, "steps must be an integer, 0 or more", f"steps={steps!r}")
    return rate
