"""Softmax, its logarithm, and cross-entropy on logits."""

import numpy as np

from ..case import Family, normal, sized

family = Family("softmax")

ROWS = sized(((5, 3),), ((32, 20),))


def labelled(size, seed):
    shape = (5, 3) if size == "small" else (32, 10)
    labels = np.random.default_rng(seed + 1).permutation(np.arange(shape[0]) % shape[1])
    return 2 * normal(seed, shape)[0], labels


def soft(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def channel_softmax(x):
    p = soft(x, 1)
    return p, p


@family.wrong(
    32,
    channel_softmax,
    sized(((2, 3, 5),), ((4, 10, 24),)),
    style="rule",
    op="softmax",
    statics={"axis": 1},
    cause="diagonal_only",
    argument="x",
)
def own_entry_only(p, dy):
    return dy * p * (1 - p)


@family.whole(
    33,
    "wrong backward",
    "layer",
    ROWS,
    gradients={},
    op="softmax",
    argument="scores",
    cause=("identity", "derivative_missing"),
)
class PassThroughSoftmax:
    def forward(self, scores):
        self.out = soft(scores)
        return self.out

    def backward(self, dout):
        return dout


@family.wrong(34, channel_softmax, ROWS, style="rule", op="softmax", cause="scaled_by_two", argument="x")
def two_too_many(p, g):
    return 2 * p * (g - (p * g).sum(1, keepdims=True))


@family.wrong(
    31,
    channel_softmax,
    sized(((4, 4),), ((20, 20),)),
    style="rule",
    op="softmax",
    argument="x",
    cause="coupled_over_wrong_axis",
)
def summed_down_the_batch(p, g):
    return p * (g - np.sum(p * g, axis=0))


@family.wrong(
    31,
    channel_softmax,
    ROWS,
    style="rule",
    op="softmax",
    argument="x",
    cause=("coupled_over_wrong_axis", "sum_term_missing"),
)
def summed_over_everything(p, g):
    return p * (g - np.sum(p * g))


def tempered(x):
    return soft(x / 2.5)


@family.wrong(110, tempered, ROWS, cause=("scaled", "scaled_by_static"), argument="x")
def temperature_forgotten(g, x):
    p = soft(x / 2.5)
    return p * (g - (g * p).sum(-1, keepdims=True))


def jacobian_rows(g, x):
    p = soft(x)
    return p * (g - (g * p).sum(-1, keepdims=True))


def far_apart(size, seed):
    x = normal(seed, (5, 3) if size == "small" else (32, 20))[0]
    x[0] -= 2000
    return (x,)


@family.wrong_forward(35, jacobian_rows, far_apart, op="softmax", cause=("not_finite", "forward"))
def one_maximum_for_all_rows(x):
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max())
        return e / e.sum(-1, keepdims=True)


def steep(size, seed):
    x = normal(seed, (4, 3) if size == "small" else (32, 20))[0]
    x[0] += 2500
    return (x,)


@family.wrong(36, tempered, steep, cause="not_finite", argument="x")
def unshifted_in_backward(g, x):
    with np.errstate(all="ignore"):
        p = np.exp(x / 2.5) / np.exp(x / 2.5).sum(-1, keepdims=True)
        return p * (g - (g * p).sum(-1, keepdims=True)) / 2.5


def log_soft(x):
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@family.wrong(37, log_soft, ROWS, op="log_softmax", cause=("sum_term_missing", "not_linear"), argument="x")
def upstream_not_summed(g, x):
    return g - np.exp(log_soft(x))


@family.wrong(38, log_soft, ROWS, op="log_softmax", cause="diagonal_only", argument="x")
def each_times_its_own(g, x):
    return g - np.exp(log_soft(x)) * g


def log_soft_gradient(g, x):
    return g - soft(x) * g.sum(-1, keepdims=True)


def wide_gap(size, seed):
    x = normal(seed, (4, 3) if size == "small" else (32, 20))[0]
    x[1, 2] += 900
    return (x,)


