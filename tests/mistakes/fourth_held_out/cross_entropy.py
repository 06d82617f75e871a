"""Categorical cross-entropies: labels, weights, smoothing, soft targets, fused forms (catalogue 21 to 31)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("cross_entropy")
SMOOTHING, CAP, Z_WEIGHT = 0.3, 2.0, 0.3


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def labelled(size, seed):
    n, k = (5, 7) if size == "small" else (48, 30)
    (z,) = normal(seed, (n, k))
    return 1.5 * z, np.random.default_rng(seed + 1).integers(0, k - 1, n)


def soft_targets(size, seed):
    """Logits, and weights of the classes that sum to anything."""
    z, _ = labelled(size, seed)
    return z, np.random.default_rng(seed + 2).uniform(0.1, 0.9, z.shape)


def distributions(size, seed):
    z, t = soft_targets(size, seed)
    return softmax(0.5 * z), t / t.sum(axis=-1, keepdims=True)


def mean_loss(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]).mean(), (p, t)


def each_loss(z, t):
    p = softmax(z)
    return -np.log(p[np.arange(len(t)), t]), {"p": p, "t": t}


def difference(p, t):
    d = p.copy()
    d[np.arange(len(t)), t] -= 1
    return d


mean = partial(family.wrong, forward=mean_loss, inputs=labelled, style="cache", argument="z")
each = partial(family.wrong, forward=each_loss, inputs=labelled, style="rule", argument="z", op="softmax_cross_entropy")


@mean(30, cause=("sum_term_missing", "isolated_entries"))
def labels_counted_from_one_in_backward(dout, cache):
    p, t = cache
    return dout * difference(p, t + 1) / len(t), None


@mean(30, cause="sum_term_missing")
def one_subtracted_from_every_class(dout, cache):
    p, t = cache
    d = p.copy()
    d[np.arange(len(t))] -= 1
    return dout * d / len(t), None


@mean(19, cause="ignores_cotangent")
def scale_of_the_loss_never_arrives(dout, cache):
    p, t = cache
    return difference(p, t) / p.shape[0], None


@mean(91, cause=("samples_missing", "entries_not_written"))
def incomplete_last_chunk_never_computed(dout, cache):
    p, t = cache
    grad, chunk = np.zeros_like(p), 4 if len(t) < 48 else 9
    for k in range(len(t) // chunk):
        part = slice(k * chunk, (k + 1) * chunk)
        grad[part] = difference(p[part], t[part])
    return dout * grad / len(t), None


@each(31, cause="coupled_over_wrong_axis")
def probabilities_over_the_batch_in_backward(saved, g):
    p = softmax(np.log(saved["p"]), axis=0)
    return g[:, None] * difference(p, saved["t"]), None


@each(32, cause=("entries_not_written", "sum_term_missing"))
def only_the_labelled_class_is_pushed(saved, g):
    p, t = saved["p"], saved["t"]
    grad, r = np.zeros_like(p), np.arange(len(t))
    grad[r, t] = g * (p[r, t] - 1)
    return grad, None


@each(65, cause="wrong_operand")
def upstream_of_the_neighbouring_example(saved, g):
    return np.roll(g, 1)[:, None] * difference(saved["p"], saved["t"]), None


smoothed_wrong = partial(
    family.wrong, inputs=labelled, argument="z", op="softmax_cross_entropy", statics={"label_smoothing": SMOOTHING}
)


def smoothed(z, t):
    logp = log_softmax(z)
    return -(1 - SMOOTHING) * logp[np.arange(len(t)), t] - SMOOTHING * logp.mean(axis=-1)


@smoothed_wrong("", smoothed, cause=("static_ignored", "sum_term_missing"))
def smoothing_only_in_the_loss(dout, z, t):
    return dout[:, None] * difference(softmax(z), t), None


@smoothed_wrong("", smoothed, cause=("sum_term_missing", "isolated_entries"))
def smoothed_target_that_does_not_sum_to_one(dout, z, t):
    target = np.full_like(z, SMOOTHING / z.shape[1])
    target[np.arange(len(t)), t] = 1 - SMOOTHING
    return dout[:, None] * (softmax(z) - target), None


def weighted(z, t, w):
    logp = log_softmax(z)
    return -(w[t] * logp[np.arange(len(t)), t]).sum() / w[t].sum()


def with_weights(size, seed):
    z, t = labelled(size, seed)
    return z, t, np.linspace(0.4, 2.1, z.shape[1])


classes = partial(family.wrong, forward=weighted, inputs=with_weights, argument="z", constants=("w",))


@classes(22, cause=("scaled", "wrong_operand"))
def weighted_loss_divided_by_the_plain_count(dout, z, t, w):
    return dout * w[t][:, None] * difference(softmax(z), t) / len(t), None, None


@classes(90, cause="wrong_operand")
def class_weights_multiply_the_columns(dout, z, t, w):
    return dout * w * difference(softmax(z), t) / w[t].sum(), None, None


@family.wrong(
    27,
    lambda z, t: -(t * log_softmax(z)).sum(axis=-1).mean(),
    soft_targets,
    argument="z",
    constants=("t",),
    cause="sum_term_missing",
)
def targets_taken_to_sum_to_one(dout, z, t):
    return dout * (softmax(z) - t) / len(z), None


def surprise(p, t):
    return -(t * np.log(p)).sum(axis=1)


probable = partial(family.wrong, forward=surprise, inputs=distributions, op="cross_entropy_error")


@probable(23, argument="p", cause=("other_loss", "wrong_derivative", "local_factor"))
def gradient_of_the_logits_given_to_the_probabilities(dout, p, t):
    return dout[:, None] * (p - t), -dout[:, None] * np.log(p)


@probable(18, argument="t", cause="sign")
def target_gradient_of_cross_entropy_positive(dout, p, t):
    return -dout[:, None] * t / p, dout[:, None] * np.log(p)


@probable(23, argument="p", cause=("wrong_operand", "local_factor"))
def divided_by_the_target_instead_of_the_prediction(dout, p, t):
    return -dout[:, None] * p / t, -dout[:, None] * np.log(p)


@family.wrong(
    110,
    lambda z, t: mean_loss(CAP * np.tanh(z / CAP), t)[0],
    labelled,
    argument="z",
    cause=("derivative_missing", "local_factor"),
)
def soft_cap_not_differentiated(dout, z, t):
    capped = CAP * np.tanh(z / CAP)
    return dout * difference(softmax(capped), t) / len(t), None


def with_z_loss(z, t):
    log_z = np.log(np.exp(z).sum(axis=-1))
    return (log_z - z[np.arange(len(t)), t] + Z_WEIGHT * log_z**2).mean(), (z, t, log_z)


@family.wrong(
    12, with_z_loss, labelled, style="cache", argument="z", cause=("use_dropped", "sum_term_missing", "other_loss")
)
def normalizer_penalty_without_gradient(dout, cache):
    z, t, _ = cache
    return dout * difference(softmax(z), t) / len(t), None


@family.wrong(
    43,
    lambda z, t: np.exp(mean_loss(z, t)[0]),
    labelled,
    argument="z",
    cause=("derivative_missing", "scaled", "other_loss"),
)
def perplexity_with_the_gradient_of_its_logarithm(dout, z, t):
    return dout * difference(softmax(z), t) / len(t), None
