"""Unshifted exponentials, log-softmax and overwritten probabilities (catalogue 36 to 40)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("softmax")

rows = sized(((5, 7),), ((64, 50),))
feature_maps = sized(((2, 5, 3, 4),), ((6, 21, 12, 10),))


def high_scores(size, seed):
    (z,) = rows(size, seed)
    z[1::2] += 730.0
    return (z,)


def far_apart(size, seed):
    (z,) = rows(size, seed)
    z[::2, 3] -= 900.0
    return (z,)


def labelled(draw):
    def inputs(size, seed):
        (z,) = draw(size, seed)
        return z, np.random.default_rng(seed + 1).integers(0, z.shape[1], len(z))

    return inputs


def plain_softmax_backward(dout, x):
    p = plain_exponentials(x)
    return p * (dout - (p * dout).sum(axis=1, keepdims=True))


@family.wrong_forward(
    36, plain_softmax_backward, high_scores, op="softmax", names=("x",), cause=("not_finite", "forward")
)
def plain_exponentials(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


def stable_softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@family.wrong(36, stable_softmax, high_scores, op="softmax", cause="not_finite", argument="z")
def shift_forgotten_when_recomputing(grad, z):
    s = np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)
    return s * grad - s * np.sum(s * grad, axis=-1, keepdims=True)


@family.whole(
    36,
    "wrong backward",
    "layer",
    labelled(high_scores),
    inputs_of_layer=2,
    ends_in_loss=True,
    cause="not_finite",
    argument="scores",
)
class StableLossUnstableGradient:
    def forward(self, scores, labels):
        self.scores, self.labels = scores, labels
        m = scores.max(axis=1)
        lse = m + np.log(np.exp(scores - m[:, None]).sum(axis=1))
        return np.mean(lse - scores[np.arange(len(labels)), labels])

    def backward(self, dout=1):
        n = len(self.labels)
        probs = np.exp(self.scores)
        probs /= probs.sum(axis=1, keepdims=True)
        probs[np.arange(n), self.labels] -= 1
        return dout * probs / n


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


logged = partial(family.wrong, op="log_softmax", argument="logits", names=("logits",))
half_summed = ("sum_term_missing", "not_linear")


def log_probabilities(logits):
    logp = log_softmax(logits)
    return logp, logp


@logged(37, log_probabilities, rows, style="cache", cause=half_summed)
def probabilities_subtracted_without_the_sum(dout, logp):
    return dout - np.exp(logp)


@family.whole(
    37,
    "wrong backward",
    "torch",
    feature_maps,
    op="log_softmax",
    statics={"axis": 1},
    names=("logits",),
    cause=half_summed,
    argument="logits",
)
def pixelwise_log_softmax():
    import torch

    class LogSoftmax2d(torch.autograd.Function):
        @staticmethod
        def forward(ctx, logits):
            top = logits.max(dim=1, keepdim=True).values
            y = logits - top - (logits - top).exp().sum(dim=1, keepdim=True).log()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad_output):
            (y,) = ctx.saved_tensors
            return grad_output - y.exp()

    return LogSoftmax2d


def weighted(size, seed):
    z, labels = labelled(rows)(size, seed)
    return z, labels, np.random.default_rng(seed + 2).uniform(0.3, 3, z.shape[1])


def weighted_nll(logits, labels, class_weights):
    return -np.mean(class_weights[labels] * log_softmax(logits)[np.arange(len(labels)), labels])


@family.wrong(37, weighted_nll, weighted, cause="sum_term_missing", argument="logits", constants=("class_weights",))
def class_weights_left_out_of_the_sum(dout, logits, labels, class_weights):
    n = len(labels)
    dlogp = np.zeros_like(logits)
    dlogp[np.arange(n), labels] = -class_weights[labels] / n
    return dout * (dlogp + np.exp(log_softmax(logits)) / n), None, None


one_entry = ("diagonal_only", "sum_term_missing")


@logged(38, log_softmax, rows, cause=one_entry)
def log_softmax_of_single_entries(dy, logits):
    p = stable_softmax(logits)
    return dy - p * dy


@family.whole(38, "wrong backward", "layer", rows, op="log_softmax", cause=one_entry, argument="x")
class LogSoftmaxByItsDiagonal:
    def forward(self, x):
        c = x.max(axis=1)[:, None]
        self.out = x - c - np.log(np.sum(np.exp(x - c), axis=1))[:, None]
        return self.out

    def backward(self, delta):
        return (1 - np.exp(self.out)) * delta


def through_probabilities(g, x):
    p = stable_softmax(x)
    return g - p * g.sum(axis=-1, keepdims=True)


log_of = partial(family.wrong_forward, op="log_softmax", names=("x",))


@log_of(39, through_probabilities, far_apart, cause="forward")
def logarithm_after_the_softmax(x):
    with np.errstate(divide="ignore"):
        return np.log(stable_softmax(x))


def chain_of_two(g, x):
    p = stable_softmax(x)
    dp = g / p
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@log_of(39, chain_of_two, far_apart, cause=("not_finite", "forward"))
def log_layer_on_top_of_a_softmax_layer(x):
    return np.log(stable_softmax(x))


@logged(39, log_softmax, far_apart, cause="not_finite")
def divided_by_vanished_probabilities(grad, logits):
    return chain_of_two(grad, logits)


def softmax_fwd(x):
    p = stable_softmax(x)
    return p.copy(), p


@family.impure(40, softmax_fwd, rows, op="softmax", style="rule", names=("x",), cause="residuals_changed")
def attention_weights_overwritten(p, g):
    inner = np.einsum("ij,ij->i", p, g)[:, None]
    p *= g - inner
    return p.copy()


@family.whole(
    40,
    "impure",
    "layer",
    labelled(rows),
    inputs_of_layer=2,
    ends_in_loss=True,
    cause=("residuals_changed", "buffer_reused"),
)
class SoftmaxWithLossThatSubtractsFromItsOutput:
    def forward(self, x, t):
        self.t, self.y = t, stable_softmax(x)
        return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-300)) / len(t)

    def backward(self, dout=1):
        dx = self.y
        dx[np.arange(len(self.t)), self.t] -= 1
        dx *= dout / len(self.t)
        return dx


@family.whole(40, "impure", "vjp", feature_maps, op="log_softmax", statics={"axis": 1}, cause="residuals_changed")
def exponentiated_where_it_was_saved(x):
    y = np.moveaxis(log_softmax(np.moveaxis(x, 1, -1)), -1, 1)
    saved = y.copy()

    def pullback(g):
        np.exp(saved, out=saved)
        return g - saved * g.sum(axis=1, keepdims=True)

    return y, pullback
