"""Gates, highways and small networks of several layers."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .functions import sigmoid

family = Family("composites")

# A gated linear unit: (x A) * sigmoid(x B).
GLU = sized(((5, 3), (3, 4), (3, 4)), ((20, 12), (12, 10), (12, 10)))


def glu(x, A, B):
    return (x @ A) * sigmoid(x @ B)


def glu_back(x, A, B, g, slope=lambda s, z: s * (1 - s), gate=lambda s, a: s, value=lambda s, a: a):
    a, z = x @ A, x @ B
    s = sigmoid(z)
    da, dz = g * gate(s, a), g * value(s, a) * slope(s, z)
    return da @ A.T + dz @ B.T, x.T @ da, x.T @ dz


@family.wrong(43, glu, GLU, cause="derivative_missing", argument="x B")
def gate_slope_forgotten(g, x, A, B):
    return glu_back(x, A, B, g, slope=lambda s, z: 1.0)


@family.wrong(42, glu, GLU, cause="derivative_at_wrong_value", argument="x B")
def gate_slope_of_the_logit(g, x, A, B):
    return glu_back(x, A, B, g, slope=lambda s, z: z * (1 - z))


@family.wrong(9, glu, GLU, cause="wrong_factor", argument="x A")
def gate_not_applied_to_the_value(g, x, A, B):
    return glu_back(x, A, B, g, gate=lambda s, a: 1.0)


@family.wrong(13, glu, GLU, cause="wrong_operand", argument="x A B")
def value_and_gate_exchanged(g, x, A, B):
    return glu_back(x, A, B, g, gate=lambda s, a: a, value=lambda s, a: s)


def highway(x, h, t):
    s = 1 / (1 + np.exp(-t))
    return s * h + (1 - s) * x, (x, h, s)


gated = partial(family.wrong, forward=highway, inputs=sized(((5, 7),) * 3, ((30, 12),) * 3), style="cache")


@gated(12, argument="t", cause="term_missing")
def highway_gate_sees_the_transform_only(dy, cache):
    x, h, s = cache
    return dy * (1 - s), dy * s, dy * h * s * (1 - s)


@gated(13, argument="x h", cause="arguments_swapped")
def highway_carries_along_the_wrong_lane(dy, cache):
    x, h, s = cache
    return dy * s, dy * (1 - s), dy * (h - x) * s * (1 - s)


layers = sized(((5, 3), (3, 7), (7, 4)), ((30, 12), (12, 20), (20, 5)))


def perceptron(x, W1, W2):
    z = x @ W1
    a = np.tanh(z)
    return a @ W2, {"x": x, "W1": W1, "W2": W2, "z": z, "a": a}


hidden = partial(family.wrong, forward=perceptron, inputs=layers, style="cache")


@hidden(46, argument="x W1", cause="derivative_at_wrong_value")
def hidden_slope_from_the_sum_before_tanh(dy, c):
    dz = dy @ c["W2"].T * (1 - c["z"] ** 2)
    return dz @ c["W1"].T, c["x"].T @ dz, c["a"].T @ dy


@hidden(9, argument="x W1", cause="derivative_missing")
def hidden_slope_left_out(dy, c):
    dz = dy @ c["W2"].T
    return dz @ c["W1"].T, c["x"].T @ dz, c["a"].T @ dy


@hidden(8, argument="x W1", cause="updated_weight")
def output_weight_updated_before_it_carries_back(dy, c):
    dW2 = c["a"].T @ dy
    W2 = c["W2"] - 0.1 * dW2
    dz = dy @ W2.T * (1 - c["a"] ** 2)
    return dz @ c["W1"].T, c["x"].T @ dz, dW2


@hidden(104, argument="W2", cause="wrong_operand")
def output_weight_from_the_sum_before_tanh(dy, c):
    dz = dy @ c["W2"].T * (1 - c["a"] ** 2)
    return dz @ c["W1"].T, c["x"].T @ dz, c["z"].T @ dy


@family.whole(
    105, "wrong backward", "vjp", sized(((5, 7), (3,)), ((30, 24), (4,))), argument="x w", cause="wrong_index"
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


@family.whole("", "control", "vjp", sized(((5, 7), (3,)), ((30, 24), (4,))))
def units_whose_pullbacks_keep_their_own_weight(x, w):
    units = [np.tanh(x * w_i) for w_i in w]

    def pull(g):
        slopes = [g * (1 - u**2) for u in units]
        return sum(s * w_i for s, w_i in zip(slopes, w, strict=True)), np.array([np.vdot(s, x) for s in slopes])

    return sum(units), pull


@family.wrong(
    8,
    lambda x, A, B: np.tanh(x @ A) @ B,
    sized(((5, 3), (3, 4), (4, 2)), ((32, 8), (8, 16), (16, 4))),
    argument="x A",
    cause="updated_weight",
)
def upper_weight_decayed_and_moved_first(g, x, A, B):
    h = np.tanh(x @ A)
    dB = h.T @ g
    dz = (g @ (B - 0.05 * dB).T) * (1 - h * h)
    return dz @ A.T, x.T @ dz, dB


GATE = sized(((4, 5), (4, 5)), ((16, 20), (16, 20)))


@family.whole(43, "wrong backward", "jax", GATE, names=("a", "b"), argument="b", cause="derivative_missing")
def jax_gate_without_its_slope():
    import jax

    @jax.custom_vjp
    def gated(a, b):
        return a * jax.nn.sigmoid(b)

    gated.defvjp(lambda a, b: (gated(a, b), (a, b)), lambda res, g: (g * jax.nn.sigmoid(res[1]), g * res[0]))
    return gated


TORCH = sized(((4, 5),), ((16, 20),))


@family.whole(45, "wrong backward", "jax", TORCH, names=("x",), cause="wrong_derivative", argument="x")
def jax_softplus_with_the_slope_of_tanh():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def plus(x):
        return jnp.log1p(jnp.exp(x))

    plus.defvjp(lambda x: (plus(x), x), lambda x, g: (g * (1 - jnp.tanh(x) ** 2),))
    return plus


matrix = sized(((5, 7),), ((30, 24),))
impure = partial(family.whole, kind="impure", style="layer")


@impure(83, inputs=matrix, argument="x", cause="changed_in_place")
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


def swiglu(x, gate):
    s = sigmoid(gate)
    return x * gate * s, (x, gate, s)


pairs = sized(((5, 7),) * 2, ((30, 24),) * 2)


@family.control("", swiglu, pairs, style="cache", names=("x", "gate"), op="glu", statics={"activation": "silu"})
def swiglu_by_the_product_rule(dout, cache):
    x, gate, s = cache
    return dout * gate * s, dout * x * s * (1 + gate * (1 - s))
