"""A network of two layers as a computational graph, in JAX: vjp gives every node its way back."""

import jax
import jax.numpy as jnp


def softmax(a):
    e = jnp.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def affine(x, W, b):
    return x @ W + b


def relu(a):
    return jnp.where(a > 0, a, 0)


def softmax_with_loss(a, t):
    y = softmax(a)
    return -jnp.sum(t * jnp.log(y)) / len(t)


def forward(params, x):
    a1 = affine(x, params["W1"], params["b1"])
    z1 = relu(a1)
    a2 = affine(z1, params["W2"], params["b2"])
    return {"a1": a1, "z1": z1, "a2": a2}


def loss(params, x, t):
    return softmax_with_loss(forward(params, x)["a2"], t)


def backward(params, x, t):
    a1, affine1_backward = jax.vjp(affine, x, params["W1"], params["b1"])
    z1, relu_backward = jax.vjp(relu, a1)
    a2, affine2_backward = jax.vjp(affine, z1, params["W2"], params["b2"])
    L, last_backward = jax.vjp(softmax_with_loss, a2, t)
    da2, _ = last_backward(jnp.ones_like(L))
    dz1, dW2, db2 = affine2_backward(da2)
    (da1,) = relu_backward(dz1)
    dx, dW1, db1 = affine1_backward(da1)
    errors = {"a2": da2, "z1": dz1, "a1": da1, "x": dx}
    return errors, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def gradient(params, x, t):
    return jax.grad(loss)(params, x, t)
