"""Batch, layer, group and root-mean-square normalization."""

import numpy as np

from ..case import Family, sized

family = Family("normalization")

ROWS = sized(((5, 7), (7,), (7,)), ((24, 30), (30,), (30,)))
EPS = 1e-5


def batchnorm(x, gamma, beta):
    mu, var = x.mean(0), x.var(0)
    xhat = (x - mu) / np.sqrt(var + EPS)
    return gamma * xhat + beta, (xhat, gamma, np.sqrt(var + EPS))


def full(d, xhat, std, axis):
    """The gradient through mean and variance, of dxhat = d."""
    return (d - d.mean(axis, keepdims=True) - xhat * (d * xhat).mean(axis, keepdims=True)) / std


@family.wrong(76, batchnorm, ROWS, style="cache", cause="statistics_as_constants", argument="x")
def statistics_frozen(dout, cache):
    xhat, gamma, std = cache
    return dout * gamma / std, (dout * xhat).sum(0), dout.sum(0)


def layernorm(x, g, b):
    c = x - x.mean(-1, keepdims=True)
    s = np.sqrt((c * c).mean(-1, keepdims=True) + EPS)
    return c / s * g + b, (c / s, s, g)


@family.wrong(77, layernorm, ROWS, style="rule", op="layer_norm", cause="mean_term_missing", argument="x")
def mean_path_forgotten(res, dy):
    n, s, g = res
    d = dy * g
    return (d - n * (d * n).mean(-1, keepdims=True)) / s, (dy * n).sum(0), dy.sum(0)


@family.whole(
    78,
    "wrong backward",
    "layer",
    ROWS,
    gradients={"gamma": "dgamma", "beta": "dbeta"},
    cause="centered_term_missing",
    argument="x",
)
class BatchNormWithoutVariancePath:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.xc = x - x.mean(axis=0)
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 1e-7)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dmu = np.sum(dxc, axis=0)
        return dxc - dmu / dout.shape[0]


@family.wrong(79, layernorm, ROWS, style="rule", op="layer_norm", cause="mean_term_missing", argument="x")
def mean_taken_off_twice(res, dy):
    n, s, g = res
    d = dy * g
    dx = (d - d.mean(-1, keepdims=True) - n * (d * n).mean(-1, keepdims=True)) / s
    return dx - d.mean(-1, keepdims=True) / s, (dy * n).sum(0), dy.sum(0)


@family.wrong(80, layernorm, ROWS, style="rule", op="layer_norm", cause="argument_factor_missing", argument="x")
def weight_not_multiplied(res, dy):
    n, s, _ = res
    return full(dy, n, s, -1), (dy * n).sum(0), dy.sum(0)


def layernorm_with_input(x, weight, bias):
    out, (n, s, g) = layernorm(x, weight, bias)
    return out, (x, n, s, g)


@family.wrong(81, layernorm_with_input, ROWS, style="rule", op="layer_norm", cause="not_normalized", argument="weight")
def weight_gradient_of_raw_input(res, dy):
    x, n, s, g = res
    return full(dy * g, n, s, -1), (dy * x).sum(0), dy.sum(0)


@family.wrong(82, batchnorm, ROWS, style="cache", cause="missing", argument="gamma")
def gamma_left_none(dout, cache):
    xhat, gamma, std = cache
    return full(dout * gamma, xhat, std, 0), None, dout.sum(0)


@family.whole(
    82,
    "wrong backward",
    "layer",
    ROWS,
    gradients={"gamma": "g_gamma", "beta": "g_beta"},
    op="layer_norm",
    cause="zero",
    argument="gamma",
)
class LayerNormGammaNeverWritten:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.g_gamma, self.g_beta = np.zeros_like(gamma), np.zeros_like(beta)

    def forward(self, x):
        y, self.saved = layernorm(x, self.gamma, self.beta)
        return y

    def backward(self, dy):
        n, s, g = self.saved
        g_gamma = (dy * n).sum(0)  # noqa: F841 - the mistake: a local name in place of the attribute
        self.g_beta = dy.sum(0)
        return full(dy * g, n, s, -1)


@family.whole(
    85,
    "wrong backward",
    "layer",
    ROWS,
    gradients={"gamma": "dgamma", "beta": "dbeta"},
    cause="statistics_not_constants",
    argument="x",
)
class BatchNormAtTest:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.mean, self.var = np.linspace(-0.3, 0.4, len(gamma)), np.linspace(0.5, 1.7, len(gamma))

    def forward(self, x):
        self.std = np.sqrt(self.var + EPS)
        self.xhat = (x - self.mean) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xhat).sum(0), dout.sum(0)
        n, d = len(dout), dout * self.gamma
        return (n * d - d.sum(0) - self.xhat * (d * self.xhat).sum(0)) / (n * self.std)


