"""Calculus by central differences: derivatives of functions of one array, and descent along them."""

import math
from numbers import Integral
from operator import index as as_index

import numpy as np

from reference._checks import as_array, as_number, is_floating, require


def derivative(f, *, h=1e-4):
    """The derivative of a function of one variable.

    derivative(f)(x) = f'(x), nearly (f(x + h) - f(x - h)) / (2 h): a small h in place of the limit.

    The error of the formula shrinks with h^2, that of rounding grows with 1/h; at h = 1e-4 both are small in float64,
    in which all is computed, whatever the dtype of x. What is divided by is the step that was really taken.

    Args:
        f: a function of one number; or one that acts on an array element by element.
        h: how far to step to each side.

    Returns:
        The function f', of the same argument. Integers are taken as floating-point numbers.

    Raises:
        ValueError: h is not a finite number above 0; or, from that function, h is too small to change x.
        TypeError: from f', where x is not a real number or an array of them.

    References:
        Saito, Deep Learning from Scratch, section 4.3; docs/derivations/calculus.md.
    """
    h = _step("derivative", h)

    def f_prime(x):
        x = _float64("derivative", "x", x)
        after, before = x + h, x - h
        taken = after - before
        _check_moved("derivative", h, x, np.all(taken != 0))
        # Copies, because f may return its argument, or an array that its next call overwrites.
        return (np.array(f(after), np.float64) - np.array(f(before), np.float64)) / taken

    return f_prime


def partial_derivative(f, index, *, h=1e-4):
    """The partial derivative of a scalar function of several variables: one moves, the others stand still.

    partial_derivative(f, i)(x) = df/dx[i].

    Args:
        f: a function of an array, whose value is a scalar.
        index: which element of x moves; a tuple where x has several axes.
        h: how far to step to each side.

    Returns:
        A function of x, whose value is a scalar.

    Raises:
        ValueError: from that function, where index names no element of x, f is not a scalar,
            or h is too small to change x.
        TypeError: from that function, where x is not an array of real numbers.

    References:
        Saito, Deep Learning from Scratch, section 4.3.3; docs/derivations/calculus.md.
    """
    h = _step("partial_derivative", h)

    def partial(x):
        x = _float64("partial_derivative", "x", x)
        return _partial("partial_derivative", f, x, _position(index, x.shape), h)

    return partial


def gradient(f, *, h=1e-4):
    """The gradient of a scalar function: all its partial derivatives, in the shape of its argument.

    gradient(f)(x)[i] = df/dx[i]. It points where f grows fastest, so its negative is the way down; only locally.

    Args:
        f: a function of an array, whose value is a scalar.
        h: how far to step to each side.

    Returns:
        A function of x, whose value has the shape of x.

    Raises:
        ValueError: from that function, where f is not a scalar, or h is too small to change x.
        TypeError: from that function, where x is not an array of real numbers.

    References:
        Saito, Deep Learning from Scratch, section 4.4; docs/derivations/calculus.md.
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

    directional_derivative(f)(x, v) = sum over i of df/dx[i] v[i]. It is linear in v, so a v twice as long gives twice
    the rate; of all v of length 1, the one along the gradient gives the largest.

    Args:
        f: a function of an array, whose value is a scalar.
        h: how far to step to each side.

    Returns:
        A function of x and v, arrays of one shape, whose value is a scalar.

    Raises:
        ValueError: from that function, where the shapes differ, f is not a scalar,
            or h is too small to change x.
        TypeError: from that function, where x or v is not an array of real numbers.

    References:
        docs/derivations/calculus.md.
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

    x <- x - learning_rate * gradient(f)(x), over and over.

    Args:
        f: a function of an array, whose value is a scalar.
        start: where to begin; it is not changed.
        learning_rate: the length of a step per unit of gradient, above 0.
        steps: how many steps to take.

    Returns:
        point, the shape of start; and path (steps + 1, *start.shape), from start to point.

    Raises:
        ValueError: learning_rate or steps is out of range, or f is not a scalar.
        TypeError: start is not an array of real numbers.

    References:
        Saito, Deep Learning from Scratch, section 4.4.1; docs/derivations/calculus.md.
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
