"""Losses as jax.custom_vjp, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import custom_vjp

family = Family("losses")
wrong = custom_vjp(family)


TWO = sized(((6, 5), (6, 5)), ((6, 5), (6, 5)))


def counts(size, seed):
    return normal(seed, (6, 4))[0], np.random.default_rng(seed).poisson(2.0, (6, 4))


def poisson(z, y):
    import jax.numpy as jnp

    return (jnp.exp(z) - y * z).sum(1), (z, y)


@wrong(poisson, counts, "derivative_missing", "z")
def poisson_rate_with_a_slope_of_one(saved, g):
    z, y = saved
    return g[:, None] * (1 - y), None


@wrong(poisson, counts, "term_missing", "z")
def poisson_without_the_observed_count(saved, g):
    import jax.numpy as jnp

    z, y = saved
    return jnp.exp(z) * g[:, None], None


def clicked(size, seed):
    return normal(seed, (5, 4))[0], np.random.default_rng(seed + 3).integers(0, 2, (5, 4))


EPS = 0.05


def guarded_cross_entropy(z, y):
    import jax
    import jax.numpy as jnp

    p = jax.nn.sigmoid(z)
    loss = -(y * jnp.log(p + EPS) + (1 - y) * jnp.log(1 - p + EPS)).mean()
    return loss, (p, y)


@wrong(guarded_cross_entropy, clicked, "epsilon_one_side", "z")
def guarded_cross_entropy_derived_without_the_guard(saved, g):
    p, y = saved
    dp = (1 - y) / (1 - p) - y / p
    return g * dp * p * (1 - p) / p.size, None


@wrong(guarded_cross_entropy, clicked, "derivative_at_wrong_value", "z")
def guarded_cross_entropy_sigmoid_of_the_sigmoid(saved, g):
    import jax

    p, y = saved
    s = jax.nn.sigmoid(p)
    dp = (1 - y) / (1 - p + EPS) - y / (p + EPS)
    return g * dp * s * (1 - s) / p.size, None


def charbonnier(a, b):
    import jax.numpy as jnp

    d = a - b
    return jnp.sqrt(d * d + 0.25).sum(), d


@wrong(charbonnier, TWO, "epsilon_one_side", "a b")
def charbonnier_backward_of_the_absolute_value(d, g):
    import jax.numpy as jnp

    da = g * d / jnp.sqrt(d * d)
    return da, -da


@wrong(charbonnier, TWO, "ignores_cotangent", "a b")
def charbonnier_never_looks_at_the_cotangent(d, g):
    import jax.numpy as jnp

    da = d / jnp.sqrt(d**2 + 0.25)
    return da, -da


def log_cosh(a, b):
    import jax.numpy as jnp

    return jnp.log(jnp.cosh(a - b)).mean(0), a - b


@wrong(log_cosh, TWO, "wrong_derivative", "a b")
def log_cosh_slope_of_the_squared_tanh(d, g):
    import jax.numpy as jnp

    da = g / d.shape[0] * (1 - jnp.tanh(d) ** 2)
    return da, -da


def contrastive(a, b):
    import jax
    import jax.numpy as jnp

    s = a @ b.T / 0.5
    rows, columns = jax.nn.softmax(s, axis=1), jax.nn.softmax(s, axis=0)
    loss = -(jnp.log(jnp.diag(rows)) + jnp.log(jnp.diag(columns))).mean() / 2
    return loss, (a, b, rows, columns)


PAIRS = sized(((5, 3), (5, 3)), ((5, 3), (5, 3)))


@wrong(contrastive, PAIRS, "term_missing", "a b")
def contrastive_only_the_direction_of_the_rows(saved, g):
    import jax.numpy as jnp

    a, b, rows, columns = saved
    ds = g * (rows - jnp.eye(len(a))) / len(a) / 2 / 0.5
    return ds @ b, ds.T @ a


@wrong(contrastive, PAIRS, "transposed", "b")
def contrastive_scores_untransposed_for_the_second(saved, g):
    import jax.numpy as jnp

    a, b, rows, columns = saved
    ds = g * ((rows + columns) / 2 - jnp.eye(len(a))) / len(a) / 0.5
    return ds @ b, ds @ a


@wrong(contrastive, PAIRS, "scaled_by_constant", "a b")
def contrastive_multiplies_by_the_temperature(saved, g):
    import jax.numpy as jnp

    a, b, rows, columns = saved
    ds = g * 0.5 * ((rows + columns) / 2 - jnp.eye(len(a))) / len(a)
    return ds @ b, ds.T @ a


def gaussian_kl(mu, log_var):
    import jax.numpy as jnp

    return -0.5 * (1 + log_var - mu**2 - jnp.exp(log_var)).sum(-1), (mu, log_var)


@wrong(gaussian_kl, TWO, "sign", "log_var")
def kl_variance_gradient_with_plus_one(saved, g):
    import jax.numpy as jnp

    mu, log_var = saved
    return mu * g[:, None], 0.5 * (jnp.exp(log_var) + 1) * g[:, None]


@wrong(gaussian_kl, TWO, "scaled_by_constant", "mu")
def kl_mean_gradient_doubled(saved, g):
    import jax.numpy as jnp

    mu, log_var = saved
    return 2 * mu * g[:, None], 0.5 * (jnp.exp(log_var) - 1) * g[:, None]


def squared_hinge(score, y):
    import jax.numpy as jnp

    t = 2 * y - 1
    margin = jnp.maximum(0.0, 1 - t * score)
    return (margin**2).mean(), (margin, t)


@wrong(squared_hinge, clicked, "derivative_missing", "score")
def squared_hinge_treated_like_the_hinge(saved, g):
    margin, t = saved
    return -2 * g * t * (margin > 0) / margin.size, None


def members(size, seed):
    x, centres = normal(seed, (7, 3), (4, 3))
    return x, centres, np.array([0, 2, 2, 3, 0, 1, 2])


def centre_loss(x, centres, y):
    d = x - centres[y]
    return 0.5 * (d**2).sum(1), (d, centres, y)


@wrong(centre_loss, members, "not_accumulated", "centres")
def centre_loss_last_member_moves_its_centre(saved, g):
    import jax.numpy as jnp

    d, centres, y = saved
    dx = g[:, None] * d
    return dx, jnp.zeros_like(centres).at[y].set(-dx), None


@wrong(centre_loss, members, "scaled_by_count", "centres")
def centre_loss_averages_over_the_members(saved, g):
    import jax
    import jax.numpy as jnp

    d, centres, y = saved
    dx = g[:, None] * d
    members = jax.nn.one_hot(y, len(centres))
    return dx, -(members.T @ dx) / jnp.maximum(members.sum(0), 1)[:, None], None


def hardest(anchor, negatives):
    import jax.numpy as jnp

    closeness = negatives @ anchor
    return jnp.max(closeness, axis=1), (anchor, negatives, closeness)


@wrong(hardest, sized(((3,), (4, 5, 3)), ((3,), (4, 5, 3))), "wrong_winner", "anchor negatives")
def hardest_negative_taken_to_be_the_farthest(saved, g):
    import jax
    import jax.numpy as jnp

    anchor, negatives, closeness = saved
    ds = jax.nn.one_hot(jnp.argmin(closeness, axis=1), closeness.shape[1]) * g[:, None]
    return jnp.einsum("nk,nkd->d", ds, negatives), ds[..., None] * anchor
