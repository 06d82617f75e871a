"""Samplers, routers, bilinear and modulated layers as jax.custom_vjp, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import custom_vjp

family = Family("composites")
wrong = custom_vjp(family)


def sampled(mu, log_var, noise):
    import jax.numpy as jnp

    return mu + jnp.exp(0.5 * log_var) * noise, (log_var, noise)


SAMPLE = sized(((5, 4), (5, 4), (5, 4)), ((5, 4), (5, 4), (5, 4)))


@wrong(sampled, SAMPLE, "scaled_by_constant", "log_var")
def sampled_deviation_without_the_half(saved, g):
    import jax.numpy as jnp

    log_var, noise = saved
    sd = jnp.exp(log_var / 2)
    return g, g * noise * sd, g * sd


def two_by_two(x, w, v):
    import jax.numpy as jnp

    h = jnp.tanh(x @ w)
    return h @ v + h @ v @ v, (x, w, v, h)


TWICE = sized(((5, 3), (3, 4), (4, 4)), ((5, 3), (3, 4), (4, 4)))


@wrong(two_by_two, TWICE, "term_extra", "x w")
def repeated_layer_residual_counted_twice(saved, g):
    x, w, v, h = saved
    inner = g @ v.T
    dh = inner + inner @ v.T
    dh += inner
    dz = dh * (1 - h**2)
    return dz @ w.T, x.T @ dz, h.T @ g + (h @ v).T @ g + h.T @ inner


@wrong(two_by_two, TWICE, "derivative_twice", "x w")
def repeated_layer_slope_on_both_ways_in(saved, g):
    x, w, v, h = saved
    slope = 1 - h * h
    inner = g @ v.T
    dh = (inner + inner @ v.T) * slope
    return (dh * slope) @ w.T, x.T @ (dh * slope), h.T @ (g + inner) + (h @ v).T @ g


def bilinear(a, b, w):
    import jax.numpy as jnp

    return jnp.einsum("ni,oij,nj->no", a, w, b), (a, b, w)


BILINEAR = sized(((5, 3), (5, 3), (2, 3, 3)), ((5, 3), (5, 3), (2, 3, 3)))


@wrong(bilinear, BILINEAR, "transposed", "w")
def bilinear_letters_of_the_weight_exchanged(saved, g):
    import jax.numpy as jnp

    a, b, w = saved
    da, db = jnp.einsum("no,oij,nj->ni", g, w, b), jnp.einsum("no,oij,ni->nj", g, w, a)
    return da, db, jnp.einsum("no,ni,nj->oji", g, a, b)


@wrong(bilinear, BILINEAR, "arguments_swapped", "a b")
def bilinear_sides_handed_back_in_reverse(saved, g):
    import jax.numpy as jnp

    a, b, w = saved
    left = jnp.einsum("no,oij,nj->ni", g, w, b)
    right = jnp.einsum("no,oij,ni->nj", g, w, a)
    return right, left, jnp.einsum("no,ni,nj->oij", g, a, b)


def pairs(size, seed):
    u, v = normal(seed, (6, 3), (5, 3))
    return u, v, np.array([0, 4, 2, 2]), np.array([1, 1, 3, 0])


def skip_gram(u, v, centre, context):
    import jax
    import jax.numpy as jnp

    a, b = jnp.asarray(u)[centre], jnp.asarray(v)[context]
    s = jax.nn.sigmoid((a * b).sum(1))
    return -jnp.log(s), (u, v, centre, context, a, b, s)


@wrong(skip_gram, pairs, "wrong_operand", "u")
def skip_gram_centre_pulled_towards_itself(saved, g):
    import jax.numpy as jnp

    u, v, centre, context, a, b, s = saved
    d = (g * (s - 1))[:, None]
    du = jnp.zeros(u.shape).at[centre].add(d * a)
    return du, jnp.zeros(v.shape).at[context].add(d * a), None, None


@wrong(skip_gram, pairs, "wrong_index", "v")
def skip_gram_context_written_to_the_centre_rows(saved, g):
    import jax.numpy as jnp

    u, v, centre, context, a, b, s = saved
    d = (g * (s - 1))[:, None]
    return jnp.zeros(u.shape).at[centre].add(d * b), jnp.zeros(v.shape).at[centre].add(d * a), None, None


def dropped(size, seed):
    x, w, v = normal(seed, (6, 4), (4, 5), (5, 2))
    return x, w, v, np.random.default_rng(seed + 5).random((6, 5)) < 0.5


def dropout_net(x, w, v, keep):
    import jax.numpy as jnp

    z = x @ w
    h = jnp.where(keep, jnp.maximum(z, 0), 0) * 2.0
    return h @ v, (x, w, v, keep, z, h)


@wrong(dropout_net, dropped, "mask_wrong", "x w")
def dropout_mask_of_the_first_row_for_every_row(saved, g):
    x, w, v, keep, z, h = saved
    dz = g @ v.T * keep[0] * 2.0 * (z > 0)
    return dz @ w.T, x.T @ dz, h.T @ g, None


@wrong(dropout_net, dropped, "mask_missing", "x w")
def dropout_applied_on_the_way_up_only(saved, g):
    x, w, v, keep, z, h = saved
    dz = (g @ v.T) * (z > 0)
    return dz @ w.T, x.T @ dz, h.T @ g, None


def router(x, w, experts):
    import jax.numpy as jnp

    s = jnp.exp(x @ w)
    k = s.argmax(1)
    rows = jnp.arange(len(x))
    return s[rows, k, None] * jnp.asarray(experts)[k], (x, w, experts, s, k)


ROUTER = sized(((7, 2), (2, 3), (3, 4)), ((7, 2), (2, 3), (3, 4)))


@wrong(router, ROUTER, "wrong_winner", "experts")
def router_credits_the_worst_expert(saved, g):
    import jax
    import jax.numpy as jnp

    x, w, experts, s, k = saved
    best = jax.nn.one_hot(k, s.shape[1])
    ds = best * s * (g @ experts.T)
    loser = jax.nn.one_hot(jnp.argsort(s, axis=1)[:, 0], s.shape[1])
    return ds @ w.T, x.T @ ds, (loser * (best * s).sum(1, keepdims=True)).T @ g


@wrong(router, ROUTER, "derivative_missing", "x w")
def router_score_exponential_without_slope(saved, g):
    import jax

    x, w, experts, s, k = saved
    best = jax.nn.one_hot(k, s.shape[1])
    ds = best * (g @ experts.T)
    return ds @ w.T, x.T @ ds, (best * s).T @ g


def film(x, scale, shift):
    import jax.numpy as jnp

    return jnp.sin(x * scale + shift), (x, scale, shift)


FILM = sized(((3, 4, 5), (3, 1, 5), (1, 4, 1)), ((3, 4, 5), (3, 1, 5), (1, 4, 1)))


@wrong(film, FILM, "wrong_reduction", "shift")
def film_shift_summed_over_its_own_axis_too(saved, g):
    import jax.numpy as jnp

    x, scale, shift = saved
    dz = g * jnp.cos(x * scale + shift)
    dshift = jnp.tile(dz.sum(keepdims=True), (1, 4, 1))
    return dz * scale, (dz * x).sum(1, keepdims=True), dshift


@wrong(film, FILM, "wrong_derivative", "x scale shift")
def film_sine_differentiated_into_itself(saved, g):
    import jax.numpy as jnp

    x, scale, shift = saved
    dz = g * jnp.sin(x * scale + shift)
    return dz * scale, (dz * x).sum(1, keepdims=True), dz.sum((0, 2), keepdims=True)


def gated_mix(a, b, c):
    return a @ (b * c), (a, b, c)


@wrong(gated_mix, sized(((5, 4), (4, 4), (4, 4)), ((5, 4), (4, 4), (4, 4))), "elementwise_product", "c")
def gated_mix_gate_gradient_by_matrix_product(saved, g):
    a, b, c = saved
    inner = a.T @ g
    return g @ (b * c).T, inner * c, inner @ b


@wrong(gated_mix, sized(((3, 5), (5, 2), (5, 2)), ((3, 5), (5, 2), (5, 2))), "wrong_factor", "b")
def gated_mix_values_without_their_gate(saved, g):
    a, b, c = saved
    inner = a.T @ g
    return g @ (b * c).T, inner, inner * b
