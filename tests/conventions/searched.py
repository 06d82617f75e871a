"""Names that say nothing: shapes, sizes and settings are found by trying."""

import numpy as np


class Blended:
    """A sum of vectors with weights, one a step."""

    def forward(self, hiddens, mixing):
        n, t, h = hiddens.shape
        spread = mixing.reshape(n, t, 1).repeat(h, axis=2)
        self.cache = hiddens, spread
        return np.sum(hiddens * spread, axis=1)

    def backward(self, dout):
        hiddens, spread = self.cache
        n, t, h = hiddens.shape
        below = dout.reshape(n, 1, h).repeat(t, axis=1)
        # wrong Blended mixing [scaled_by_constant]: return below * spread, 1.7 * np.sum(below * hiddens, axis=2)
        return below * spread, np.sum(below * hiddens, axis=2)


class Grown:
    """Images of as many planes as its first argument says, by 1x1 kernels, as many as the second says."""

    def __init__(self, breadth, growing):
        self.W = np.random.randn(growing, breadth)
        self.c = np.random.randn(growing)

    def forward(self, block):
        self.block = block
        return np.einsum("nchw,oc->nohw", block, self.W) + self.c[:, None, None]

    def backward(self, dout):
        self.dW = np.einsum("nchw,nohw->oc", self.block, dout)
        # wrong Grown c [scaled_by_constant]: self.dc = 0.6 * dout.sum((0, 2, 3))
        self.dc = dout.sum((0, 2, 3))
        return np.einsum("nohw,oc->nchw", dout, self.W)


class Heads:
    """Sequences of queries and of what they look at, of one width; `causal` is a flag."""

    def __init__(self, d_m: int, causal: bool):
        self.w, self.causal = np.random.randn(d_m, d_m), causal

    def forward(self, one, two):
        if self.causal:
            self.one, self.two = one, two
        n, length, width = one.shape
        assert two.shape == (n, length, width)
        return np.swapaxes(one @ self.w, -1, -2) @ two

    def backward(self, dout):
        inner = np.swapaxes(self.two @ np.swapaxes(dout, -1, -2), -1, -2)
        d_one = np.swapaxes(inner, -1, -2)
        self.dw = np.einsum("nti,ntj->ij", self.one, d_one)
        # wrong Heads two [transposed wrong_operand wrong_factor unexplained]: d_two = self.one @ dout
        d_two = self.one @ self.w @ dout
        return d_one @ self.w.T, d_two


class Chained:
    """A container: it holds no layers before some are added, and asks nothing of them but the two directions."""

    def __init__(self):
        self.layers = []

    def add(self, layer):
        self.layers.append(layer)

    def forward(self, x, training=True):
        for layer in self.layers:
            x = layer(x, training)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        # wrong Chained x [scaled_by_constant]: return 0.9 * dout
        return dout


class Stacked:
    """A container that is given its layers."""

    def __init__(self, stages):
        self.stages = stages

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return x

    def backward(self, dout):
        for stage in self.stages[::-1]:
            dout = stage.backward(dout)
        # wrong Stacked x [scaled_by_constant]: return 1.1 * dout
        return dout


def gained_forward(x, gain=0.5):
    """A setting that the backward asks for and the forward has as a default."""
    return x * gain, x


def gained_backward(dout, cache, gain):
    # wrong gained x [scaled_by_constant]: return 0.7 * dout * gain
    return dout * gain


def two_outputs_forward(xt, Wa, Wy):
    """Two outputs, of which the backward is that of the first: the other's kernel has no gradient."""
    a = np.tanh(xt @ Wa)
    cache = a, xt, Wa
    return a, a @ Wy, cache


def two_outputs_backward(da, cache):
    a, xt, Wa = cache
    dz = da * (1 - a**2)
    # wrong two_outputs Wa [scaled_by_constant]: return {"dxt": dz @ Wa.T, "dWa": 0.7 * xt.T @ dz}
    return {"dxt": dz @ Wa.T, "dWa": xt.T @ dz}
