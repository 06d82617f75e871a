"""The direction of the gradient, as a textbook prints it, in JAX."""

import jax


def directional_derivative(f, x, v):
    _, slope = jax.jvp(f, (x,), (v,))
    return slope


def gradient(f, x):
    return jax.grad(f)(x)


def gradient_descent(f, init_x, lr, step_num):
    gradient = jax.jit(jax.grad(f))
    x = init_x
    for _ in range(step_num):
        x = x - lr * gradient(x)
    return x
