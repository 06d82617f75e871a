"""Correct affine layers, in every style and with every shape of result."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from ..dense import affine, cached, forward, matrices, square

family = Family("dense")
control = partial(family.control, op="dense")


@control("", forward, affine)
def affine_functions(dout, x, W, b):
    return dout @ W.T, x.T @ dout, dout.sum(axis=0)


@control("", cached, square, style="cache")
def affine_with_a_cache(dout, cache):
    x, W, _ = cache
    dx = dout.dot(W.T).reshape(x.shape)
    dW = x.reshape(len(x), -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dW, db


@control("", cached, affine, style="rule")
def affine_rule_returning_a_list(residuals, cotangent):
    x, W, _ = residuals
    return [cotangent @ W.T, x.T @ cotangent, np.ones(len(x)) @ cotangent]


@control("", forward, affine)
def affine_by_einsum_not_contiguous(dout, x, W, b):
    return (W @ dout.T).T, (dout.T @ x).T, np.einsum("nm->m", dout)


@family.whole("", "control", "vjp", matrices, op="dense")
def affine_without_bias(x, kernel):
    return x @ kernel, lambda g: (np.inner(g, kernel), np.inner(x.T, g.T))


@control("", forward, sized(((3, 2, 5), (5, 7), (7,)), ((8, 9, 64), (64, 48), (48,))))
def affine_of_sequences(dout, x, W, b):
    flat = dout.reshape(-1, dout.shape[-1])
    return dout @ W.T, x.reshape(-1, x.shape[-1]).T @ flat, flat.sum(axis=0)


@family.whole("", "control", "layer", affine, op="dense", gradients={"W": "dW", "b": "db"})
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x, self.dW, self.db = np.empty((0, 0)), np.empty((0, 0)), np.empty(0)

    def forward(self, x):
        self.x = x
        return np.dot(self.x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


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


@family.whole("", "control", "torch", affine, op="dense", names=("x", "W", "b"))
def torch_affine():
    import torch

    class Affine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, W, b):
            ctx.save_for_backward(x, W)
            return x @ W + b

        @staticmethod
        def backward(ctx, *grad_outputs):
            (g,) = grad_outputs
            x, W = ctx.saved_tensors
            return g @ W.t(), x.t() @ g, g.sum(0)

    return Affine


@family.whole("", "control", "jax", affine, op="dense", names=("x", "W", "b"))
def jax_affine():
    import jax

    affine = jax.custom_vjp(forward)
    affine.defvjp(lambda x, W, b: (x @ W + b, (x, W)), lambda r, g: (g @ r[1].T, r[0].T @ g, g.sum(axis=0)))
    return affine


def in_single_precision(inputs):
    return lambda size, seed: tuple(p.astype(np.float32) if p.dtype.kind == "f" else p for p in inputs(size, seed))


@control(109, forward, in_single_precision(affine), precision="float32")
def affine_in_float32(dout, x, W, b):
    return dout @ W.T, x.T @ dout, dout.sum(axis=0)


pair = sized(((3, 5), (3, 5)), ((32, 64), (32, 64)))


@family.control("", lambda x, y: x + y, pair)
def one_array_for_two_arguments(dout, x, y):
    return dout, dout


@family.control("", lambda x, y: x - y, pair)
def a_view_of_upstream(dout, x, y):
    return dout[:], -dout


@family.control("", lambda x: x.T, sized(((3, 5),), ((32, 64),)))
def transpose_returns_a_view(dout, x):
    return dout.T


@family.control("", lambda x, y: (x * y, x + y), pair)
def two_outputs(dout, x, y):
    product, total = dout
    return product * y + total, product * x + total


@family.control("", lambda x, y: {"product": x * y, "sine": np.sin(x)}, pair)
def a_dict_of_outputs(dout, x, y):
    return dout["product"] * y + dout["sine"] * np.cos(x), dout["product"] * x


@family.control("", lambda x, y: np.sum(x * y), pair)
def scalar_output(dout, x, y):
    return dout * y, dout * x


@family.control("", lambda x: x**3, lambda size, seed: (normal(seed, (1,))[0].reshape(()),))
def zero_dimensional(dout, x):
    return np.asarray(3 * x**2 * dout)


@family.control(10, lambda x, gain: x * gain, sized(((3, 5), (1, 5)), ((32, 64), (1, 64))))
def broadcast_gradient_reduced(dout, x, gain):
    return dout * gain, (dout * x).sum(axis=0, keepdims=True)


@family.control(12, lambda x, W: np.tanh(x @ W) @ W, sized(((3, 5), (5, 5)), ((32, 64), (64, 64))))
def reused_weight_added(dout, x, W):
    h = np.tanh(x @ W)
    dz = dout @ W.T * (1 - h**2)
    return dz @ W.T, x.T @ dz + h.T @ dout
