"""Derivatives and descent, as a textbook prints them, in JAX."""

import jax
import jax.numpy as jnp


def derivative(f, x):
    return jax.grad(f)(x)


def directional_derivative(f, x, v):
    _, slope = jax.jvp(f, (x,), (v,))
    return slope


def partial_derivative(f, i, x):
    return directional_derivative(f, x, jnp.eye(len(x))[i])


def gradient(f, x):
    return jax.grad(f)(x)


def gradient_descent(f, init_x, lr, step_num):
    gradient = jax.jit(jax.grad(f))
    x = init_x
    for _ in range(step_num):
        x = x - lr * gradient(x)
    return x
