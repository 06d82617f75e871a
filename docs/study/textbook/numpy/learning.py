"""A network of two layers that learns, as a textbook prints it: forward, loss, backward, update, and again."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x):
    h = np.tanh(x @ params["W1"] + params["b1"])
    z = h @ params["W2"] + params["b2"]
    return h, z


def loss(params, x, t):
    _, z = forward(params, x)
    p = softmax(z)
    return -np.mean(np.sum(t * np.log(p), axis=1))


def gradient(params, x, t):
    h, z = forward(params, x)
    dz = (softmax(z) - t) / len(x)
    dW2, db2 = h.T @ dz, dz.sum(axis=0)
    da = (dz @ params["W2"].T) * (1 - h**2)
    dW1, db1 = x.T @ da, da.sum(axis=0)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def update(params, grads, lr):
    return {name: params[name] - lr * grads[name] for name in params}


def train(params, x, t, lr, steps):
    losses = []
    for _ in range(steps):
        losses.append(loss(params, x, t))
        grads = gradient(params, x, t)
        params = update(params, grads, lr)
    return params, np.array(losses)


def accuracy(params, x, labels):
    _, z = forward(params, x)
    return np.mean(z.argmax(axis=1) == labels)
