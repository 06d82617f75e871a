"""Layer and RMS normalization, as a textbook prints them: every row of x by itself."""

import numpy as np


def mean(x):
    return np.mean(x, axis=-1, keepdims=True)


def layer_norm(x, gamma, beta, eps=1e-12):
    c = x - mean(x)
    r = 1 / np.sqrt(mean(c**2) + eps)
    s = c * r
    return gamma * s + beta


def layer_norm_backward(x, gamma, dout, eps=1e-12):
    c = x - mean(x)
    r = 1 / np.sqrt(mean(c**2) + eps)
    s = c * r
    dgamma = np.sum(dout * s, axis=0)
    dbeta = np.sum(dout, axis=0)
    ds = dout * gamma
    dx = r * (ds - mean(ds) - s * mean(ds * s))
    return dx, dgamma, dbeta


def rms_norm(x, gamma, eps=1e-12):
    r = 1 / np.sqrt(mean(x**2) + eps)
    return gamma * x * r


def rms_norm_backward(x, gamma, dout, eps=1e-12):
    r = 1 / np.sqrt(mean(x**2) + eps)
    s = x * r
    dgamma = np.sum(dout * s, axis=0)
    ds = dout * gamma
    dx = r * (ds - s * mean(ds * s))
    return dx, dgamma
