"""Mistakes in cross-entropies (catalogue 19 to 31), written from the catalogue alone."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("cross_entropy")


def soft(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def labelled(size, seed):
    """Scores (N, K), and labels that repeat."""
    n, k = (7, 4) if size == "small" else (50, 30)
    (z,) = normal(seed, (n, k))
    return z, (2 * np.arange(n) + 1) % k


def surprise(z, t):
    return -np.log(soft(z)[np.arange(len(t)), t])


def softmax_loss(z, t):
    return surprise(z, t).mean(), (soft(z), t)


def less_target(p, t):
    dz = p.copy()
    dz[np.arange(len(t)), t] -= 1
    return dz


cache = partial(family.wrong, forward=softmax_loss, inputs=labelled, style="cache", argument="z")


@family.whole(
    21,
    "wrong backward",
    "layer",
    labelled,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="x",
    cause="scaled_by_batch",
)
class SoftmaxLossSumsItsGradient:
    def forward(self, x, t):
        self.t, self.y = t, soft(x)
        return -np.log(self.y[np.arange(len(t)), t]).sum() / len(t)

    def backward(self, dout=1):
        return dout * less_target(self.y, self.t)


@cache(22, cause="scaled_by_batch")
def averaged_in_the_loss_and_again_below(dout, cache):
    dout = dout / len(cache[1])
    return dout * less_target(*cache) / len(cache[1]), None


@cache(21, cause="scaled_by_size")
def averaged_over_all_scores(dout, cache):
    return dout * less_target(*cache) / cache[0].size, None


@cache(19, cause="ignores_cotangent")
def last_layer_by_conviction(dout, cache):
    return less_target(*cache) / len(cache[1]), None


@cache(27, cause="derivative_twice")
def softmax_differentiated_once_more(dout, cache):
    p, _t = cache
    g = dout * less_target(*cache) / len(p)
    return p * (g - (p * g).sum(1, keepdims=True)), None


@cache(21, cause=("sum_term_missing", "isolated_entries"))
def pushes_all_classes_down(dout, cache):
    return dout * cache[0] / len(cache[1]), None


@cache(30, cause="sum_term_missing")
def labels_as_a_column(dout, cache):
    p, t = cache
    t = t.reshape(-1, 1)
    dz = p.copy()
    dz[np.arange(len(t)), t] -= 1
    return dout * dz / len(t), None


@family.wrong(
    31,
    lambda z, t: surprise(z, t).mean(),
    labelled,
    argument="z",
    cause=("coupled_over_wrong_axis", "static_ignored"),
)
def probabilities_over_the_batch(dout, z, t):
    return dout * less_target(soft(z.T).T, t) / len(t), None


@cache(109, cause=("wrong_dtype", "downcast"))
def scores_kept_in_single_precision(dout, cache):
    return (dout * less_target(*cache) / len(cache[1])).astype(np.float32), None


def hot(size, seed):
    z, t = labelled(size, seed)
    return soft(z), np.eye(z.shape[1])[t] * 0.8 + 0.2 / z.shape[1]


def entropy(p, t):
    return -(t * np.log(p)).sum() / len(p)


soft_targets = partial(family.wrong, forward=entropy, inputs=hot, constants=("t",), argument="p")


@soft_targets(23, cause=("wrong_operand", "not_linear"))
def divided_by_the_upstream(dout, p, t):
    return -t / dout / len(p), None


@soft_targets(23, cause="sign")
def probabilities_pushed_away(dout, p, t):
    return dout * (t / p) / len(p), None


@soft_targets(23, cause=("wrong_operand", "local_factor"))
def divided_by_what_is_left(dout, p, t):
    return -dout * t / (1 - p) / len(p), None


def confident(size, seed):
    z, t = labelled(size, seed)
    z[1, t[1]] -= 17
    z[-1, t[-1]] -= 21
    return z, t


def guarded(z, t):
    p = soft(z)
    return -np.log(p[np.arange(len(t)), t] + 1e-7).mean()


@family.wrong(24, guarded, confident, argument="z", cause="epsilon_one_side")
def guard_forgotten_below(dout, z, t):
    return dout * less_target(soft(z), t) / len(t), None


def binary(size, seed):
    z, t = normal(seed, *((5, 3),) * 2 if size == "small" else ((40, 13),) * 2)
    return z, (t > 0).astype(float)


@family.whole(
    28,
    "wrong backward",
    "jax",
    binary,
    names=("z", "t"),
    constants=("t",),
    argument="z",
    cause=("derivative_twice", "other_loss", "local_factor"),
)
def jax_sigmoid_loss_by_the_delta_of_squares():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def loss(z, t):
        return jnp.sum(jnp.logaddexp(0.0, z) - t * z)

    def back(saved, g):
        z, t = saved
        y = jax.nn.sigmoid(z)
        return g * (y - t) * y * (1 - y), jnp.zeros_like(t)

    loss.defvjp(lambda z, t: (loss(z, t), (z, t)), back)
    return loss


def bernoulli(y, t):
    return -(t * np.log(y) + (1 - t) * np.log(1 - y)).mean()


def chances(size, seed):
    z, t = binary(size, seed)
    return 1 / (1 + np.exp(-z)), t


@family.wrong(23, bernoulli, chances, constants=("t",), argument="y", cause=("sum_term_missing", "entries_not_written"))
def failures_do_not_count(dout, y, t):
    return -dout * t / y / y.size, None


def sure(size, seed):
    z, t = binary(size, seed)
    z[0, 1], z[-1, 0] = 790.0, -801.0
    return z, t


@family.whole(44, "wrong backward", "vjp", sure, constants=("t",), argument="z", cause="not_finite")
def sigmoid_loss_by_the_chain_rule_far_out(z, t):
    def pullback(g):
        with np.errstate(all="ignore"):
            y = 1 / (1 + np.exp(-z))
            dy = (y - t) / (y * (1 - y))
            return g * dy * y * (1 - y), None

    return np.sum(np.logaddexp(0, z) - t * z), pullback


def smoothed(z, t):
    k = z.shape[1]
    q = 0.7 * np.eye(k)[t] + 0.3 / k
    return -(q * np.log(soft(z))).sum(1)


@family.wrong(
    20,
    smoothed,
    labelled,
    op="softmax_cross_entropy",
    statics={"label_smoothing": 0.3},
    argument="z",
    cause=("other_loss", "static_ignored", "sum_term_missing"),
)
def smoothing_shared_among_the_others(dout, z, t):
    k = z.shape[1]
    q = np.where(np.eye(k)[t] > 0, 0.7, 0.3 / (k - 1))
    return dout[:, None] * (soft(z) - q), None
