"""Losses of classes: cross entropies, margins and divergences, with one slip in each backward."""

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")


def same(*shapes):
    return sized(shapes, shapes)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def labelled(size, seed):
    logits = normal(seed, (6, 5))[0]
    return logits, np.array([3, 0, 4, 1, 1, 2])


def cross_entropy(logits, labels):
    p = softmax(logits)
    return -np.log(p[np.arange(len(p)), labels]).mean(), (p, labels)


@family.wrong("", cross_entropy, labelled, style="cache", cause="scaled_by_count", argument="logits")
def cross_entropy_summed_though_it_was_averaged(dout, cache):
    p, labels = cache
    dlogits = p.copy()
    dlogits[np.arange(len(p)), labels] -= 1
    return dout * dlogits, None


@family.wrong("", cross_entropy, labelled, style="cache", cause="wrong_index", argument="logits")
def one_taken_from_every_labelled_column_in_all_rows(dout, cache):
    p, labels = cache
    dlogits = p.copy()
    dlogits[:, labels] -= 1
    return dout * dlogits / p.shape[0], None


@family.wrong("", cross_entropy, labelled, style="cache", cause="sign", argument="logits")
def cross_entropy_climbs_to_wrong_classes(dout, cache):
    p, labels = cache
    onehot = np.eye(p.shape[1])[labels]
    return dout * (onehot - p) / len(labels), None


@family.wrong("", cross_entropy, labelled, style="cache", cause="derivative_twice", argument="logits")
def softmax_slope_after_the_difference(dout, cache):
    p, labels = cache
    delta = (p - np.eye(p.shape[1])[labels]) / len(p)
    return dout * delta * p * (1 - p), None


def probabilities(size, seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.15, 0.85, (4, 5)), rng.integers(0, 2, (4, 5))


def binary_entropy(p, t):
    return -np.mean(t * np.log(p + 0.02) + (1 - t) * np.log(1 - p + 0.02))


@family.wrong("", binary_entropy, probabilities, cause="epsilon_one_side", argument="p")
def binary_entropy_divides_by_the_bare_probability(dout, p, t):
    return -dout * (t / p - (1 - t) / (1 - p)) / p.size, None


@family.wrong("", binary_entropy, probabilities, cause="sign", argument="p")
def binary_entropy_zero_labels_raise_the_probability(dout, p, t):
    dp = np.where(t == 1, 1 / (p + 0.02), 1 / (1 - p + 0.02))
    return -dout * dp / p.size, None


def logistic(scores, signs):
    return np.log1p(np.exp(-signs * scores)).sum(axis=1)


def signed(size, seed):
    return normal(seed, (5, 3))[0], np.random.default_rng(seed).choice([-1, 1], (5, 3))


@family.wrong("", logistic, signed, cause="derivative_at_wrong_value", argument="scores")
def logistic_loss_sigmoid_of_the_bare_score(dout, scores, signs):
    wrongness = 1 / (1 + np.exp(scores))
    return -dout[:, None] * signs * wrongness, None


@family.wrong("", logistic, signed, cause="wrong_factor", argument="scores")
def logistic_loss_label_outside_left_out(dout, scores, signs):
    wrongness = 1 / (1 + np.exp(signs * scores))
    return -dout[:, None] * wrongness, None


def weighted_logits(z, t, positive=2.5):
    return np.sum(positive * t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z))


@family.wrong(
    "",
    weighted_logits,
    lambda size, seed: (normal(seed, (7,))[0], np.array([1, 0, 1, 1, 0, 0, 1])),
    names=("z", "t"),
    cause="scaled_by_constant",
    argument="z",
)
def positive_class_counts_no_more_than_the_negative(dout, z, t):
    s = 1 / (1 + np.exp(-z))
    return dout * ((1 - t) * s - t * (1 - s)), None


def multiclass_hinge(scores, labels):
    right = scores[np.arange(len(scores)), labels][:, None]
    margins = np.maximum(0, scores - right + 1.5)
    margins[np.arange(len(scores)), labels] = 0
    return margins.sum() / len(scores)


@family.wrong("", multiclass_hinge, labelled, cause="not_accumulated", argument="scores")
def right_class_pulled_once_a_row(dout, scores, labels):
    rows = np.arange(len(scores))
    margins = scores - scores[rows, labels][:, None] + 1.5
    dscores = (margins > 0).astype(float)
    dscores[rows, labels] = -1
    return dout * dscores / len(scores), None


@family.wrong("", multiclass_hinge, labelled, cause="static_ignored", argument="scores")
def hinge_backward_looks_at_margin_one_half(dout, scores, labels):
    dscores, delta = np.zeros_like(scores), 0.5
    for i, right in enumerate(labels):
        for j in range(scores.shape[1]):
            if j != right and scores[i, j] - scores[i, right] + delta > 0:
                dscores[i, j] += dout / len(scores)
                dscores[i, right] -= dout / len(scores)
    return dscores, None


def top_margin(scores, labels):
    rows = np.arange(len(scores))
    others = scores.copy()
    others[rows, labels] = -np.inf
    return (others.max(axis=1) - scores[rows, labels]).sum()


