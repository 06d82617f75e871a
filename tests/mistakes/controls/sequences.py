"""Correct recurrent nets, attention, residual blocks, penalties and networks."""

from functools import partial

import numpy as np

from ..attention import attention, attention_backward, blocks, causal_attention, heads, residual_block
from ..case import Family, normal
from ..recurrent_attention import gentle, lstm_backward, lstm_step, steps, tanh_rnn, unroll
from ..regularisation import (
    REG,
    Network,
    PenalizedNetwork,
    affine,
    classified,
    of_the_fit,
    parameters,
    penalized,
)

family = Family("recurrent_attention")


@family.control(102, tanh_rnn, gentle, style="cache")
def recurrent_net_through_time(dout, cache):
    return unroll(dout, cache)


@family.control(102, lstm_step, steps, style="rule", names=("x", "h", "c", "W", "b"))
def one_step_of_an_lstm(residuals, cotangent):
    return lstm_backward(residuals, cotangent)


@family.control(110, attention, heads, style="rule")
def scaled_attention(residuals, cotangent):
    return attention_backward(residuals, cotangent)


@family.control(111, causal_attention, heads, style="rule")
def attention_to_the_past(residuals, cotangent):
    return attention_backward(residuals, cotangent)


@family.control(112, residual_block, blocks, style="rule")
def residual_block_with_its_skip(residuals, cotangent):
    x, W1, W2, a = residuals
    dz = (cotangent @ W2.T) * (1 - a**2)
    return cotangent + dz @ W1.T, x.T @ dz, a.T @ cotangent


@family.control(116, penalized, affine, family="regularisation")
def penalty_with_its_two(dout, x, W, b):
    dx, dW, db = of_the_fit(dout, x, W, b)
    return dx, dW + 2 * dout * REG * W, db


network = partial(
    family.whole,
    family="regularisation",
    kind="control",
    style="network",
    inputs=classified,
    inputs_of_layer=2,
    gradients=parameters,
)


@network("F6")
class TwoLayerNetwork(Network):
    def gradient(self, x, t):
        return self.backward(x, t)


@network(117)
class TwoLayerNetworkWithDecay(PenalizedNetwork):
    def gradient(self, x, t):
        return {k: g + 2 * REG * self.params[k] * k.startswith("W") for k, g in self.backward(x, t).items()}


@family.whole(85, "control", "layer", lambda size, seed: normal(seed, (3, 5) if size == "small" else (32, 64)))
class TanhIntoANewArray:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return np.multiply(dout, 1 - self.out**2, out=np.empty_like(dout))


@family.control(
    "F7", lambda x, y: np.maximum(x, y), lambda size, seed: tuple(np.round(a) for a in heads(size, seed)[:2])
)
def equal_arguments_share_the_gradient(dout, x, y):
    first = np.where(x == y, 0.5, x > y)
    return dout * first, dout * (1 - first)


@family.control("F7", lambda x: x.max(axis=-1), lambda size, seed: (np.round(heads(size, seed)[0]),))
def maximum_of_each_row(dout, x):
    dx = np.zeros_like(x)
    np.put_along_axis(dx, x.argmax(axis=-1)[..., None], dout[..., None], axis=-1)
    return dx
