"""The dense layer: product, bias, reused weights, accumulated gradients."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")

affine = sized(((3, 5), (5, 7), (7,)), ((64, 256), (256, 128), (128,)))
wrong = partial(family.wrong, op="dense")


def forward(x, W, b):
    return x @ W + b


@wrong(1, forward, affine, cause="scaled_by_count", argument="b")
def bias_gradient_is_a_mean(dout, x, W, b):
    return dout @ W.T, x.T @ dout, dout.mean(axis=0)


@wrong(3, forward, affine, cause="wrong_reduction", argument="b")
def bias_gradient_is_a_scalar(dout, x, W, b):
    return dout @ W.T, x.T @ dout, np.array(np.sum(dout))


@wrong(5, forward, affine, cause="transposed", argument="W")
def weight_gradient_transposed(dout, x, W, b):
    return dout @ W.T, dout.T @ x, dout.sum(axis=0)


square = sized(((5, 5), (5, 5), (5,)), ((64, 64), (64, 64), (64,)))


@wrong(6, forward, square, cause="transposed", argument="x")
def input_gradient_by_untransposed_weights(dout, x, W, b):
    return dout @ W, x.T @ dout, dout.sum(axis=0)


@wrong(7, forward, square, cause="elementwise_product", argument="W")
def weight_gradient_elementwise(dout, x, W, b):
    return dout @ W.T, x * dout, dout.sum(axis=0)


@wrong(8, forward, affine, cause="updated_weight", argument="x")
def input_gradient_by_updated_weights(dout, x, W, b):
    dW, db = x.T @ dout, dout.sum(axis=0)
    updated = W - 0.1 * dW
    return dout @ updated.T, dW, db


@wrong(19, forward, affine, cause="ignores_cotangent", argument="x W b")
def upstream_gradient_ignored(dout, x, W, b):
    ones = np.ones_like(dout)
    return ones @ W.T, x.T @ ones, ones.sum(axis=0)


@wrong(82, forward, affine, cause="missing", argument="b")
def bias_gradient_is_none(dout, x, W, b):
    return dout @ W.T, x.T @ dout, None


@wrong(65, forward, affine, cause="not_accumulated", argument="W")
def weight_gradient_of_the_last_example(dout, x, W, b):
    dW = np.zeros_like(W)
    for xi, di in zip(x, dout, strict=True):
        dW = np.outer(xi, di)
    return dout @ W.T, dW, dout.sum(axis=0)


@family.whole(
    1, "wrong backward", "jax", affine, op="dense", names=("x", "W", "b"), cause="scaled_by_count", argument="b"
)
def jax_bias_gradient_is_a_mean():
    import jax

    affine = jax.custom_vjp(forward)
    affine.defvjp(lambda x, W, b: (x @ W + b, (x, W)), lambda r, g: (g @ r[1].T, r[0].T @ g, g.mean(axis=0)))
    return affine


@family.whole("", "control", "jax", affine, op="dense", names=("x", "W", "b"))
def jax_affine():
    import jax

    affine = jax.custom_vjp(forward)
    affine.defvjp(lambda x, W, b: (x @ W + b, (x, W)), lambda r, g: (g @ r[1].T, r[0].T @ g, g.sum(axis=0)))
    return affine


control = partial(family.control, op="dense")


@control("", forward, affine)
def affine_functions(dout, x, W, b):
    return dout @ W.T, x.T @ dout, dout.sum(axis=0)


@control("", forward, affine)
def affine_by_einsum_not_contiguous(dout, x, W, b):
    return (W @ dout.T).T, (dout.T @ x).T, np.einsum("nm->m", dout)


def cached(x, W, b):
    return x @ W + b, (x, W, b)


@wrong(2, cached, affine, style="cache", cause="wrong_reduction", argument="b")
def bias_gradient_not_summed(dout, cache):
    x, W, _b = cache
    dx = np.dot(dout, W.T)
    dW = np.dot(x.T, dout)
    db = dout
    return dx, dW, db


@wrong(3, cached, affine, style="rule", cause="wrong_reduction", argument="b")
def bias_gradient_summed_to_one_number(residuals, cotangent):
    x, W, b = residuals
    return cotangent @ W.T, x.T @ cotangent, np.full_like(b, cotangent.sum())


@wrong(4, cached, affine, style="cache", cause="scaled_by_count", argument="W")
def weight_gradient_divided_by_batch_again(dout, cache):
    x, W, _b = cache
    return dout.dot(W.T), x.T.dot(dout) / x.shape[0], dout.sum(0)


@wrong(5, cached, square, style="rule", cause="transposed", argument="W")
def weight_gradient_transposed_unseen_by_shape(residuals, cotangent):
    x, W, _b = residuals
    return cotangent @ W.T, cotangent.T @ x, cotangent.sum(axis=0)


@wrong(7, cached, square, style="cache", cause="elementwise_product", argument="x")
def input_gradient_elementwise(dout, cache):
    x, W, _b = cache
    return dout * W.T, x.T @ dout, dout.sum(axis=0)


@wrong(82, cached, affine, style="rule", cause="missing", argument="b")
def bias_gradient_never_written(residuals, cotangent):
    x, W, b = residuals
    return cotangent @ W.T, x.T @ cotangent, np.zeros_like(b)


@control("", cached, square, style="cache")
def affine_with_a_cache(dout, cache):
    x, W, _ = cache
    dx = dout.dot(W.T).reshape(x.shape)
    dW = x.reshape(len(x), -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dW, db


layer = partial(family.whole, style="layer", inputs=affine, op="dense", gradients={"W": "dW", "b": "db"})


@layer(8, "impure", cause="updated_weight", argument="W b")
class AffineThatLearnsInBackward:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return self.x.dot(self.W) + self.b

    def backward(self, dout):
        self.dW = self.x.T.dot(dout)
        self.db = dout.sum(axis=0)
        self.W -= 0.01 * self.dW
        self.b -= 0.01 * self.db
        return dout.dot(self.W.T)


def twice(x, W):
    h = x @ W
    return h @ W, (x, h, W)


squares = sized(((3, 5), (5, 5)), ((64, 128), (128, 128)))


@family.wrong(12, twice, squares, style="rule", cause="term_missing", argument="W")
def reused_weight_assigned_not_added(residuals, cotangent):
    x, h, W = residuals
    dW = h.T @ cotangent
    dh = cotangent @ W.T
    dW = x.T @ dh
    return dh @ W.T, dW


matrices = sized(((3, 5), (5, 7)), ((64, 256), (256, 128)))


def multiply(a, b):
    return a @ b


@family.wrong(13, multiply, matrices, cause="arguments_swapped", argument="a b")
def product_gradients_swapped(dout, a, b):
    return a.T @ dout, dout @ b.T


@layer(14, "impure", cause="accumulates", argument="W b")
class AffineNeverZeroed:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


def linear_fwd(x, w, b):
    return x.dot(w) + b, {"x": x, "w": w}


ruled = partial(wrong, forward=linear_fwd, inputs=affine, style="rule", names=("x", "w", "b"))


@ruled(1, cause="scaled_by_count", argument="b")
def bias_gradient_over_all_entries(saved, g):
    return g @ saved["w"].T, saved["x"].T @ g, g.sum(0) / g.size


@ruled(65, style="cache", cause="part_missing", argument="b")
def bias_gradient_of_the_first_example(dout, cache):
    return dout @ cache["w"].T, cache["x"].T @ dout, dout[0].copy()


@ruled("", cause="wrong_shape")
def bias_gradient_forgotten_in_the_return(saved, g):
    return g @ saved["w"].T, saved["x"].T @ g


@control("", linear_fwd, affine, style="rule", names=("x", "w", "b"))
def affine_by_ones_and_transposes(saved, g):
    return (saved["w"] @ g.T).T, (g.T @ saved["x"]).T, np.ones(len(g)) @ g


@family.control(10, lambda x, gain: x * gain, sized(((3, 5), (1, 5)), ((32, 64), (1, 64))))
def broadcast_gradient_reduced(dout, x, gain):
    return dout * gain, (dout * x).sum(axis=0, keepdims=True)


@family.control("", lambda x: x**3, lambda size, seed: (normal(seed, (1,))[0].reshape(()),))
def zero_dimensional(dout, x):
    return np.asarray(3 * x**2 * dout)


@family.control("", lambda x: x.T, sized(((3, 5),), ((32, 64),)))
def transpose_returns_a_view(dout, x):
    return dout.T


@family.whole(19, "control", "vjp", sized(((2, 3, 4),), ((8, 12, 10),)))
def flatten(x):
    """Its output is a view of its input, and its gradient a view of the cotangent."""
    return x.reshape(len(x), -1), lambda g: (g.reshape(x.shape),)


@family.control(12, lambda x, W: np.tanh(x @ W) @ W, sized(((3, 5), (5, 5)), ((32, 64), (64, 64))))
def reused_weight_added(dout, x, W):
    h = np.tanh(x @ W)
    dz = dout @ W.T * (1 - h**2)
    return dz @ W.T, x.T @ dz + h.T @ dout


@family.whole("", "control", "layer", affine, op="dense", gradients={"W": "dW", "b": "db"})
class AffineThatCountsItsCalls:
    """Has state, which no result depends on."""

    def __init__(self, W, b):
        self.W, self.b, self.calls, self.history = W, b, 0, []

    def forward(self, x):
        self.calls += 1
        self.history.append(float(x.mean()))
        self.x = x.copy()
        return self.x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T
