"""Calculus by automatic differentiation: derivatives of functions of one array, and descent along them."""

import math
from collections.abc import Callable
from numbers import Integral
from operator import index as as_index
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._checks import as_array, as_number, require


def derivative(f: Callable[[jax.Array], Any]) -> Callable[[Any], jax.Array]:
    """The derivative of a function of one variable.

    derivative(f)(x) = f'(x), exact but for rounding: forward-mode differentiation, no step and no limit.

    Args:
        f: a function of one number; or one that acts on an array element by element.

    Returns:
        The function f', of the same argument. Integers are taken as floating-point numbers.

    Raises:
        TypeError: from f', where x is not a real number or an array of them.

    References:
        Saito, Deep Learning from Scratch, section 4.3; docs/derivations/calculus.md.

    >>> print(derivative(lambda x: x**3)(2.0))
    12.0
    """

    def f_prime(x: Any) -> jax.Array:
        x = _floating("derivative", "x", x)
        return jax.jvp(f, (x,), (jnp.ones_like(x),))[1]

    return f_prime


def partial_derivative(f: Callable[[jax.Array], Any], index: int | tuple[int, ...]) -> Callable[[Any], jax.Array]:
    """The partial derivative of a scalar function of several variables: one moves, the others stand still.

    partial_derivative(f, i)(x) = df/dx[i].

    Args:
        f: a function of an array, whose value is a scalar.
        index: which element of x moves; a tuple where x has several axes.

    Returns:
        A function of x, whose value is a scalar.

    Raises:
        ValueError: from that function, where index names no element of x, or f is not a scalar.
        TypeError: from that function, where x is not an array of real numbers.

    References:
        Saito, Deep Learning from Scratch, section 4.3.3; docs/derivations/calculus.md.

    >>> print(partial_derivative(lambda x: x[0] * x[1], 0)(jnp.array([2.0, 5.0])))
    5.0
    """

    def partial(x: Any) -> jax.Array:
        x = _floating("partial_derivative", "x", x)
        unit = jnp.zeros_like(x).at[_position(index, x.shape)].set(1)
        return jax.jvp(_scalar("partial_derivative", f), (x,), (unit,))[1]

    return partial


def gradient(f: Callable[[jax.Array], Any]) -> Callable[[Any], jax.Array]:
    """The gradient of a scalar function: all its partial derivatives, in the shape of its argument.

    gradient(f)(x)[i] = df/dx[i]. It points where f grows fastest, so its negative is the way down; only locally.

    Args:
        f: a function of an array, whose value is a scalar.

    Returns:
        A function of x, whose value has the shape of x.

    Raises:
        ValueError: from that function, where f is not a scalar.
        TypeError: from that function, where x is not an array of real numbers.

    References:
        Saito, Deep Learning from Scratch, section 4.4; docs/derivations/calculus.md.

    >>> print(gradient(lambda x: (x**2).sum())(jnp.array([1.0, 3.0])))
    [2. 6.]
    """

    def grad(x: Any) -> jax.Array:
        return jax.grad(_scalar("gradient", f))(_floating("gradient", "x", x))

    return grad


def directional_derivative(f: Callable[[jax.Array], Any]) -> Callable[[Any, Any], jax.Array]:
    """The rate at which a scalar function changes when its argument moves along a vector.

    directional_derivative(f)(x, v) = sum over i of df/dx[i] v[i]. It is linear in v, so a v twice as long gives twice
    the rate; of all v of length 1, the one along the gradient gives the largest.

    Args:
        f: a function of an array, whose value is a scalar.

    Returns:
        A function of x and v, arrays of one shape, whose value is a scalar.

    Raises:
        ValueError: from that function, where the shapes differ, or f is not a scalar.
        TypeError: from that function, where x or v is not an array of real numbers.

    References:
        docs/derivations/calculus.md.

    >>> print(directional_derivative(lambda x: (x**2).sum())(jnp.array([1.0, 3.0]), jnp.array([1.0, 0.0])))
    2.0
    """

    def along(x: Any, v: Any) -> jax.Array:
        x = _floating("directional_derivative", "x", x)
        v = _floating("directional_derivative", "v", v).astype(x.dtype)
        got = f"x.shape={x.shape}, v.shape={v.shape}"
        require(x.shape == v.shape, "directional_derivative", "v must have the shape of x", got)
        return jax.jvp(_scalar("directional_derivative", f), (x,), (v,))[1]

    return along


def gradient_descent(
    f: Callable[[jax.Array], Any], start: Any, *, learning_rate: float = 0.01, steps: int = 100
) -> tuple[jax.Array, jax.Array]:
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

    >>> point, path = gradient_descent(lambda x: (x**2).sum(), jnp.array([3.0, 4.0]), learning_rate=0.25)
    >>> print(path[:3])
    [[3.   4.  ]
     [1.5  2.  ]
     [0.75 1.  ]]
    """
    start = _floating("gradient_descent", "start", start)
    rate = _rate_of_descent(learning_rate, steps)
    slope = jax.grad(_scalar("gradient_descent", f))

    def descend(x: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        below = x - rate * slope(x)
        return below, below

    point, below = jax.lax.scan(descend, start, None, length=int(steps))
    return point, jnp.concatenate([start[None], below])


def _floating(op: str, name: str, value: Any) -> jax.Array:
    """The value as an array of floating-point numbers; integers become floating-point, lists are refused."""
    array = as_array(op, name, value)
    dtype = jnp.result_type(array)
    if jnp.issubdtype(dtype, jnp.floating):
        return jnp.asarray(array)
    if not (jnp.issubdtype(dtype, jnp.integer) or dtype == jnp.bool_):
        raise TypeError(f"{op}: {name} must hold real numbers; got {name}.dtype={dtype}")
    return jnp.asarray(array, float)


def _scalar(op: str, f: Callable[[jax.Array], Any]) -> Callable[[jax.Array], jax.Array]:
    """f, checked to be a scalar."""

    def checked(x: jax.Array) -> jax.Array:
        value = f(x)
        require(jnp.shape(value) == (), op, "f must return a scalar", f"shape={jnp.shape(value)}")
        return value

    return checked


def _position(index: int | tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
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


def _rate_of_descent(learning_rate: float, steps: int) -> float:
    op, rule = "gradient_descent", "be a finite number above 0"
    rate = as_number(op, "learning_rate", learning_rate, rule, lambda number: 0 < number < math.inf)
    whole = isinstance(steps, Integral) and int(steps) >= 0
    require(whole, op, "steps must be an integer, 0 or more", f"steps={steps!r}")
    return rate
