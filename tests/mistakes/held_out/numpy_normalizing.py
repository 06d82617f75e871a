"""Normalization over features, batches and groups, with one slip in each backward."""

from dataclasses import dataclass

import numpy as np

from ..case import Family, normal, sized

family = Family("normalization")


def same(*shapes):
    return sized(shapes, shapes)


def positive(*shapes):
    return lambda size, seed: tuple(np.abs(a) + 0.4 for a in normal(seed, *shapes))


def layer_norm(x, gamma, beta):
    mean = x.mean(axis=1, keepdims=True)
    std = np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    return gamma * (x - mean) / std + beta


LAYER = same((4, 7), (7,), (7,))


def centred(x):
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    std = np.sqrt(var + 1e-5)
    return (x - mean) / std, std


@family.wrong("", layer_norm, LAYER, cause="statistics_as_constants", argument="x")
def layer_norm_variance_held_fixed(dout, x, gamma, beta):
    xhat, std = centred(x)
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=1, keepdims=True)) / std
    return dx, (dout * xhat).sum(0), dout.sum(0)


@family.wrong("", layer_norm, LAYER, cause="wrong_factor", argument="x")
def layer_norm_gain_missing_on_the_way_to_the_input(dout, x, gamma, beta):
    xhat, std = centred(x)
    dx = dout - dout.mean(axis=1, keepdims=True) - xhat * (dout * xhat).mean(axis=1, keepdims=True)
    return dx / std, np.einsum("nd,nd->d", dout, xhat), dout.sum(axis=0)


@family.wrong("", layer_norm, LAYER, cause="wrong_operand", argument="gamma")
def layer_norm_gain_from_the_raw_input(dout, x, gamma, beta):
    xhat, std = centred(x)
    d = dout * gamma
    dx = (d - d.mean(axis=1)[:, None] - xhat * (d * xhat).mean(axis=1)[:, None]) / std
    return dx, (dout * x).sum(axis=0), dout.sum(axis=0)


@family.wrong("", layer_norm, LAYER, cause="wrong_axis", argument="x")
def layer_norm_means_taken_over_the_batch(dout, x, gamma, beta):
    xhat, std = centred(x)
    d = dout * gamma
    dx = (d - np.mean(d, axis=0) - xhat * np.mean(d * xhat, axis=0)) / std
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


@family.wrong("", layer_norm, same((5, 5), (5,), (5,)), cause="wrong_reduction", argument="beta")
def layer_norm_offset_summed_over_the_features(dout, x, gamma, beta):
    xhat, std = centred(x)
    d = gamma * dout
    inner = d.mean(1, keepdims=True) + xhat * (d * xhat).mean(1, keepdims=True)
    return (d - inner) / std, (dout * xhat).sum(0), dout.sum(1)


@family.wrong("", layer_norm, LAYER, cause="ignores_cotangent", argument="gamma")
def layer_norm_gain_sums_the_normalized_input(dout, x, gamma, beta):
    xhat, std = centred(x)
    d = gamma * dout
    inner = d.mean(1, keepdims=True) + xhat * (d * xhat).mean(1, keepdims=True)
    return (d - inner) / std, xhat.sum(axis=0), dout.sum(axis=0)


@dataclass
class Steps:
    gamma: np.ndarray
    xmu: np.ndarray
    var: np.ndarray
    std: np.ndarray


def batch_norm(x, gamma, beta):
    xmu = x - x.mean(axis=0)
    var = np.mean(xmu**2, axis=0)
    std = np.sqrt(var + 0.1)
    return gamma * xmu / std + beta, Steps(gamma, xmu, var, std)


BATCH = same((7, 3), (3,), (3,))


@family.wrong("", batch_norm, BATCH, style="cache", cause="scaled_by_constant", argument="x")
def batch_norm_root_without_its_half(dout, kept):
    xhat = kept.xmu / kept.std
    dxhat = dout * kept.gamma
    dstd = -np.sum(dxhat * kept.xmu, axis=0) / kept.std**2
    dvar = dstd / kept.std
    dxmu = dxhat / kept.std + 2 * kept.xmu * dvar / len(dout)
    return dxmu - dxmu.mean(axis=0), np.sum(dout * xhat, axis=0), dout.sum(axis=0)


