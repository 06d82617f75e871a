"""Correct code that looks unusual: other conventions, other layouts, ties, kinks, extreme values."""

import numpy as np

from ..case import Family, normal, sized

family = Family("controls")


def sig(v):
    return 1 / (1 + np.exp(-v))


@family.whole(
    "F1", "control", "layer", sized(((5, 3), (3, 4)), ((24, 16), (16, 12))), gradients={"w": "gw"}, family="dense"
)
class SynapseLayer:
    def __init__(self, w):
        self.w = w

    def forward(self, signal):
        self.signal, self.activity = signal, sig(signal @ self.w)
        return self.activity

    def backward(self, error):
        delta = error * self.activity * (1 - self.activity)
        self.gw = self.signal.T @ delta
        return delta @ self.w.T


def squashed(x, b):
    y = np.tanh(x + b)
    return y, y


@family.control("F2", squashed, sized(((4, 5), (5,)), ((20, 30), (30,))), style="rule", family="activations")
def one_minus_squared_output(y, g):
    d = g - g * y * y
    return d, d.sum(0)


def whiten(x):
    mu, n = x.mean(0), len(x)
    inv = 1 / np.sqrt(((x - mu) ** 2).sum(0) / n + 1e-3)
    return (x - mu) * inv, (x - mu, inv)


@family.control("F3", whiten, sized(((6, 4),), ((24, 16),)), style="cache", family="normalization")
def mean_path_without_variance(dout, cache):
    c, inv = cache
    n = len(c)
    dvar = (dout * c).sum(0) * -0.5 * inv**3
    dmu = -(dout * inv).sum(0)
    return dout * inv + dvar * 2 * c / n + dmu / n


def sigmoid_squares(z, t):
    return 0.5 * ((sig(z) - t) ** 2).sum(1)


@family.control("F4", sigmoid_squares, sized(((5, 3), (5, 3)), ((24, 10), (24, 10))), constants=("t",), family="losses")
def squares_behind_sigmoid(g, z, t):
    y = sig(z)
    return g[:, None] * (y - t) * y * (1 - y), None


@family.whole(
    "F6",
    "control",
    "layer",
    lambda size, seed: (
        normal(seed, (7, 3) if size == "small" else (32, 10))[0],
        np.arange(7 if size == "small" else 32) % 3,
    ),
    inputs_of_layer=2,
    gradients={},
    ends_in_loss=True,
    family="softmax",
)
class SummedCrossEntropyInBase2:
    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.p, self.t = e / e.sum(1, keepdims=True), t
        return -np.log2(self.p[np.arange(len(t)), t]).sum()

    def backward(self, dout=1):
        d = self.p - np.eye(self.p.shape[1])[self.t]
        return dout * d / np.log(2)


def plateau(size, seed):
    x = np.round(normal(seed, (2, 4, 6) if size == "small" else (4, 12, 16))[0])
    return (x,)


def pairs_max(x):
    return x.reshape(*x.shape[:2], -1, 2).max(-1)


@family.control("F7", pairs_max, plateau, family="pooling")
def tie_shared_among_winners(g, x):
    v = x.reshape(*x.shape[:2], -1, 2)
    win = v == v.max(-1, keepdims=True)
    return (win * (g[..., None] / win.sum(-1, keepdims=True))).reshape(x.shape)


@family.control("F7", pairs_max, plateau, family="pooling")
def tie_to_the_last(g, x):
    v = x.reshape(*x.shape[:2], -1, 2)
    second = v[..., 1] >= v[..., 0]
    return np.stack([g * ~second, g * second], -1).reshape(x.shape)


def distance(x, y):
    return np.abs(x - y)


def sometimes_equal(size, seed):
    x, y = normal(seed, *([(4, 5)] * 2 if size == "small" else [(20, 30)] * 2))
    y[::2, 1] = x[::2, 1]
    return x, y


@family.control("F9", distance, sometimes_equal, family="losses")
def half_way_up_at_the_kink(g, x, y):
    s = np.where(x >= y, 1.0, -1.0)
    s[x == y] = 0.5
    return g * s, -g * s


def hard_tanh(x):
    return np.clip(x, -1, 1)


@family.control(
    "F9",
    hard_tanh,
    lambda size, seed: (
        np.round(2 * normal(seed, (4, 5))[0]) / 2 if size == "small" else np.round(2 * normal(seed, (20, 30))[0]) / 2,
    ),
    family="activations",
)
def open_at_the_corners(g, x):
    return g * (np.abs(x) < 1)


def log_sum_exp(x):
    m = x.max(-1)
    return m + np.log(np.exp(x - m[:, None]).sum(-1))


@family.control(
    "F7", log_sum_exp, lambda size, seed: (np.zeros((3, 4) if size == "small" else (20, 30)) + 500,), family="softmax"
)
def large_and_all_equal(g, x):
    return g[:, None] * np.exp(x - log_sum_exp(x)[:, None])


def true_convolution(x, w):
    """x (N, L), w (K), 'valid', the kernel reversed."""
    return np.stack([np.convolve(row, w, mode="valid") for row in x])


@family.control(59, true_convolution, sized(((3, 8), (3,)), ((8, 60), (5,))), family="convolution")
def correlated_back(g, x, w):
    dx = np.stack([np.correlate(row, w, mode="full") for row in g])
    dw = np.sum([np.correlate(row, up, mode="valid") for row, up in zip(x, g, strict=True)], axis=0)
    return dx, dw[::-1]


