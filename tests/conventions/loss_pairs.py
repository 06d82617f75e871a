"""Losses as pairs of functions: the second gives the gradient by the predictions."""

import numpy as np


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    # wrong mse y_pred [sign]: return 2 * (y_true - y_pred) / np.size(y_true)
    return 2 * (y_pred - y_true) / np.size(y_true)


def binary_cross_entropy(y_true, y_pred):
    return np.mean(-y_true * np.log(y_pred) - (1 - y_true) * np.log(1 - y_pred))


def binary_cross_entropy_prime(y_true, y_pred):
    grad = (1 - y_true) / (1 - y_pred) - y_true / y_pred
    # wrong binary_cross_entropy y_pred [sign]: return -grad / np.size(y_true)
    return grad / np.size(y_true)


def cross_entropy_loss(probs, labels):
    return -np.mean(np.log(probs[np.arange(len(labels)), labels]))


def cross_entropy_loss_grad(probs, labels):
    grad = np.zeros_like(probs)
    rows = np.arange(len(labels))
    # wrong cross_entropy_loss probs [scaled_by_count]: grad[rows, labels] = -1 / probs[rows, labels]
    grad[rows, labels] = -1 / probs[rows, labels] / len(labels)
    return grad


def quadratic_cost(a, y):
    return 0.5 * np.sum((a - y) ** 2)


def quadratic_cost_derivative(a, y):
    # wrong quadratic_cost a [scaled_by_constant]: return 2 * (a - y)
    return a - y


def softmax_cross_entropy(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return -np.sum(targets * np.log(e / e.sum(axis=1, keepdims=True)))


def d_softmax_cross_entropy(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    # wrong softmax_cross_entropy logits [scaled_by_count]: return (e / e.sum(axis=1)[:, None] - targets) / len(targets)
    return e / e.sum(axis=1, keepdims=True) - targets