@family.wrong("", top_margin, labelled, cause="wrong_winner", argument="scores")
def strongest_rival_may_be_the_right_class(dout, scores, labels):
    rows = np.arange(scores.shape[0])
    dscores = np.zeros_like(scores)
    dscores[rows, scores.argmax(axis=1)] += dout
    dscores[rows, labels] -= dout
    return dscores, None


def smoothed(logits, labels, smoothing=0.2):
    classes = logits.shape[1]
    target = np.eye(classes)[labels] * (1 - smoothing) + smoothing / classes
    return -np.sum(target * np.log(softmax(logits)), axis=1)


@family.wrong("", smoothed, labelled, names=("logits", "labels"), cause="static_ignored", argument="logits")
def smoothed_loss_goes_back_to_hard_targets(dout, logits, labels):
    d = softmax(logits)
    d[np.arange(len(d)), labels] -= 1
    return d * dout[:, None], None


@family.wrong("", smoothed, labelled, names=("logits", "labels"), cause="scaled_by_count", argument="logits")
def smoothing_shared_among_the_other_classes_only(dout, logits, labels):
    classes = logits.shape[1]
    target = 0.8 * np.eye(classes)[labels] + 0.2 / (classes - 1)
    return dout[:, None] * (softmax(logits) - target), None


def with_ignored(size, seed):
    return normal(seed, (7, 4))[0], np.array([2, -1, 0, 3, -1, 1, 1])


def ignoring(logits, labels):
    kept = labels >= 0
    logp = np.log(softmax(logits))
    return -logp[np.arange(len(labels))[kept], labels[kept]].sum() / kept.sum()


@family.wrong("", ignoring, with_ignored, cause="mask_missing", argument="logits")
def ignored_rows_receive_their_probabilities(dout, logits, labels):
    d = softmax(logits)
    for i, label in enumerate(labels):
        if label >= 0:
            d[i, label] -= 1
    return dout * d / np.sum(labels >= 0), None


@family.wrong("", ignoring, with_ignored, cause="scaled_by_count", argument="logits")
def ignored_rows_counted_in_the_mean(dout, logits, labels):
    kept = labels >= 0
    d = softmax(logits) - np.eye(4)[labels]
    return dout * d * kept[:, None] / len(labels), None


def class_weighted(logits, labels, weights):
    w = weights[labels]
    return -np.sum(w * np.log(softmax(logits))[np.arange(len(labels)), labels])


@family.wrong(
    "",
    class_weighted,
    lambda size, seed: (*labelled(size, seed), np.array([0.5, 2.0, 1.0, 3.0, 0.7])),
    cause="wrong_index",
    argument="logits",
    constants=("weights",),
)
def weight_looked_up_by_the_predicted_class(dout, logits, labels, weights):
    p = softmax(logits)
    w = weights[p.argmax(axis=1)]
    return dout * w[:, None] * (p - np.eye(p.shape[1])[labels]), None, None


@family.whole(
    "", "wrong backward", "vjp", lambda size, seed: (probabilities(size, seed)[0],), cause="term_missing", argument="p"
)
def focal_modulation_treated_as_a_weight(p):
    weight = (1 - p) ** 2
    return -weight * np.log(p), lambda g: (-g * weight / p,)


def simplex(size, seed):
    a, b = normal(seed, (4, 5), (4, 5))
    return softmax(a), softmax(b)


def divergence(p, q):
    return np.sum(p * (np.log(p) - np.log(q)), axis=1)


@family.wrong("", divergence, simplex, cause="term_missing", argument="p")
def divergence_log_ratio_without_the_one(dout, p, q):
    g = dout[:, None]
    return g * np.log(p / q), -g * p / q


@family.wrong("", divergence, simplex, cause="arguments_swapped", argument="p q")
def divergence_hands_back_the_model_first(dout, p, q):
    dq = -dout[:, None] * p / q
    dp = dout[:, None] * (np.log(p) - np.log(q) + 1)
    return dq, dp


@family.whole("", "wrong backward", "vjp", labelled, cause="derivative_missing", argument="logits")
def perplexity_differentiated_as_its_logarithm(logits, labels):
    p, rows = softmax(logits), np.arange(len(logits))
    perplexity = np.exp(-np.mean(np.log(p[rows, labels])))

    def pullback(g):
        d = p / len(p)
        d[rows, labels] -= 1 / len(p)
        return g * d, None

    return perplexity, pullback


def info_nce(a, b):
    p = softmax(a @ b.T / 0.5)
    return -np.log(np.diag(p)).mean(), (a, b, p)


@family.wrong("", info_nce, same((4, 3), (4, 3)), style="cache", cause="transposed", argument="b")
def contrast_key_collects_its_own_row(dout, cache):
    a, b, p = cache
    dscores = dout * (p - np.eye(len(a))) / len(a) / 0.5
    return dscores @ b, dscores @ a


@family.whole("", "wrong backward", "vjp", same((6, 4), (6, 4), (6, 4)), cause="sign", argument="negative")
def ranking_pulls_the_negative_item_closer(user, positive, negative):
    gap = np.sum(user * (positive - negative), axis=1)

    def pullback(g):
        s = (-g / (1 + np.exp(gap)))[:, None]
        return s * (positive - negative), s * user, s * user

    return np.log1p(np.exp(-gap)), pullback
