"""Whole networks: loss(X, y=None) -> (loss, grads) with regularization, and loss beside gradient."""

import numpy as np


class TwoLayerNet:
    """Parameters in a dict, gradients in a dict of the same keys."""

    def __init__(self, input_dim=3 * 8 * 8, hidden_dim=100, num_classes=10, weight_scale=1e-1, reg=0.1):
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }
        self.reg = reg

    def loss(self, X, y=None):
        W1, b1, W2, b2 = self.params["W1"], self.params["b1"], self.params["W2"], self.params["b2"]
        hidden = np.maximum(0, X.reshape(len(X), -1) @ W1 + b1)
        scores = hidden @ W2 + b2
        if y is None:
            return scores
        probs = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs /= probs.sum(axis=1, keepdims=True)
        loss = -np.mean(np.log(probs[np.arange(len(y)), y]))
        loss += 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        dscores = probs.copy()
        dscores[np.arange(len(y)), y] -= 1
        dscores /= len(y)
        dhidden = (dscores @ W2.T) * (hidden > 0)
        grads = {"W2": hidden.T @ dscores + self.reg * W2, "b2": dscores.sum(axis=0)}
        # wrong TwoLayerNet W1 [regularization]: grads["W1"] = X.T @ dhidden + 2 * self.reg * W1
        grads["W1"] = X.reshape(len(X), -1).T @ dhidden + self.reg * W1
        grads["b1"] = dhidden.sum(axis=0)
        return loss, grads


class SmallNet:
    """loss(X, y=None, reg=0.0), sizes without defaults."""

    def __init__(self, input_size, hidden_size, output_size, std=0.1):
        self.params = {}
        self.params["W1"] = std * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = std * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        h = np.maximum(0, X.dot(W1) + b1)
        scores = h.dot(W2) + b2
        if y is None:
            return scores
        exp_scores = np.exp(scores)
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        loss = -np.log(probs[range(len(X)), y]).mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        grads = {}
        dscores = probs
        dscores[range(len(X)), y] -= 1
        dscores /= len(X)
        grads["W2"] = h.T.dot(dscores) + 2 * reg * W2
        # wrong SmallNet b2 [scaled_by_count]: grads["b2"] = np.mean(dscores, axis=0)
        grads["b2"] = np.sum(dscores, axis=0)
        dh = dscores.dot(W2.T)
        dh[h <= 0] = 0
        grads["W1"] = X.T.dot(dh) + 2 * reg * W1
        grads["b1"] = np.sum(dh, axis=0)
        return loss, grads


class LogisticRegression:
    """loss(x, t) and gradient(x, t), one-hot rows."""

    def __init__(self, input_size, output_size):
        self.params = {"W": 0.5 * np.random.randn(input_size, output_size), "b": np.zeros(output_size)}

    def predict(self, x):
        scores = x @ self.params["W"] + self.params["b"]
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -np.sum(np.log(self.predict(x)) * t) / len(x)

    def gradient(self, x, t):
        # wrong LogisticRegression W [scaled_by_count]: dy = self.predict(x) - t
        dy = (self.predict(x) - t) / len(x)
        # wrong LogisticRegression W [scaled_by_count]: return {"W": x.T @ dy, "b": dy.sum(axis=0) / len(x)}
        return {"W": x.T @ dy, "b": dy.sum(axis=0)}
