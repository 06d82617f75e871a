"""Gradient descent, as a textbook prints it, in JAX."""

import jax


def gradient_descent(f, init_x, lr, step_num):
    gradient = jax.jit(jax.grad(f))
    x = init_x
    for _ in range(step_num):
        x = x - lr * gradient(x)
    return x
