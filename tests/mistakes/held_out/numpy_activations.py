"""Activations, entry by entry and gated, with one slip in each backward."""

import numpy as np

from ..case import Family, sized

family = Family("activations")


def same(*shapes):
    return sized(shapes, shapes)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def swish(x, beta):
    return x * sigmoid(beta * x)


@family.wrong("", swish, same((6, 5), (5,)), cause="term_missing", argument="x")
def swish_input_gets_only_the_term_through_the_gate(dout, x, beta):
    s = sigmoid(beta * x)
    common = x * s * (1 - s)
    return dout * common * beta, (dout * common * x).sum(axis=0)


@family.wrong("", swish, same((6, 5), (5,)), cause="wrong_factor", argument="beta")
def swish_beta_multiplied_by_x_once_only(dout, x, beta):
    s = sigmoid(beta * x)
    dx = dout * (s + x * beta * s * (1 - s))
    dbeta = np.sum(dout * x * s * (1 - s), axis=0)
    return dx, dbeta


@family.wrong("", swish, same((6, 5), (5,)), cause="scaled_by_count", argument="beta")
def swish_beta_averaged_over_the_rows(dout, x, beta):
    s = sigmoid(beta * x)
    dx = dout * (s + beta * x * s * (1 - s))
    return dx, np.mean(dout * x**2 * s * (1 - s), axis=0)


ROOT = np.sqrt(2 / np.pi)


def gelu_forward(x):
    t = np.tanh(ROOT * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), (x, t)


@family.wrong("", gelu_forward, same((4, 9)), style="cache", cause="scaled_by_constant", argument="x")
def gelu_cube_loses_its_three(dout, cache):
    x, t = cache
    dinner = ROOT * (1 + 0.044715 * x**2)
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * dinner)


@family.wrong("", gelu_forward, same((4, 9)), style="cache", cause="wrong_derivative", argument="x")
def gelu_tanh_slope_is_one_minus_t(dout, cache):
    x, t = cache
    dt = 1 - t
    left = 0.5 * (1 + t)
    right = 0.5 * x * dt * ROOT * (1 + 3 * 0.044715 * x**2)
    return (left + right) * dout


@family.whole("", "wrong backward", "vjp", same((3, 8)), cause="wrong_derivative", argument="x")
def elu_slope_on_the_left_is_the_value(x):
    alpha = 0.7
    y = np.where(x > 0, x, alpha * np.expm1(x))

    def pullback(g):
        slope = np.ones_like(x)
        slope[x <= 0] = y[x <= 0]
        return (g * slope,)

    return y, pullback


@family.whole("", "wrong backward", "vjp", same((3, 8)), cause="derivative_at_wrong_value", argument="x")
def elu_exponential_taken_of_the_output(x):
    alpha = 1.3
    out = np.where(x > 0, x, alpha * (np.exp(x) - 1))
    return out, lambda g: (g * np.where(x > 0, 1.0, alpha * np.exp(out)),)


def leaky(x):
    out = x.copy()
    out[x < 0] *= 0.2
    return out


@family.wrong("", leaky, same((7, 4)), cause="scaled_by_constant", argument="x")
def leaky_relu_backward_is_plain_relu(dout, x):
    dx = dout.copy()
    dx[x < 0] = 0
    return dx


@family.wrong("", leaky, same((7, 4)), cause="not_linear", argument="x")
def leaky_relu_leaks_where_the_cotangent_is_negative(dout, x):
    dx = dout.copy()
    dx[dout < 0] *= 0.2
    return dx


def softplus_forward(x, beta=3.0):
    return np.logaddexp(0, beta * x) / beta, {"x": x, "beta": beta}


@family.wrong("", softplus_forward, same((5, 6)), names=("x",), style="cache", cause="static_ignored", argument="x")
def softplus_slope_without_its_sharpness(dout, cache):
    return dout * sigmoid(cache["x"])


@family.wrong("", softplus_forward, same((5, 6)), names=("x",), style="cache", cause="scaled_by_constant", argument="x")
def softplus_slope_divided_by_its_sharpness_again(dout, cache):
    return dout / cache["beta"] / (1 + np.exp(-cache["beta"] * cache["x"]))


def hard_tanh(x, low=-0.4, high=1.2):
    return np.minimum(np.maximum(x, low), high)


@family.wrong("", hard_tanh, same((6, 7)), names=("x",), cause="static_ignored", argument="x")
def hard_tanh_open_between_minus_one_and_one(dout, x):
    inside = (x > -1) & (x < 1)
    return dout * inside


@family.wrong("", hard_tanh, same((6, 7)), names=("x",), cause="derivative_missing", argument="x")
def hard_tanh_passes_everything_straight_through(dout, x):
    return dout * np.ones_like(x)


def mish(x):
    soft = np.log1p(np.exp(x))
    gate = np.tanh(soft)
    return x * gate, (x, gate)


