"""Embeddings, regressors, mixtures and towers as jax.custom_vjp, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import custom_vjp

family = Family("networks")
wrong = custom_vjp(family)


def tokens(size, seed):
    table, positions = normal(seed, (7, 3), (4, 3))
    return np.array([[1, 5, 2, 0], [5, 3, 6, 1], [2, 2, 4, 0]]), table, positions


def embed(ids, table, positions):
    import jax.numpy as jnp

    real = (ids != 0)[..., None]
    return (jnp.asarray(table)[ids] + positions) * real, (ids, real)


@wrong(embed, tokens, "mask_missing", "table positions")
def embedding_of_padding_learns_too(saved, g):
    import jax.numpy as jnp

    ids, real = saved
    return None, jnp.zeros((7, 3)).at[ids].add(g), g.sum(0)


@wrong(embed, tokens, "not_accumulated", "table")
def embedding_rows_set_where_they_should_add(saved, g):
    import jax.numpy as jnp

    ids, real = saved
    return None, jnp.zeros((7, 3)).at[ids].set(g * real), (g * real).sum(0)


@wrong(embed, tokens, "wrong_index", "table")
def embedding_scattered_by_position(saved, g):
    import jax.numpy as jnp

    ids, real = saved
    g = g * real
    places = jnp.broadcast_to(jnp.arange(ids.shape[1]), ids.shape)
    return None, jnp.zeros((7, 3)).at[places].add(g), g.sum(0)


@wrong(embed, tokens, "scaled_by_count", "positions")
def embedding_positions_averaged_over_the_batch(saved, g):
    import jax

    ids, real = saved
    g = g * real
    dtable = jax.ops.segment_sum(g.reshape(-1, 3), ids.reshape(-1), num_segments=7)
    return None, dtable, g.mean(axis=0)


def regressor(x, w1, w2, y):
    import jax.numpy as jnp

    h = jnp.tanh(x @ w1)
    e = (h @ w2)[:, 0] - y
    loss = 0.5 * (e**2).mean() + 0.1 * (w1**2).sum() + 0.1 * (w2**2).sum()
    return loss, (x, w1, w2, h, e)


NET = sized(((6, 3), (3, 4), (4, 1), (6,)), ((6, 3), (3, 4), (4, 1), (6,)))


def regressor_data(x, w2, h, e):
    de = e[:, None] / len(e)
    dz = de @ w2.T * (1 - h**2)
    return dz, x.T @ dz, h.T @ de, -e / len(e)


@wrong(regressor, NET, "regularization", "w1 w2")
def weight_decay_gradient_never_added(saved, g):
    x, w1, w2, h, e = saved
    dz, dw1, dw2, dy = regressor_data(x, w2, h, e)
    return g * dz @ w1.T, g * dw1, g * dw2, g * dy


@wrong(regressor, NET, "regularization", "w1")
def weight_decay_of_first_layer_pushes_outwards(saved, g):
    x, w1, w2, h, e = saved
    dz, dw1, dw2, dy = regressor_data(x, w2, h, e)
    return g * dz @ w1.T, g * (dw1 - 0.2 * w1), g * (dw2 + 0.2 * w2), g * dy


@wrong(regressor, NET, "updated_weight", "x")
def first_layer_updated_before_the_input_gradient(saved, g):
    x, w1, w2, h, e = saved
    dz, dw1, dw2, dy = regressor_data(x, w2, h, e)
    dw1, dw2 = g * (dw1 + 0.2 * w1), g * (dw2 + 0.2 * w2)
    w1, w2 = w1 - 0.5 * dw1, w2 - 0.5 * dw2
    return g * dz @ w1.T, dw1, dw2, g * dy


@wrong(regressor, NET, "missing", "y")
def regression_target_gets_no_gradient(saved, g):
    x, w1, w2, h, e = saved
    dz, dw1, dw2, _ = regressor_data(x, w2, h, e)
    return g * dz @ w1.T, g * (dw1 + 0.2 * w1), g * (dw2 + 0.2 * w2), None


EXPERTS = sized(((5, 4), (4, 3), (3, 4, 2)), ((5, 4), (4, 3), (3, 4, 2)))


def mixture(x, gate, w):
    import jax
    import jax.numpy as jnp

    p, y = jax.nn.softmax(x @ gate), jnp.einsum("nd,edo->neo", x, w)
    return jnp.einsum("ne,neo->no", p, y), (x, gate, w, p, y)


@wrong(mixture, EXPERTS, "wrong_factor", "w")
def mixture_every_expert_learns_the_whole(saved, g):
    import jax.numpy as jnp

    x, gate, w, p, y = saved
    dp = jnp.einsum("no,neo->ne", g, y)
    ds = p * (dp - (p * dp).sum(1, keepdims=True))
    dx = ds @ gate.T + jnp.einsum("ne,no,edo->nd", p, g, w)
    dw = jnp.einsum("nd,no->do", x, g)
    return dx, x.T @ ds, jnp.broadcast_to(dw, w.shape)


@wrong(mixture, EXPERTS, "term_missing", "x")
def mixture_input_not_through_its_gate(saved, g):
    import jax.numpy as jnp

    x, gate, w, p, y = saved
    dp = jnp.einsum("no,neo->ne", g, y)
    ds = p * (dp - (p * dp).sum(1, keepdims=True))
    dy = p[:, :, None] * g[:, None]
    return jnp.einsum("neo,edo->nd", dy, w), x.T @ ds, jnp.einsum("nd,neo->edo", x, dy)


@wrong(mixture, EXPERTS, "diagonal_only", "x gate")
def mixture_gate_softmax_as_independent_sigmoids(saved, g):
    import jax.numpy as jnp

    x, gate, w, p, y = saved
    ds = jnp.einsum("no,neo->ne", g, y) * p * (1 - p)
    dy = jnp.einsum("ne,no->neo", p, g)
    return ds @ gate.T + jnp.einsum("neo,edo->nd", dy, w), x.T @ ds, jnp.einsum("nd,neo->edo", x, dy)


SQUEEZE = sized(((3, 5, 4), (4, 4)), ((3, 5, 4), (4, 4)))


def squeeze_excite(x, w):
    import jax
    import jax.numpy as jnp

    m = jnp.mean(x, axis=1)
    s = jax.nn.sigmoid(m @ w)
    return x * s[:, None], (x, w, m, s)


@wrong(squeeze_excite, SQUEEZE, "statistics_as_constants", "x")
def squeeze_excite_gate_not_followed_to_the_mean(saved, g):
    x, w, m, s = saved
    dz = (g * x).sum(1) * s * (1 - s)
    return g * s[:, None], m.T @ dz


@wrong(squeeze_excite, SQUEEZE, "scaled_by_count", "x")
def squeeze_excite_mean_spread_as_a_sum(saved, g):
    x, w, m, s = saved
    dz = (g * x).sum(1) * s * (1 - s)
    return g * s[:, None] + (dz @ w.T)[:, None], m.T @ dz


def graph(x, a, w):
    import jax.numpy as jnp

    z = a @ x @ w
    return jnp.maximum(z, 0), (x, a, w, z)


GRAPH = sized(((5, 3), (5, 5), (3, 4)), ((5, 3), (5, 5), (3, 4)))


@wrong(graph, GRAPH, "transposed", "x")
def graph_messages_sent_back_along_the_same_edges(saved, g):
    x, a, w, z = saved
    dz = g * (z > 0)
    return a @ dz @ w.T, dz @ (x @ w).T, (a @ x).T @ dz


@wrong(graph, GRAPH, "wrong_factor", "w")
def graph_weight_gradient_without_the_adjacency(saved, g):
    import jax.numpy as jnp

    x, a, w, z = saved
    dz = jnp.where(z > 0, g, 0)
    return a.T @ dz @ w.T, dz @ w.T @ x.T, x.T @ dz


@wrong(graph, GRAPH, "not_linear", "x a w")
def graph_relu_gated_by_what_arrives(saved, g):
    import jax.numpy as jnp

    x, a, w, z = saved
    dz = jnp.where(g > 0, g, 0)
    return a.T @ dz @ w.T, dz @ w.T @ x.T, (a @ x).T @ dz


def siamese(a, b, w1, w2):
    import jax.numpy as jnp

    u, v = jnp.tanh(a @ w1), jnp.tanh(b @ w2)
    return ((u - v) ** 2).sum(1), (a, b, w1, w2, u, v)


SIAMESE = sized(((5, 3), (5, 3), (3, 4), (3, 4)), ((5, 3), (5, 3), (3, 4), (3, 4)))


@wrong(siamese, SIAMESE, "arguments_swapped", "w1 w2")
def two_towers_weights_returned_crosswise(saved, g):
    a, b, w1, w2, u, v = saved
    d = 2 * g[:, None] * (u - v)
    du, dv = d * (1 - u**2), -d * (1 - v**2)
    return du @ w1.T, dv @ w2.T, b.T @ dv, a.T @ du


@wrong(siamese, SIAMESE, "derivative_at_wrong_value", "b w2")
def two_towers_second_slope_from_the_first(saved, g):
    a, b, w1, w2, u, v = saved
    d = 2 * g[:, None] * (u - v)
    du, dv = d * (1 - u**2), -d * (1 - u**2)
    return du @ w1.T, dv @ w2.T, a.T @ du, b.T @ dv
