"""Minibatches, iterations and epochs, as a textbook prints them, for a network of one layer."""

import numpy as np


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(params, x, t):
    y = softmax(x @ params["W"] + params["b"])
    return -np.sum(t * np.log(y)) / len(x)


def gradient(params, x, t):
    da = (softmax(x @ params["W"] + params["b"]) - t) / len(x)
    return {"W": x.T @ da, "b": da.sum(axis=0)}


def update(params, grads, lr):
    return {name: params[name] - lr * grads[name] for name in params}


def minibatches(order, batch_size):
    starts = range(0, len(order), batch_size)
    return [order[start : start + batch_size] for start in starts]


def train(params, x, t, orders, batch_size, lr):
    losses = [loss(params, x, t)]
    for order in orders:
        for batch in minibatches(order, batch_size):
            grads = gradient(params, x[batch], t[batch])
            params = update(params, grads, lr)
        losses.append(loss(params, x, t))
    return params, np.array(losses)


def gradients_of_minibatches(params, x, t, order, batch_size):
    batches = minibatches(order, batch_size)
    return np.array([gradient(params, x[batch], t[batch])["W"] for batch in batches])


def scatter(params, x, t, order, batch_size):
    whole = gradient(params, x, t)["W"]
    parts = gradients_of_minibatches(params, x, t, order, batch_size)
    return np.sqrt(np.mean(np.sum((parts - whole) ** 2, axis=(1, 2))))
