"""Mistakes in what is built of affine layers: gates, distances, shared and normalized weights."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def scaled(shapes, realistic):
    """Weights by the root of their fan-in, so that gates and slopes stay away from saturation."""

    def inputs(size, seed):
        x, *weights = normal(seed, *(shapes if size == "small" else realistic))
        return (x, *(w / np.sqrt(len(w)) if w.ndim == 2 else 0.5 * w for w in weights))

    return inputs


def autoencoder(x, W):
    h = np.tanh(x @ W)
    return h @ W.T, (x, h, W)


tied = partial(
    family.wrong,
    forward=autoencoder,
    inputs=scaled(((5, 4), (4, 4)), ((40, 24), (24, 24))),
    style="rule",
    names=("x", "W"),
)


@tied(113, cause=("use_dropped", "sum_term_missing"), argument="W")
def decoder_forgets_the_tied_encoder(residuals, cotangent):
    x, h, W = residuals
    return ((cotangent @ W) * (1 - h**2)) @ W.T, cotangent.T @ h


@tied(113, cause="sum_term_missing", argument="W")
def tied_decoder_added_untransposed(residuals, cotangent):
    x, h, W = residuals
    dz = (cotangent @ W) * (1 - h * h)
    return dz @ W.T, x.T @ dz + h.T @ cotangent


@family.whole(
    113,
    "wrong backward",
    "layer",
    scaled(((5, 4), (4, 3)), ((40, 24), (24, 16))),
    gradients={"W": "dW"},
    cause=("use_dropped", "sum_term_missing"),
    argument="x",
)
class ReconstructionError:
    """How far the rows are from what their codes give back: x is the input and the target."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x, self.code = x, x @ self.W
        self.error = self.code @ self.W.T - x
        return 0.5 * (self.error**2).sum(axis=1)

    def backward(self, dout):
        d = dout[:, None] * self.error
        dcode = d @ self.W
        self.dW = d.T @ self.code + self.x.T @ dcode
        return dcode @ self.W.T


def quadratic(x, A):
    return np.einsum("ni,ij,nj->n", x, A, x)


forms = sized(((5, 4), (4, 4)), ((40, 24), (24, 24)))


@family.wrong("", quadratic, forms, cause=("use_dropped", "sum_term_missing"), argument="x")
def quadratic_form_by_one_side(dout, x, A):
    return dout[:, None] * (x @ A.T), np.einsum("n,ni,nj->ij", dout, x, x)


@family.wrong("", quadratic, forms, cause=("sum_term_missing", "not_transposed"), argument="x")
def quadratic_form_taken_for_symmetric(dout, x, A):
    return 2 * dout[:, None] * (x @ A), (x * dout[:, None]).T @ x


def glu(x, W, V):
    a, b = x @ W, x @ V
    return a * sigmoid(b), (x, W, V, a, b)


gates = scaled(((5, 4), (4, 3), (4, 3)), ((40, 24), (24, 16), (24, 16)))
gated = partial(family.wrong, forward=glu, inputs=gates, style="cache", names=("x", "W", "V"))


@gated(12, cause=("use_dropped", "sum_term_missing"), argument="x")
def gate_path_to_the_input_forgotten(dout, cache):
    x, W, V, a, b = cache
    s = sigmoid(b)
    da, db = dout * s, dout * a * s * (1 - s)
    return da @ W.T, x.T @ da, x.T @ db


@gated(107, cause="wrong_operand", argument="x V")
def gate_slope_of_the_value(dout, cache):
    x, W, V, a, b = cache
    da, db = dout * sigmoid(b), dout * a * sigmoid(a) * (1 - sigmoid(a))
    return da @ W.T + db @ V.T, x.T @ da, x.T @ db


def highway(x, Wh, Wt):
    h, t = np.tanh(x @ Wh), sigmoid(x @ Wt - 1)
    return t * h + (1 - t) * x, (x, Wh, Wt, h, t)


roads = partial(
    family.wrong,
    forward=highway,
    inputs=scaled(((5, 4), (4, 4), (4, 4)), ((40, 24), (24, 24), (24, 24))),
    style="rule",
    names=("x", "Wh", "Wt"),
)


