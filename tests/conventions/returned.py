"""What a backward returns: the input's gradient beside lists, dicts and pairs of the parameters', in any order."""

import numpy as np


class DenseWithList:
    """dx, [dW, db]."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, dout):
        # wrong DenseWithList W [scaled_by_count]: dW = self.X.T @ dout / self.X.shape[0]
        dW = self.X.T @ dout
        db = np.sum(dout, axis=0)
        return dout @ self.W.T, [dW, db]


class ReluWithEmptyList:
    """(dx, []): no parameters."""

    def forward(self, X):
        self.X = X
        return np.maximum(X, 0)

    def backward(self, dout):
        dX = dout.copy()
        # wrong ReluWithEmptyList X [not_linear mask_wrong]: dX[dout <= 0] = 0
        dX[self.X <= 0] = 0
        return dX, []


class BiasFirst:
    """(db, dx)."""

    def __init__(self, b):
        self.b = b

    def forward(self, x):
        return x + self.b

    def backward(self, dout):
        # wrong BiasFirst b [scaled_by_count]: db = dout.mean(axis=0)
        db = dout.sum(axis=0)
        return db, dout


class DenseWithDict:
    """A dict of everything, by the names of the gradients."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        # wrong DenseWithDict x [scaled_by_constant]: grads = {"dx": 2 * dout @ self.W.T}
        grads = {"dx": dout @ self.W.T}
        grads["dW"] = self.x.T @ dout
        grads["db"] = dout.sum(axis=0)
        return grads


class DenseWithPairs:
    """dx, and a list of pairs of a parameter and its gradient."""

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        dW = self.x.T @ dout
        # wrong DenseWithPairs b [scaled_by_count]: db = dout.mean(axis=0)
        db = dout.sum(axis=0)
        return dout @ self.W.T, [(self.W, dW), (self.b, db)]


class DenseWithNestedDict:
    """dx and a dict of the parameters' gradients under the parameters' names."""

    def __init__(self, in_dim, out_dim):
        rng = np.random.default_rng(0)
        self.params = {"W": rng.normal(size=(in_dim, out_dim)), "b": np.zeros(out_dim)}

    def forward(self, X):
        self.X = X
        return X @ self.params["W"] + self.params["b"]

    def backward(self, dLdy):
        # wrong DenseWithNestedDict b [scaled_by_count]: grads = {"b": dLdy.mean(axis=0)}
        grads = {"b": dLdy.sum(axis=0)}
        grads["W"] = self.X.T @ dLdy
        return dLdy @ self.params["W"].T, grads


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    """A dict from a function, by the arguments' names."""
    x, w, _ = cache
    # wrong affine w [scaled_by_count]: dw = x.T @ dout / len(x)
    dw = x.T @ dout
    return {"x": dout @ w.T, "w": dw, "b": dout.sum(axis=0)}
