"""Values that lose bits between forward and backward, and gradients that are kept in whole numbers (catalogue 109)."""

import numpy as np

from ..case import Family, sized

family = Family("dense")
PAIR = sized(((5, 3), (3, 4)), ((32, 20), (20, 12)))
ROWS = sized(((5, 7),), ((32, 20),))


def in_bfloat16(a):
    """Seven bits of the mantissa are kept."""
    return (a.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32).astype(a.dtype)


def softplus_fwd(x):
    return np.log1p(np.exp(x)), {"x": x.astype(np.float16)}


@family.wrong(109, softplus_fwd, ROWS, style="cache", cause="downcast")
def softplus_slope_of_a_half_precision_input(dout, cache):
    x = cache["x"].astype(dout.dtype)
    return dout / (1 + np.exp(-x))


def hidden(x, W):
    h = np.tanh(x @ W)
    return h * h, (x, W, in_bfloat16(h))


@family.wrong(109, hidden, PAIR, style="rule", argument="x W", cause="downcast")
def hidden_values_saved_in_bfloat16(saved, g):
    x, W, h = saved
    dz = g * 2 * h * (1 - h * h)
    return dz @ W.T, x.T @ dz


def bilinear(x, W):
    return (x @ W) ** 2


@family.wrong(109, bilinear, PAIR, argument="W", cause="downcast")
def input_kept_to_two_decimals(g, x, W):
    dz = 2 * g * (x @ W)
    return dz @ W.T, np.round(x, 2).T @ dz


@family.whole(109, "wrong backward", "layer", PAIR, gradients={"W": "dW"}, argument="W", cause="downcast")
class KeepsItsInputInAByte:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.low, self.high = x.min(), x.max()
        self.code = np.round((x - self.low) / (self.high - self.low) * 255).astype(np.uint8)
        return x @ self.W

    def backward(self, dout):
        x = self.code / 255 * (self.high - self.low) + self.low
        self.dW = x.T @ dout
        return dout @ self.W.T


@family.wrong(109, lambda x, W: x @ W, PAIR, argument="x", cause="downcast")
def upstream_passed_on_in_half_precision(g, x, W):
    return g.astype(np.float16).astype(float) @ W.T, x.T @ g


@family.wrong(109, lambda x, W: 9 * (x @ W), PAIR, argument="W", cause=("downcast", "wrong_dtype"))
def kernel_sums_in_whole_numbers(g, x, W):
    dW = np.zeros(W.shape, dtype=int)
    dW[...] = 9 * x.T @ g
    return 9 * g @ W.T, dW * 1.0


@family.wrong(109, lambda x: (3 * x) ** 2, ROWS, cause=("wrong_dtype", "downcast"))
def entries_written_into_whole_numbers(g, x):
    dx = np.zeros(x.shape, np.int64)
    for at in np.ndindex(*x.shape):
        dx[at] = 18 * x[at] * g[at]
    return dx