@family.wrong("", batch_norm, BATCH, style="cache", cause="epsilon_one_side", argument="x")
def batch_norm_deviation_rebuilt_without_epsilon(dout, kept):
    dgamma = np.sum(dout * kept.xmu / kept.std, axis=0)
    std = np.sqrt(kept.var)
    dxhat, xhat = dout * kept.gamma, kept.xmu / std
    dx = (dxhat - dxhat.mean(axis=0) - xhat * np.mean(dxhat * xhat, axis=0)) / std
    return dx, dgamma, dout.sum(axis=0)


@family.wrong("", batch_norm, BATCH, style="cache", cause="scaled_by_count", argument="x")
def batch_norm_correlation_divided_by_one_less(dout, kept):
    n, xhat = len(dout), kept.xmu / kept.std
    dxhat = kept.gamma * dout
    dx = (dxhat - dxhat.sum(0) / n - xhat * (dxhat * xhat).sum(0) / (n - 1)) / kept.std
    return dx, (xhat * dout).sum(0), dout.sum(0)


@family.wrong("", batch_norm, BATCH, style="cache", cause="sign", argument="x")
def batch_norm_variance_path_added(dout, kept):
    g, inv = dout * kept.gamma, 1 / kept.std
    dvar = 0.5 * np.sum(g * kept.xmu, axis=0) * inv**3
    dxmu = g * inv + dvar * 2 * kept.xmu / dout.shape[0]
    dx = dxmu - dxmu.mean(axis=0)
    return dx, np.sum(dout * kept.xmu * inv, axis=0), dout.sum(axis=0)


@family.wrong("", batch_norm, BATCH, style="cache", cause="arguments_swapped", argument="gamma beta")
def batch_norm_gain_and_offset_exchanged(dout, kept):
    xhat = kept.xmu / kept.std
    dgamma, dbeta = np.sum(dout * xhat, axis=0), dout.sum(axis=0)
    dx = kept.gamma / kept.std * (dout - dbeta / len(dout) - xhat * dgamma / len(dout))
    return dx, dbeta, dgamma


def inference_norm(x, gamma, mean, var):
    return gamma * (x - mean) / np.sqrt(var)


@family.wrong("", inference_norm, positive((6, 3), (3,), (3,), (3,)), cause="term_extra", argument="x")
def inference_norm_centres_the_gradient_too(dout, x, gamma, mean, var):
    d = gamma * dout / np.sqrt(var)
    dx = d - d.mean(axis=0)
    dvar = np.sum(d * (x - mean), axis=0) / (-2 * var)
    return dx, np.sum(dout * (x - mean), axis=0) / np.sqrt(var), -d.sum(axis=0), dvar


def rms_norm(x, gain):
    rms = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 0.01)
    return x / rms * gain, (x, gain, rms)


@family.wrong("", rms_norm, same((2, 3, 5), (5,)), style="cache", cause="diagonal_only", argument="x")
def rms_norm_each_entry_answers_for_itself(dout, cache):
    x, gain, rms = cache
    g, y = dout * gain, x / rms
    return (g - y * (g * y) / x.shape[-1]) / rms, np.sum(dout * y, axis=(0, 1))


@family.wrong("", rms_norm, same((2, 3, 5), (5,)), style="cache", cause="wrong_factor", argument="gain")
def rms_norm_gain_collects_the_unscaled_input(dout, cache):
    x, gain, rms = cache
    g, y = dout * gain, x / rms
    dx = (g - y * np.mean(g * y, axis=-1, keepdims=True)) / rms
    return dx, np.einsum("btd,btd->d", dout, x)


@family.whole("", "wrong backward", "vjp", same((3, 2, 3, 4)), cause="wrong_axis", argument="x")
def instance_norm_goes_back_as_batch_norm(x):
    axes = (2, 3)
    std = x.std(axis=axes, keepdims=True)
    y = (x - x.mean(axis=axes, keepdims=True)) / std

    def pullback(g):
        over = (0, 2, 3)
        inner = g.mean(axis=over, keepdims=True) + y * (g * y).mean(axis=over, keepdims=True)
        return ((g - inner) / std,)

    return y, pullback


