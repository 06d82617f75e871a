"""Layers for many examples, whose bias gradient is a sum, and for one alone, where it is none."""

import numpy as np


def dense_fwd(x, kernel, bias):
    return x @ kernel + bias, (x, kernel)


def dense_bwd(residuals, cotangent):
    x, kernel = residuals
    # wrong dense bias [wrong_reduction]: return cotangent @ kernel.T, x.T @ cotangent, cotangent
    return cotangent @ kernel.T, x.T @ cotangent, cotangent.sum(0)


def shift_forward(x, W, gamma, b):
    return (x @ W) * gamma + b


def shift_backward(dout, x, W, gamma, b):
    scaled = dout * gamma
    # wrong shift gamma [wrong_reduction]: dgamma = dout * (x @ W)
    dgamma = (dout * (x @ W)).sum(axis=0)
    return scaled @ W.T, x.T @ scaled, dgamma, dout.sum(axis=0)


def linear_forward(x, w, b):
    return x @ w + b


def linear_backward(dout, x, w, b):
    # wrong linear w [scaled scaled_by_constant wrong_factor]: return dout @ w.T, 2 * np.outer(x, dout), dout
    return dout @ w.T, np.outer(x, dout), dout
