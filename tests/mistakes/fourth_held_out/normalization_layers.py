"""Layer, group, instance, root-mean-square and weight normalization with wrong backwards (catalogue 76 to 95)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .normalization import of_parameters, through

family = Family("normalization")
COARSE = 1e-2


def tokens(size, seed):
    b, s, d = (2, 3, 7) if size == "small" else (4, 11, 24)
    x, scale, bias = normal(seed, (b, s, d), (d,), (d,))
    return 1.3 * x + 0.9, 1.5 + 0.5 * scale, bias


def quiet_tokens(size, seed):
    x, scale, bias = tokens(size, seed)
    return 0.1 * x, scale, bias


def layer_norm(x, scale, bias):
    centered = x - x.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + COARSE)
    return centered * rstd * scale + bias, {"xhat": centered * rstd, "rstd": rstd, "scale": scale, "x": x}


def of_tokens(c, g):
    return of_parameters(g, c["xhat"], (0, 1))


layer = partial(
    family.wrong,
    forward=layer_norm,
    inputs=tokens,
    style="rule",
    op="layer_norm",
    statics={"epsilon": COARSE},
)


@layer(103, argument="scale bias", cause=("time_overwritten", "samples_missing"))
def layer_parameters_of_the_last_token(c, g):
    dscale, dbias = np.zeros_like(c["scale"]), np.zeros_like(c["scale"])
    for s in range(g.shape[1]):
        dscale = np.sum(g[:, s] * c["xhat"][:, s], axis=0)
        dbias = np.sum(g[:, s], axis=0)
    return through(g * c["scale"], c["xhat"], 1 / c["rstd"], -1), dscale, dbias


@layer(10, argument="scale bias", cause=("not_reduced", "wrong_shape"))
def layer_parameters_one_a_position(c, g):
    return through(g * c["scale"], c["xhat"], 1 / c["rstd"], -1), *of_parameters(g, c["xhat"])


@layer(89, argument="x", cause=("centered_term_missing", "sum_term_missing"))
def layer_projection_divided_by_the_tokens(c, g):
    dxhat = g * c["scale"]
    second = c["xhat"] * (dxhat * c["xhat"]).sum(axis=-1, keepdims=True) / g.shape[1]
    return (dxhat - dxhat.mean(axis=-1, keepdims=True) - second) * c["rstd"], *of_tokens(c, g)


@layer(77, argument="x", cause=("mean_term_missing", "sum_term_missing", "wrong_operand"))
def layer_variance_as_mean_of_squares_only(c, g):
    dxhat, d = g * c["scale"], g.shape[-1]
    dvar = -0.5 * c["rstd"] ** 2 * (dxhat * c["xhat"]).sum(axis=-1, keepdims=True)
    dx = (dxhat - dxhat.mean(axis=-1, keepdims=True)) * c["rstd"] + dvar * 2 * c["x"] / d
    return dx, *of_tokens(c, g)


@layer(81, argument="scale", cause=("wrong_operand", "local_factor"))
def layer_scale_gradient_by_the_output(c, g):
    dx = through(g * c["scale"], c["xhat"], 1 / c["rstd"], -1)
    return dx, (g * c["xhat"] * c["scale"]).sum(axis=(0, 1)), g.sum(axis=(0, 1))


@layer(80, argument="x", cause="sum_term_missing")
def layer_scale_applied_after_the_means(c, g):
    return c["scale"] * through(g, c["xhat"], 1 / c["rstd"], -1), *of_tokens(c, g)


@layer(93, inputs=quiet_tokens, argument="x", cause="epsilon_one_side")
def layer_spread_without_its_epsilon(c, g):
    return through(g * c["scale"], c["xhat"], c["x"].std(axis=-1, keepdims=True), -1), *of_tokens(c, g)


@family.whole(
    82,
    "wrong backward",
    "layer",
    tokens,
    argument="scale",
    cause="zero",
    gradients={"scale": "dscale", "bias": "dbias"},
)
class LayerNormForgetsToStore:
    """The gradient of the scale stays in a local variable."""

    def __init__(self, scale, bias):
        self.scale, self.bias = scale, bias
        self.dscale, self.dbias = np.zeros_like(scale), np.zeros_like(bias)

    def forward(self, x):
        y, self.cache = layer_norm(x, self.scale, self.bias)
        return y

    def backward(self, dout):
        dscale, self.dbias = of_tokens(self.cache, dout)
        dxhat = dout * self.scale
        return through(dxhat, self.cache["xhat"], 1 / self.cache["rstd"], -1)


def residual(x, scale, bias):
    y, c = layer_norm(x, scale, bias)
    return x + y, c


@family.wrong(
    112, residual, tokens, style="rule", argument="x", cause=("skip_dropped", "use_dropped", "sum_term_missing")
)
def residual_around_the_norm_forgotten(c, g):
    return through(g * c["scale"], c["xhat"], 1 / c["rstd"], -1), *of_tokens(c, g)


GROUPS = 2


def channels(size, seed):
    n, c, h, w = (3, 6, 2, 5) if size == "small" else (4, 8, 7, 9)
    x, scale, bias = normal(seed, (n, c, h, w), (c,), (c,))
    return 1.2 * x + 0.7, 1.5 + 0.5 * scale, bias


def group_norm(x, scale, bias):
    grouped = x.reshape(len(x), GROUPS, -1, *x.shape[2:])
    std = np.sqrt(grouped.var(axis=(2, 3, 4), keepdims=True) + 1e-5)
    xhat = (grouped - grouped.mean(axis=(2, 3, 4), keepdims=True)) / std
    y = scale[:, None, None] * xhat.reshape(x.shape) + bias[:, None, None]
    return y, (xhat, std, scale)


def of_groups(xhat, g):
    return of_parameters(g, xhat.reshape(g.shape), (0, 2, 3))


group = partial(family.wrong, forward=group_norm, inputs=channels, style="cache")


@group(88, argument="x", cause=("coupled_over_wrong_axis", "sum_term_missing"))
def group_means_over_positions_only(g, cache):
    xhat, std, scale = cache
    dxhat = (g * scale[:, None, None]).reshape(xhat.shape)
    return through(dxhat, xhat, std, (3, 4)).reshape(g.shape), *of_groups(xhat, g)


@group(66, argument="scale", cause=("reordered", "row_permuted"))
def group_scale_gradient_interleaved(g, cache):
    xhat, std, scale = cache
    dx = through((g * scale[:, None, None]).reshape(xhat.shape), xhat, std, (2, 3, 4)).reshape(g.shape)
    dscale, dbias = of_groups(xhat, g)
    return dx, dscale.reshape(GROUPS, -1).T.ravel(), dbias


@group(95, argument="x", cause="argument_factor_missing")
def group_scale_ignored_by_the_input(g, cache):
    xhat, std, _ = cache
    return through(g.reshape(xhat.shape), xhat, std, (2, 3, 4)).reshape(g.shape), *of_groups(xhat, g)


def instance_norm(x, scale):
    std = np.sqrt(x.var(axis=2, keepdims=True) + 1e-5)
    xhat = (x - x.mean(axis=2, keepdims=True)) / std
    return scale[..., None] * xhat, (xhat, std, scale)


styled = sized(((3, 5, 7), (3, 5)), ((6, 8, 25), (6, 8)))
instance = partial(family.wrong, forward=instance_norm, inputs=styled, style="rule")


@instance(88, argument="x", cause=("coupled_over_wrong_axis", "sum_term_missing"))
def instance_differentiated_like_a_batch(saved, g):
    xhat, std, scale = saved
    return through(g * scale[..., None], xhat, std, (0, 2)), (g * xhat).sum(axis=2)


@instance(3, argument="scale", cause="reduced_too_far")
def style_of_each_example_summed_over_the_batch(saved, g):
    xhat, std, scale = saved
    dscale = np.broadcast_to((g * xhat).sum(axis=(0, 2)), scale.shape).copy()
    return through(g * scale[..., None], xhat, std, 2), dscale
