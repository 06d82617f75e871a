"""Activations that are right although they look wrong (F1, F2, F7, F9), and right ones written in other ways."""

import numpy as np

from ..case import Family, sized
from .activations_sigmoids_and_tanh import of_two_layers

family = Family("activations")

batch = sized(((5, 7),), ((48, 40),))


def sigmoid_derivative(x):
    return x * (1 - x)


@family.whole("F1", **{**of_two_layers, "kind": "control", "argument": ()})
class NeuralNetworkOfTheTutorial:
    def __init__(self, W1, b1, W2, b2):
        self.synaptic_weights, self.biases = [W1, W2], [b1, b2]

    def think(self, inputs):
        self.layer1 = 1 / (1 + np.exp(-(np.dot(inputs, self.synaptic_weights[0]) + self.biases[0])))
        self.layer2 = 1 / (1 + np.exp(-(np.dot(self.layer1, self.synaptic_weights[1]) + self.biases[1])))
        return self.layer2

    def loss(self, inputs, outputs):
        return 0.5 * np.sum((outputs - self.think(inputs)) ** 2)

    def gradient(self, inputs, outputs):
        error = self.think(inputs) - outputs
        delta2 = error * sigmoid_derivative(self.layer2)
        delta1 = delta2.dot(self.synaptic_weights[1].T) * sigmoid_derivative(self.layer1)
        return {"W1": inputs.T.dot(delta1), "b1": delta1.sum(0), "W2": self.layer1.T.dot(delta2), "b2": delta2.sum(0)}


@family.whole("F2", "control", "layer", batch, op="tanh")
class TanhLayerWithItsOutputSquared:
    @staticmethod
    def derivative(y):
        return 1 - y**2

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * self.derivative(self.y)


def with_zeros(size, seed):
    (x,) = batch(size, seed)
    x[np.random.default_rng(seed + 1).random(x.shape) < 0.4] = 0.0
    return (x,)


@family.control("F7", lambda x: (np.abs(x) + x) / 2, with_zeros, op="relu", names=("x",))
def half_a_gradient_at_zero(dout, x):
    return dout * (np.sign(x) + 1) / 2


def on_a_grid(size, seed):
    return tuple(np.round(2 * x) / 2 for x in batch(size, seed))


@family.control("F9", lambda x: np.clip(x, -1.0, 1.0), on_a_grid, names=("x",))
def hard_tanh_with_entries_on_its_corners(g, x):
    dx = g.copy()
    dx[np.abs(x) > 1.0] = 0.0
    return dx


def in_single_precision(size, seed):
    return tuple(x.astype(np.float32) for x in batch(size, seed))


@family.whole(
    53,
    "control",
    "jax",
    in_single_precision,
    names=("x",),
    op="gelu",
    statics={"approximate": True},
    precision="float32",
)
def gelu_new():
    import jax
    import jax.numpy as jnp

    def inner(x):
        return jnp.tanh(0.7978845608 * (x + 0.044715 * x**3))

    @jax.custom_vjp
    def act(x):
        return 0.5 * x * (1 + inner(x))

    def act_fwd(x):
        return act(x), x

    def act_bwd(x, g):
        t = inner(x)
        du = 0.7978845608 * (1 + 3 * 0.044715 * x**2)
        return (g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du),)

    act.defvjp(act_fwd, act_bwd)
    return act


@family.whole(
    49,
    "wrong backward",
    "jax",
    in_single_precision,
    names=("x",),
    op="leaky_relu",
    statics={"negative_slope": 0.1},
    precision="float32",
    cause=("static_ignored", "wrong_derivative", "partly_scaled", "local_factor", "entries_not_written"),
    argument="x",
)
def leaky_relu_with_the_rule_of_relu():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def leaky(x):
        return jnp.where(x >= 0, x, 0.1 * x)

    leaky.defvjp(lambda x: (leaky(x), x > 0), lambda mask, g: (jnp.where(mask, g, 0),))
    return leaky
