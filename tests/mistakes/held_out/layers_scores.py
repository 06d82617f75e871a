"""Factorization machines, GloVe, cosine similarity, a logistic loss, running cubes, a sparse autoencoder."""

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")


def machine(x, w, V):
    """Factorization machine: x w + 1/2 sum over factors of (x V)^2 - x^2 V^2."""
    s = x @ V
    return x @ w + 0.5 * np.sum(s**2 - x**2 @ V**2, axis=1), (x, w, V, s)


FM = sized(*[((4, 5), (5,), (5, 3))] * 2)


@family.wrong("", machine, FM, style="cache", cause="term_missing", argument="V", family="composites")
def factors_keep_their_square_with_themselves(dy, cache):
    x, w, V, s = cache
    dx = dy[:, None] * (w + s @ V.T - x * (V**2).sum(axis=1))
    return dx, x.T @ dy, x.T @ (dy[:, None] * s)


@family.wrong("", machine, FM, style="cache", cause="scaled_by_constant", argument="x", family="composites")
def half_applied_to_self_interaction_again(dy, cache):
    x, w, V, s = cache
    dx = dy[:, None] * (w + s @ V.T - 0.5 * x * (V**2).sum(axis=1))
    return dx, x.T @ dy, x.T @ (dy[:, None] * s) - V * (dy @ x**2)[:, None]


@family.wrong("", machine, FM, style="cache", cause="wrong_factor", argument="V", family="composites")
def self_interaction_linear_in_the_input(dy, cache):
    x, w, V, s = cache
    dV = np.zeros_like(V)
    for n, row in enumerate(x):
        dV += dy[n] * np.outer(row, s[n])
    dV -= V * np.sum(dy[:, None] * x, axis=0)[:, None]
    return dy[:, None] * (w + s @ V.T - x * (V**2).sum(axis=1)), x.T @ dy, dV


@family.wrong("", machine, FM, style="cache", cause="wrong_shape", argument="w", family="composites")
def linear_weights_come_back_as_a_column(dy, cache):
    x, w, V, s = cache
    d = dy[:, None]
    dx = d * (w + s @ V.T - x * (V**2).sum(axis=1))
    return dx, x.T @ d, x.T @ (d * s) - V * ((x**2).T @ d)


class GloVe:
    """Weighted squares of u_i . v_j + a_i + b_j - log count, summed."""

    def __init__(self, U, V, a):
        self.U, self.V, self.a = U, V, a

    def loss(self, i, j, count):
        self.f = np.minimum(1, (count / 10) ** 0.75)
        self.r = (self.U[i] * self.V[j]).sum(axis=1) + self.a[i] - np.log(count)
        return np.sum(self.f * self.r**2)

    @staticmethod
    def scatter(table, rows, values):
        out = np.zeros_like(table)
        np.add.at(out, rows, values)
        return out


def counts(size, seed):
    i, j = np.array([0, 1, 1, 3, 2, 0]), np.array([2, 0, 4, 4, 1, 3])
    return i, j, np.array([3.0, 12.0, 1.0, 5.0, 2.0, 8.0]), *normal(seed, (5, 3), (5, 3), (5,))


CO = {"inputs_of_layer": 3, "constants": ("count",), "gradients": {"U": "U", "V": "V", "a": "a"}, "family": "embedding"}


@family.whole("", "wrong backward", "network", counts, cause="wrong_factor", argument="U V a", **CO)
class RareAndFrequentPairsWeighTheSame(GloVe):
    def gradient(self, i, j, count):
        self.loss(i, j, count)
        d = 2 * self.r
        dU, dV = self.scatter(self.U, i, d[:, None] * self.V[j]), self.scatter(self.V, j, d[:, None] * self.U[i])
        return {"U": dU, "V": dV, "a": self.scatter(self.a, i, d)}


@family.whole("", "wrong backward", "network", counts, cause="wrong_index", argument="a", **CO)
class BiasOfTheContextWordUpdated(GloVe):
    def gradient(self, i, j, count):
        self.loss(i, j, count)
        d = 2 * self.f * self.r
        dU, dV = self.scatter(self.U, i, d[:, None] * self.V[j]), self.scatter(self.V, j, d[:, None] * self.U[i])
        return {"U": dU, "V": dV, "a": self.scatter(self.a, j, d)}


@family.whole("", "wrong backward", "network", counts, cause="wrong_operand", argument="V", **CO)
class ContextVectorsMovedAlongThemselves(GloVe):
    def gradient(self, i, j, count):
        self.loss(i, j, count)
        d = (2 * self.f * self.r)[:, None]
        contexts = self.V[j]
        dU, dV = self.scatter(self.U, i, d * contexts), self.scatter(self.V, j, d * contexts)
        return {"U": dU, "V": dV, "a": self.scatter(self.a, i, d[:, 0])}


def cosine(x, y):
    nx, ny = np.sqrt((x**2).sum(axis=1) + 0.3), np.sqrt((y**2).sum(axis=1) + 0.3)
    return (x * y).sum(axis=1) / (nx * ny), (x, y, nx, ny)


