"""Cross-entropies with weights, smoothing, focus, masks and sequences."""

import numpy as np

from ..case import Family, normal

family = Family("cross_entropy")


def soft(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def labelled(size, seed):
    n, k = (5, 3) if size == "small" else (24, 11)
    return (*normal(seed, (n, k)), (np.arange(n) * 7 + seed) % k)


def hot(t, k):
    return np.eye(k)[t]


def of_labels(number, forward, **more):
    more.setdefault("argument", "z")
    return family.wrong(number, forward, more.pop("inputs", labelled), **more)


FOCUS = 2.0


def focal(z, t):
    p = soft(z)[np.arange(len(t)), t]
    return -((1 - p) ** FOCUS * np.log(p)).mean()


def focal_backward(g, z, t, terms):
    p, rows = soft(z), np.arange(len(t))
    pt = p[rows, t]
    d = g * terms(pt) / len(t)
    return (d * pt)[:, None] * (hot(t, z.shape[1]) - p), None


@of_labels(28, focal, cause=("sum_term_missing", "use_dropped"))
def focal_weight_as_a_constant(g, z, t):
    return focal_backward(g, z, t, lambda p: -((1 - p) ** FOCUS) / p)


@of_labels(28, focal, cause=("sum_term_missing", "other_loss", "argument_factor_missing"))
def focal_as_plain_cross_entropy(g, z, t):
    return focal_backward(g, z, t, lambda p: -1 / p)


@of_labels(45, focal, cause=("static_ignored", "wrong_derivative", "sum_term_missing", "scaled_by_two", "scaled"))
def focal_power_rule_without_its_exponent(g, z, t):
    return focal_backward(g, z, t, lambda p: (1 - p) * np.log(p) - (1 - p) ** FOCUS / p)


def weighted(size, seed):
    z, t = labelled(size, seed)
    return z, t, 0.5 + np.abs(normal(seed + 3, (z.shape[1],))[0])


def class_weighted(z, t, w):
    return -(w[t] * np.log(soft(z)[np.arange(len(t)), t])).sum() / w[t].sum()


def class_weighted_backward(g, z, t, w, count=None, weights=None):
    d = soft(z) - hot(t, z.shape[1])
    weights = w[t] if weights is None else weights(w, t)
    return g * d * weights[:, None] / (w[t].sum() if count is None else count), None, None


@of_labels(
    29,
    class_weighted,
    inputs=weighted,
    names=("z", "t", "w"),
    constants=("w",),
    cause=("scaled", "scaled_by_size", "scaled_by_batch"),
)
def class_weights_divided_by_the_batch(g, z, t, w):
    return class_weighted_backward(g, z, t, w, count=len(t))


@of_labels(
    29,
    class_weighted,
    inputs=weighted,
    names=("z", "t", "w"),
    constants=("w",),
    cause=("argument_factor_missing", "other_loss"),
)
def class_weights_forgotten(g, z, t, w):
    return class_weighted_backward(g, z, t, w, weights=lambda w, t: np.ones(len(t)))


@of_labels(
    29,
    class_weighted,
    inputs=weighted,
    names=("z", "t", "w"),
    constants=("w",),
    cause=("argument_factor_missing", "wrong_operand"),
)
def class_weights_squared(g, z, t, w):
    return class_weighted_backward(g, z, t, w, weights=lambda w, t: w[t] ** 2)


def smooth(z, t):
    k = z.shape[1]
    q = 0.85 * hot(t, k) + 0.15 / k
    return -(q * np.log(soft(z))).sum(1).mean()


@of_labels(20, smooth, cause=("static_ignored", "other_loss", "sum_term_missing"))
def smoothing_left_in_the_forward(g, z, t):
    return g * (soft(z) - hot(t, z.shape[1])) / len(t), None


@of_labels(20, smooth, cause=("static_ignored", "other_loss", "sum_term_missing", "scaled"))
def smoothing_that_takes_without_giving(g, z, t):
    return g * (soft(z) - 0.85 * hot(t, z.shape[1])) / len(t), None


def binary(size, seed):
    z, t = normal(seed, *((5, 3),) * 2 if size == "small" else ((24, 11),) * 2)
    return z, (t > 0).astype(float)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def multilabel(z, t):
    p = sigmoid(z)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(axis=1).mean()


def of_pairs(number, forward, **more):
    return family.wrong(number, forward, binary, constants=("t",), argument="z", **more)


@of_pairs(28, multilabel, cause=("derivative_twice", "other_loss"))
def multilabel_by_the_delta_rule(g, z, t):
    p = sigmoid(z)
    return g * (p - t) * p * (1 - p) / len(z), None


@of_pairs(23, multilabel, cause=("wrong_derivative", "derivative_missing", "local_factor"))
def multilabel_stops_at_the_probabilities(g, z, t):
    p = sigmoid(z)
    return g * (p - t) / (p * (1 - p)) / len(z), None


@of_pairs(23, multilabel, cause=("sum_term_missing", "use_dropped", "mask_missing", "entries_not_written"))
def multilabel_with_positive_labels_only(g, z, t):
    return g * t * (sigmoid(z) - 1) / len(z), None


@of_pairs(18, multilabel, cause=("sign", "partly_scaled", "wrong_operand", "sum_term_missing"))
def multilabel_adds_its_labels(g, z, t):
    return g * (sigmoid(z) + t) / len(z), None


@of_pairs(31, multilabel, cause=("other_loss", "wrong_operand", "wrong_derivative"))
def multilabel_by_softmax(g, z, t):
    return g * (soft(z) - t) / len(z), None


@of_pairs(17, multilabel, cause=("scaled_by_size", "scaled"))
def multilabel_averaged_over_everything(g, z, t):
    return g * (sigmoid(z) - t) / z.size, None


POSITIVE = 3.2


def balanced(z, t):
    p = sigmoid(z)
    return -(POSITIVE * t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


@of_pairs(29, balanced, cause=("static_ignored", "partly_scaled", "scaled_by_static", "scaled"))
def balance_of_classes_forgotten(g, z, t):
    return g * (sigmoid(z) - t) / z.size, None


@of_pairs(29, balanced, cause=("static_ignored", "wrong_operand", "partly_scaled", "sum_term_missing"))
def balance_on_both_classes(g, z, t):
    return g * POSITIVE * (sigmoid(z) - t) / z.size, None


def dice(z, t):
    p = sigmoid(z)
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())


@of_pairs(76, dice, cause=("sum_term_missing", "use_dropped", "mean_term_missing", "statistics_as_constants"))
def dice_with_a_constant_denominator(g, z, t):
    p = sigmoid(z)
    return -g * 2 * t / (p.sum() + t.sum()) * p * (1 - p), None


@of_pairs(9, dice, cause="derivative_missing")
def dice_without_the_sigmoid(g, z, t):
    p = sigmoid(z)
    s = p.sum() + t.sum()
    return -g * 2 * (t / s - (p * t).sum() / s**2), None


@of_pairs(23, dice, cause=("argument_factor_missing", "wrong_operand", "scaled", "sum_term_missing"))
def dice_denominator_not_squared(g, z, t):
    p = sigmoid(z)
    s = p.sum() + t.sum()
    return -g * 2 * (t / s - (p * t).sum() / s) * p * (1 - p), None


def sequence(size, seed):
    n, s, k = (3, 4, 5) if size == "small" else (6, 7, 11)
    z = normal(seed, (n, s, k))[0]
    t = (np.arange(n * s).reshape(n, s) * 3 + 1) % k
    t[0, -2:] = -1
    t[-1, -1:] = -1
    return z, t


def ignoring(z, t):
    seen = t >= 0
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return -(np.take_along_axis(logp, np.where(seen, t, 0)[..., None], -1)[..., 0] * seen).sum() / seen.sum()


def ignoring_backward(g, z, t, seen, count):
    d = soft(z) - hot(np.where(t >= 0, t, 0), z.shape[-1])
    return g * d * seen[..., None] / count, None


@of_labels(29, ignoring, inputs=sequence, cause=("ignored_rows", "scaled", "scaled_by_size", "scaled_by_batch"))
def ignored_words_counted(g, z, t):
    return ignoring_backward(g, z, t, t >= 0, t.size)


@of_labels(29, ignoring, inputs=sequence, cause=("ignored_rows", "mask_missing"))
def ignored_words_learned(g, z, t):
    return ignoring_backward(g, z, t, np.ones(t.shape), (t >= 0).sum())


@of_labels(29, ignoring, inputs=sequence, cause=("mask_wrong", "ignored_rows"))
def only_ignored_words_learned(g, z, t):
    return ignoring_backward(g, z, t, t < 0, (t >= 0).sum())


def with_entropy(z, t):
    p = soft(z)
    logp = np.log(p)
    return (-logp[np.arange(len(t)), t] + 0.2 * (p * logp).sum(1)).mean()


@of_labels(118, with_entropy, cause=("sum_term_missing", "use_dropped"))
def entropy_bonus_without_a_gradient(g, z, t):
    return g * (soft(z) - hot(t, z.shape[1])) / len(t), None


@of_labels(18, with_entropy, cause=("sign", "sum_term_missing"))
def entropy_bonus_the_wrong_way(g, z, t):
    p = soft(z)
    logp = np.log(p)
    d = p - hot(t, z.shape[1])
    return g * (d - 0.2 * p * (logp - (p * logp).sum(1, keepdims=True))) / len(t), None


def net_inputs(size, seed):
    n, d, k = (7, 5, 3) if size == "small" else (24, 13, 11)
    return (*normal(seed, (n, d)), (np.arange(n) * 5 + 2) % k, *normal(seed + 1, (d, k), (k,)))


class Regression:
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}

    def scores(self, x):
        return x @ self.params["W"] + self.params["b"]

    def loss(self, x, t):
        return -np.log(soft(self.scores(x))[np.arange(len(t)), t]).mean()

    def delta(self, x, t):
        d = soft(self.scores(x))
        d[np.arange(len(t)), t] -= 1
        return d / len(t)

    def gradient(self, x, t):
        d = self.delta(x, t)
        return {"W": x.T @ d, "b": d.sum(0)}