@roads("", cause="sum_term_missing", argument="x Wt")
def highway_gate_forgets_the_carried_part(residuals, cotangent):
    x, Wh, Wt, h, t = residuals
    dh, dt = cotangent * t * (1 - h * h), cotangent * h * t * (1 - t)
    return dh @ Wh.T + dt @ Wt.T + cotangent * (1 - t), x.T @ dh, x.T @ dt


@roads("", cause=("wrong_operand", "sum_term_missing"), argument="x")
def highway_carries_by_the_transform_gate(residuals, cotangent):
    x, Wh, Wt, h, t = residuals
    dh, dt = cotangent * t * (1 - h * h), cotangent * (h - x) * t * (1 - t)
    return dh @ Wh.T + dt @ Wt.T + cotangent * t, x.T @ dh, x.T @ dt


def experts(x, gate, E):
    """Each row mixes the outputs of all experts by a softmax gate; E is (experts, in, out)."""
    z = x @ gate
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    y = np.einsum("ni,kio->nko", x, E)
    return np.einsum("nk,nko->no", p, y), (x, gate, E, p, y)


@family.wrong(
    32,
    experts,
    sized(((5, 4), (4, 3), (3, 4, 2)), ((40, 12), (12, 5), (5, 12, 8))),
    style="rule",
    names=("x", "gate", "E"),
    cause=("diagonal_only", "sum_term_missing"),
    argument="x gate",
)
def mixture_gate_by_its_diagonal(residuals, cotangent):
    x, gate, E, p, y = residuals
    dp = np.einsum("no,nko->nk", cotangent, y)
    dz = dp * p * (1 - p)
    dy = p[:, :, None] * cotangent[:, None, :]
    return dz @ gate.T + np.einsum("nko,kio->ni", dy, E), x.T @ dz, np.einsum("ni,nko->kio", x, dy)


def weight_norm(x, g, V):
    norm = np.sqrt((V * V).sum(axis=0))
    return x @ (V * (g / norm)), (x, g, V, norm)


normed = partial(
    family.wrong,
    forward=weight_norm,
    inputs=sized(((5, 4), (3,), (4, 3)), ((40, 12), (16,), (12, 16))),
    style="rule",
    names=("x", "g", "V"),
)


@normed(76, cause=("sum_term_missing", "use_dropped"), argument="V")
def norm_of_the_weight_held_constant(residuals, cotangent):
    x, g, V, norm = residuals
    dW = x.T @ cotangent
    return cotangent @ (V * g / norm).T, (dW * V).sum(axis=0) / norm, dW * g / norm


@normed(80, cause="argument_factor_missing", argument="V")
def gain_of_the_normed_weight_forgotten(residuals, cotangent):
    x, g, V, norm = residuals
    dW, unit = x.T @ cotangent, V / norm
    dg = (dW * unit).sum(axis=0)
    return cotangent @ (unit * g).T, dg, (dW - unit * dg) / norm


def squared_distances(x, centers):
    return ((x[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)


points = sized(((5, 3), (4, 3)), ((32, 8), (20, 8)))


@family.wrong(18, squared_distances, points, cause="sign", argument="centers")
def centers_pulled_the_wrong_way(dout, x, centers):
    d = 2 * dout[:, :, None] * (x[:, None] - centers)
    return d.sum(axis=1), d.sum(axis=0)


@family.wrong(15, squared_distances, points, cause="scaled_by_two", argument="x")
def distance_to_the_point_without_its_two(dout, x, centers):
    dx = x * dout.sum(1, keepdims=True) - dout @ centers
    dcenters = -2 * (dout.T @ x - centers * dout.sum(0)[:, None])
    return dx, dcenters


def radial(x, centers, gamma):
    d2 = squared_distances(x, centers)
    return np.exp(-gamma * d2), (x, centers, gamma, d2)


@family.wrong(
    80,
    radial,
    lambda size, seed: (*points(size, seed), np.array([0.3])),
    style="cache",
    names=("x", "centers", "gamma"),
    cause=("argument_factor_missing", "scaled_by_static"),
    argument="x centers",
)
def width_of_the_radial_units_forgotten(dout, cache):
    x, centers, gamma, d2 = cache
    dd2 = -dout * np.exp(-gamma * d2)
    pull = 2 * dd2[:, :, None] * (x[:, None] - centers)
    return pull.sum(1), -pull.sum(0), np.array([(dd2 * d2).sum()])
