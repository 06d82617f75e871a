"""Dropout and penalties, with one slip in each backward."""

import numpy as np

from ..case import Family, normal, sized

family = Family("dropout")
penalties = {"family": "regularisation"}


def same(*shapes):
    return sized(shapes, shapes)


def coin(shape, seed, rate=0.6):
    return np.random.default_rng(seed + 1).random(shape) < rate


def masked(*shapes, mask):
    return lambda size, seed: (*normal(seed, *shapes), coin(mask, seed))


def dropout(x, mask):
    return x * mask / 0.6


@family.wrong("", dropout, masked((5, 6), mask=(5, 6)), cause="mask_missing", argument="x")
def dropped_units_still_learn(dout, x, mask):
    return dout / 0.6, None


@family.wrong("", dropout, masked((5, 6), mask=(5, 6)), cause="scaled_by_constant", argument="x")
def keep_rate_divided_in_the_forward_only(dout, x, mask):
    return np.where(mask, dout, 0.0), None


def relu_dropout(x, mask):
    h = np.maximum(x, 0)
    return h * mask / 0.6


@family.wrong("", relu_dropout, masked((4, 7), mask=(4, 7)), cause="mask_wrong", argument="x")
def kept_and_dropped_units_confused(dout, x, mask):
    dh = dout / 0.6
    dh[mask] = 0
    return dh * (x > 0), None


@family.wrong("", relu_dropout, masked((4, 7), mask=(4, 7)), cause="derivative_missing", argument="x")
def dropout_mask_takes_the_place_of_the_relu(dout, x, mask):
    dx = np.zeros_like(x)
    dx[mask] = dout[mask] / 0.6
    return dx, None


def two_drops(x, W, first, second):
    return np.tanh((x * first) @ W) * second


def square_masks(size, seed):
    x, W = normal(seed, (5, 4), (4, 4))
    return x, W, coin((5, 4), seed, 0.7), coin((5, 4), seed + 7, 0.7)


@family.wrong("", two_drops, square_masks, cause="mask_wrong", argument="x")
def input_masked_with_the_mask_of_the_output(dout, x, W, first, second):
    h = np.tanh((x * first) @ W)
    dz = dout * second * (1 - h**2)
    dx = (dz @ W.T) * second
    return dx, (x * first).T @ dz, None, None


def drop_connect(x, W, keep):
    return x @ (W * keep)


@family.wrong("", drop_connect, masked((4, 5), (5, 3), mask=(5, 3)), cause="mask_missing", argument="W")
def disconnected_weights_still_learn(dout, x, W, keep):
    effective = np.where(keep, W, 0)
    return dout @ effective.T, x.T @ dout, None


@family.wrong("", drop_connect, masked((4, 4), (4, 4), mask=(4, 4)), cause="elementwise_product", argument="x")
def input_gradient_multiplied_into_the_kept_weights(dout, x, W, keep):
    return dout * (W * keep).T, keep * (x.T @ dout), None


def noisy_scale(x, noise):
    return x * (1 + 0.5 * noise)


@family.wrong("", noisy_scale, same((5, 4), (5, 4)), cause="term_missing", argument="x")
def gaussian_dropout_passes_only_the_noise(dout, x, noise):
    return dout * 0.5 * noise, dout * x * 0.5


def alpha_dropout(x, mask):
    low, a, b = -1.758, 0.88, 0.3
    return a * np.where(mask, x, low) + b


@family.wrong("", alpha_dropout, masked((4, 6), mask=(4, 6)), cause="scaled_by_constant", argument="x")
def alpha_dropout_without_its_affine_scale(dout, x, mask):
    dx = dout.copy()
    dx[~mask] = 0
    return dx, None


def zoneout(previous, new, keep):
    return keep * previous + (1 - keep) * np.tanh(new)


@family.wrong("", zoneout, masked((5, 4), (5, 4), mask=(5, 4)), cause="arguments_swapped", argument="previous new")
def zoned_out_units_credit_the_new_state(dout, previous, new, keep):
    dprevious = dout * keep
    dnew = dout * (1 - keep) * (1 - np.tanh(new) ** 2)
    return dnew, dprevious, None


def sampled_mean(x, masks):
    return np.mean([np.tanh(x * m) for m in masks], axis=0)


@family.wrong("", sampled_mean, masked((3, 5), mask=(4, 3, 5)), cause="not_accumulated", argument="x")
def only_the_last_sampled_mask_counts(dout, x, masks):
    dx = np.zeros_like(x)
    for m in masks:
        dx = dout * m * (1 - np.tanh(x * m) ** 2) / len(masks)
    return dx, None


ORDER = np.array([2, 0, 3, 4, 1])


def mixup(x):
    return 0.7 * x + 0.3 * x[ORDER]


@family.wrong("", mixup, same((5, 4)), cause="wrong_index", argument="x")
def mixed_partner_gathered_again_in_the_backward(dout, x):
    return 0.7 * dout + 0.3 * dout[ORDER]


@family.whole("", "wrong backward", "vjp", masked((5, 6), mask=(5,)), cause="ignores_cotangent", argument="x")
def stochastic_depth_branch_returns_its_slope(x, alive):
    branch = np.tanh(x)
    factor = alive[:, None] / 0.8

    def pullback(g):
        return g + factor * (1 - branch**2), None

    return x + factor * branch, pullback


def ridge(W, b, x, y):
    residual = x @ W + b - y
    return np.mean(residual**2) + 0.3 * np.sum(W**2), residual


