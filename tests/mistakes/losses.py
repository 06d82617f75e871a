"""Mistakes in squared errors, hinge, Huber and divergence losses (catalogue 11, 15 to 20, 115)."""

from functools import partial

import numpy as np

from .case import Family, normal, sized

family = Family("losses")

regression = sized(((3, 5), (3, 5)), ((64, 100), (64, 100)))


def half_sum(y, t):
    return 0.5 * np.sum((y - t) ** 2)


def half_sum_per_example(y, t):
    return 0.5 * ((y - t) ** 2).sum(axis=1)


def mean_of_squares(y, t):
    return np.mean((y - t) ** 2)


def mean_per_example(y, t):
    return ((y - t) ** 2).mean(axis=1), (y, t)


both = partial(family.wrong, argument="y t")
sse = partial(both, forward=half_sum_per_example, inputs=regression, op="sum_of_squares_error")
mse = partial(both, forward=mean_per_example, inputs=regression, style="rule", op="mean_squared_error")


@mse(15, cause="scaled_by_two")
def factor_two_missing(residuals, cotangent):
    y, t = residuals
    d = cotangent[:, None] * (y - t) / y.shape[1]
    return d, -d


@sse(15, cause="scaled_by_two")
def factor_two_too_many(dout, y, t):
    d = 2 * dout[:, None] * (y - t)
    return d, -d


@both(16, half_sum, regression, cause="scaled_by_batch")
def loss_is_a_sum_and_gradient_a_mean(dout, y, t):
    d = dout * (y - t) / len(y)
    return d, -d


@both(16, mean_of_squares, regression, cause="scaled_by_size")
def loss_is_a_mean_and_gradient_a_sum(dout, y, t):
    d = dout * 2 * (y - t)
    return d, -d


@both(17, mean_of_squares, regression, cause="scaled_by_size")
def loss_by_size_and_gradient_by_batch(dout, y, t):
    d = dout * 2 * (y - t) / y.shape[0]
    return d, -d


@sse(18, cause="sign")
def sign_of_the_difference(dout, y, t):
    d = dout[:, None] * (t - y)
    return d, -d


@sse(18, cause="sign", argument="t")
def target_gradient_without_its_sign(dout, y, t):
    d = dout[:, None] * (y - t)
    return d, d


@both(19, half_sum, regression, cause="ignores_cotangent")
def scalar_loss_ignores_upstream(dout, y, t):
    return y - t, t - y


@mse(19, cause="ignores_cotangent")
def upstream_of_each_example_ignored(residuals, cotangent):
    y, t = residuals
    d = 2 * (y - t) / y.shape[1]
    return d, -d


@mse(20, cause="scaled_by_batch")
def mean_over_the_batch_though_not_reduced(residuals, cotangent):
    y, t = residuals
    d = 2 * cotangent[:, None] * (y - t) / y.size
    return d, -d


@family.whole(
    16,
    "wrong backward",
    "layer",
    regression,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="y",
    cause="scaled_by_batch",
)
class MeanLossWithSummedGradient:
    def forward(self, y, t):
        self.y, self.t = y, t
        return np.sum((y - t) ** 2) / (2 * len(y))

    def backward(self, dout=1):
        return dout * (self.y - self.t)


@family.whole(
    18, "wrong backward", "layer", regression, inputs_of_layer=2, ends_in_loss=True, argument="y", cause="sign"
)
class SquaredErrorWithTargetsFirst:
    def forward(self, y, t):
        self.error = t - y
        return np.mean(self.error**2)

    def backward(self, dout=1.0):
        return 2 * dout * self.error / self.error.size


@both(18, half_sum, regression, cause="wrong_derivative", argument="y t")
def derivative_of_the_absolute_error(dout, y, t):
    d = dout * np.sign(y - t)
    return d, -d


