"""mistakes in batch normalization (catalogue 76 to 82, 85 to 91)."""

import numpy as np

from ..case import Family, normal

family = Family("normalization")


def batch(size, seed):
    x, gamma, beta = normal(seed, *(((7, 5), (5,), (5,)) if size == "small" else ((64, 40), (40,), (40,))))
    return 2 * x + 3, gamma + 0.5, beta


def batchnorm_forward(x, gamma, beta):
    eps = 1e-5
    mu, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (x, mu, std, xhat, gamma)


def step_by_step(dout, cache):
    """The right answer for x, by the computational graph."""
    x, mu, std, _, gamma = cache
    N, dxhat = len(x), dout * gamma
    dvar = np.sum(dxhat * (x - mu), axis=0) * -0.5 / std**3
    dmu = -np.sum(dxhat, axis=0) / std
    return dxhat / std + dvar * 2 * (x - mu) / N + dmu / N


@family.wrong(
    76,
    batchnorm_forward,
    batch,
    style="cache",
    argument="x",
    cause=("statistics_as_constants", "use_dropped", "sum_term_missing"),
)
def batchnorm_as_an_affine_map(dout, cache):
    _, _, std, xhat, gamma = cache
    return dout * gamma / std, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


@family.wrong(
    78, batchnorm_forward, batch, style="cache", argument="x", cause=("centered_term_missing", "sum_term_missing")
)
def batchnorm_without_dvar(dout, cache):
    _, _, std, xhat, gamma = cache
    dxhat = gamma * dout
    dx = (dxhat - dxhat.mean(axis=0)) / std
    return dx, (xhat * dout).sum(axis=0), dout.sum(axis=0)


@family.wrong(
    79, batchnorm_forward, batch, style="cache", argument="x", cause=("mean_term_missing", "sum_term_missing")
)
def batchnorm_centers_twice(dout, cache):
    _, _, std, xhat, gamma = cache
    N = dout.shape[0]
    dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
    centered = dout - dout.mean(axis=0)
    return gamma / std / N * (N * centered - dbeta - xhat * dgamma), dgamma, dbeta


@family.wrong(81, batchnorm_forward, batch, style="cache", argument="gamma", cause="not_normalized")
def batchnorm_scale_by_raw_input(dout, cache):
    return step_by_step(dout, cache), np.einsum("nd,nd->d", dout, cache[0]), dout.sum(0)


@family.wrong(13, batchnorm_forward, batch, style="cache", argument="gamma beta", cause="arguments_swapped")
def batchnorm_returns_beta_first(dout, cache):
    xhat = cache[3]
    return step_by_step(dout, cache), np.sum(dout, axis=0), np.sum(dout * xhat, axis=0)


@family.wrong(80, batchnorm_forward, batch, style="cache", argument="x", cause="argument_factor_missing")
def batchnorm_gamma_counted_twice(dout, cache):
    x, mu, std, xhat, gamma = cache
    dxhat = dout * gamma
    return step_by_step(dxhat, cache), (dout * xhat).sum(axis=0), dout.sum(axis=0)


@family.wrong(91, batchnorm_forward, batch, style="cache", argument="gamma", cause="samples_missing")
def batchnorm_scale_from_the_last_block(dout, cache):
    xhat, block, dgamma = cache[3], 4, np.zeros(dout.shape[1])
    for start in range(0, len(dout), block):
        dgamma = np.sum(dout[start : start + block] * xhat[start : start + block], axis=0)
    return step_by_step(dout, cache), dgamma, dout.sum(axis=0)


scale_and_shift = {"gamma": "dgamma", "beta": "dbeta"}


@family.whole(82, "wrong backward", "layer", batch, gradients=scale_and_shift, argument="gamma", cause="zero")
class BatchNormNeverWritesItsScale:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.dgamma, self.dbeta = np.zeros_like(gamma), np.zeros_like(beta)

    def forward(self, x):
        self.xc = x - x.mean(0)
        self.istd = 1 / np.sqrt((self.xc**2).mean(0) + 1e-5)
        return self.gamma * self.xc * self.istd + self.beta

    def backward(self, dout):
        xhat = self.xc * self.istd
        dgamma = (dout * xhat).sum(0)
        self.dbeta = dout.sum(0)
        return self.gamma * self.istd * (dout - self.dbeta / len(dout) - xhat * dgamma / len(dout))


@family.whole(
    85, "wrong backward", "layer", batch, gradients=scale_and_shift, argument="x", cause="statistics_not_constants"
)
class FrozenBatchNorm:
    """Normalizes by statistics gathered earlier; its backward was written for training."""

    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.running_mean = np.full_like(gamma, 2.7)
        self.running_var = np.linspace(3.0, 5.0, len(gamma))

    def forward(self, x):
        self.std = np.sqrt(self.running_var + 1e-5)
        self.xhat = (x - self.running_mean) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dy):
        self.dbeta = dy.sum(axis=0)
        self.dgamma = (dy * self.xhat).sum(axis=0)
        return self.gamma / self.std * (dy - dy.mean(axis=0) - self.xhat * (dy * self.xhat).mean(axis=0))


def unbiased_batch_norm(x, gamma, beta):
    std = x.std(axis=0, ddof=1)
    xhat = (x - x.mean(axis=0)) / std
    return gamma * xhat + beta, (xhat, std, gamma)


@family.wrong(
    86, unbiased_batch_norm, batch, style="rule", argument="x", cause=("variance_correction", "centered_term_missing")
)
def biased_backward_of_unbiased_statistics(saved, dy):
    xhat, std, gamma = saved
    g = dy * gamma
    dx = (g - g.mean(axis=0) - xhat * np.mean(g * xhat, axis=0)) / std
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)


# Images, channels first.
def image_batch(size, seed):
    shapes = ((3, 2, 4, 3), (2,), (2,)) if size == "small" else ((8, 6, 9, 7), (6,), (6,))
    x, gamma, beta = normal(seed, *shapes)
    return 1.5 * x - 1, gamma + 0.5, beta


def spatial_batchnorm(x, gamma, beta):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    out, cache = batchnorm_forward(flat, gamma, beta)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


@family.wrong(66, spatial_batchnorm, image_batch, style="cache", argument="x", cause="reordered")
def spatial_batchnorm_reshaped_back(dout, cache):
    N, C, H, W = dout.shape
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dx = step_by_step(flat, cache).reshape(N, C, H, W)
    return dx, (flat * cache[3]).sum(axis=0), flat.sum(axis=0)


@family.wrong(64, spatial_batchnorm, image_batch, style="cache", argument="beta", cause=("not_reduced", "wrong_shape"))
def spatial_shift_of_every_pixel(dout, cache):
    N, C, H, W = dout.shape
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dx = step_by_step(flat, cache).reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, (flat * cache[3]).sum(axis=0), dout.sum(axis=0)


@family.wrong(
    89, spatial_batchnorm, image_batch, style="cache", argument="x", cause=("mean_term_missing", "sum_term_missing")
)
def spatial_mean_divided_by_the_images(dout, cache):
    N, C, H, W = dout.shape
    _, _, std, xhat, gamma = cache
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dxhat = flat * gamma
    dx = (dxhat - dxhat.sum(axis=0) / N - xhat * np.mean(dxhat * xhat, axis=0)) / std
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), (flat * xhat).sum(axis=0), flat.sum(axis=0)