RIDGE = same((4, 3), (3,), (6, 4), (6, 3))


def ridge_data(dout, residual, x, W):
    d = 2 * dout * residual / residual.size
    return x.T @ d, d.sum(axis=0), d @ W.T, -d


@family.wrong("", lambda W, b, x, y: ridge(W, b, x, y)[0], RIDGE, cause="regularization", argument="W", **penalties)
def ridge_penalty_without_its_two(dout, W, b, x, y):
    dW, *others = ridge_data(dout, ridge(W, b, x, y)[1], x, W)
    return dW + dout * 0.3 * W, *others


@family.wrong("", lambda W, b, x, y: ridge(W, b, x, y)[0], RIDGE, cause="regularization", argument="b", **penalties)
def ridge_decays_the_bias_as_well(dout, W, b, x, y):
    dW, db, dx, dy = ridge_data(dout, ridge(W, b, x, y)[1], x, W)
    for parameter, gradient in ((W, dW), (b, db)):
        gradient += 0.6 * dout * parameter
    return dW, db, dx, dy


def lasso(w, x, y):
    return 0.5 * np.sum((x @ w - y) ** 2) + 0.8 * np.abs(w).sum()


@family.wrong("", lasso, same((5,), (4, 5), (4,)), cause="regularization", argument="w", **penalties)
def lasso_shrinks_in_proportion_to_the_weight(dout, w, x, y):
    r = x @ w - y
    dw = x.T @ r + 0.8 * w
    return dout * dw, dout * np.outer(r, w), -dout * r


@family.wrong("", lasso, same((5,), (4, 5), (4,)), cause="not_linear", argument="w", **penalties)
def lasso_gradient_clipped_to_one(dout, w, x, y):
    r = dout * (x @ w - y)
    dw = np.clip(r @ x + dout * 0.8 * np.sign(w), -1, 1)
    return dw, r[:, None] * w, -r


def decayed_network(W1, W2, x):
    h = np.tanh(x @ W1)
    data = np.sum(h @ W2, axis=1).mean()
    return data + 0.05 * (np.sum(W1**2) + np.sum(W2**2)), (W1, W2, x, h)


@family.wrong(
    "", decayed_network, same((3, 4), (4, 2), (5, 3)), style="cache", cause="regularization", argument="W1", **penalties
)
def first_layer_not_decayed(dout, cache):
    W1, W2, x, h = cache
    dscore = np.full((len(x), W2.shape[1]), dout / len(x))
    dW2 = h.T @ dscore + 0.1 * dout * W2
    dz = (dscore @ W2.T) * (1 - h**2)
    return x.T @ dz, dW2, dz @ W1.T


@family.wrong(
    "",
    decayed_network,
    same((3, 4), (4, 2), (5, 3)),
    style="cache",
    cause="ignores_cotangent",
    argument="W2",
    **penalties,
)
def data_part_of_the_last_layer_without_upstream(dout, cache):
    W1, W2, x, h = cache
    dscore = np.ones((len(x), W2.shape[1])) / len(x)
    dW2 = h.T @ dscore + 0.1 * dout * W2
    dz = dout * (dscore @ W2.T) * (1 - h**2)
    return x.T @ dz + 0.1 * dout * W1, dW2, dz @ W1.T


def group_lasso(W, x):
    return np.sum(np.tanh(x @ W)) + 0.4 * np.sqrt((W**2).sum(axis=1)).sum()


@family.wrong("", group_lasso, same((5, 3), (4, 5)), cause="regularization", argument="W", **penalties)
def group_norms_taken_along_the_columns(dout, W, x):
    dz = dout * (1 - np.tanh(x @ W) ** 2)
    dpenalty = 0.4 * W / np.sqrt(np.sum(W**2, axis=0))
    return x.T @ dz + dout * dpenalty, dz @ W.T


def sparse_code(x, rho=0.2):
    h = 1 / (1 + np.exp(-x))
    active = h.mean(axis=0)
    return np.sum(rho * np.log(rho / active) + (1 - rho) * np.log((1 - rho) / (1 - active)))


@family.wrong("", sparse_code, same((6, 4)), names=("x",), cause="scaled_by_count", argument="x", **penalties)
def sparsity_of_the_mean_not_shared_among_the_rows(dout, x):
    h, rho = 1 / (1 + np.exp(-x)), 0.2
    active = h.mean(axis=0)
    dh = -rho / active + (1 - rho) / (1 - active)
    return dout * dh * h * (1 - h)


@family.wrong("", sparse_code, same((6, 4)), names=("x",), cause="derivative_at_wrong_value", argument="x", **penalties)
def sigmoid_slope_taken_of_the_mean_activation(dout, x):
    active = np.mean(1 / (1 + np.exp(-x)), axis=0)
    dactive = -0.2 / active + 0.8 / (1 - active)
    return np.tile(dout * dactive * active * (1 - active) / len(x), (len(x), 1))


def spectral(W, u, v):
    return W / (u @ W @ v)


@family.wrong(
    "",
    spectral,
    lambda size, seed: (np.eye(4, 3) + 0.2 * normal(seed, (4, 3))[0], np.ones(4), np.ones(3)),
    cause="statistics_as_constants",
    argument="W",
    constants=("u", "v"),
    **penalties,
)
def spectral_norm_scales_the_gradient_and_no_more(dout, W, u, v):
    sigma = u @ W @ v
    return dout / sigma, None, None
