"""Attention step by step, as a textbook prints it: one query q over the rows of V, both keys and values."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max())
    return e / e.sum()


class AttentionWeight:
    def forward(self, V, q):
        self.V, self.q = V, q
        self.a = softmax(V @ q)
        return self.a

    def backward(self, da):
        ds = self.a * (da - np.sum(self.a * da))
        dV = np.outer(ds, self.q)
        dq = ds @ self.V
        return dV, dq


class WeightSum:
    def forward(self, V, a):
        self.V, self.a = V, a
        return a @ V

    def backward(self, dc):
        dV = np.outer(self.a, dc)
        da = self.V @ dc
        return dV, da


class Attention:
    def __init__(self):
        self.weight, self.sum = AttentionWeight(), WeightSum()

    def forward(self, V, q):
        a = self.weight.forward(V, q)
        return self.sum.forward(V, a)

    def backward(self, dc):
        dV_sum, da = self.sum.backward(dc)
        dV_weight, dq = self.weight.backward(da)
        return dV_sum + dV_weight, dq


def attend(V, q):
    return Attention().forward(V, q)


def weights(V, q):
    return AttentionWeight().forward(V, q)


def attend_backward(V, q, dc):
    layer = Attention()
    layer.forward(V, q)
    return layer.backward(dc)


def score_gradient(V, q, dc):
    a = weights(V, q)
    da = V @ dc
    return a * (da - np.sum(a * da))
