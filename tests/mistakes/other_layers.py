"""Known mistakes in other layers: other norms, convolutions by taps, dropout, bags of words, autograd functions."""

import numpy as np

from .case import Family, normal, sized

family = Family("other_layers")

# Root-mean-square normalization over the last axis of (N, T, D).
RMS = sized(((2, 3, 5), (5,)), ((4, 6, 16), (16,)))


def rms(x, gain):
    r = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)
    return x / r * gain, (x, gain, r)


def rms_back(cache, g, through=1.0, gained=True, count=None):
    x, gain, r = cache
    d = g * gain if gained else g
    n = x / r
    dx = (d - through * n * (d * n).sum(-1, keepdims=True) / (count or x.shape[-1])) / r
    return dx, (g * n).sum(axis=(0, 1))


@family.wrong(84, rms, RMS, style="cache", cause=("centered_term_missing", "statistics_as_constants"), argument="x")
def rms_as_a_constant(g, cache):
    return rms_back(cache, g, through=0.0)


@family.wrong(80, rms, RMS, style="cache", cause="argument_factor_missing", argument="x")
def rms_gain_forgotten(g, cache):
    return rms_back(cache, g, gained=False)


@family.wrong(89, rms, RMS, style="cache", cause=("centered_term_missing", "sum_term_missing"), argument="x")
def rms_divided_by_the_steps(g, cache):
    return rms_back(cache, g, count=cache[0].shape[1])


@family.wrong(81, rms, RMS, style="cache", cause="not_normalized", argument="gain")
def gain_from_the_raw_input(g, cache):
    return rms_back(cache, g)[0], (g * cache[0]).sum(axis=(0, 1))


@family.wrong(2, rms, RMS, style="cache", cause=("not_reduced", "wrong_shape"), argument="gain")
def gain_of_each_step(g, cache):
    x, _, r = cache
    return rms_back(cache, g)[0], (g * x / r).sum(axis=0)


# A one-dimensional convolution over (N, T, C) with a stride, and a depthwise one, by loops over the taps.
TEMPORAL = sized(((2, 9, 3), (3, 3, 4)), ((4, 25, 8), (3, 8, 6)))


def temporal(x, K):
    count = (x.shape[1] - len(K)) // 2 + 1
    return sum(x[:, k : k + 2 * count : 2][:, :count] @ K[k] for k in range(len(K)))


def temporal_back(g, x, K, stride=2, add=True, turned=False, shifted=0):
    dx, dK, count = np.zeros_like(x), np.zeros_like(K), g.shape[1]
    for k in range(len(K)):
        at = slice(k, k + stride * count, stride)
        back = g @ (K[::-1] if turned else K)[k].T
        dx[:, at] = dx[:, at] + back if add else back
        dK[k] = np.einsum("ntc,ntf->cf", x[:, k + shifted : k + shifted + 2 * count : 2][:, :count], g)
    return dx, dK


@family.wrong(55, temporal, TEMPORAL, cause="overlap_dropped", argument="x")
def taps_assigned(g, x, K):
    return temporal_back(g, x, K, add=False)


@family.wrong(58, temporal, TEMPORAL, cause="flipped", argument="x")
def taps_reversed(g, x, K):
    return temporal_back(g, x, K, turned=True)


@family.wrong(56, temporal, TEMPORAL, cause="static_ignored", argument="x")
def taps_without_their_stride(g, x, K):
    return temporal_back(g, x, K, stride=1)


DEPTHWISE = sized(((2, 5, 6, 3), (2, 3, 3)), ((4, 12, 14, 8), (2, 3, 8)))


def depthwise(x, K):
    """x (N, H, W, C), a window for each channel."""
    h, w = x.shape[1] - K.shape[0] + 1, x.shape[2] - K.shape[1] + 1
    return sum(x[:, i : i + h, j : j + w] * K[i, j] for i, j in np.ndindex(K.shape[:2]))


def depthwise_back(g, x, K, read=lambda K, i, j: K[i, j], reduce=lambda a: a.sum(axis=(0, 1, 2))):
    dx, dK = np.zeros_like(x), np.zeros_like(K)
    h, w = g.shape[1:3]
    for i, j in np.ndindex(K.shape[:2]):
        dx[:, i : i + h, j : j + w] += g * read(K, i, j)
        dK[i, j] = reduce(g * x[:, i : i + h, j : j + w])
    return dx, dK