@family.wrong("", mish, same((4, 7)), style="cache", cause="derivative_missing", argument="x")
def mish_softplus_counts_as_identity(dout, cache):
    x, gate = cache
    dgate = dout * x
    dsoft = dgate * (1 - gate**2)
    return dout * gate + dsoft


def glu(x):
    value, gate = np.split(x, 2, axis=1)
    return value / (1 + np.exp(-gate))


@family.wrong("", glu, same((3, 10)), cause="wrong_index", argument="x")
def glu_halves_joined_the_other_way_round(dout, x):
    value, gate = np.split(x, 2, axis=1)
    s = sigmoid(gate)
    return np.concatenate([dout * value * s * (1 - s), dout * s], axis=1)


@family.wrong("", glu, same((3, 10)), cause="derivative_at_wrong_value", argument="x")
def glu_gate_slope_taken_of_the_logit(dout, x):
    half = x.shape[1] // 2
    dx = np.empty_like(x)
    gate = x[:, half:]
    dx[:, :half] = dout * sigmoid(gate)
    dx[:, half:] = dout * x[:, :half] * gate * (1 - gate)
    return dx


@family.wrong("", glu, same((3, 10)), cause="wrong_operand", argument="x")
def glu_gate_receives_the_gate_for_the_value(dout, x):
    value, gate = np.split(x, 2, axis=1)
    s = sigmoid(gate)
    dvalue, dgate = dout * s, dout * gate * s * (1 - s)
    return np.hstack([dvalue, dgate])


def prelu(x, a):
    return np.where(x > 0, x, a[None, :, None] * x)


@family.wrong("", prelu, same((4, 3, 5), (3,)), cause="mask_missing", argument="a")
def prelu_slope_collects_from_positive_entries_too(dout, x, a):
    dx = np.where(x > 0, dout, a[None, :, None] * dout)
    return dx, np.einsum("ncl,ncl->c", dout, x)


@family.wrong("", prelu, same((4, 3, 5), (3,)), cause="mask_wrong", argument="a")
def prelu_slope_collects_from_the_positive_side(dout, x, a):
    positive = x > 0
    dx = dout * (positive + a[:, None] * ~positive)
    da = (dout * x * positive).sum(axis=(0, 2))
    return dx, da


@family.wrong("", prelu, same((4, 3, 5), (3,)), cause="wrong_reduction", argument="a")
def prelu_slope_summed_over_the_batch_alone(dout, x, a):
    negative = x <= 0
    dx = np.where(negative, a.reshape(1, -1, 1), 1.0) * dout
    return dx, np.sum(dout * x * negative, axis=0)


def maxout(x):
    return x.reshape(len(x), 4, 3).max(axis=2)


@family.wrong("", maxout, same((3, 12)), cause="wrong_winner", argument="x")
def maxout_piece_of_largest_magnitude_takes_the_gradient(dout, x):
    pieces = x.reshape(len(x), 4, 3)
    winner = np.abs(pieces).argmax(axis=2)
    return (np.eye(3)[winner] * dout[:, :, None]).reshape(x.shape)


@family.wrong("", maxout, same((3, 12)), cause="transposed", argument="x")
def maxout_pieces_flattened_unit_last(dout, x):
    pieces = x.reshape(len(x), 4, 3)
    dpieces = np.zeros_like(pieces)
    np.put_along_axis(dpieces, pieces.argmax(axis=2)[..., None], dout[..., None], axis=2)
    return dpieces.transpose(0, 2, 1).reshape(x.shape)


def snake(x, a):
    return x + np.sin(a * x) ** 2 / a


@family.wrong(
    "",
    snake,
    lambda size, seed: (same((5, 4))(size, seed)[0], np.array([0.8, 1.1, 1.7, 2.3])),
    cause="term_missing",
    argument="a",
)
def snake_frequency_only_inside_the_sine(dout, x, a):
    wave = np.sin(2 * a * x)
    return dout * (1 + wave), (dout * wave * x / a).sum(0)


@family.whole("", "wrong backward", "vjp", same((4, 6)), cause="sign", argument="x")
def concatenated_relu_negative_half_not_turned_round(x):
    out = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)

    def pullback(g):
        up, down = g[:, : x.shape[1]], g[:, x.shape[1] :]
        return (up * (x > 0) + down * (x < 0),)

    return out, pullback


@family.whole("", "wrong backward", "vjp", same((7, 5)), cause="time_not_carried", argument="x")
def leaky_integrator_forgets_the_later_steps(x):
    decay, v, trace = 0.8, np.zeros(x.shape[1]), []
    for current in x:
        v = decay * v + current
        trace.append(np.tanh(v))
    out = np.array(trace)

    def pullback(g):
        dx = np.zeros_like(x)
        for t in reversed(range(len(x))):
            dx[t] = g[t] * (1 - out[t] ** 2)
        return (dx,)

    return out, pullback


@family.whole("", "wrong backward", "vjp", same((5, 4)), cause="ignores_cotangent", argument="x")
def gaussian_bump_returns_its_slope(x):
    bump = np.exp(-(x**2) / 2)
    return bump, lambda g: (-x * bump,)
