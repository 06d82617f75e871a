"""Normalizations as jax.custom_vjp, backward wrong."""

from ..case import Family, sized
from ..declared import custom_vjp

family = Family("normalization")
wrong = custom_vjp(family)


IMAGE = sized(((3, 4, 5),), ((3, 4, 5),))


def plane_norm(x):
    mean = x.mean((1, 2), keepdims=True)
    rstd = (x.var((1, 2), keepdims=True) + 1e-5) ** -0.5
    return (x - mean) * rstd, (x - mean, rstd)


@wrong(plane_norm, IMAGE, "wrong_axis", "x")
def plane_norm_backward_averages_over_the_last_axis(saved, g):
    centred, rstd = saved
    xhat = centred * rstd
    dx = g - g.mean(-1, keepdims=True) - xhat * (g * xhat).mean(-1, keepdims=True)
    return (rstd * dx,)


@wrong(plane_norm, IMAGE, "wrong_factor", "x")
def plane_norm_centred_but_unscaled_projection(saved, g):
    centred, rstd = saved
    along = (g * centred * rstd).mean((1, 2), keepdims=True)
    return (rstd * (g - g.mean((1, 2), keepdims=True) - centred * along),)


STYLE = sized(((3, 5, 2), (3, 1, 2), (3, 1, 2)), ((3, 5, 2), (3, 1, 2), (3, 1, 2)))


def styled(x, s, t):
    mu, sd = x.mean(1, keepdims=True), x.std(1, keepdims=True)
    xhat = (x - mu) / sd
    return (1 + s) * xhat + t, (xhat, sd, s)


def instance_backward(d, xhat, sd):
    return (d - d.mean(1, keepdims=True) - xhat * (d * xhat).mean(1, keepdims=True)) / sd


@wrong(styled, STYLE, "wrong_reduction", "s")
def style_scale_shared_between_the_examples(saved, g):
    import jax.numpy as jnp

    xhat, sd, s = saved
    ds = (g * xhat).sum((0, 1), keepdims=True)
    return instance_backward(g * (1 + s), xhat, sd), jnp.broadcast_to(ds, s.shape), g.sum(1, keepdims=True)


@wrong(styled, STYLE, "term_missing", "x")
def style_scale_without_its_one(saved, g):
    xhat, sd, s = saved
    return instance_backward(g * s, xhat, sd), (g * xhat).sum(1, keepdims=True), g.sum(1, keepdims=True)


@wrong(styled, STYLE, "ignores_cotangent", "t")
def style_shift_gets_its_number_of_positions(saved, g):
    import jax.numpy as jnp

    xhat, sd, s = saved
    dt = jnp.ones_like(xhat).sum(1, keepdims=True)
    return instance_backward(g * (1 + s), xhat, sd), (g * xhat).sum(1, keepdims=True), dt


BATCH = sized(((7, 3), (3,)), ((7, 3), (3,)))


def unbiased_batch_norm(x, gamma):
    centred = x - x.mean(0)
    std = x.std(0, ddof=1)
    return gamma * centred / std, (centred, std, gamma)


@wrong(unbiased_batch_norm, BATCH, "scaled_by_count", "x")
def unbiased_variance_differentiated_with_all_rows(saved, g):
    centred, std, gamma = saved
    n, d = len(g), g * gamma
    dvar = -0.5 * (d * centred).sum(0) / std**3
    dx = d / std + 2 * centred * dvar / n
    return dx - d.sum(0) / std / n, (g * centred / std).sum(0)


@wrong(unbiased_batch_norm, BATCH, "statistics_as_constants", "x")
def unbiased_batch_norm_path_through_the_mean_cut(saved, g):
    centred, std, gamma = saved
    xhat = centred / std
    d = g * gamma
    return (d - xhat * (d * xhat).sum(0) / (len(g) - 1)) / std, (g * xhat).sum(0)


ROOT = sized(((4, 6), (6,)), ((4, 6), (6,)))
EPS = 0.1


def rms_norm(x, w):
    import jax

    r = jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS)
    return x * r * w, (x, w, r)


@wrong(rms_norm, ROOT, "epsilon_one_side", "x w")
def rms_norm_epsilon_moved_out_of_the_root(saved, g):
    import jax.numpy as jnp

    x, w, _ = saved
    r = 1 / (jnp.sqrt((x * x).mean(-1, keepdims=True)) + EPS)
    y, d = x * r, g * w
    return r * (d - y * (d * y).mean(-1, keepdims=True)), (g * y).sum(0)


@wrong(rms_norm, ROOT, "wrong_factor", "x")
def rms_norm_weight_left_out_of_the_inner_mean(saved, g):
    x, w, r = saved
    y = x * r
    return r * (g * w - y * (g * y).mean(-1, keepdims=True)), (g * y).sum(0)


def weight_norm(x, v, s):
    import jax.numpy as jnp

    n = jnp.sqrt((v**2).sum(1, keepdims=True))
    w = s[:, None] * v / n
    return x @ w.T, (x, v, s, n, w)


WEIGHT = sized(((5, 4), (3, 4), (3,)), ((5, 4), (3, 4), (3,)))


@wrong(weight_norm, WEIGHT, "statistics_as_constants", "v")
def weight_norm_direction_not_projected(saved, g):
    x, v, s, n, w = saved
    dw = g.T @ x
    return g @ w, s[:, None] / n * dw, (dw * v / n).sum(1)


@wrong(weight_norm, WEIGHT, "wrong_axis", "v")
def weight_norm_projected_along_the_columns(saved, g):
    x, v, s, n, w = saved
    dw, unit = g.T @ x, v / n
    dv = s[:, None] / n * (dw - unit * (unit * dw).sum(0, keepdims=True))
    return g @ w, dv, (dw * unit).sum(1)


def centre(x):
    return x - x.mean(0, keepdims=True), x.shape[0]


@wrong(centre, sized(((6, 5),), ((6, 5),)), "sign", "x")
def centring_adds_the_mean_back(n, g):
    return (g + g.sum(0, keepdims=True) / n,)


def min_max(x):
    lo, hi = x.min(1, keepdims=True), x.max(1, keepdims=True)
    y = (x - lo) / (hi - lo)
    return y, (x, y, lo, hi)


@wrong(min_max, sized(((5, 6),), ((5, 6),)), "wrong_winner", "x")
def min_max_ends_exchanged(saved, g):
    import jax.numpy as jnp

    x, y, lo, hi = saved
    r = hi - lo
    dhi = -(g * y).sum(1, keepdims=True) / r
    dlo = -(g * (1 - y)).sum(1, keepdims=True) / r
    return (g / r + jnp.where(x == lo, dhi, 0.0) + jnp.where(x == hi, dlo, 0.0),)


@wrong(min_max, sized(((4, 7),), ((4, 7),)), "statistics_as_constants", "x")
def min_max_range_held_fixed(saved, g):
    x, y, lo, hi = saved
    return (g / (hi - lo),)


def l1_rows(x):
    s = abs(x).sum(1, keepdims=True)
    return x / s, (x, s)


@wrong(l1_rows, sized(((5, 6),), ((5, 6),)), "derivative_missing", "x")
def l1_normalizer_without_the_sign_of_entries(saved, g):
    x, s = saved
    return (g / s - (g * x).sum(1, keepdims=True) / s**2,)


@wrong(l1_rows, sized(((6, 4),), ((6, 4),)), "diagonal_only", "x")
def l1_normalizer_moved_only_by_the_entry_itself(saved, g):
    x, s = saved
    return (g * (s - abs(x)) / (s * s),)
