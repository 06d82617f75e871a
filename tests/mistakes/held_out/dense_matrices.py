"""Gradients of matrix products: divided again, transposed, multiplied by entry (catalogue 4 to 7)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")

affine = sized(((7, 4), (4, 3), (3,)), ((48, 60), (60, 35), (35,)))
squares = sized(((5, 4), (4, 4), (4,)), ((40, 50), (50, 50), (50,)))
mlp = sized(((7, 5), (5, 4), (4,), (4, 3), (3,)), ((40, 30), (30, 50), (50,), (50, 11), (11,)))
square_mlp = sized(((7, 5), (5, 4), (4,), (4, 4), (4,)), ((40, 30), (30, 24), (24,), (24, 24), (24,)))


@family.whole(
    4,
    "wrong backward",
    "layer",
    affine,
    op="dense",
    cause=("scaled_by_batch", "scaled", "mean_instead_of_sum"),
    argument="weights bias",
    gradients={"weights": "grad_weights", "bias": "grad_bias"},
)
class AveragesItsParameterGradients:
    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.bias

    def backward(self, grad_output):
        n = self.inputs.shape[0]
        self.grad_weights = self.inputs.T @ grad_output / n
        self.grad_bias = grad_output.sum(axis=0) / n
        return grad_output @ self.weights.T


def mlp_loss(X, y, W1, b1, W2, b2):
    scores = np.maximum(0, X @ W1 + b1) @ W2 + b2
    return ((scores - y) ** 2).sum() / len(X)


def mlp_data(size, seed):
    X, W1, b1, W2, b2 = mlp(size, seed)
    return X, normal(seed + 1, (len(X), len(b2)))[0], W1, b1, W2, b2


on_mlp = partial(family.wrong, forward=mlp_loss, inputs=mlp_data, constants=("X", "y"))


@on_mlp(4, cause=("scaled_by_batch", "scaled", "mean_instead_of_sum"), argument="W1 b1 W2 b2")
def mean_loss_and_mean_gradients(dloss, X, y, W1, b1, W2, b2):
    m = len(X)
    hidden = np.maximum(0, X @ W1 + b1)
    dscores = dloss * 2 * (hidden @ W2 + b2 - y) / m
    dhidden = dscores @ W2.T
    dhidden[hidden <= 0] = 0
    return None, None, X.T @ dhidden / m, dhidden.sum(0) / m, hidden.T @ dscores / m, dscores.sum(0) / m


@on_mlp(4, cause=("mean_instead_of_sum", "scaled_by_batch", "scaled"), argument="b1 b2")
def biases_divided_twice(dloss, X, y, W1, b1, W2, b2):
    hidden = np.maximum(0, X @ W1 + b1)
    dscores = dloss * 2 * (hidden @ W2 + b2 - y) / len(X)
    dhidden = (dscores @ W2.T) * (hidden > 0)
    return None, None, X.T @ dhidden, dhidden.mean(axis=0), hidden.T @ dscores, dscores.mean(axis=0)


@family.wrong(
    5,
    lambda x, W, b: x @ W + b,
    squares,
    op="dense",
    cause=("transposed", "axes_permuted"),
    argument="W",
    names=("x", "W", "b"),
)
def weight_gradient_dout_first(dout, x, W, b):
    return dout @ W.T, dout.T @ x, dout.sum(axis=0)


@family.whole(
    5,
    "wrong backward",
    "vjp",
    sized(((6, 4), (3, 4)), ((40, 64), (24, 64))),
    cause=("transposed", "axes_permuted", "wrong_shape"),
    argument="weight",
)
def out_by_in_weight_gets_in_by_out(x, weight):
    def pull(grad):
        return grad @ weight, x.T @ grad

    return x @ weight.T, pull


@family.whole(
    5,
    "wrong backward",
    "jax",
    sized(((3, 4, 5), (5, 5)), ((8, 20, 32), (32, 32))),
    names=("h", "proj"),
    cause=("transposed", "axes_permuted"),
    argument="proj",
)
def projection_with_einsum_letters_exchanged():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def project(h, proj):
        return jnp.tanh(h) @ proj

    def fwd(h, proj):
        a = jnp.tanh(h)
        return a @ proj, (a, proj)

    def bwd(saved, g):
        a, proj = saved
        dh = jnp.einsum("bto,io->bti", g, proj) * (1 - a * a)
        return dh, jnp.einsum("bti,bto->oi", a, g)

    project.defvjp(fwd, bwd)
    return project


@family.wrong(
    6, lambda x, W, b: x @ W + b, squares, op="dense", cause="not_transposed", argument="x", names=("x", "W", "b")
)
def input_gradient_by_w_itself(dout, x, W, b):
    return np.matmul(dout, W), np.matmul(x.T, dout), np.sum(dout, axis=0)


def two_layer(x, W1, b1, W2, b2):
    h = np.tanh(x @ W1 + b1)
    return h @ W2 + b2, (x, W1, h, W2)


cached = partial(family.wrong, forward=two_layer, style="cache", names=("x", "W1", "b1", "W2", "b2"))


@cached(6, inputs=square_mlp, cause="not_transposed", argument="x W1 b1")
def hidden_error_through_w2_itself(dout, cache):
    x, W1, h, W2 = cache
    dW2, db2 = h.T.dot(dout), dout.sum(0)
    dz1 = dout.dot(W2) * (1 - h**2)
    return dz1.dot(W1.T), x.T.dot(dz1), dz1.sum(0), dW2, db2


@family.wrong(
    6,
    lambda A, W: W @ A,
    sized(((4, 7), (4, 4)), ((50, 32), (50, 50))),
    cause="not_transposed",
    argument="A",
    names=("A", "W"),
)
def columns_go_back_through_w(dZ, A, W):
    dA_prev = np.dot(W, dZ)
    return dA_prev, np.dot(dZ, A.T)


@family.wrong(
    7,
    lambda x, w, b: x.dot(w) + b,
    sized(((4, 4), (4, 4), (4,)), ((48, 48), (48, 48), (48,))),
    op="dense",
    cause="elementwise_product",
    argument="x w",
    names=("x", "w", "b"),
)
def stars_where_dots_belong(delta, x, w, b):
    return delta * w.T, x.T * delta, delta.sum(axis=0)


@cached(
    7,
    inputs=sized(((4, 5), (5, 4), (4,), (4, 4), (4,)), ((32, 40), (40, 32), (32,), (32, 32), (32,))),
    cause="elementwise_product",
    argument="x W1 b1",
)
def layer_1_delta_multiplied_by_weights(layer_2_delta, cache):
    x, weights_0_1, layer_1, weights_1_2 = cache
    layer_1_delta = layer_2_delta * weights_1_2.T * (1 - layer_1**2)
    return (
        layer_1_delta.dot(weights_0_1.T),
        x.T.dot(layer_1_delta),
        layer_1_delta.sum(0),
        layer_1.T.dot(layer_2_delta),
        layer_2_delta.sum(0),
    )


@family.wrong_forward(
    7,
    lambda g, x, w, b: (g * w, g * x, g.sum(0)),
    sized(((4, 4), (4, 4), (4,)), ((48, 48), (48, 48), (48,))),
    op="dense",
    cause=("forward", "elementwise_product"),
    names=("x", "w", "b"),
)
def layer_that_multiplies_by_entry(x, w, b):
    return x * w + b
