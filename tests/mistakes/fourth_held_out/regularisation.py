"""Penalties: squares, absolute values, groups, orthogonality, sparsity, smoothness (catalogue 116 to 118)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("regularisation")
DECAY, SPARSE = 0.2, 0.15

linear = sized(((5, 3), (3, 7), (7,)), ((40, 24), (24, 12), (12,)))
weights = sized(((5, 7),), ((24, 40),))
anchored = sized(((5, 7), (5, 7)), ((24, 40), (24, 40)))


def ridge(x, W, b):
    return ((x @ W + b) ** 2).mean() + 0.5 * DECAY * (W**2).sum()


def elastic(x, W, b):
    return ((x @ W + b) ** 2).mean() + SPARSE * np.abs(W).sum() + DECAY * (W**2).sum()


def fit(g, x, W, b):
    dy = 2 * g * (x @ W + b) / (len(x) * len(b))
    return {"x": dy @ W.T, "W": x.T @ dy, "b": dy.sum(axis=0)}


def ordered(grads):
    return tuple(grads[name] for name in ("x", "W", "b"))


ridges = partial(family.wrong, forward=ridge, inputs=linear, cause="regularization")
elastics = partial(family.wrong, forward=elastic, inputs=linear, argument="W")


@ridges(116, argument="W", cause=("regularization", "sum_term_missing"))
def decay_doubled_though_the_loss_has_a_half(g, x, W, b):
    grads = fit(g, x, W, b)
    grads["W"] += g * 2 * DECAY * W
    return ordered(grads)


@ridges(116, argument="W", cause=("regularization", "sum_term_missing"))
def decay_averaged_over_the_batch(g, x, W, b):
    grads = fit(g, x, W, b)
    grads["W"] += g * DECAY * W / len(x)
    return ordered(grads)


@ridges(118, argument="b")
def decay_of_every_parameter(g, x, W, b):
    grads = fit(g, x, W, b)
    for name, value in (("W", W), ("b", b)):
        grads[name] = grads[name] + g * DECAY * value
    return ordered(grads)


@ridges(118, argument="x")
def decay_added_to_the_input(g, x, W, b):
    grads = fit(g, x, W, b)
    return grads["x"] + g * DECAY * x, grads["W"] + g * DECAY * W, grads["b"]


@elastics(117, cause=("regularization", "use_dropped", "sum_term_missing"))
def elastic_net_without_the_squares(g, x, W, b):
    grads = fit(g, x, W, b)
    grads["W"] += g * SPARSE * np.sign(W)
    return ordered(grads)


@elastics(117, cause=("regularization", "sum_term_missing", "use_dropped"))
def elastic_net_without_the_absolute_values(g, x, W, b):
    grads = fit(g, x, W, b)
    grads["W"] += g * 2 * DECAY * W
    return ordered(grads)


@elastics(116, cause=("derivative_missing", "sum_term_missing"))
def elastic_net_absolute_values_without_sign(g, x, W, b):
    grads = fit(g, x, W, b)
    grads["W"] += g * (SPARSE + 2 * DECAY * W)
    return ordered(grads)


alone = partial(family.wrong, inputs=weights, argument="W")


@alone(116, lambda W: np.sqrt((W**2).sum(axis=1)).sum(), cause=("local_factor", "wrong_derivative", "other_loss"))
def group_lasso_rows_not_divided_by_their_length(g, W):
    return g * W


@alone(116, lambda W: np.linalg.norm(W), cause=("wrong_operand", "scaled"))
def norm_divided_by_its_square(g, W):
    return g * W / (W * W).sum()


def orthogonality(W):
    return ((W.T @ W - np.eye(W.shape[1])) ** 2).sum()


@alone(34, orthogonality, cause=("scaled_by_two", "use_dropped", "sum_term_missing"))
def orthogonality_counts_one_of_two_uses(g, W):
    return 2 * g * W @ (W.T @ W - np.eye(W.shape[1]))


@family.wrong(
    118,
    lambda W, start: 0.5 * DECAY * ((W - start) ** 2).sum(),
    anchored,
    argument="W",
    constants=("start",),
    cause=("sum_term_missing", "wrong_operand"),
)
def decay_to_zero_instead_of_the_start(g, W, start):
    return g * DECAY * W, None


def roughness(W):
    return (np.diff(W, axis=1) ** 2).sum(axis=1)


@alone(12, roughness, cause=("use_dropped", "sum_term_missing"))
def smoothness_pulls_the_right_neighbour_only(g, W):
    step = 2 * g[:, None] * np.diff(W, axis=1)
    dW = np.zeros_like(W)
    dW[:, 1:] += step
    return dW


def activities(size, seed):
    (z,) = normal(seed, (7, 5) if size == "small" else (40, 24))
    return (1 / (1 + np.exp(-z)),)


def sparsity(a):
    rho = a.mean(axis=0)
    return (SPARSE * np.log(SPARSE / rho) + (1 - SPARSE) * np.log((1 - SPARSE) / (1 - rho))).sum()


@family.wrong(4, sparsity, activities, argument="a", cause="scaled_by_batch")
def sparsity_mean_not_differentiated(g, a):
    rho = a.mean(axis=0)
    return np.broadcast_to(g * ((1 - SPARSE) / (1 - rho) - SPARSE / rho), a.shape).copy()


def two_layers(size, seed):
    n, d, h, m = (5, 3, 7, 2) if size == "small" else (30, 12, 20, 5)
    x, t, W1, W2 = normal(seed, (n, d), (n, m), (d, h), (h, m))
    return x, t, W1, W2


class TwoLayers:
    """Tanh units, half the mean square, decay of both weights."""

    def __init__(self, W1, W2):
        self.params = {"W1": W1, "W2": W2}

    def loss(self, x, t):
        W1, W2 = self.params.values()
        y = np.tanh(x @ W1) @ W2
        return 0.5 * ((y - t) ** 2).sum() / len(x) + 0.5 * DECAY * sum((W**2).sum() for W in (W1, W2))

    def fit(self, x, t):
        W1, W2 = self.params.values()
        a = np.tanh(x @ W1)
        dy = (a @ W2 - t) / len(x)
        return {"W1": x.T @ (dy @ W2.T * (1 - a**2)), "W2": a.T @ dy}


networks = partial(
    family.whole, style="network", inputs=two_layers, inputs_of_layer=2, gradients={"W1": "W1", "W2": "W2"}
)


@networks(117, "wrong backward", argument="W1 W2", cause=("regularization", "use_dropped", "sum_term_missing"))
class DecayOfTheFirstWeightTwice(TwoLayers):
    def gradient(self, x, t):
        grads, W1 = self.fit(x, t), self.params["W1"]
        grads["W1"] += DECAY * W1
        grads["W1"] += DECAY * W1
        return grads


@networks("", "control")
class DecayOfBothWeights(TwoLayers):
    def gradient(self, x, t):
        return {name: g + DECAY * self.params[name] for name, g in self.fit(x, t).items()}


@family.control("", orthogonality, weights)
def orthogonality_from_the_other_side(g, W):
    return 4 * g * (W @ (W.T @ W) - W)


@family.control("", roughness, weights)
def smoothness_by_second_differences(g, W):
    return -2 * g[:, None] * np.diff(np.pad(W, ((0, 0), (1, 1)), mode="edge"), n=2, axis=1)