@family.whole("", "wrong backward", "vjp", same((3, 6, 4)), cause="transposed", argument="x")
def group_norm_channels_regrouped_interleaved(x):
    n, c, length = x.shape
    grouped = x.reshape(n, 2, -1)
    std = grouped.std(axis=2, keepdims=True)
    y = (grouped - grouped.mean(axis=2, keepdims=True)) / std

    def pullback(g):
        g = g.reshape(n, 2, -1)
        d = (g - g.mean(2, keepdims=True) - y * (g * y).mean(2, keepdims=True)) / std
        return (d.reshape(n, 2, 3, length).transpose(0, 2, 1, 3).reshape(x.shape),)

    return y.reshape(x.shape), pullback


def unit_rows(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@family.wrong("", unit_rows, same((5, 3)), cause="sign", argument="x")
def unit_rows_projection_added(dout, x):
    norm = np.sqrt((x * x).sum(1, keepdims=True))
    y = x / norm
    return (dout + y * (dout * y).sum(1, keepdims=True)) / norm


@family.wrong("", unit_rows, same((5, 3)), cause="not_linear", argument="x")
def unit_rows_divided_by_the_length_of_the_gradient(dout, x):
    y = unit_rows(x)
    tangent = dout - y * np.einsum("nd,nd->n", dout, y)[:, None]
    return tangent / np.linalg.norm(dout, axis=1, keepdims=True)


def weight_norm(x, v, g):
    return x @ (g * v / np.sqrt(np.sum(v**2, axis=0)))


@family.wrong("", weight_norm, same((5, 4), (4, 3), (3,)), cause="statistics_as_constants", argument="v")
def weight_norm_direction_without_projection(dout, x, v, g):
    norm = np.sqrt(np.sum(v**2, axis=0))
    dW = x.T @ dout
    return dout @ (g * v / norm).T, g * dW / norm, (dW * v).sum(0) / norm


def min_max(x):
    low, high = x.min(axis=1), x.max(axis=1)
    return (x - low[:, None]) / (high - low)[:, None]


@family.wrong("", min_max, same((4, 6)), cause="wrong_winner", argument="x")
def min_max_lowest_and_highest_entry_confused(dout, x):
    rows, span = np.arange(len(x)), x.max(axis=1) - x.min(axis=1)
    y = min_max(x)
    dx = dout / span[:, None]
    dx[rows, x.argmax(axis=1)] -= (dout * (1 - y)).sum(axis=1) / span
    dx[rows, x.argmin(axis=1)] -= (dout * y).sum(axis=1) / span
    return dx


def response_norm(x):
    padded = np.pad(x**2, ((0, 0), (1, 1)))
    scale = 1 + 0.5 * (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:])
    return x * scale**-0.75, scale


@family.wrong("", lambda x: response_norm(x)[0], same((4, 7)), cause="diagonal_only", argument="x")
def response_norm_neighbours_do_not_answer(dout, x):
    scale = response_norm(x)[1]
    return dout * (scale**-0.75 - 0.75 * x**2 * scale**-1.75)


@family.wrong("", lambda x: response_norm(x)[0], same((4, 7)), cause="static_ignored", argument="x")
def response_norm_exponent_of_the_square_root(dout, x):
    scale = response_norm(x)[1]
    outer, inner = dout * scale**-0.5, dout * x * -0.5 * scale**-1.5
    around = np.pad(inner, ((0, 0), (1, 1)))
    return outer + x * (around[:, :-2] + around[:, 1:-1] + around[:, 2:])


@family.whole("", "wrong backward", "vjp", positive((4, 5)), cause="derivative_twice", argument="x")
def log_shares_divided_by_the_entry_twice(x):
    logs = np.log(x)
    return logs - logs.mean(axis=1, keepdims=True), lambda g: ((g - g.mean(axis=1, keepdims=True)) / x / x,)


@family.whole("", "wrong backward", "vjp", same((8, 3)), cause="time_not_carried", argument="x")
def moving_average_seen_for_one_step_only(x):
    average, out = np.zeros(x.shape[1]), np.empty_like(x)
    for t in range(len(x)):
        average = 0.7 * average + 0.3 * x[t]
        out[t] = x[t] - average
    return out, lambda g: (g - 0.3 * g,)
