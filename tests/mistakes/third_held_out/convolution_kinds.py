"""Grouped, transposed, pointwise and one-dimensional convolutions, and what follows them (catalogue 55 to 67)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..case import Family, sized

family = Family("convolution")

# Signals: x (N, T, C), k (K, C, F), b (F,)
SIGNALS = sized(((3, 9, 2), (4, 2, 5), (5,)), ((10, 24, 6), (4, 6, 8), (8,)))


def causal(x, k, b):
    left = np.pad(x, ((0, 0), (len(k) - 1, 0), (0, 0)))
    return np.einsum("ntcs,scf->ntf", sliding_window_view(left, len(k), axis=1), k) + b, (left, k)


def causal_gradients(g, left, k):
    dleft = np.zeros_like(left)
    for s in range(len(k)):
        dleft[:, s : s + g.shape[1]] += g @ k[s].T
    dk = np.einsum("ntcs,ntf->scf", sliding_window_view(left, len(k), axis=1), g)
    return dleft, dk, g.sum(axis=(0, 1))


@family.wrong(60, causal, SIGNALS, style="cache", argument="x", cause="shifted")
def causal_padding_cropped_at_the_end(g, cache):
    left, k = cache
    dleft, dk, db = causal_gradients(g, left, k)
    return dleft[:, : 1 - len(k)], dk, db


@family.wrong(58, causal, SIGNALS, style="cache", argument="k", cause="flipped")
def taps_filled_from_the_other_end(g, cache):
    left, k = cache
    dleft, dk, db = causal_gradients(g, left, k)
    turned = np.zeros_like(dk)
    for s in range(len(k)):
        turned[len(k) - 1 - s] = dk[s]
    return dleft[:, len(k) - 1 :], turned, db


@family.control("", causal, SIGNALS, style="cache")
def causal_convolution(g, cache):
    left, k = cache
    dleft, dk, db = causal_gradients(g, left, k)
    return dleft[:, len(k) - 1 :], dk, db


@family.whole(55, "wrong backward", "jax", SIGNALS, names=("x", "k", "b"), argument="x", cause="overlap_dropped")
def jax_signal_set_instead_of_added():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def signal(x, k, b):
        steps = x.shape[1] - len(k) + 1
        return sum(x[:, s : s + steps] @ k[s] for s in range(len(k))) + b

    def fwd(x, k, b):
        return signal(x, k, b), (x, k)

    def bwd(res, g):
        x, k = res
        steps = g.shape[1]
        dx = jnp.zeros_like(x)
        for s in range(len(k)):
            dx = dx.at[:, s : s + steps].set(g @ k[s].T)
        dk = jnp.stack([jnp.einsum("ntc,ntf->cf", x[:, s : s + steps], g) for s in range(len(k))])
        return dx, dk, g.sum((0, 1))

    signal.defvjp(fwd, bwd)
    return signal


TORCH_SIGNALS = sized(((3, 2, 9), (5, 2, 4), (5,)), ((10, 6, 24), (8, 6, 4), (8,)))


@family.whole(
    57, "wrong backward", "torch", TORCH_SIGNALS, names=("x", "w", "b"), argument="w", cause="scaled_by_batch"
)
def torch_signal_kernel_averaged():
    import torch
    from torch.nn import functional, grad

    class Signal(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b):
            ctx.save_for_backward(x, w)
            return functional.conv1d(x, w, b)

        @staticmethod
        def backward(ctx, *grad_outputs):
            (g,) = grad_outputs
            x, w = ctx.saved_tensors
            gx = grad.conv1d_input(x.shape, w, g)
            gw = grad.conv1d_weight(x, w.shape, g) / x.shape[0]
            return gx, gw, g.sum(dim=(0, 2))

    return Signal


# Two groups over the channels of a signal: x (N, T, 2C), k (2, K, C, F)
GROUPS = sized(((3, 8, 4), (2, 3, 2, 5)), ((10, 24, 8), (2, 3, 4, 6)))


def in_groups(x, k):
    halves = np.split(x, 2, axis=2)
    outs = [
        np.einsum("ntcs,scf->ntf", sliding_window_view(h, k.shape[1], 1), w) for h, w in zip(halves, k, strict=True)
    ]
    return np.concatenate(outs, axis=2), (halves, k)


def back_in_groups(g, cache, inputs=(0, 1), kernels=(0, 1)):
    halves, k = cache
    dxs, dks = [], []
    for group, error in enumerate(np.split(g, 2, axis=2)):
        w, seen = k[kernels[group]], halves[inputs[group]]
        dx = np.zeros_like(seen)
        for s in range(len(w)):
            dx[:, s : s + error.shape[1]] += error @ w[s].T
        dxs.append(dx)
        dks.append(np.einsum("ntcs,ntf->scf", sliding_window_view(seen, len(w), 1), error))
    return np.concatenate(dxs, axis=2), np.stack(dks)


@family.wrong(63, in_groups, GROUPS, style="cache", argument="k", cause="groups_mixed")
def each_group_sees_the_first_channels(g, cache):
    return back_in_groups(g, cache, inputs=(0, 0))


@family.wrong(63, in_groups, GROUPS, style="cache", argument="x", cause="groups_mixed")
def groups_use_each_others_kernels(g, cache):
    return back_in_groups(g, cache, kernels=(1, 0))


@family.control("", in_groups, GROUPS, style="cache")
def signal_in_groups(g, cache):
    return back_in_groups(g, cache)


# Pointwise: x (N, H, W, C), w (C, F) with C = F, followed by a ReLU.
POINTWISE = sized(((2, 3, 5, 4), (4, 4), (4,)), ((6, 8, 10, 12), (12, 12), (12,)))


@family.whole(67, "wrong backward", "vjp", POINTWISE, argument="x", cause="not_transposed")
def pointwise_mixes_the_wrong_channels(x, w, b):
    def pullback(g):
        return np.tensordot(g, w, axes=(3, 0)), np.einsum("nhwc,nhwf->cf", x, g), g.sum((0, 1, 2))

    return np.tensordot(x, w, axes=(3, 0)) + b, pullback


@family.whole(43, "wrong backward", "vjp", POINTWISE, argument="x w b", cause=("derivative_missing", "mask_missing"))
def rectified_pointwise_without_its_mask(x, w, b):
    out = np.maximum(np.tensordot(x, w, axes=(3, 0)) + b, 0)

    def pullback(g):
        return np.tensordot(g, w, axes=(3, 1)), np.einsum("nhwc,nhwf->cf", x, g), g.sum((0, 1, 2))

    return out, pullback


@family.whole(57, "wrong backward", "vjp", POINTWISE, argument="x w b", cause="scaled_by_spatial")
def averaged_map_sent_back_whole(x, w, b):
    """A pointwise convolution and the mean of each map: the backward forgets the mean's factor."""

    def pullback(g):
        everywhere = np.broadcast_to(g[:, None, None, :], (*x.shape[:3], len(b)))
        dw = np.tensordot(x, everywhere, axes=((0, 1, 2), (0, 1, 2)))
        return np.tensordot(everywhere, w, axes=(3, 1)), dw, everywhere.sum(axis=(0, 1, 2))

    return (np.tensordot(x, w, axes=(3, 0)) + b).mean(axis=(1, 2)), pullback