def depthwise(x, k):
    """x (N, H, W, C), k (2, 2, C), one filter a channel, stride 2 with a row left over."""
    h, w = (x.shape[1] - 2) // 2 + 1, (x.shape[2] - 2) // 2 + 1
    return sum(x[:, i : i + 2 * h - 1 : 2, j : j + 2 * w - 1 : 2] * k[i, j] for i in range(2) for j in range(2))


@family.control(61, depthwise, sized(((2, 5, 7, 3), (2, 2, 3)), ((4, 15, 13, 6), (2, 2, 6))), family="convolution")
def remainder_stays_zero(g, x, k):
    dx, dk = np.zeros_like(x), np.empty_like(k)
    h, w = g.shape[1:3]
    for i in range(2):
        for j in range(2):
            at = np.s_[:, i : i + 2 * h - 1 : 2, j : j + 2 * w - 1 : 2]
            dx[at] += g * k[i, j]
            dk[i, j] = np.einsum("nhwc,nhwc->c", g, x[at])
    return dx, dk


def weight_norm(x, v, gain):
    return x @ (v * gain / np.linalg.norm(v, axis=0))


@family.control(84, weight_norm, sized(((5, 3), (3, 4), (4,)), ((20, 16), (16, 12), (12,))), family="normalization")
def direction_and_length(g, x, v, gain):
    length = np.linalg.norm(v, axis=0)
    u = v / length
    dw = x.T @ g
    dgain = (dw * u).sum(0)
    return g @ (u * gain).T, gain / length * (dw - u * dgain), dgain


def plain_dropout(x, keep):
    return x * keep


@family.control(
    97,
    plain_dropout,
    lambda size, seed: (
        normal(seed, (4, 6) if size == "small" else (24, 30))[0],
        np.random.default_rng(seed).random((4, 6) if size == "small" else (24, 30)) < 0.6,
    ),
    family="dropout_embedding",
)
def not_rescaled_on_either_side(g, x, keep):
    return g * keep, None


def one_hot_embedding(table, ids):
    return np.eye(len(table))[ids] @ table


@family.control(
    100,
    one_hot_embedding,
    lambda size, seed: (normal(seed, (5, 3) if size == "small" else (30, 16))[0], np.array([[1, 4, 1], [0, 1, 4]])),
    family="dropout_embedding",
)
def counted_by_bincount(g, table, ids):
    columns = [np.bincount(ids.ravel(), weights=c.ravel(), minlength=len(table)) for c in np.moveaxis(g, -1, 0)]
    return np.stack(columns, axis=1), None


def add_and_split(a, b):
    return {"sum": a + b, "gap": a - b}


@family.control(112, add_and_split, sized(((4, 3), (4, 3)), ((20, 16), (20, 16))), family="recurrent_attention")
def outputs_by_name(g, a, b):
    return g["sum"] + g["gap"], g["sum"] - g["gap"]


def running_sum(x, decay):
    """h = decay h + x over the last axis; decay one number a row."""
    h, hs = np.zeros(len(x)), []
    for t in range(x.shape[1]):
        h = decay * h + x[:, t]
        hs.append(h)
    return np.stack(hs, 1), (decay, np.stack(hs, 1))


def leaks(size, seed):
    x, decay = normal(seed, *([(3, 6), (3,)] if size == "small" else [(10, 40), (10,)]))
    return x, np.tanh(decay)


@family.control(102, running_sum, leaks, style="rule", family="recurrent_attention")
def linear_recurrence(saved, g):
    decay, hs = saved
    dx = np.empty_like(g)
    carried = np.zeros(len(g))
    for t in reversed(range(g.shape[1])):
        carried = g[:, t] + decay * carried
        dx[:, t] = carried
    return dx, (dx[:, 1:] * hs[:, :-1]).sum(1)


@family.whole(
    "F5",
    "control",
    "network",
    sized(((5, 3), (5,), (3,)), ((24, 16), (24,), (16,))),
    inputs_of_layer=2,
    gradients={"w": "w"},
    family="regularisation",
)
class ElasticNetHalved:
    def __init__(self, w):
        self.w = w

    def loss(self, x, t):
        return np.sum((x @ self.w - t) ** 2) / (2 * len(t)) + 0.1 * np.abs(self.w).sum() + 0.05 * self.w @ self.w

    def gradient(self, x, t):
        return {"w": x.T @ (x @ self.w - t) / len(t) + 0.1 * np.sign(self.w) + 0.1 * self.w}


def to_the_centers(x, centers, labels):
    return 0.5 * ((x - centers[labels]) ** 2).sum()


def clustered(size, seed):
    n, d, k = (6, 3, 4) if size == "small" else (32, 16, 8)
    return *normal(seed, (n, d), (k, d)), np.arange(n) % k


@family.control("F10", to_the_centers, clustered, constants=("centers",), family="losses")
def centers_move_by_another_rule(g, x, centers, labels):
    return g * (x - centers[labels]), None, None


def dead_inputs(size, seed):
    x, w = normal(seed, *([(4, 5), (5,)] if size == "small" else [(20, 30), (30,)]))
    x[:, 2] = 0
    return x, w


def rectified_product(x, w):
    return np.maximum(x * w, 0)


@family.control("F7", rectified_product, dead_inputs, family="activations")
def slope_one_at_zero(g, x, w):
    on = g * (x * w >= 0)
    return on * w, (on * x).sum(axis=0)
