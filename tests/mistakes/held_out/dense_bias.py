"""Gradients of biases and of other broadcast arguments (catalogue 1, 2, 3, 10)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")

affine = sized(((7, 4), (4, 3), (3,)), ((48, 60), (60, 35), (35,)))
features_first = sized(((4, 7), (3, 4), (3, 1)), ((60, 48), (35, 60), (35, 1)))
sequences = sized(((2, 3, 5), (5, 4), (4,)), ((12, 20, 16), (16, 30), (30,)))
layer = partial(family.whole, kind="wrong backward", style="layer", op="dense", gradients={"W": "dW", "b": "db"})
MEAN = ("mean_instead_of_sum", "scaled_by_batch", "scaled")


@layer(1, inputs=affine, cause=MEAN, argument="b")
class LinearWithBiasByNpMean:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, X):
        self.X = X
        return np.dot(X, self.W) + self.b

    def backward(self, dY):
        self.dW = np.dot(self.X.T, dY)
        self.db = np.mean(dY, axis=0)
        return np.dot(dY, self.W.T)


def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    return Z, (A, W, b)


coursera = partial(family.wrong, forward=linear_forward, inputs=features_first, style="cache", names=("A", "W", "b"))


@coursera(1, cause=MEAN, argument="b")
def one_over_m_at_the_bias_only(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = np.dot(dZ, A_prev.T)
    db = 1 / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def project_tokens(x, kernel, bias):
    return x @ kernel + bias


tokens = partial(family.wrong, forward=project_tokens, inputs=sequences, op="dense")


@tokens(1, cause=("mean_instead_of_sum", "scaled"), argument="bias")
def bias_averaged_over_batch_and_time(g, x, kernel, bias):
    dkernel = np.einsum("bti,bto->io", x, g)
    return g @ kernel.T, dkernel, g.mean(axis=(0, 1))


@coursera(2, cause=("not_reduced", "wrong_shape"), argument="b")
def bias_gradient_is_dz(dZ, cache):
    A_prev, W, b = cache
    return W.T.dot(dZ), dZ.dot(A_prev.T), dZ


@family.whole(2, "wrong backward", "vjp", affine, op="dense", cause=("not_reduced", "wrong_shape"), argument="b")
def pullback_that_returns_the_cotangent_for_b(x, w, b):
    def pullback(ct):
        return ct @ w.T, x.T @ ct, ct

    return x @ w + b, pullback


def cbow_inputs(size, seed):
    vocabulary, hidden, m = (7, 4, 5) if size == "small" else (60, 24, 32)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, size=(vocabulary, m)) * rng.random(size=(vocabulary, 1))
    y = np.eye(vocabulary)[rng.integers(0, vocabulary, size=m)].T
    shapes = ((hidden, vocabulary), (hidden, 1), (vocabulary, hidden), (vocabulary, 1))
    return x, y, *normal(seed + 1, *shapes)


@family.whole(
    2,
    "wrong backward",
    "network",
    cbow_inputs,
    cause="wrong_operand",
    argument="b1 b2",
    inputs_of_layer=2,
    gradients={"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"},
    constants=("x", "y"),
    ends_in_loss=True,
)
class CbowSumsAfterTheMatmul:
    def __init__(self, W1, b1, W2, b2):
        self.W1, self.b1, self.W2, self.b2 = W1, b1, W2, b2

    def forward_prop(self, x):
        h = np.maximum(0, np.dot(self.W1, x) + self.b1)
        z = np.dot(self.W2, h) + self.b2
        e = np.exp(z - z.max(axis=0))
        return h, e / e.sum(axis=0)

    def loss(self, x, y):
        _, yhat = self.forward_prop(x)
        return -np.sum(y * np.log(yhat)) / x.shape[1]

    def gradient(self, x, y):
        batch_size = x.shape[1]
        h, yhat = self.forward_prop(x)
        l1 = np.dot(self.W2.T, yhat - y)
        l1 = np.where(h > 0, l1, 0)
        return {
            "W1": np.dot(l1, x.T) / batch_size,
            "W2": np.dot(yhat - y, h.T) / batch_size,
            "b1": np.sum(np.dot(l1, x.T) / batch_size, axis=1, keepdims=True),
            "b2": np.sum(np.dot(yhat - y, h.T) / batch_size, axis=1, keepdims=True),
        }


@layer(3, inputs=affine, cause=("reduced_too_far", "wrong_shape"), argument="b")
class LinearWithScalarBiasGradient:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x.dot(self.W) + self.b

    def backward(self, dout):
        self.dW = self.x.T.dot(dout)
        self.db = np.sum(dout)
        return dout.dot(self.W.T)


@family.whole(
    3,
    "wrong backward",
    "torch",
    affine,
    names=("x", "weight", "bias"),
    op="dense",
    cause="reduced_too_far",
    argument="bias",
)
def sum_without_dim():
    import torch

    class LinearFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, bias):
            ctx.save_for_backward(x, weight, bias)
            return x.mm(weight) + bias

        @staticmethod
        def backward(ctx, grad_output):
            x, weight, bias = ctx.saved_tensors
            grad_bias = torch.ones_like(bias) * grad_output.sum()
            return grad_output.mm(weight.t()), x.t().mm(grad_output), grad_bias

    return LinearFunction


def scaled_features(x, s):
    return x * s


@family.wrong(
    10,
    scaled_features,
    sized(((5, 3), (1, 3)), ((64, 40), (1, 40))),
    cause=("not_reduced", "wrong_shape"),
    argument="s",
)
def multiply_backward_of_a_toy_autograd(grad, x, s):
    return grad * s, grad * x


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    return grad


def modulate(images, gain):
    return images * gain, (images, gain)


@family.wrong(
    10,
    modulate,
    sized(((2, 3, 5, 4), (3, 1, 1)), ((8, 6, 12, 10), (6, 1, 1))),
    style="rule",
    names=("images", "gain"),
    cause=("not_reduced", "wrong_shape"),
    argument="gain",
)
def unbroadcast_forgets_the_axes_of_one(residuals, g):
    images, gain = residuals
    return unbroadcast(g * gain, images.shape), unbroadcast(g * images, gain.shape)


def biased_scores(queries, keys, bias):
    return queries @ keys.T + bias


@family.wrong(
    10,
    biased_scores,
    sized(((5, 3), (5, 3), (5,)), ((48, 16), (48, 16), (48,))),
    cause="reduced_over_wrong_axis",
    argument="bias",
)
def key_bias_summed_over_the_keys(dscores, queries, keys, bias):
    return dscores @ keys, dscores.T @ queries, dscores.sum(axis=-1)
