"""A network of two layers that learns, as a textbook prints it, in JAX: forward, loss, backward, update, and again."""

import jax
import jax.numpy as jnp


def softmax(z):
    e = jnp.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x):
    h = jnp.tanh(x @ params["W1"] + params["b1"])
    z = h @ params["W2"] + params["b2"]
    return h, z


@jax.jit
def loss(params, x, t):
    _, z = forward(params, x)
    p = softmax(z)
    return -jnp.mean(jnp.sum(t * jnp.log(p), axis=1))


@jax.jit
def gradient(params, x, t):
    return jax.grad(loss)(params, x, t)


def update(params, grads, lr):
    return {name: params[name] - lr * grads[name] for name in params}


def train(params, x, t, lr, steps):
    losses = []
    for _ in range(steps):
        losses.append(loss(params, x, t))
        grads = gradient(params, x, t)
        params = update(params, grads, lr)
    return params, jnp.array(losses)


def accuracy(params, x, labels):
    _, z = forward(params, x)
    return jnp.mean(z.argmax(axis=1) == labels)
