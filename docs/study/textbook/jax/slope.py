"""The slope in one variable and in a direction, as a textbook prints it, in JAX."""

import jax


def derivative(f, x):
    return jax.grad(f)(x)


def directional_derivative(f, x, v):
    _, slope = jax.jvp(f, (x,), (v,))
    return slope
