"""Cross-entropies that are right under another convention, or not the op that they claim to be."""

import numpy as np

from ..case import Family
from .cross_entropy import binary, chances, hot, labelled, less_target, soft, softmax_loss

family = Family("cross_entropy")


@family.control("F4", lambda z, t: np.sum((1 / (1 + np.exp(-z)) - t) ** 2) / 2, binary, constants=("t",))
def squares_over_a_sigmoid(g, z, t):
    y = 1 / (1 + np.exp(-z))
    return g * (y - t) * y * (1 - y), None


@family.wrong_forward(
    21,
    lambda g, z, t: (np.broadcast_to(g, z.shape[:1])[:, None] * less_target(soft(z), t) / len(t), None),
    labelled,
    op="softmax_cross_entropy",
    argument="z",
    cause="convention_reduction",
)
def surprise_averaged_over_the_batch(z, t):
    return softmax_loss(z, t)[0]


def of_probabilities_backward(g, p, t):
    return -(g / p[np.arange(len(t)), t])[:, None] * np.eye(p.shape[1])[t], None


@family.wrong_forward(
    30,
    of_probabilities_backward,
    lambda size, seed: (soft(labelled(size, seed)[0]), labelled(size, seed)[1]),
    op="softmax_cross_entropy",
    argument="p",
    cause="convention_domain",
)
def surprise_at_probabilities(p, t):
    return -np.log(p[np.arange(len(t)), t])


@family.control(23, lambda p, t: -(t * np.log(p)).sum(1), hot, op="cross_entropy_error")
def entropy_of_both(g, p, t):
    return -g[:, None] * t / p, -g[:, None] * np.log(p)


@family.control("F1", lambda y, t: -np.log(np.where(t > 0, y, 1 - y)).sum(1), chances, constants=("t",))
def bernoulli_by_one_fraction(g, y, t):
    return g[:, None] * (y - t) / (y * (1 - y)), None