@family.wrong(86, lambda x, gamma, beta: batchnorm(x, gamma, beta)[0], ROWS, cause="variance_correction", argument="x")
def backward_of_the_sample_variance(dy, x, gamma, beta):
    n = len(x)
    c = x - x.mean(0)
    std = np.sqrt(x.var(0) + EPS)
    d = dy * gamma
    dvar = -0.5 * (d * c).sum(0) / std**3
    dx = (d - d.mean(0)) / std + dvar * 2 * c / (n - 1)
    return dx, (dy * c / std).sum(0), dy.sum(0)


def sample_variance_gradients(dy, x, gamma, beta):
    n = x.shape[1]
    c = x - x.mean(1, keepdims=True)
    s = np.sqrt((c * c).sum(1, keepdims=True) / (n - 1) + EPS)
    d = dy * gamma
    dx = (d - d.mean(1, keepdims=True)) / s - c * (d * c).sum(1, keepdims=True) / ((n - 1) * s**3)
    return dx, (dy * c / s).sum(0), dy.sum(0)


@family.wrong_forward(86, sample_variance_gradients, ROWS, op="layer_norm", cause="convention_variance")
def layer_norm_with_sample_variance(x, gamma, beta):
    c = x - x.mean(1, keepdims=True)
    return gamma * c / np.sqrt(x.var(axis=1, ddof=1, keepdims=True) + EPS) + beta


def faint(size, seed):
    x, g, b = ROWS(size, seed)
    return x * np.geomspace(1e-2, 1, len(x))[:, None], g, b


def outside_gradients(dy, x, gamma, beta):
    c = x - x.mean(1, keepdims=True)
    std = np.sqrt((c * c).mean(1, keepdims=True))
    q = std + EPS
    d = dy * gamma
    dx = (d - d.mean(1, keepdims=True)) / q - c * (d * c).mean(1, keepdims=True) / (std * q * q)
    return dx, (dy * c / q).sum(0), dy.sum(0)


@family.wrong_forward(93, outside_gradients, faint, op="layer_norm", near_an_edge=True, cause="convention_epsilon")
def epsilon_outside_the_root(x, gamma, beta):
    c = x - x.mean(1, keepdims=True)
    return gamma * c / (x.std(1, keepdims=True) + EPS) + beta


@family.wrong(
    93,
    lambda x, gamma, beta: layernorm(x, gamma, beta)[0],
    faint,
    op="layer_norm",
    near_an_edge=True,
    cause="epsilon_one_side",
    argument="x gamma",
)
def epsilon_moved_in_backward(dy, x, gamma, beta):
    return outside_gradients(dy, x, gamma, beta)


@family.wrong(
    88,
    layernorm,
    sized(((6, 6), (6,), (6,)), ((20, 20), (20,), (20,))),
    style="rule",
    op="layer_norm",
    cause="coupled_over_wrong_axis",
    argument="x",
)
def means_down_the_batch(res, dy):
    n, s, g = res
    return full(dy * g, n, s, 0), (dy * n).sum(0), dy.sum(0)


@family.wrong(
    88,
    layernorm,
    sized(((6, 6), (6,), (6,)), ((20, 20), (20,), (20,))),
    style="rule",
    op="layer_norm",
    cause="reduced_over_wrong_axis",
    argument="g b",
)
def parameters_summed_along_features(res, dy):
    n, s, g = res
    return full(dy * g, n, s, -1), (dy * n).sum(1), dy.sum(1)


@family.wrong(13, batchnorm, ROWS, style="cache", cause="arguments_swapped", argument="gamma beta")
def shift_before_scale(dout, cache):
    xhat, gamma, std = cache
    return full(dout * gamma, xhat, std, 0), dout.sum(0), (dout * xhat).sum(0)


@family.wrong(
    91, layernorm, ROWS, style="rule", op="layer_norm", argument="g b", cause=("samples_missing", "last_sample_only")
)
def only_the_last_block_of_rows(res, dy):
    n, s, g = res
    dg, db = np.zeros_like(g), np.zeros_like(g)
    for start in range(0, len(dy), 3):
        rows = slice(start, start + 3)
        dg, db = (dy[rows] * n[rows]).sum(0), dy[rows].sum(0)
    return full(dy * g, n, s, -1), dg, db


@family.impure(83, layernorm, ROWS, style="rule", cause=("cotangent_changed", "argument_factor_missing"))
def input_gradient_in_the_upstream(res, dy):
    n, s, g = res
    dy *= g
    dx = full(dy, n, s, -1)
    return dx, (dy * n).sum(0), dy.sum(0)


@family.whole(
    92,
    "impure",
    "layer",
    ROWS,
    gradients={"gamma": "dgamma", "beta": "dbeta"},
    cause=("not_deterministic", "stale_state", "accumulates"),
)
class NormalizedByMovingStatistics:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.mean, self.var = np.zeros_like(gamma), np.ones_like(gamma)

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        self.var = 0.9 * self.var + 0.1 * x.var(0)
        self.std = np.sqrt(self.var + EPS)
        self.xhat = (x - self.mean) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xhat).sum(0), dout.sum(0)
        return full(dout * self.gamma, self.xhat, self.std, 0)
