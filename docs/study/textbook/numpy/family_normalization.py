"""Normalization, as a textbook prints it: x is (batch, features)."""

import numpy as np


def batch_norm(x, gamma, beta, eps=1e-5):
    c = x - x.mean(axis=0)
    v = np.mean(c**2, axis=0)
    r = 1 / np.sqrt(v + eps)
    return gamma * c * r + beta


def layer_norm(x, gamma, beta, eps=1e-5):
    c = x - x.mean(axis=-1, keepdims=True)
    v = np.mean(c**2, axis=-1, keepdims=True)
    r = 1 / np.sqrt(v + eps)
    return gamma * c * r + beta


def rms_norm(x, gamma, eps=1e-6):
    r = 1 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps)
    return gamma * x * r


def group_norm(x, gamma, beta, groups, eps=1e-5):
    split = x.reshape(len(x), groups, -1)
    return gamma * layer_norm(split, 1, 0, eps).reshape(x.shape) + beta


def batch_norm_inference(x, gamma, beta, mu, v, eps=1e-5):
    r = 1 / np.sqrt(v + eps)
    return gamma * (x - mu) * r + beta


def batch_norm_backward(x, gamma, dout, eps=1e-5):
    c = x - x.mean(axis=0)
    r = 1 / np.sqrt(np.mean(c**2, axis=0) + eps)
    s = c * r
    dgamma = np.sum(dout * s, axis=0)
    dbeta = np.sum(dout, axis=0)
    g = dout * gamma
    dx = r * (g - g.mean(axis=0) - s * np.mean(g * s, axis=0))
    return dx, dgamma, dbeta


def rms_norm_backward(x, gamma, dout, eps=1e-6):
    r = 1 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps)
    s = x * r
    g = dout * gamma
    return r * (g - s * np.mean(g * s, axis=-1, keepdims=True))


def batch_norm_inference_backward(gamma, v, dout, eps=1e-5):
    r = 1 / np.sqrt(v + eps)
    return dout * gamma * r