def network(number, **more):
    return family.whole(
        number, "wrong backward", "network", net_inputs, inputs_of_layer=2, gradients={"W": "W", "b": "b"}, **more
    )


@network(31, argument="W b", cause="coupled_over_wrong_axis")
class RegressionNormalizesColumns(Regression):
    def delta(self, x, t):
        d = soft(self.scores(x), axis=0)
        d[np.arange(len(t)), t] -= 1
        return d / len(t)


@network(65, argument="W b", cause="last_sample_only")
class RegressionLearnsFromItsLastExample(Regression):
    def gradient(self, x, t):
        d, grads = self.delta(x, t), {}
        for xi, di in zip(x, d, strict=True):
            grads = {"W": np.outer(xi, di), "b": di}
        return grads


@network(91, argument="W b", cause="samples_missing")
class RegressionSkipsItsFirstExample(Regression):
    def gradient(self, x, t):
        d = self.delta(x, t)
        return {"W": x[1:].T @ d[1:], "b": d[1:].sum(0)}


@network(30, argument="W", cause=("wrong_operand", "row_permuted", "other_loss", "sum_term_missing"))
class RegressionTakesTheNextLabel(Regression):
    def delta(self, x, t):
        d = soft(self.scores(x))
        d[np.arange(len(t)), np.roll(t, 1)] -= 1
        return d / len(t)