@family.wrong_forward(39, log_soft_gradient, wide_gap, op="log_softmax", cause=("not_finite", "forward"))
def logarithm_of_softmax(x):
    with np.errstate(all="ignore"):
        return np.log(soft(x))


@family.impure(40, channel_softmax, ROWS, style="rule", cause="residuals_changed")
def written_over_the_saved(p, g):
    inner = (p * g).sum(axis=1, keepdims=True)
    grad = p
    grad *= g - inner
    return grad


@family.whole(
    21,
    "wrong backward",
    "layer",
    labelled,
    inputs_of_layer=2,
    gradients={},
    ends_in_loss=True,
    cause="scaled_by_batch",
    argument="x",
)
class SoftmaxLossUnaveraged:
    def forward(self, x, t):
        self.y, self.t = soft(x), t
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1.0):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout


def mean_loss(logits, labels):
    n = len(labels)
    p = soft(logits)
    return -np.log(p[range(n), labels]).sum() / n, (p, labels)


@family.wrong(22, mean_loss, labelled, style="cache", cause="scaled_by_batch", argument="logits")
def averaged_in_two_places(dout, cache):
    p, labels = cache
    grad = (p - np.eye(p.shape[1])[labels]) / len(p)
    return dout * grad / grad.shape[0], None


def row_losses(logits, labels):
    return -log_soft(logits)[np.arange(len(labels)), labels]


@family.wrong(27, row_losses, labelled, op="softmax_cross_entropy", cause="derivative_twice", argument="logits")
def softmax_derivative_once_more(g, logits, labels):
    p = soft(logits)
    d = p - np.eye(p.shape[1])[labels]
    d = p * (d - (p * d).sum(1, keepdims=True))
    return d * g[:, None], None


@family.wrong(31, row_losses, labelled, op="softmax_cross_entropy", argument="logits", cause="coupled_over_wrong_axis")
def normalized_over_the_batch(g, logits, labels):
    p = soft(logits, axis=0)
    p[np.arange(len(labels)), labels] -= 1
    return p * g[:, None], None


@family.wrong(
    30, row_losses, labelled, op="softmax_cross_entropy", cause=("sum_term_missing", "wrong_operand"), argument="logits"
)
def labels_as_a_column(g, logits, labels):
    p, column = soft(logits), labels.reshape(-1, 1)
    p[np.arange(len(column)), column] -= 1
    return p * g[:, None], None


def confident(size, seed):
    logits, labels = labelled(size, seed)
    logits[0, labels[0]] -= 18
    logits[2, labels[2]] -= 14
    return logits, labels


def offset_loss(logits, labels):
    return -np.log(soft(logits)[np.arange(len(labels)), labels] + 1e-6)


@family.wrong(24, offset_loss, confident, cause="epsilon_one_side", argument="logits")
def epsilon_in_the_loss_only(g, logits, labels):
    return g[:, None] * (soft(logits) - np.eye(logits.shape[1])[labels]), None


def padded(size, seed):
    logits, labels = labelled(size, seed)
    labels[[1, 3]] = -1
    return logits, labels


def masked_mean(logits, labels):
    keep = labels >= 0
    rows = log_soft(logits)[np.arange(len(labels)), np.maximum(labels, 0)]
    return -rows[keep].sum() / keep.sum()


# Widened after the first run: what the masked rows receive is exactly what "mask_missing" says.
@family.wrong(29, masked_mean, padded, cause=("ignored_rows", "mask_missing"), argument="logits")
def padding_rows_not_zeroed(g, logits, labels):
    d = soft(logits)
    d[np.arange(len(labels)), labels] -= 1
    return g * d / (labels >= 0).sum(), None


@family.wrong(29, masked_mean, padded, cause=("ignored_rows", "scaled"), argument="logits")
def padding_rows_in_the_count(g, logits, labels):
    d = soft(logits) - np.eye(logits.shape[1])[labels]
    d[labels < 0] = 0
    return g * d / len(labels), None