COS = sized(((5, 3), (5, 3)), ((5, 3), (5, 3)))


@family.wrong("", cosine, COS, style="cache", cause="statistics_as_constants", argument="x")
def norm_of_first_vector_held_fixed(dc, cache):
    x, y, nx, ny = cache
    scale = (dc / (nx * ny))[:, None]
    c = np.sum(x * y, axis=1) / (nx * ny)
    return scale * y, scale * x - (dc * c / ny**2)[:, None] * y


@family.wrong("", cosine, COS, style="cache", cause="epsilon_one_side", argument="x y")
def lengths_computed_anew_without_floor(dc, cache):
    x, y, _, _ = cache
    nx, ny = np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1)
    c = np.sum(x * y, axis=1) / (nx * ny)
    dx = y / (nx * ny)[:, None] - x * (c / nx**2)[:, None]
    dy = x / (nx * ny)[:, None] - y * (c / ny**2)[:, None]
    return dc[:, None] * dx, dc[:, None] * dy


@family.wrong("", cosine, COS, style="cache", cause="ignores_cotangent", argument="y")
def second_vectors_projection_not_weighted(dc, cache):
    x, y, nx, ny = cache
    c = np.einsum("nd,nd->n", x, y) / (nx * ny)
    first = dc[:, None] * y / (nx * ny)[:, None] - (dc * c / nx**2)[:, None] * x
    return first, dc[:, None] * x / (nx * ny)[:, None] - (c / ny**2)[:, None] * y


def logits(size, seed):
    z = normal(seed, (3, 4))[0]
    z[0, 1], z[2, 3] = 800.0, -790.0
    return z, np.array([[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]])


@family.whole("", "wrong backward", "vjp", logits, cause="not_finite", argument="z")
def binary_cross_entropy_slope_through_probabilities(z, t):
    loss = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))

    def pullback(dl):
        p = 1 / (1 + np.exp(-z))
        dp = (p - t) / (p * (1 - p))
        return dl * dp * p * (1 - p), None

    return loss, pullback


@family.whole("", "wrong backward", "vjp", sized(((4, 6),), ((4, 6),)), cause="downcast", argument="x")
def tail_sums_in_an_integer_buffer(x):
    y = np.cumsum(x**3, axis=1)

    def pullback(dy):
        tail = np.zeros(dy.shape, dtype=int)
        for t in range(dy.shape[1]):
            tail[:, t] = dy[:, t:].sum(axis=1)
        return 3 * x**2 * tail

    return y, pullback


class SparseCode:
    """A tanh autoencoder: mean squared error and an L1 penalty on the encoder's weight."""

    l1 = 0.4

    def __init__(self, W, D):
        self.W, self.D = W, D

    def loss(self, x):
        self.h = np.tanh(x @ self.W)
        self.error = self.h @ self.D - x
        return np.mean(self.error**2) + self.l1 * np.abs(self.W).sum()


SPARSE = sized(((6, 4), (4, 3), (3, 4)), ((6, 4), (4, 3), (3, 4)))
WD = {"gradients": {"W": "W", "D": "D"}, "family": "regularisation"}


@family.whole("", "wrong backward", "network", SPARSE, cause="regularization", argument="W", **WD)
class PenaltyOnMagnitudesLikeOneOnSquares(SparseCode):
    def gradient(self, x):
        self.loss(x)
        d = 2 * self.error / self.error.size
        da = d @ self.D.T * (1 - self.h**2)
        return {"W": x.T @ da + self.l1 * self.W, "D": self.h.T @ d}


@family.whole("", "wrong backward", "network", SPARSE, cause="regularization", argument="D", **WD)
class DecoderPenalizedLikeTheEncoder(SparseCode):
    def gradient(self, x):
        self.loss(x)
        d = 2 * self.error / self.error.size
        da = d @ self.D.T * (1 - self.h**2)
        grads = {"W": x.T @ da, "D": self.h.T @ d}
        return {name: grad + self.l1 * np.sign(getattr(self, name)) for name, grad in grads.items()}


@family.whole("", "wrong backward", "network", SPARSE, cause="derivative_twice", argument="W", **WD)
class CodeSlopeInDeltaAndInWeightGradient(SparseCode):
    def gradient(self, x):
        self.loss(x)
        d = 2 * self.error / self.error.size
        delta = d @ self.D.T * (1 - self.h**2)
        dW = sum(np.outer(row, v * (1 - h * h)) for row, v, h in zip(x, delta, self.h, strict=True))
        return {"W": dW + self.l1 * np.sign(self.W), "D": self.h.T @ d}


@family.whole("", "wrong backward", "network", SPARSE, cause="missing", argument="D", **WD)
class DecoderGradientLeftAtZero(SparseCode):
    def gradient(self, x):
        self.loss(x)
        grads = {"W": self.l1 * np.sign(self.W), "D": np.zeros_like(self.D)}
        d = 2 * self.error / self.error.size
        grads["W"] += x.T @ (d @ self.D.T * (1 - self.h**2))
        return grads
