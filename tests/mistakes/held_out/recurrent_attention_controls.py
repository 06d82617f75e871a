"""Correct recurrent cells, attention, blocks and penalties in several ways of writing (F10 among them)."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .recurrent_attention_gates import cell, gru_cell, lstm_cell
from .recurrent_attention_residual import blocks, language, two_residuals
from .recurrent_attention_scores import causal, square
from .recurrent_attention_steps import rnn_forward, sequences
from .regularisation import REG, ThreeLayerNet, images, labelled, network, svm_loss

family = Family("recurrent_attention")
penalty = partial(family.control, family="regularisation")


@family.control(102, rnn_forward, sequences)
def rnn_through_time_in_two_passes(dh, x, h0, Wx, Wh, b):
    T = x.shape[1]
    states = rnn_forward(x, h0, Wx, Wh, b)
    before = np.concatenate([h0[:, None], states[:, :-1]], axis=1)
    dz = dh * (1 - states**2)
    for t in range(T - 2, -1, -1):
        dz[:, t] += (dz[:, t + 1] @ Wh.T) * (1 - states[:, t] ** 2)
    dWx, dWh = (np.einsum("nti,ntj->ij", a, dz) for a in (x, before))
    return dz @ Wx.T, dz[:, 0] @ Wh.T, dWx, dWh, dz.sum(axis=(0, 1))


@family.control(107, lstm_cell, cell, style="cache")
def lstm_cell_gate_by_gate(dnext_h, cache):
    x, h, c, Wx, Wh, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    dc = dnext_h * o * (1 - t) * (1 + t)
    da = np.empty((len(x), 4, h.shape[1]))
    da[:, 0] = dc * g * i * (1 - i)
    da[:, 1] = dc * c * f * (1 - f)
    da[:, 2] = dnext_h * t * o * (1 - o)
    da[:, 3] = dc * i * (1 - g) * (1 + g)
    da = da.reshape(len(x), -1)
    joined = np.hstack([x, h]).T @ da
    D = x.shape[1]
    return da @ Wx.T, da @ Wh.T, dc * f, joined[:D], joined[D:], da.sum(axis=0)


@family.control(103, gru_cell, partial(cell, gates=3, state=1), style="cache")
def gru_cell_with_every_way_to_the_old_state(dout, cache):
    x, h, Wx, Wh, z, r, n = cache
    (Uz, Ur, Un), H = np.split(Wh, 3, axis=1), h.shape[1]
    dn = dout * (1 - z) * (1 - n**2)
    dz = dout * (h - n) * z * (1 - z)
    dr = (dn @ Un.T) * h * r * (1 - r)
    dh = dout * z
    dh += dz @ Uz.T
    dh += dr @ Ur.T
    dh += (dn @ Un.T) * r
    dWh = np.zeros_like(Wh)
    dWh[:, :H], dWh[:, H : 2 * H], dWh[:, 2 * H :] = h.T @ dz, h.T @ dr, (r * h).T @ dn
    da = np.concatenate([dz, dr, dn], axis=-1)
    return da @ Wx.T, dh, x.T @ da, dWh, da.sum(axis=0)


@family.control(111, causal, square, style="rule", names=("q", "k", "v"))
def causal_attention_row_by_row(residuals, do):
    q, k, v, out, lse, scale = residuals
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for b in range(len(q)):
        for t in range(q.shape[1]):
            keys, values = k[b, : t + 1], v[b, : t + 1]
            p = np.exp(scale * keys @ q[b, t] - lse[b, t])
            ds = scale * p * (values @ do[b, t] - do[b, t] @ out[b, t])
            dq[b, t] = ds @ keys
            dk[b, : t + 1] += np.outer(ds, q[b, t])
            dv[b, : t + 1] += np.outer(p, do[b, t])
    return dq, dk, dv


@family.control(112, two_residuals, blocks, style="cache")
def both_skips_added(dout, cache):
    W1, W2, W3, W4 = cache["W"]
    a, m = cache["a"], cache["m"]
    dm = (1 - m * m) * (dout @ W4.T)
    dh = dout + dm @ W3.T
    da = np.where(a > 0, dh @ W2.T, 0)
    return dh + da @ W1.T, cache["x"].T @ da, a.T @ dh, cache["h"].T @ dm, m.T @ dout


@family.whole(113, "control", "vjp", language)
def tied_embedding_with_both_uses(tokens, wte, W):
    one_hot = (tokens.reshape(-1, 1) == np.arange(len(wte))).astype(float)
    embedded = one_hot @ wte
    hidden = np.tanh(embedded @ W)

    def pullback(g):
        g = g.reshape(-1, len(wte))
        dz = (g @ wte) * (1 - hidden**2)
        return None, g.T @ hidden + one_hot.T @ (dz @ W.T), embedded.T @ dz

    return (hidden @ wte.T).reshape(*tokens.shape, -1), pullback


@penalty(115, svm_loss, labelled, constants=("X",))
def svm_correct_class_subtracted(dloss, W, X, y):
    dW = np.zeros_like(W)
    for i, x in enumerate(X):
        margins = x @ W - x @ W[:, y[i]] + 1
        for j in np.flatnonzero(margins > 0):
            if j != y[i]:
                dW[:, j] += x / len(X)
                dW[:, y[i]] -= x / len(X)
    return dloss * (dW + 2 * REG * W), None, None


@family.whole(116, "control", "network", images, family="regularisation", **network)
class PenaltyOfAHalfOnEveryWeight(ThreeLayerNet):
    def gradient(self, x, t):
        return {name: g + REG * self.params[name] for name, g in self.data_gradient(x, t).items()}


def clusters(size, seed):
    N, D, C = (7, 4, 3) if size == "small" else (120, 40, 10)
    features, centers = normal(seed, (N, D), (C, D))
    return features, np.random.default_rng(seed + 1).integers(0, C, N), centers


@family.whole(
    "F10",
    "control",
    "layer",
    clusters,
    family="regularisation",
    inputs_of_layer=3,
    gradients={},
    constants=("centers",),
)
class CenterLossMovesItsCentersByARule:
    """The centers follow a damped average of their examples, which is not the gradient of the loss."""

    def forward(self, features, labels, centers):
        self.labels, self.diff = labels, features - centers[labels]
        return 0.5 * np.sum(self.diff**2) / len(features)

    def backward(self, dout=1.0):
        delta = np.zeros((self.labels.max() + 1, self.diff.shape[1]))
        np.add.at(delta, self.labels, -self.diff)
        self.center_update = delta / (1 + np.bincount(self.labels))[:, None]
        return dout * self.diff / len(self.diff), None, None
