"""Skip connections, weights with two uses, and graphs cut in two (catalogue 112 to 114)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("recurrent_attention")
SKIP = ("skip_dropped", "use_dropped", "sum_term_missing")


def relu(a):
    return np.maximum(a, 0)


def blocks(size, seed):
    n, d, h = (4, 5, 7) if size == "small" else (60, 32, 48)
    x, W1, W2, W3, W4 = normal(seed, (n, d), (d, h), (h, d), (d, h), (h, d))
    return x, W1 / np.sqrt(d), W2 / np.sqrt(h), W3 / np.sqrt(d), W4 / np.sqrt(h)


def two_residuals(x, W1, W2, W3, W4):
    a = relu(x @ W1)
    h = x + a @ W2
    m = np.tanh(h @ W3)
    return h + m @ W4, {"x": x, "a": a, "h": h, "m": m, "W": (W1, W2, W3, W4)}


@family.wrong(112, two_residuals, blocks, style="cache", cause=SKIP, argument="x W1 W2")
def second_residual_keeps_the_branch_only(dout, cache):
    W1, W2, W3, W4 = cache["W"]
    dm = (dout @ W4.T) * (1 - cache["m"] ** 2)
    dW4, dW3 = cache["m"].T @ dout, cache["h"].T @ dm
    dh = dm @ W3.T
    da = (dh @ W2.T) * (cache["a"] > 0)
    dW2, dW1 = cache["a"].T @ dh, cache["x"].T @ da
    dx = dh + da @ W1.T
    return dx, dW1, dW2, dW3, dW4


@family.whole(
    112,
    "wrong backward",
    "layer",
    lambda size, seed: blocks(size, seed)[:3],
    cause=SKIP,
    argument="x",
    gradients={"W_in": "dW_in", "W_out": "dW_out"},
)
class FeedForwardResidualWithoutItsSkip:
    def __init__(self, W_in, W_out):
        self.W_in, self.W_out = W_in, W_out

    def forward(self, x):
        self.x, self.pre = x, x @ self.W_in
        self.act = self.pre / (1 + np.exp(-self.pre))
        return x + self.act @ self.W_out

    def backward(self, dout):
        s = 1 / (1 + np.exp(-self.pre))
        dact = dout @ self.W_out.T
        dpre = dact * (s + self.act * (1 - s))
        self.dW_out = self.act.T @ dout
        self.dW_in = self.x.T @ dpre
        return dpre @ self.W_in.T


def tied_autoencoder(x, W, b):
    code = np.tanh(x @ W + b)
    return code @ W.T, (x, W, code)


autoencoder = sized(((5, 6), (6, 4), (4,)), ((80, 48), (48, 20), (20,)))
use = ("use_dropped", "sum_term_missing")


@family.wrong(113, tied_autoencoder, autoencoder, style="cache", cause=use, argument="W")
def decoder_use_overwritten_by_the_encoder(dout, cache):
    x, W, code = cache
    grads = {"W": dout.T @ code}
    dz = (dout @ W) * (1 - code**2)
    grads["W"] = x.T @ dz
    return dz @ W.T, grads["W"], dz.sum(axis=0)


def language(size, seed):
    V, d, shape = (7, 4, (3, 5)) if size == "small" else (120, 24, (8, 20))
    rng = np.random.default_rng(seed)
    return rng.integers(0, V, shape), rng.normal(size=(V, d)), rng.normal(size=(d, d)) / np.sqrt(d)


@family.whole(113, "wrong backward", "vjp", language, cause=use, argument="wte")
def logits_by_the_embedding_counted_once(tokens, wte, W):
    embedded = wte[tokens]
    hidden = np.tanh(embedded @ W)

    def pullback(dlogits):
        dhidden = np.einsum("btv,vd->btd", dlogits, wte) * (1 - hidden**2)
        dwte = np.einsum("btv,btd->vd", dlogits, hidden)
        dW = np.einsum("btd,bte->de", embedded, dhidden)
        return None, dwte, dW

    return np.einsum("btd,vd->btv", hidden, wte), pullback


def projected_mixing(x, w_q, w_v):
    q = x @ w_q
    return q * (x @ w_v), (x, q.copy(), w_q, w_v)


projections = sized(((5, 4), (4, 3), (4, 3)), ((80, 40), (40, 32), (40, 32)))
severed = partial(family.wrong, 114)


@severed(projected_mixing, projections, style="rule", cause="missing", argument="w_q")
def projection_of_the_copied_query_gets_nothing(residuals, g):
    x, q, w_q, w_v = residuals
    dq, dv = g * (x @ w_v), g * q
    return dq @ w_q.T + dv @ w_v.T, None, x.T @ dv


@family.whole(
    114,
    "wrong backward",
    "torch",
    projections,
    names=("x", "w_gate", "w_up"),
    cause=("zero", "use_dropped"),
    argument="x w_gate",
)
def torch_gate_rebuilt_from_numbers():
    import torch

    class GatedUnit(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w_gate, w_up):
            ctx.save_for_backward(x, w_gate, w_up)
            return torch.sigmoid(x @ w_gate) * (x @ w_up)

        @staticmethod
        def backward(ctx, grad_output):
            with torch.enable_grad():
                leaves = [a.detach().requires_grad_() for a in ctx.saved_tensors]
                x, w_gate, w_up = leaves
                gate = torch.tensor(torch.sigmoid(x @ w_gate).tolist(), dtype=x.dtype)
                grads = torch.autograd.grad(gate * (x @ w_up), leaves, grad_output, allow_unused=True)
            return tuple(torch.zeros_like(a) if g is None else g for a, g in zip(leaves, grads, strict=True))

    return GatedUnit
