"""A small convolutional network, as a textbook prints it, in JAX: layers, forward, and the loop that trains it."""

import jax
import jax.numpy as jnp


def conv(x, W, b):
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, W, (1, 1), "VALID", dimension_numbers=axes) + b


def relu(x):
    return jnp.where(x > 0, x, 0)


def pool(x):
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def softmax(z):
    e = jnp.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x):
    h1 = relu(conv(x, params["W1"], params["b1"]))
    h2 = pool(h1)
    h3 = relu(h2.reshape(len(x), -1) @ params["W2"] + params["b2"])
    z = h3 @ params["W3"] + params["b3"]
    return h1, h2, h3, z


@jax.jit
def loss(params, x, t):
    *_, z = forward(params, x)
    return -jnp.mean(jnp.sum(t * jnp.log(softmax(z)), axis=1))


@jax.jit
def gradient(params, x, t):
    return jax.grad(loss)(params, x, t)


def train(params, x, t, lr, steps):
    losses = []
    for _ in range(steps):
        losses.append(loss(params, x, t))
        grads = gradient(params, x, t)
        params = {name: params[name] - lr * grads[name] for name in params}
    return params, jnp.array(losses)
