"""Layers, closures and framework functions with wrong or impure backwards."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .activations import sigmoid
from .cross_entropy import softmax
from .losses import pairs
from .normalization import through
from .normalization_layers import layer_norm, of_tokens, tokens

family = Family("composed")

matrix = sized(((5, 7),), ((30, 24),))


def one_hot_targets(size, seed):
    n, k = (5, 7) if size == "small" else (30, 12)
    (z,) = normal(seed, (n, k))
    return z, np.eye(k)[np.random.default_rng(seed + 1).integers(0, k, n)]


@family.whole(
    21,
    "wrong backward",
    "layer",
    one_hot_targets,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="z",
    cause="scaled_by_size",
)
class SoftmaxWithLossThatCountsTheTargets:
    """Takes the batch size from t.size, which is right for labels only."""

    def forward(self, z, t):
        self.t, self.y = t, softmax(z)
        self.loss = -np.sum(t * np.log(self.y + 1e-300)) / len(t)
        return self.loss

    def backward(self, dout=1):
        batch_size = self.t.size
        return dout * (self.y - self.t) / batch_size


@family.whole(
    21,
    "wrong backward",
    "jax",
    one_hot_targets,
    names=("z", "t"),
    argument="z",
    constants=("t",),
    cause="scaled_by_batch",
)
def jax_cross_entropy_mean_differentiated_as_a_sum():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def loss(z, t):
        return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(z), axis=-1))

    loss.defvjp(
        lambda z, t: (loss(z, t), (jax.nn.softmax(z), t)),
        lambda saved, g: (g * (saved[0] - saved[1]), None),
    )
    return loss


def with_sharpness(size, seed):
    x, beta = normal(seed, *(((5, 7), (7,)) if size == "small" else ((30, 24), (24,))))
    return x, 1.8 + 0.2 * beta


@family.whole(
    49,
    "wrong backward",
    "layer",
    with_sharpness,
    argument="x",
    cause=("sum_term_missing", "argument_factor_missing", "local_factor"),
    gradients={"beta": "dbeta"},
)
class SwishWithLearnedSharpness:
    """The chain through the sigmoid forgets beta in the gradient of x."""

    def __init__(self, beta):
        self.beta = beta

    def forward(self, x):
        self.x, self.s = x, sigmoid(self.beta * x)
        return self.x * self.s

    def backward(self, dout):
        slope = self.s * (1 - self.s)
        self.dbeta = (dout * self.x**2 * slope).sum(axis=0)
        return dout * (self.s + self.x * slope)


@family.whole(
    81,
    "wrong backward",
    "torch",
    tokens,
    names=("x", "scale", "bias"),
    argument="scale",
    cause=("not_normalized", "wrong_operand"),
)
def torch_layer_norm_scale_by_the_raw_input():
    import torch

    class LayerNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale, bias):
            rstd = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
            xhat = (x - x.mean(-1, keepdim=True)) * rstd
            ctx.save_for_backward(x, xhat, rstd, scale)
            return xhat * scale + bias

        @staticmethod
        def backward(ctx, *grads):
            (g,) = grads
            x, xhat, rstd, scale = ctx.saved_tensors
            d = g * scale
            dx = rstd * (d - d.mean(-1, keepdim=True) - xhat * (d * xhat).mean(-1, keepdim=True))
            return dx, (g * x).flatten(0, 1).sum(0), g.flatten(0, 1).sum(0)

    return LayerNorm


def far_pairs(size, seed):
    y, t = pairs(size, seed)
    return 2 * y, t


@family.whole(
    49,
    "wrong backward",
    "jax",
    far_pairs,
    names=("y", "t"),
    argument="y t",
    cause=("other_loss", "local_factor", "wrong_derivative"),
)
def jax_huber_with_the_gradient_of_squares():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def huber(y, t):
        e = jnp.abs(y - t)
        return jnp.where(e < 1, 0.5 * e**2, e - 0.5).sum()

    huber.defvjp(lambda y, t: (huber(y, t), y - t), lambda d, g: (g * d, -g * d))
    return huber


@family.whole(
    105,
    "wrong backward",
    "vjp",
    sized(((5, 7), (3,)), ((30, 24), (4,))),
    argument="x w",
    cause="wrong_operand",
)
def units_whose_pullbacks_share_the_loop_variable(x, w):
    pullbacks, out = [], 0.0
    for i in range(len(w)):
        out = out + np.tanh(x * w[i])
        pullbacks.append(lambda g: g * (1 - np.tanh(x * w[i]) ** 2))  # noqa: B023

    def pull(g):
        through_units = [back(g) for back in pullbacks]
        dx = sum(d * w_i for d, w_i in zip(through_units, w, strict=True))
        return dx, np.array([(d * x).sum() for d in through_units])

    return out, pull


impure = partial(family.whole, kind="impure", style="layer")


@impure(14, inputs=tokens, argument="scale bias", cause="accumulates", gradients={"scale": "dscale", "bias": "dbias"})
class LayerNormThatNeverClearsItsGradients:
    def __init__(self, scale, bias):
        self.scale, self.bias = scale, bias
        self.dscale, self.dbias = np.zeros_like(scale), np.zeros_like(bias)

    def forward(self, x):
        y, self.cache = layer_norm(x, self.scale, self.bias)
        return y

    def backward(self, dout):
        dscale, dbias = of_tokens(self.cache, dout)
        self.dscale = self.dscale + dscale
        self.dbias = self.dbias + dbias
        return through(dout * self.scale, self.cache["xhat"], 1 / self.cache["rstd"], -1)


@impure(85, inputs=matrix, argument="x", cause="stale_state")
class ReluThatKeepsItsFirstMask:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = x > 0
        return np.maximum(x, 0)

    def backward(self, dout):
        return dout * self.mask


@impure(83, inputs=matrix, argument="x", cause="buffer_reused")
class TanhWithOneGradientBuffer:
    def __init__(self):
        self.dx = np.zeros(())

    def forward(self, x):
        self.y = np.tanh(x)
        if self.dx.shape != x.shape:
            self.dx = np.empty_like(x)
        return self.y

    def backward(self, dout):
        np.multiply(dout, 1 - self.y * self.y, out=self.dx)
        return self.dx


@family.whole("", "control", "vjp", sized(((5, 7), (3,)), ((30, 24), (4,))))
def units_whose_pullbacks_keep_their_own_weight(x, w):
    units = [np.tanh(x * w_i) for w_i in w]

    def pull(g):
        slopes = [g * (1 - u**2) for u in units]
        return sum(s * w_i for s, w_i in zip(slopes, w, strict=True)), np.array([np.vdot(s, x) for s in slopes])

    return sum(units), pull


@family.whole("", "control", "jax", matrix, op="log_softmax", names=("x",))
def jax_log_softmax_with_its_own_rule():
    import jax
    import jax.numpy as jnp

    rule = jax.custom_vjp(lambda x: jax.nn.log_softmax(x))
    rule.defvjp(
        lambda x: (jax.nn.log_softmax(x), jax.nn.softmax(x)),
        lambda p, g: (g - p * jnp.sum(g, axis=-1, keepdims=True),),
    )
    return rule
