"""Running statistics in place of the batch's, and the other way round (catalogue 85, 92)."""

import numpy as np

from ..case import Family, normal
from .normalization_statistics import EPS, rows

family = Family("normalization")


def with_running(*shapes):
    """Arrays of the given shapes (small, realistic) and the running mean and variance of the channels."""

    def inputs(size, seed):
        x, gamma, beta, mean, spread = normal(seed, *shapes[size != "small"])
        return 1.5 * x + 0.3, gamma, beta, 0.4 * mean, 0.5 + spread**2

    return inputs


flat = with_running(((7, 5), *[(5,)] * 4), ((96, 50), *[(50,)] * 4))
maps = with_running(((3, 2, 4, 5), *[(2,)] * 4), ((8, 6, 12, 10), *[(6,)] * 4))


def batchnorm_eval(x, gamma, beta, running_mean, running_var):
    return gamma * (x - running_mean) / np.sqrt(running_var + EPS) + beta


@family.wrong(
    85,
    batchnorm_eval,
    flat,
    op="batch_norm_inference",
    statics={"epsilon": EPS},
    constants=("running_mean", "running_var"),
    cause="statistics_not_constants",
    argument="x",
)
def training_formula_in_evaluation(dout, x, gamma, beta, running_mean, running_var):
    N = x.shape[0]
    inv_std = 1.0 / np.sqrt(running_var + EPS)
    x_hat = (x - running_mean) * inv_std
    dgamma = np.sum(dout * x_hat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dx = (gamma * inv_std / N) * (N * dout - dbeta - x_hat * dgamma)
    return dx, dgamma, dbeta, None, None


@family.whole(
    85,
    "wrong backward",
    "vjp",
    maps,
    op="batch_norm_inference",
    statics={"axis": 1, "epsilon": EPS},
    constants=("moving_mean", "moving_var"),
    cause=("statistics_not_constants", "wrong_operand"),
    argument="data gamma",
)
def use_global_stats_ignored_by_the_gradient(data, gamma, beta, moving_mean, moving_var):
    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    scale = gamma / np.sqrt(moving_var + EPS)
    out = data * scale.reshape(shape) + (beta - moving_mean * scale).reshape(shape)

    def pullback(ograd):
        mean, var = data.mean(axis=axes, keepdims=True), data.var(axis=axes, keepdims=True)
        inv = 1 / np.sqrt(var + EPS)
        xhat = (data - mean) * inv
        ggrad, bgrad = (ograd * xhat).sum(axis=axes), ograd.sum(axis=axes)
        m = data.size // data.shape[1]
        centred = ograd - bgrad.reshape(shape) / m - xhat * ggrad.reshape(shape) / m
        return gamma.reshape(shape) * inv * centred, ggrad, bgrad, None, None

    return out, pullback


def batchnorm_train(x, gamma, beta, running_mean, running_var):
    mu, var = x.mean(axis=0), x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + EPS)
    return gamma * xhat + beta, {"xhat": xhat, "gamma": gamma, "running_var": running_var, "training": True}


@family.wrong(
    85,
    batchnorm_train,
    flat,
    style="cache",
    constants=("running_mean", "running_var"),
    cause=("statistics_as_constants", "wrong_operand"),
    argument="x",
)
def evaluation_formula_in_training(dout, cache):
    xhat, gamma = cache["xhat"], cache["gamma"]
    dgamma, dbeta = np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)
    dx = dout * gamma / np.sqrt(cache["running_var"] + EPS)
    return dx, dgamma, dbeta, None, None


@family.whole(
    92,
    "impure",
    "layer",
    rows,
    cause=("not_deterministic", "stale_state"),
    gradients={"gamma": "dgamma", "beta": "dbeta"},
)
class NormalizesByItsRunningAverages:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = np.zeros_like(beta), np.ones_like(gamma)

    def forward(self, x):
        self.inv = 1 / np.sqrt(self.running_var + EPS)
        self.xhat = (x - self.running_mean) * self.inv
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * x.mean(axis=0)
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * x.var(axis=0)
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xhat).sum(axis=0), dout.sum(axis=0)
        return dout * self.gamma * self.inv


def centred_by_average(size, seed):
    return normal(seed, *(((7, 5), (5,)) if size == "small" else ((96, 50), (50,))))


MOMENTUM = 0.9


def subtract_running_mean(x, running_mean):
    return x - (MOMENTUM * running_mean + (1 - MOMENTUM) * x.mean(axis=0))


@family.wrong(
    92,
    subtract_running_mean,
    centred_by_average,
    constants=("running_mean",),
    cause=("mean_term_missing", "static_ignored", "sum_term_missing"),
    argument="x",
)
def momentum_in_the_convention_of_torch(dout, x, running_mean):
    dmean = -dout.sum(axis=0)
    return dout + MOMENTUM * dmean / len(x), None