# Unrolled images: columns in the order (KH, KW, C), the kernel in the order (F, C, KH, KW).
UNROLLED = sized(((2, 6, 7, 4), (5, 4, 3, 2)), ((6, 12, 13, 8), (10, 8, 3, 2)))


def by_columns(x, w):
    windows = sliding_window_view(x, w.shape[2:], axis=(1, 2))
    n, rows, cols = windows.shape[:3]
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(n * rows * cols, -1)
    out = columns @ w.transpose(2, 3, 1, 0).reshape(-1, len(w))
    return out.reshape(n, rows, cols, -1), (x, w, columns)


def column_gradients(g, cache):
    x, w, columns = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(w.shape[2:]):
        dx[:, i : i + g.shape[1], j : j + g.shape[2]] += g @ w[:, :, i, j]
    return dx, columns.T @ g.reshape(-1, len(w))


@family.wrong(66, by_columns, UNROLLED, style="cache", argument="w", cause="reordered")
def columns_reshaped_without_a_transpose(g, cache):
    dx, flat = column_gradients(g, cache)
    return dx, flat.T.reshape(cache[1].shape)


# A transposed convolution: x (N, T, C), k (K, C, F), two steps apart, with C = F.
STRETCHED = sized(((3, 4, 5), (2, 5, 5)), ((8, 10, 12), (2, 12, 12)))


def stretched(x, k):
    out = np.zeros((len(x), 2 * x.shape[1], k.shape[2]))
    for s in range(2):
        out[:, s::2] = x @ k[s]
    return out


@family.wrong(5, stretched, STRETCHED, argument="k", cause=("axes_permuted", "transposed"))
def stretched_kernel_with_channels_exchanged(g, x, k):
    dx = sum(g[:, s::2] @ k[s].T for s in range(2))
    return dx, np.stack([np.einsum("ntf,ntc->fc", g[:, s::2], x) for s in range(2)])


@family.wrong(56, stretched, STRETCHED, argument="x", cause="static_ignored")
def stretched_signal_read_step_by_step(g, x, k):
    steps = x.shape[1]
    dx = sum(g[:, s : s + steps] @ k[s].T for s in range(2))
    return dx, np.stack([np.einsum("ntc,ntf->cf", x, g[:, s::2]) for s in range(2)])
