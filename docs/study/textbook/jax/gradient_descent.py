"""Gradient descent, as a textbook prints it, in JAX."""

import jax


def gradient_descent(f, init_x, lr, step_num):
    x = init_x
    for _ in range(step_num):
        grad = jax.grad(f)(x)
        x = x - lr * grad
    return x
