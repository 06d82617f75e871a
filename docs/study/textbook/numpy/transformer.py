"""A transformer of one layer, as a textbook prints it: tokens are one sentence, x is (length, width)."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rms_norm(x, gamma):
    return gamma * x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def rotate(x):
    half = x.shape[-1] // 2
    position = np.arange(len(x))[:, None, None]
    angle = position * 10000.0 ** (-np.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    turned = [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)]
    return np.concatenate(turned, axis=-1)


def attention(Q, K, V):
    S = np.einsum("ihd,jhd->hij", Q, K) / np.sqrt(Q.shape[-1])
    seen = np.tril(np.ones((len(Q), len(Q)), bool))
    P = softmax(np.where(seen, S, -np.inf))
    return np.einsum("hij,jhd->ihd", P, V)


def attention_branch(x, p, heads):
    n = rms_norm(x, p["gamma"])
    Q, K, V = np.split((n @ p["W_qkv"]).reshape(len(x), 3 * heads, -1), 3, axis=1)
    y = attention(rotate(Q), rotate(K), V)
    return y.reshape(x.shape) @ p["W_o"]


def feed_forward_branch(x, p):
    n = rms_norm(x, p["gamma"])
    u, g = np.split(n @ p["W_in"], 2, axis=-1)
    return (u * g / (1 + np.exp(-g))) @ p["W_out"]


def transformer(params, tokens, heads):
    x = params["table"][tokens]
    x = x + attention_branch(x, params["attention"], heads)
    x = x + feed_forward_branch(x, params["feed_forward"])
    return rms_norm(x, params["gamma"]) @ params["W_head"]


def loss(params, tokens, following, heads):
    p = softmax(transformer(params, tokens, heads))
    return -np.mean(np.log(p[np.arange(len(p)), following]))


def gradient_of_W_o(params, tokens, following, heads):
    h, W_o = 1e-5, params["attention"]["W_o"]
    grad = np.zeros_like(W_o)
    for i in np.ndindex(W_o.shape):
        step = np.zeros_like(W_o)
        step[i] = h
        moved = [{**params, "attention": {**params["attention"], "W_o": W_o + s}} for s in (step, -step)]
        up, down = (loss(params, tokens, following, heads) for params in moved)
        grad[i] = (up - down) / (2 * h)
    return grad
