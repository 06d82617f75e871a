"""Known mistakes in other forms: sequences, bilinear forms, distances, rows of length one."""

import numpy as np

from .case import Family, sized

family = Family("other_forms")

# A layer that takes sequences, with its gradients under other names.
SEQUENCE = sized(((3, 4, 5), (5, 2), (2,)), ((6, 10, 16), (16, 12), (12,)))
STORED = {"weights": "weights_gradient", "biases": "biases_gradient"}


class Projection:
    def __init__(self, weights, biases):
        self.weights, self.biases = weights, biases

    def forward(self, tokens):
        self.tokens = tokens
        return np.matmul(tokens, self.weights) + self.biases

    def backward(self, upstream):
        rows = self.tokens.reshape(-1, self.tokens.shape[-1])
        flat = upstream.reshape(-1, upstream.shape[-1])
        self.weights_gradient = self.of_weights(rows, flat)
        self.biases_gradient = self.of_biases(upstream)
        return upstream @ self.weights.T

    def of_weights(self, rows, flat):
        return rows.T @ flat

    def of_biases(self, upstream):
        return upstream.sum(axis=(0, 1))


def layer(number, cause, argument, inputs=SEQUENCE, gradients=STORED, **more):
    return family.whole(
        number, "wrong backward", "layer", inputs, cause=cause, argument=argument, gradients=gradients, **more
    )


@layer(1, ("scaled_by_batch", "scaled_by_size", "mean_instead_of_sum", "scaled_by_spatial"), "biases")
class BiasesAveragedOverExamplesAndSteps(Projection):
    def of_biases(self, upstream):
        return upstream.mean(axis=(0, 1))


@layer(1, ("scaled_by_batch", "scaled_by_size", "mean_instead_of_sum"), "biases")
class BiasesAveragedOverExamples(Projection):
    def of_biases(self, upstream):
        return upstream.mean(axis=0).sum(axis=0)


@layer(2, ("not_reduced", "wrong_shape"), "biases")
class BiasesOfEachStep(Projection):
    def of_biases(self, upstream):
        return upstream.sum(axis=0)


@layer(3, "reduced_too_far", "biases")
class BiasesAllAlike(Projection):
    def of_biases(self, upstream):
        return np.full(self.biases.shape, upstream.sum())


@layer(65, ("last_sample_only", "samples_missing"), "weights")
class WeightsOfTheLastSequence(Projection):
    def of_weights(self, rows, flat):
        steps = self.tokens.shape[1]
        return rows[-steps:].T @ flat[-steps:]


@layer(103, ("time_overwritten", "overlap_dropped", "use_dropped", "last_sample_only"), "weights")
class WeightsOfTheFirstStep(Projection):
    def of_weights(self, rows, flat):
        steps = self.tokens.shape[1]
        return rows[::steps].T @ flat[::steps]


# A bilinear form x A y, example by example, and a squared distance to centers.
FORM = sized(((5, 3), (3, 4), (5, 4)), ((20, 12), (12, 10), (20, 10)))


def bilinear(x, A, y):
    return np.einsum("ni,ij,nj->n", x, A, y)


@family.wrong(4, bilinear, FORM, cause="scaled_by_batch", argument="A")
def form_averaged(g, x, A, y):
    return g[:, None] * (y @ A.T), np.einsum("n,ni,nj->ij", g, x, y) / len(x), g[:, None] * (x @ A)


@family.wrong(9, bilinear, FORM, cause=("argument_factor_missing", "wrong_operand", "ignores_cotangent"), argument="A")
def form_without_its_upstream(g, x, A, y):
    return g[:, None] * (y @ A.T), x.T @ y, g[:, None] * (x @ A)


DISTANCE = sized(((5, 3), (4, 3)), ((20, 12), (7, 12)))


def distances(x, c):
    return ((x[:, None, :] - c[None, :, :]) ** 2).sum(axis=2)


@family.wrong(15, distances, DISTANCE, cause="scaled_by_two", argument="x c")
def distances_without_the_two(g, x, c):
    d = x[:, None] - c
    return (g[..., None] * d).sum(1), -(g[..., None] * d).sum(0)


@family.wrong(18, distances, DISTANCE, cause="sign", argument="c")
def centers_pushed_the_wrong_way(g, x, c):
    d = 2 * g[..., None] * (x[:, None] - c)
    return d.sum(1), d.sum(0)


@family.wrong(65, distances, DISTANCE, cause=("last_sample_only", "samples_missing"), argument="c")
def centers_from_the_last_point(g, x, c):
    d = 2 * g[..., None] * (x[:, None] - c)
    return d.sum(1), -d[-1]


# Rows of length one, and weights as a direction and a length.
UNIT = sized(((4, 5),), ((16, 20),))


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@family.wrong(
    76, unit, UNIT, cause=("centered_term_missing", "statistics_as_constants", "sum_term_missing"), argument="x"
)
def length_as_a_constant(g, x):
    return g / np.linalg.norm(x, axis=1, keepdims=True)


@family.wrong(23, unit, UNIT, cause=("centered_term_missing", "sum_term_missing"), argument="x")
def length_term_added(g, x):
    r = np.linalg.norm(x, axis=1, keepdims=True)
    y = x / r
    return (g + y * (g * y).sum(1, keepdims=True)) / r


DIRECTION = sized(((5, 3), (3, 4), (4,)), ((20, 12), (12, 10), (10,)))


def directed(x, V, s):
    return x @ (V * (s / np.sqrt((V * V).sum(axis=0))))


def directed_back(g, x, V, s, along=1.0, stretch=True):
    r = np.sqrt((V * V).sum(axis=0))
    dW = x.T @ g
    U = V / r
    dV = (dW - along * U * (dW * U).sum(axis=0)) / r * (s if stretch else 1.0)
    return g @ (V * (s / r)).T, dV, (dW * U).sum(axis=0)


@family.wrong(
    84,
    directed,
    DIRECTION,
    cause=("centered_term_missing", "statistics_as_constants", "sum_term_missing"),
    argument="V",
)
def length_of_the_direction_frozen(g, x, V, s):
    return directed_back(g, x, V, s, along=0.0)


@family.wrong(80, directed, DIRECTION, cause="argument_factor_missing", argument="V")
def stretch_forgotten(g, x, V, s):
    return directed_back(g, x, V, s, stretch=False)
