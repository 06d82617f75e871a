"""A small convolutional network, as a textbook prints it: layers, forward, backward, and the loop that trains it."""

import numpy as np


def conv(x, W, b):
    height, width = x.shape[1] - W.shape[0] + 1, x.shape[2] - W.shape[1] + 1
    y = b
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            y = y + x[:, i : i + height, j : j + width] @ W[i, j]
    return y


def conv_backward(x, W, dout):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    height, width = dout.shape[1:3]
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            patch = x[:, i : i + height, j : j + width]
            dW[i, j] = np.tensordot(patch, dout, axes=([0, 1, 2], [0, 1, 2]))
            dx[:, i : i + height, j : j + width] += dout @ W[i, j].T
    return dx, dW, dout.sum(axis=(0, 1, 2))


def relu(x):
    return np.maximum(x, 0)


def pool(x):
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def spread(y):
    return y.repeat(2, axis=1).repeat(2, axis=2)


def pool_backward(x, y, dout):
    largest = x == spread(y)
    return largest * spread(dout)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x):
    h1 = relu(conv(x, params["W1"], params["b1"]))
    h2 = pool(h1)
    h3 = relu(h2.reshape(len(x), -1) @ params["W2"] + params["b2"])
    z = h3 @ params["W3"] + params["b3"]
    return h1, h2, h3, z


def loss(params, x, t):
    *_, z = forward(params, x)
    return -np.mean(np.sum(t * np.log(softmax(z)), axis=1))


def gradient(params, x, t):
    h1, h2, h3, z = forward(params, x)
    dz = (softmax(z) - t) / len(x)
    dW3, db3 = h3.T @ dz, dz.sum(axis=0)
    dh3 = (dz @ params["W3"].T) * (h3 > 0)
    dW2, db2 = h2.reshape(len(x), -1).T @ dh3, dh3.sum(axis=0)
    dh2 = (dh3 @ params["W2"].T).reshape(h2.shape)
    dh1 = pool_backward(h1, h2, dh2) * (h1 > 0)
    _, dW1, db1 = conv_backward(x, params["W1"], dh1)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3}


def train(params, x, t, lr, steps):
    losses = []
    for _ in range(steps):
        losses.append(loss(params, x, t))
        grads = gradient(params, x, t)
        params = {name: params[name] - lr * grads[name] for name in params}
    return params, np.array(losses)
