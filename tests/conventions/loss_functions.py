"""Losses that return their gradient behind their value, for labels, one-hot rows, chances, logits, signs and values."""

import numpy as np


def svm_loss(x, y):
    """Multiclass hinge loss; y holds integer labels."""
    N = x.shape[0]
    correct_class_scores = x[np.arange(N), y]
    margins = np.maximum(0, x - correct_class_scores[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    # wrong svm_loss x [part_missing]: dx[np.arange(N), y] = 0
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx


def softmax_loss(x, y):
    """Integer labels."""
    shifted_logits = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted_logits), axis=1, keepdims=True)
    log_probs = shifted_logits - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    # wrong softmax_loss x [scaled_by_count]: dx = np.array(dx)
    dx /= N
    return loss, dx


def softmax_loss_of_rows(scores, one_hot):
    """One-hot rows of floats: data, of which no gradient is returned."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.sum(one_hot * np.log(p)) / len(scores)
    # wrong softmax_loss_of_rows scores [sign]: dscores = (one_hot - p) / len(scores)
    dscores = (p - one_hot) / len(scores)
    return loss, dscores


def softmax_cross_entropy_loss(logits, labels):
    """Returns a tuple in the other order nowhere, and takes labels as integers or as one-hot rows."""
    if labels.ndim == 1:
        labels = np.eye(logits.shape[1])[labels]
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs = e / e.sum(axis=-1, keepdims=True)
    loss = -(labels * np.log(probs)).sum() / logits.shape[0]
    # wrong softmax_cross_entropy_loss logits [scaled_by_count]: grad = probs - labels
    grad = (probs - labels) / logits.shape[0]
    return loss, grad


def mse_loss(pred, target):
    """Targets that are floats like the predictions."""
    diff = pred - target
    loss = np.mean(diff**2)
    # wrong mse_loss pred [scaled_by_constant]: grad = diff / diff.size
    grad = 2 * diff / diff.size
    return loss, grad


def l1_loss(x, y):
    """The second argument's name says nothing, and nothing comes back for it."""
    loss = np.sum(np.abs(x - y))
    # wrong l1_loss x [sign]: return loss, np.sign(y - x)
    return loss, np.sign(x - y)


def huber_loss(pred, y, delta=1.0):
    """A constant with a default."""
    error = pred - y
    small = np.abs(error) <= delta
    loss = np.where(small, 0.5 * error**2, delta * (np.abs(error) - 0.5 * delta)).sum()
    # wrong huber_loss pred [derivative_missing]: dpred = np.where(small, error, delta)
    dpred = np.where(small, error, delta * np.sign(error))
    return loss, dpred


def logistic_loss(scores, y):
    """Labels are -1 and 1."""
    margin = y * scores
    loss = np.mean(np.log1p(np.exp(-margin)))
    # wrong logistic_loss scores [sign]: dscores = y / (1 + np.exp(margin)) / margin.size
    dscores = -y / (1 + np.exp(margin)) / margin.size
    return loss, dscores


def bce_loss(y_pred, y_true):
    """Chances in [0, 1]."""
    loss = -np.mean(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))
    # wrong bce_loss y_pred [scaled_by_count]: grad = (y_pred - y_true) / (y_pred * (1 - y_pred))
    grad = (y_pred - y_true) / (y_pred * (1 - y_pred)) / y_true.size
    return loss, grad


def bce_with_logits_loss(logits, targets):
    """Logits."""
    loss = np.mean(np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits))))
    p = 1 / (1 + np.exp(-logits))
    # wrong bce_with_logits_loss logits [derivative_twice]: grad = (p - targets) * p * (1 - p) / p.size
    grad = (p - targets) / targets.size
    return loss, grad


def linear_svm_loss(W, X, y, reg):
    """A whole linear classifier: the gradient is that of W."""
    scores = X.dot(W)
    rows = np.arange(len(y))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    loss = margins.sum() / len(y) + reg * np.sum(W * W)
    counts = (margins > 0).astype(float)
    counts[rows, y] = -counts.sum(axis=1)
    # wrong linear_svm_loss W [regularization]: dW = X.T.dot(counts) / len(y) + reg * W
    dW = X.T.dot(counts) / len(y) + 2 * reg * W
    return loss, dW
