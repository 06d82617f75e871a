"""Convolutions and pooling as jax.custom_vjp, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import custom_vjp

family = Family("convolution")
wrong = custom_vjp(family)


DILATED = sized(((8, 3), (3, 3, 2)), ((8, 3), (3, 3, 2)))


def later(x, n):
    """Row t holds row t - n."""
    import jax.numpy as jnp

    return jnp.concatenate([jnp.zeros((n, x.shape[1])), x])[: len(x)]


def causal_conv(x, w):
    return sum(later(x, 2 * k) @ w[k] for k in range(len(w))), (x, w)


def earlier(g, n):
    return later(g[::-1], n)[::-1]


@wrong(causal_conv, DILATED, "static_ignored", "w")
def dilated_kernel_gradient_with_taps_side_by_side(saved, g):
    import jax.numpy as jnp

    x, w = saved
    dx = sum(earlier(g, 2 * k) @ w[k].T for k in range(len(w)))
    return dx, jnp.stack([later(x, k).T @ g for k in range(len(w))])


@wrong(causal_conv, DILATED, "flipped", "x")
def dilated_input_gradient_takes_the_taps_backwards(saved, g):
    import jax.numpy as jnp

    x, w = saved
    turned = w[::-1]
    dx = sum(earlier(g, 2 * k) @ turned[k].T for k in range(len(w)))
    return dx, jnp.stack([later(x, 2 * k).T @ g for k in range(len(w))])


@wrong(causal_conv, DILATED, "part_missing", "x")
def dilated_input_gradient_without_the_last_tap(saved, g):
    import jax.numpy as jnp

    x, w = saved
    dx, dw = jnp.zeros_like(x), []
    for k in range(len(w)):
        dw.append(later(x, 2 * k).T @ g)
        if k < len(w) - 1:
            dx = dx + earlier(g, 2 * k) @ w[k].T
    return dx, jnp.stack(dw)


def depthwise(x, w, b):
    import jax.numpy as jnp

    n = x.shape[1] - len(w) + 1
    y = sum(x[:, k : k + n] * w[k] for k in range(len(w)))
    return jnp.maximum(y + b, 0), (x, w, y + b)


DEPTH = sized(((3, 7, 2), (3, 2), (2,)), ((3, 7, 2), (3, 2), (2,)))


@wrong(depthwise, DEPTH, "wrong_reduction", "b")
def depthwise_bias_shared_by_all_channels(saved, g):
    import jax.numpy as jnp

    x, w, z = saved
    dz = g * (z > 0)
    n = dz.shape[1]
    dx = jnp.zeros_like(x)
    for k in range(len(w)):
        dx = dx.at[:, k : k + n].add(dz * w[k])
    dw = jnp.stack([(dz * x[:, k : k + n]).sum((0, 1)) for k in range(len(w))])
    return dx, dw, jnp.full_like(w[0], dz.sum())


@wrong(depthwise, DEPTH, "not_accumulated", "x")
def depthwise_input_gradient_set_tap_by_tap(saved, g):
    import jax.numpy as jnp

    x, w, z = saved
    dz = jnp.where(z > 0, g, 0.0)
    n, dx = dz.shape[1], jnp.zeros_like(x)
    for k in range(len(w)):
        dx = dx.at[:, k : k + n].set(dz * w[k])
    return dx, jnp.stack([(dz * x[:, k : k + n]).sum((0, 1)) for k in range(3)]), dz.sum((0, 1))


@wrong(depthwise, DEPTH, "derivative_missing", "x w b")
def depthwise_relu_passed_through(saved, g):
    import jax.numpy as jnp

    x, w, z = saved
    n, last = g.shape[1], len(w) - 1
    wide = jnp.pad(g, ((0, 0), (last, last), (0, 0)))
    dx = sum(wide[:, last - k : last - k + x.shape[1]] * w[k] for k in range(len(w)))
    dw = [jnp.einsum("blc,blc->c", g, x[:, k : k + n]) for k in range(len(w))]
    return dx, jnp.stack(dw), g.sum((0, 1))


@wrong(depthwise, DEPTH, "ignores_cotangent", "b")
def depthwise_bias_counts_the_active_positions(saved, g):
    import jax.numpy as jnp

    x, w, z = saved
    on = (z > 0).astype(g.dtype)
    dz, n, last = g * on, g.shape[1], len(w) - 1
    wide = jnp.pad(dz, ((0, 0), (last, last), (0, 0)))
    dx = sum(wide[:, last - k : last - k + x.shape[1]] * w[k] for k in range(len(w)))
    return dx, jnp.stack([(dz * x[:, k : k + n]).sum((0, 1)) for k in range(len(w))]), on.sum((0, 1))


def padded_average(x):
    import jax.numpy as jnp

    wide = jnp.pad(x, ((0, 0), (1, 1)))
    inside = jnp.array([2.0] + [3.0] * (x.shape[1] - 2) + [2.0])
    return (wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]) / inside, inside


AVERAGE = sized(((4, 6),), ((4, 6),))


@wrong(padded_average, AVERAGE, "scaled_by_count", "x")
def padded_average_counts_the_padding(inside, g):
    import jax.numpy as jnp

    d = jnp.pad(g / 3.0, ((0, 0), (1, 1)))
    return (d[:, :-2] + d[:, 1:-1] + d[:, 2:],)


@wrong(padded_average, AVERAGE, "shifted", "x")
def padded_average_windows_start_at_their_entry(inside, g):
    import jax.numpy as jnp

    d = jnp.pad(g / inside, ((0, 0), (2, 0)))
    return (d[:, :-2] + d[:, 1:-1] + d[:, 2:],)


def blocks(x):
    n, h, w = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, h // 2, w // 2, 4)


def unblock(b):
    n, h, w, _ = b.shape
    return b.reshape(n, h, w, 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, 2 * h, 2 * w)


MAP = sized(((3, 4, 6),), ((3, 4, 6),))


def max_pool(x):
    b = blocks(x)
    return b.max(-1), (b, b.max(-1, keepdims=True))


@wrong(max_pool, MAP, "wrong_winner", "x")
def max_pool_winners_within_a_tolerance(saved, g):
    b, top = saved
    return (unblock((b > top - 0.5) * g[..., None]),)


@wrong(max_pool, sized(((3, 6, 4),), ((3, 6, 4),)), "transposed", "x")
def max_pool_windows_reshaped_straight_back(saved, g):
    b, top = saved
    return ((g[..., None] * (b == top)).reshape(b.shape[0], 2 * b.shape[1], 2 * b.shape[2]),)


def root_pool(x):
    import jax.numpy as jnp

    y = jnp.sqrt((blocks(x) ** 2).sum(-1))
    return y, (x, y)


@wrong(root_pool, MAP, "derivative_missing", "x")
def root_pool_root_passed_unchanged(saved, g):
    x, y = saved
    return (x * g.repeat(2, axis=1).repeat(2, axis=2),)


@wrong(root_pool, sized(((2, 4, 8),), ((2, 4, 8),)), "scaled_by_constant", "x")
def root_pool_keeps_the_two_of_the_square(saved, g):
    x, y = saved
    scale = g / y
    return (2 * x * scale.repeat(2, axis=1).repeat(2, axis=2),)


def upsample(x, w):
    big = x.repeat(3, axis=1)
    return big * w, (big, w)


UP = sized(((4, 3), (9,)), ((4, 3), (9,)))


@wrong(upsample, UP, "part_missing", "x")
def upsampling_gradient_from_the_first_copy(saved, g):
    big, w = saved
    return (g * w)[:, ::3], (g * big).sum(0)


@wrong(upsample, UP, "transposed", "x")
def upsampling_gradient_summed_as_if_tiled(saved, g):
    big, w = saved
    return (g * w).reshape(len(g), 3, -1).sum(1), (g * big).sum(0)


def length_inputs(size, seed):
    return normal(seed, (4, 6, 2))[0], np.array([6, 3, 4, 2])


def longest(x, lengths):
    import jax.numpy as jnp

    inside = jnp.arange(x.shape[1])[None, :, None] < lengths[:, None, None]
    return jnp.where(inside, x, -jnp.inf).max(1), (x, inside)


@wrong(longest, length_inputs, "wrong_winner", "x")
def max_over_time_winner_found_in_the_padding(saved, g):
    import jax

    x, inside = saved
    return jax.nn.one_hot(x.argmax(1), x.shape[1], axis=1) * g[:, None], None
