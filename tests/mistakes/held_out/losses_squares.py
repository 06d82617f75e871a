"""Squared errors: the factor 2, the divisor, the sign, the cotangent, the reduction (catalogue 15 to 20)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("losses")

pairs = sized(((7, 3), (7, 3)), ((90, 40), (90, 40)))
pictures = sized(((5, 3, 4), (5, 3, 4)), ((16, 20, 24), (16, 20, 24)))
regression = sized(((7, 4), (7,), (4,), ()), ((200, 30), (200,), (30,), ()))
loss_layer = partial(family.whole, kind="wrong backward", style="layer", inputs_of_layer=2, constants=("t",))


def mse_per_example(predictions, targets):
    return ((predictions - targets) ** 2).mean(axis=1)


per_example = partial(family.wrong, forward=mse_per_example, inputs=pairs, op="mean_squared_error")


@per_example(15, cause=("scaled_by_two", "scaled"), argument="predictions targets")
def difference_over_its_width(g, predictions, targets):
    grad = g[:, None] * (predictions - targets) / predictions.shape[1]
    return grad, -grad


def cost(X, y, w, b):
    return np.mean((X @ w + b - y) ** 2)


linear = partial(family.wrong, forward=cost, inputs=regression, constants=("X", "y"), argument="w b")


@linear(15, cause=("scaled_by_two", "scaled"))
def gradient_descent_with_one_over_m(dcost, X, y, w, b):
    m = len(y)
    error = X @ w + b - y
    return None, None, dcost * X.T @ error / m, dcost * error.sum() / m


@family.whole(
    15,
    "wrong backward",
    "torch",
    pairs,
    names=("input", "target"),
    cause=("scaled_by_two", "scaled"),
    argument="input target",
)
def squared_distance_without_its_two():
    import torch

    class SquaredDistance(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input, target):
            ctx.save_for_backward(input, target)
            return ((input - target) ** 2).sum()

        @staticmethod
        def backward(ctx, grad_output):
            input, target = ctx.saved_tensors
            diff = grad_output * (input - target)
            return diff, -diff

    return SquaredDistance


@loss_layer(16, inputs=pairs, cause=("scaled_by_batch", "scaled"), argument="y", ends_in_loss=True, gradients={})
class SumOfSquaresAveragedInBackward:
    def forward(self, y, t):
        self.y, self.t = y, t
        return 0.5 * np.sum((y - t) ** 2)

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        return dout * (self.y - self.t) / batch_size


@family.wrong(
    16,
    lambda X, y, theta: 0.5 / len(y) * np.sum((X @ theta - y) ** 2),
    sized(((7, 4), (7, 3), (4, 3)), ((100, 30), (100, 12), (30, 12))),
    names=("X", "y", "theta"),
    cause=("scaled_by_batch", "scaled"),
    argument="theta",
    constants=("X", "y"),
)
def half_mean_with_the_gradient_of_the_half_sum(dJ, X, y, theta):
    return None, None, dJ * X.T.dot(X.dot(theta) - y)


@family.whole(
    17,
    "wrong backward",
    "torch",
    pairs,
    names=("y_hat", "y"),
    cause=("scaled_by_size", "scaled"),
    argument="y_hat y",
)
def mean_over_all_with_the_batch_in_backward():
    import torch

    class MSE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y_hat, y):
            ctx.save_for_backward(y_hat, y)
            return (y_hat - y).pow(2).mean()

        @staticmethod
        def backward(ctx, grad_output):
            y_hat, y = ctx.saved_tensors
            grad = 2.0 * (y_hat - y) / y_hat.size(0) * grad_output
            return grad, -grad

    return MSE


def reconstruction(images, originals):
    diff = images - originals
    return np.mean(diff**2), diff


@family.wrong(
    17,
    reconstruction,
    pictures,
    style="cache",
    names=("images", "originals"),
    cause=("scaled_by_size", "scaled_by_spatial", "scaled"),
    argument="images",
    constants=("originals",),
)
def pixels_not_counted(dout, diff):
    return dout * 2 * diff / len(diff), None


@family.whole(
    18,
    "wrong backward",
    "network",
    sized(((7, 3), (7, 4), (3, 5), (5, 4)), ((60, 20), (60, 12), (20, 48), (48, 12))),
    cause="sign",
    argument="weights_0_1 weights_1_2",
    inputs_of_layer=2,
    gradients={"weights_0_1": "weights_0_1", "weights_1_2": "weights_1_2"},
    constants=("layer_0", "goal"),
    ends_in_loss=True,
)
class GoalMinusPrediction:
    def __init__(self, weights_0_1, weights_1_2):
        self.weights_0_1, self.weights_1_2 = weights_0_1, weights_1_2

    def predict(self, layer_0):
        self.layer_1 = np.maximum(layer_0.dot(self.weights_0_1), 0)
        return self.layer_1.dot(self.weights_1_2)

    def loss(self, layer_0, goal):
        return np.sum((goal - self.predict(layer_0)) ** 2)

    def gradient(self, layer_0, goal):
        layer_2_delta = 2 * (goal - self.predict(layer_0))
        layer_1_delta = layer_2_delta.dot(self.weights_1_2.T) * (self.layer_1 > 0)
        return {"weights_1_2": self.layer_1.T.dot(layer_2_delta), "weights_0_1": layer_0.T.dot(layer_1_delta)}


@linear(18, cause="sign")
def errors_as_y_minus_the_line(dcost, X, y, w, b):
    residual = dcost * (y - (X @ w + b))
    return None, None, 2 * X.T @ residual / len(y), 2 * residual.mean()


@per_example(18, cause="sign", argument="predictions targets")
def signs_of_prediction_and_target_exchanged(g, predictions, targets):
    dtargets = g[:, None] * 2 * (predictions - targets) / predictions.shape[1]
    return -dtargets, dtargets


@family.whole(19, "control", "layer", pairs, inputs_of_layer=2, constants=("t",), ends_in_loss=True, gradients={})
class MeanSquaredErrorDeafToItsCotangent:
    def forward(self, y, t):
        self.diff = y - t
        return np.mean(self.diff**2)

    def backward(self, dout=1):
        return 2 * self.diff / self.diff.size


@family.wrong(
    19,
    lambda predictions, targets: 0.5 * np.sum((predictions - targets) ** 2, axis=(1, 2)),
    pictures,
    op="sum_of_squares_error",
    names=("predictions", "targets"),
    cause="ignores_cotangent",
    argument="predictions targets",
)
def weights_of_the_examples_unused(g, predictions, targets):
    return predictions - targets, targets - predictions


@loss_layer(
    20, inputs=pairs, cause=("static_ignored", "scaled_by_size", "scaled"), argument="x", gradients={}, names=("x", "t")
)
class MSELossThatAlwaysAverages:
    def __init__(self, reduction="sum"):
        self.reduction = reduction

    def forward(self, x, t):
        self.x, self.t = x, t
        loss = (x - t) ** 2
        return loss.sum() if self.reduction == "sum" else loss.mean()

    def backward(self, grad=1.0):
        return grad * 2 * (self.x - self.t) / self.x.size


def squared_error(pred, true, reduction="none"):
    loss = np.square(pred - true)
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


@family.wrong(
    20,
    squared_error,
    pictures,
    names=("pred", "true"),
    cause=("static_ignored", "scaled_by_size", "scaled"),
    argument="pred true",
)
def no_reduction_and_a_mean_in_backward(g, pred, true):
    dpred = g * 2 * (pred - true) / pred.size
    return dpred, -dpred
