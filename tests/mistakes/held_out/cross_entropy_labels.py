"""Cross-entropy: rows that the loss ignores, and labels in another form (catalogue 29, 30)."""

# As people write it: a backward names its gradients.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial

import numpy as np

from ..case import Family
from .cross_entropy_scale import classes, softmax

family = Family("cross_entropy")
IGNORE, PAD = -100, 0


def sentences(size, seed):
    """Scores of each word, and labels of which some are padding at the end."""
    b, t, v = (3, 4, 5) if size == "small" else (12, 15, 40)
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, v, size=(b, t))
    for i in range(b):
        labels[i, t - 1 - i % (t - 1) :] = PAD
    return rng.normal(size=(b, t, v)), labels


def ignoring(size, seed):
    logits, labels = classes(size, seed)
    return logits, np.where(np.arange(len(labels)) % 3 == 1, IGNORE, labels)


def valid_rows(logits, labels):
    keep = labels != IGNORE
    p = softmax(logits)
    picked = p[np.arange(len(labels)), np.where(keep, labels, 0)]
    return -np.sum(np.log(picked) * keep) / keep.sum(), (p, labels, keep)


ignored = partial(
    family.wrong, forward=valid_rows, inputs=ignoring, style="cache", names=("logits", "labels"), argument="logits"
)


@ignored(29, cause=("ignored_rows", "scaled"))
def mean_over_all_rows(dout, cache):
    p, labels, keep = cache
    dlogits = p.copy()
    dlogits[np.arange(len(labels)), np.where(keep, labels, 0)] -= 1
    dlogits[~keep] = 0
    return dout * dlogits / len(labels), None


@ignored(29, cause=("mask_wrong", "ignored_rows"))
def mask_of_the_ignored_inverted(dout, cache):
    p, labels, keep = cache
    dlogits = p.copy()
    dlogits[np.arange(len(labels)), np.where(keep, labels, 0)] -= 1
    mask = (labels == IGNORE).astype(float)
    return dout * dlogits * mask[:, None] / keep.sum(), None


@family.whole(
    29,
    "wrong backward",
    "layer",
    sentences,
    cause=("ignored_rows", "mask_missing"),
    argument="xs",
    inputs_of_layer=2,
    gradients={},
    ends_in_loss=True,
)
class TimeSoftmaxThatTrainsOnPadding:
    def forward(self, xs, ts):
        N, T, V = xs.shape
        self.shape = xs.shape
        self.ts = ts.reshape(N * T)
        self.ys = softmax(xs.reshape(N * T, V))
        self.mask = self.ts != PAD
        ls = np.log(self.ys[np.arange(N * T), self.ts]) * self.mask
        return -np.sum(ls) / self.mask.sum()

    def backward(self, dout=1):
        dx = self.ys.copy()
        dx[np.arange(len(self.ts)), self.ts] -= 1
        dx *= dout / self.mask.sum()
        return dx.reshape(self.shape)


def labels_in_a_column(size, seed):
    logits, labels = classes(size, seed)
    return logits, labels[:, None]


def mean_nll(logits, y):
    logp = np.log(softmax(logits))
    return -np.take_along_axis(logp, y, axis=1).mean()


@family.wrong(30, mean_nll, labels_in_a_column, cause="sum_term_missing", argument="logits")
def column_of_labels_as_a_fancy_index(dout, logits, y):
    grad = softmax(logits)
    grad[np.arange(len(y)), y] -= 1
    return dout * grad / len(y), None


@family.whole(
    30,
    "wrong backward",
    "vjp",
    classes,
    op="softmax_cross_entropy",
    cause="sum_term_missing",
    argument="logits",
)
def labels_subtracted_as_numbers(logits, labels):
    probs = softmax(logits)

    def vjp(g):
        return g[:, None] * (probs - labels[:, None]), None

    return -np.log(probs[np.arange(len(labels)), labels]), vjp


def every_row_with_every_label(g, logits, labels):
    c = logits.shape[1]
    target = np.bincount(labels, weights=g, minlength=c) / len(labels)
    return target.sum() * softmax(logits) - target, None


@family.wrong_forward(
    30, every_row_with_every_label, classes, op="softmax_cross_entropy", names=("logits", "labels"), cause="forward"
)
def labels_reshaped_to_a_column(logits, labels):
    labels = labels.reshape(-1, 1)
    probs = softmax(logits)
    return -np.log(probs[np.arange(len(logits)), labels]).mean(axis=1)


@family.whole(
    29,
    "wrong backward",
    "torch",
    sentences,
    names=("logits", "labels"),
    cause=("ignored_rows", "scaled"),
    argument="logits",
)
def torch_loss_with_numel_of_the_labels():
    import torch

    class MaskedCrossEntropy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, logits, labels):
            logp = torch.log_softmax(logits, dim=-1)
            mask = labels.ne(PAD)
            ctx.save_for_backward(logp, labels, mask)
            nll = -logp.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
            return (nll * mask).sum() / mask.sum()

        @staticmethod
        def backward(ctx, grad_output):
            logp, labels, mask = ctx.saved_tensors
            grad = logp.exp()
            grad.scatter_add_(-1, labels.unsqueeze(-1), -torch.ones_like(labels.unsqueeze(-1), dtype=grad.dtype))
            return grad_output * grad * mask.unsqueeze(-1) / labels.numel(), None

    return MaskedCrossEntropy