@family.wrong(58, depthwise, DEPTHWISE, cause="flipped", argument="x")
def channel_windows_rotated(g, x, K):
    return depthwise_back(g, x, K, read=lambda K, i, j: K[-1 - i, -1 - j])


@family.wrong(57, depthwise, DEPTHWISE, cause=("scaled_by_size", "scaled_by_spatial", "scaled_by_batch"), argument="K")
def channel_windows_averaged(g, x, K):
    return depthwise_back(g, x, K, reduce=lambda a: a.mean(axis=(0, 1, 2)))


@family.wrong(65, depthwise, DEPTHWISE, cause="last_sample_only", argument="K")
def channel_windows_of_one_image(g, x, K):
    return depthwise_back(g, x, K, reduce=lambda a: a[-1].sum(axis=(0, 1)))


# Dropout behind a layer, a bag of embeddings, and positions added to tokens.
def dropped(size, seed):
    n, d, k = (5, 4, 6) if size == "small" else (20, 16, 24)
    x, W = normal(seed, (n, d), (d, k))
    mask = np.arange(n * k).reshape(n, k) % 5 != 2
    return x, W, mask.astype(np.int64)


def dropped_layer(x, W, mask):
    return np.tanh(x @ W) * mask / 0.8


def dropped_back(g, x, W, mask, open_=False, scale=0.8):
    h = np.tanh(x @ W)
    dz = g * (1 if open_ else mask) / scale * (1 - h * h)
    return dz @ W.T, x.T @ dz, None


@family.wrong(96, dropped_layer, dropped, cause="mask_missing", argument="x W")
def dropped_units_learn(g, x, W, mask):
    return dropped_back(g, x, W, mask, open_=True)


@family.wrong(97, dropped_layer, dropped, cause=("scaled_by_keep_rate", "scaled", "scaled_by_static"), argument="x W")
def kept_units_not_scaled(g, x, W, mask):
    return dropped_back(g, x, W, mask, scale=1.0)


def bags(size, seed):
    rows, d, n = (6, 3, 4) if size == "small" else (20, 12, 16)
    (table,) = normal(seed, (rows, d))
    return table, (np.arange(n * 3).reshape(n, 3) * 3) % (rows - 1)


def bag(table, words):
    return table[words].mean(axis=1)


@family.wrong(100, bag, bags, cause="repeated_index_dropped", argument="table")
def repeated_words_once(g, table, words):
    d = np.zeros_like(table)
    d[words] += g[:, None] / words.shape[1]
    return d, None


@family.wrong(74, bag, bags, cause=("scaled_by_size", "scaled_by_window", "scaled"), argument="table")
def bag_not_averaged(g, table, words):
    d = np.zeros_like(table)
    np.add.at(d, words, np.repeat(g[:, None], words.shape[1], axis=1))
    return d, None


TORCH = sized(((4, 5),), ((16, 20),))


@family.whole(32, "wrong backward", "torch", TORCH, names=("x",), cause="diagonal_only", argument="x")
def torch_softmax_diagonal():
    import torch

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.softmax(x, -1)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, *grad_outputs):
            (g,), (y,) = grad_outputs, ctx.saved_tensors
            return g * y * (1 - y)

    return Softmax


@family.whole(77, "wrong backward", "torch", TORCH, names=("x",), cause=("mean_term_missing", "identity"), argument="x")
def torch_centered_without_the_mean():
    import torch

    class Centered(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x - x.mean(1, keepdim=True)

        @staticmethod
        def backward(ctx, *grad_outputs):
            return grad_outputs[0].clone()

    return Centered


GATE = sized(((4, 5), (4, 5)), ((16, 20), (16, 20)))


@family.whole(43, "wrong backward", "jax", GATE, names=("a", "b"), argument="b",
              cause=("derivative_missing", "local_factor", "argument_factor_missing"))  # fmt: skip
def jax_gate_without_its_slope():
    import jax

    @jax.custom_vjp
    def gated(a, b):
        return a * jax.nn.sigmoid(b)

    gated.defvjp(lambda a, b: (gated(a, b), (a, b)), lambda res, g: (g * jax.nn.sigmoid(res[1]), g * res[0]))
    return gated


@family.whole(
    45, "wrong backward", "jax", TORCH, names=("x",), cause=("wrong_derivative", "derivative_missing"), argument="x"
)
def jax_softplus_with_the_slope_of_tanh():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def plus(x):
        return jnp.log1p(jnp.exp(x))

    plus.defvjp(lambda x: (plus(x), x), lambda x, g: (g * (1 - jnp.tanh(x) ** 2),))
    return plus
