"""Backpropagation through a network of two layers, as a textbook prints it, in JAX."""

import jax
import jax.numpy as jnp


def sigmoid(a):
    return 1 / (1 + jnp.exp(-a))


def softmax(a):
    e = jnp.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x):
    a1 = x @ params["W1"] + params["b1"]
    z1 = sigmoid(a1)
    a2 = z1 @ params["W2"] + params["b2"]
    return a1, z1, a2


def loss(params, x, t):
    _, _, a2 = forward(params, x)
    return loss_from_a2(a2, t)


def loss_from_a2(a2, t):
    return -jnp.mean(jnp.sum(t * jnp.log(softmax(a2)), axis=1))


def loss_from_z1(z1, params, t):
    return loss_from_a2(z1 @ params["W2"] + params["b2"], t)


def loss_from_a1(a1, params, t):
    return loss_from_z1(sigmoid(a1), params, t)


def affine(x, W, b):
    return x @ W + b


def affine_backward(x, W, b, dout):
    _, backward = jax.vjp(affine, x, W, b)
    dx, dW, db = backward(dout)
    return dx, dW, db


def sigmoid_backward(a, dout):
    _, backward = jax.vjp(sigmoid, a)
    (da,) = backward(dout)
    return da


def backward(params, x, t):
    a1, z1, a2 = forward(params, x)
    grads = jax.grad(loss)(params, x, t)
    da2 = jax.grad(loss_from_a2)(a2, t)
    dz1 = jax.grad(loss_from_z1)(z1, params, t)
    da1 = jax.grad(loss_from_a1)(a1, params, t)
    return grads, {"a2": da2, "z1": dz1, "a1": da1}
