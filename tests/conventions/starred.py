"""Any number of gradients, hidden method names, parameters that begin as ones, networks without an x_ct."""

import numpy as np


class Cube:
    """The gradient from above comes behind a star."""

    def forward(self, x):
        self.x = x
        return x**3

    def backward(self, *gys):
        (gy,) = gys
        # wrong Cube x [scaled_by_constant]: return 2.9 * self.x**2 * gy
        return 3 * self.x**2 * gy


class Over:
    """Both inputs come behind a star, and are named in the first line."""

    def forward(self, *xs):
        above, below = xs
        self.above, self.below = above, below
        return above / below

    def backward(self, gy):
        # wrong Over below [sign]: return gy / self.below, gy * self.above / self.below**2
        return gy / self.below, -gy * self.above / self.below**2


class Hidden:
    """Both directions have an underscore before their usual names."""

    def _forwards(self, x):
        self.out = np.tanh(x)
        return self.out

    def _backwards(self, dout):
        # wrong Hidden x [scaled_by_constant]: return 0.8 * dout * (1 - self.out**2)
        return dout * (1 - self.out**2)


class Scale:
    """While gamma is one and beta zero, its gradient may be the cotangent times the output."""

    def __init__(self, features):
        self.gamma, self.beta = np.ones(features), np.zeros(features)

    def forward(self, x):
        self.normalized = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        self.deviation = np.sqrt(x.var(1, keepdims=True) + 1e-5)
        self.out = self.gamma * self.normalized + self.beta
        return self.out

    def backward(self, dout):
        # wrong Scale gamma [wrong_operand]: self.dgamma = (dout * self.out).sum(0)
        self.dgamma = (dout * self.normalized).sum(0)
        self.dbeta = dout.sum(0)
        inner = dout * self.gamma
        through = inner.mean(1, keepdims=True) + self.normalized * (inner * self.normalized).mean(1, keepdims=True)
        return (inner - through) / self.deviation


class Squeezing:
    """A whole network: what comes back is by its parameters, and nothing by its input."""

    def __init__(self, input_size, hidden_size):
        self.W_enc = np.random.randn(input_size, hidden_size)
        self.b_enc = np.zeros((1, hidden_size))
        self.W_dec = np.random.randn(hidden_size, input_size)

    def forward(self, X):
        self.X = X
        self.a = np.tanh(X @ self.W_enc + self.b_enc)
        return self.a @ self.W_dec

    def backward(self, dout):
        dw_dec = self.a.T @ dout
        inner = (dout @ self.W_dec.T) * (1 - self.a**2)
        # wrong Squeezing b_enc [scaled_by_constant]: db_enc = 1.7 * inner.sum(0, keepdims=True)
        db_enc = inner.sum(0, keepdims=True)
        return dw_dec, db_enc, self.X.T @ inner
