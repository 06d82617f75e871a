"""Losses on predictions and probabilities."""

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")

PAIR = sized(((7, 3), (7, 3)), ((48, 11), (48, 11)))


def probabilities(size, seed):
    shape = (5, 3) if size == "small" else (32, 10)
    logits, scores = normal(seed, shape, shape)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    t = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return p, t


def bits(size, seed):
    shape = (5, 4) if size == "small" else (32, 12)
    x, y = normal(seed, shape, shape)
    return 0.05 + 0.9 / (1 + np.exp(-x)), (y > 0).astype(float)


def one_hot_with_zeros(size, seed):
    p, _ = probabilities(size, seed)
    t = np.eye(p.shape[1])[np.arange(len(p)) % p.shape[1]]
    p = p.copy()
    p[1, 0] = 0.0
    return p, t


def mse(y, t):
    return np.mean((y - t) ** 2)


@family.wrong(15, mse, PAIR, cause="scaled_by_two", argument="y t")
def two_of_the_square_lost(g, y, t):
    diff = (y - t) / y.size
    return g * diff, -g * diff


def half_sum(y, t):
    return 0.5 * np.square(y - t).sum(), (y, t)


@family.wrong(16, half_sum, PAIR, style="rule", cause="scaled_by_batch", argument="y", constants=("t",))
def half_sum_but_mean_gradient(saved, g):
    y, t = saved
    return g * (y - t) / len(y), None


def per_batch(y, t):
    return ((y - t) ** 2).sum() / y.shape[0]


@family.wrong(17, per_batch, PAIR, cause="scaled_by_size", argument="y t")
def divided_by_all_entries(g, y, t):
    d = 2.0 * g * (y - t) / np.prod(y.shape)
    return d, -d


def smooth_l1(pred, target):
    r = pred - target
    small = np.abs(r) <= 1
    return np.where(small, 0.5 * r * r, np.abs(r) - 0.5).mean(axis=1)


@family.wrong(18, smooth_l1, PAIR, op="huber_loss", cause="sign", argument="pred target")
def residual_the_wrong_way(g, pred, target):
    slope = np.clip(target - pred, -1, 1) * g[:, None] / pred.shape[1]
    return slope, -slope


def rowwise_mse(pred, target):
    d = pred - target
    return (d * d).mean(1), d


@family.wrong(
    19, rowwise_mse, PAIR, style="cache", op="mean_squared_error", cause="ignores_cotangent", argument="pred target"
)
def upstream_not_used(dout, d):
    grad = 2 * d / d.shape[1]
    return grad, -grad


def absolute(reduction):
    def forward(p, q):
        total = np.abs(p - q).sum()
        return total / p.size if reduction == "mean" else total

    return forward


@family.wrong(20, absolute("sum"), PAIR, cause="scaled_by_size", argument="p q")
def l1_always_averaged(g, p, q):
    s = g * np.sign(p - q) / p.size
    return s, -s


@family.whole(
    28,
    "wrong backward",
    "layer",
    lambda size, seed: (
        normal(seed, *([(5, 3)] if size == "small" else [(32, 10)]))[0],
        bits(size, seed)[1][:, : 3 if size == "small" else 10],
    ),
    inputs_of_layer=2,
    gradients={},
    ends_in_loss=True,
    cause=("derivative_twice", "other_loss", "local_factor"),
    argument="score",
)
class SigmoidThenEntropy:
    def forward(self, score, t):
        self.t = t
        self.y = 1 / (1 + np.exp(-score))
        return -np.mean(np.sum(t * np.log(self.y) + (1 - t) * np.log(1 - self.y), axis=1))

    def backward(self, dout=1):
        return dout * (self.y - self.t) * self.y * (1 - self.y) / len(self.t)


def cross_entropy(p, t):
    return -(t * np.log(p)).sum(axis=1)


@family.wrong(
    23,
    cross_entropy,
    probabilities,
    op="cross_entropy_error",
    constants=("t",),
    argument="p",
    cause=("not_linear", "wrong_operand"),
)
def divided_by_the_upstream(dy, p, t):
    return -t / dy[:, None], None


@family.wrong(
    23,
    cross_entropy,
    probabilities,
    op="cross_entropy_error",
    constants=("t",),
    argument="p",
    cause=("wrong_operand", "local_factor"),
)
def divided_by_the_target_side(dy, p, t):
    return -dy[:, None] * p / t, None


def bce(q, y):
    return -(y * np.log(q) + (1 - y) * np.log(1 - q)).mean(axis=-1), (q, y)


@family.wrong(
    23,
    bce,
    bits,
    style="rule",
    op="binary_cross_entropy",
    constants=("y",),
    argument="q",
    cause=("partly_scaled", "sum_term_missing"),
)
def second_term_with_the_wrong_sign(res, ct):
    q, y = res
    return ct[:, None] * (-(y / q) - (1 - y) / (1 - q)) / q.shape[-1], None


@family.wrong(
    23,
    bce,
    bits,
    style="rule",
    op="binary_cross_entropy",
    constants=("y",),
    argument="q",
    # Widened after the first run: q - y is the derivative of another function, the loss of logits.
    cause=("local_factor", "wrong_operand", "derivative_missing", "other_loss", "wrong_derivative"),
)
def logit_shortcut_for_probabilities(res, ct):
    q, y = res
    return ct[:, None] * (q - y) / q.shape[-1], None


def guarded(p, t):
    return -(t * np.log(np.where(t > 0, p, 1.0))).sum(-1)


@family.wrong(25, guarded, one_hot_with_zeros, constants=("t",), cause="not_finite", argument="p")
def zero_over_zero(g, p, t):
    with np.errstate(all="ignore"):
        return -(t * p) / p**2 * g[:, None], None


def naive_logistic(z, y):
    with np.errstate(all="ignore"):
        s = 1 / (1 + np.exp(-z))
        return -(y * np.log(s) + (1 - y) * np.log(1 - s)).mean(-1)


def saturated(size, seed):
    z = 3 * normal(seed, (5, 4) if size == "small" else (32, 12))[0]
    y = bits(size, seed)[1]
    z[0, 1], y[0, 1] = 60.0, 1.0
    z[2, 0], y[2, 0] = -800.0, 0.0
    return z, y


def logistic_gradient(g, z, y):
    return g[:, None] * (0.5 * (1 + np.tanh(z / 2)) - y) / z.shape[-1], None


@family.wrong_forward(
    26,
    logistic_gradient,
    saturated,
    op="sigmoid_binary_cross_entropy",
    constants=("y",),
    cause=("not_finite", "forward"),
)
def logistic_loss_without_clamp(z, y):
    return naive_logistic(z, y)


def squares_gradient(g, y, t):
    d = 2 * g[:, None] * (y - t)
    return d, -d


@family.wrong_forward(15, squares_gradient, PAIR, op="sum_of_squares_error", cause="convention_reduction")
def squares_without_the_half(y, t):
    return ((y - t) ** 2).sum(axis=1)


def all_pairs(y, t):
    return np.mean((y - t) ** 2)


@family.wrong(
    11,
    all_pairs,
    sized(((7, 1), (7,)), ((48, 1), (48,))),
    constants=("t",),
    argument="y",
    cause=("other_loss", "sum_term_missing", "wrong_operand", "mean_term_missing"),
)
def column_against_row(g, y, t):
    return 2 * g * (y - t[:, None]) / len(y), None