def spread(size, seed):
    """Errors on both sides of both bends."""
    y, t = regression(size, seed)
    y[:, :4] = t[:, :4] + np.array([-2.5, -0.7, 0.7, 2.5]) + 0.1 * y[:, :4].clip(-1, 1)
    return y, t


def huber(y, t):
    e = np.abs(y - t)
    return np.where(e <= 1, 0.5 * e**2, e - 0.5).mean(axis=1)


@both(18, huber, spread, op="huber_loss", cause=("partly_scaled", "isolated_entries"))
def huber_tail_without_sign(dout, y, t):
    e = y - t
    d = dout[:, None] * np.where(np.abs(e) <= 1, e, 1.0) / y.shape[1]
    return d, -d


@both(43, huber, spread, op="huber_loss", cause=("other_loss", "static_ignored", "local_factor", "partly_scaled"))
def huber_not_clipped(dout, y, t):
    d = dout[:, None] * (y - t) / y.shape[1]
    return d, -d


def wide_huber(y, t):
    e = np.abs(y - t)
    return np.where(e <= 0.5, 0.5 * e**2, 0.5 * e - 0.125).mean(axis=1)


@both(
    49,
    wide_huber,
    spread,
    op="huber_loss",
    statics={"delta": 0.5},
    cause=("static_ignored", "isolated_entries", "partly_scaled"),
)
def huber_delta_ignored(dout, y, t):
    d = dout[:, None] * np.clip(y - t, -1, 1) / y.shape[1]
    return d, -d


def scores(size, seed):
    n, c = (3, 5) if size == "small" else (64, 100)
    (s,) = normal(seed, (n, c))
    return 2 * s, np.random.default_rng(seed + 1).integers(0, c, n)


def hinge(scores, labels):
    margins = np.maximum(0, scores - scores[np.arange(len(scores)), labels][:, None] + 1)
    margins[np.arange(len(scores)), labels] = 0
    return margins.sum(), (margins, labels)


@family.wrong(115, hinge, scores, style="cache", argument="scores", cause=("isolated_entries", "partly_scaled"))
def hinge_correct_class_subtracted_from_its_zero(dout, cache):
    margins, labels = cache
    d = (margins > 0).astype(float)
    d[np.arange(len(d)), labels] = -1
    return dout * d, None


@family.wrong(115, hinge, scores, style="cache", argument="scores", cause=("entries_not_written", "isolated_entries"))
def hinge_correct_class_forgotten(dout, cache):
    margins, _labels = cache
    return dout * (margins > 0), None


@family.wrong(21, hinge, scores, style="cache", argument="scores", cause="scaled_by_batch")
def hinge_divided_by_batch(dout, cache):
    margins, labels = cache
    d = (margins > 0).astype(float)
    d[np.arange(len(d)), labels] = -d.sum(axis=1)
    return dout * d / len(d), None


def column(size, seed):
    return normal(seed, *(2 * [(5 if size == "small" else 64, 1)]))


def column_backward(dout, y, t):
    difference = y - t.ravel()
    dy = 2 * dout[:, None] * difference / len(t)
    return dy.sum(axis=1, keepdims=True), -dy.sum(axis=0)[:, None]


forward_wrong = partial(family.wrong_forward, argument="y")


@forward_wrong(11, column_backward, column, op="mean_squared_error", cause="forward")
def column_minus_row(y, t):
    return ((y - t.ravel()) ** 2).mean(axis=1)


def sum_backward(dout, y, t):
    d = 2 * dout[:, None] * (y - t)
    return d, -d


@forward_wrong(
    15,
    sum_backward,
    regression,
    op="sum_of_squares_error",
    cause=("convention_reduction", "convention_static", "convention_axis"),
)
def half_missing_in_the_loss(y, t):
    return ((y - t) ** 2).sum(axis=1)


@forward_wrong(
    20,
    sum_backward,
    regression,
    op="mean_squared_error",
    cause=("convention_reduction", "convention_static", "convention_axis"),
)
def sum_called_mean(y, t):
    return ((y - t) ** 2).sum(axis=1)
