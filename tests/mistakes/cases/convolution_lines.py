"""Convolution along one axis, around a circle, by single pixels, by Fourier."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("convolution")

# A circle: x (N, T), w (K,)
CIRCLES = sized(((3, 7), (3,)), ((12, 16), (5,)))


def around(x, w):
    return sum(np.roll(x, s, axis=1) * w[s] for s in range(len(w)))


@family.wrong(104, around, CIRCLES, argument="w", cause="shifted")
def circle_weights_one_step_late(g, x, w):
    dx = sum(np.roll(g, -s, axis=1) * w[s] for s in range(len(w)))
    return dx, np.array([(g * np.roll(x, s + 1, axis=1)).sum() for s in range(len(w))])


# Twice as long: every entry, and the middle between neighbours.
SIGNAL = sized(((3, 6, 2),), ((8, 15, 6),))


def between(x):
    y = np.zeros((len(x), 2 * x.shape[1] - 1, x.shape[2]))
    y[:, ::2] = x
    y[:, 1::2] = (x[:, :-1] + x[:, 1:]) / 2
    return y


@family.wrong(74, between, SIGNAL, argument="x", cause="scaled_by_constant")
def middles_send_all_to_both(g, x):
    dx = g[:, ::2].copy()
    dx[:, :-1] += g[:, 1::2]
    dx[:, 1:] += g[:, 1::2]
    return dx


@family.wrong(12, between, SIGNAL, argument="x", cause="term_missing")
def middles_forgotten(g, x):
    return g[:, ::2].copy()


# Signals: x (N, T, C), k (K, C, F), b (F,)
SIGNALS = sized(((3, 9, 2), (4, 2, 5), (5,)), ((10, 24, 6), (4, 6, 8), (8,)))


@family.whole(55, "wrong backward", "jax", SIGNALS, names=("x", "k", "b"), argument="x", cause="not_accumulated")
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
    57, "wrong backward", "torch", TORCH_SIGNALS, names=("x", "w", "b"), argument="w", cause="scaled_by_count"
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


# Pointwise: x (N, H, W, C), w (C, F) with C = F, followed by a ReLU.
POINTWISE = sized(((2, 3, 5, 4), (4, 4), (4,)), ((6, 8, 10, 12), (12, 12), (12,)))


@family.whole(67, "wrong backward", "vjp", POINTWISE, argument="x", cause="transposed")
def pointwise_mixes_the_wrong_channels(x, w, b):
    def pullback(g):
        return np.tensordot(g, w, axes=(3, 0)), np.einsum("nhwc,nhwf->cf", x, g), g.sum((0, 1, 2))

    return np.tensordot(x, w, axes=(3, 0)) + b, pullback


@family.whole(43, "wrong backward", "vjp", POINTWISE, argument="x w b", cause="derivative_missing")
def rectified_pointwise_without_its_mask(x, w, b):
    out = np.maximum(np.tensordot(x, w, axes=(3, 0)) + b, 0)

    def pullback(g):
        return np.tensordot(g, w, axes=(3, 1)), np.einsum("nhwc,nhwf->cf", x, g), g.sum((0, 1, 2))

    return out, pullback


def separable(x, depth, point):
    """A 3x3 kernel a channel without padding, then a mix of the channels."""
    rows, columns = x.shape[2] - 2, x.shape[3] - 2
    d = sum(x[:, :, i : i + rows, j : j + columns] * depth[:, i, j, None, None] for i, j in np.ndindex(3, 3))
    return np.einsum("nchw,fc->nfhw", d, point), (x, depth, point, d)


separate = partial(
    family.wrong,
    forward=separable,
    inputs=sized(((2, 3, 6, 5), (3, 3, 3), (4, 3)), ((4, 8, 12, 11), (8, 3, 3), (12, 8))),
    style="rule",
    names=("x", "depth", "point"),
)


def separable_backward(residuals, cotangent, mixed=None, turn=False):
    x, depth, point, d = residuals
    dd = np.einsum("nfhw,fc->nchw", cotangent, point)
    dx, ddepth, (rows, columns) = np.zeros_like(x), np.zeros_like(depth), dd.shape[2:]
    for i, j in np.ndindex(3, 3):
        at = np.s_[:, :, i : i + rows, j : j + columns]
        tap = depth[:, j, i] if turn else depth[:, i, j]
        dx[at] += dd * tap[:, None, None]
        ddepth[:, i, j] = (x[at] * dd).sum(axis=(0, 2, 3))
    return dx, ddepth, np.einsum("nfhw,nchw->fc", cotangent, d if mixed is None else mixed)


@separate(13, cause="wrong_operand", argument="point")
def pointwise_kernel_by_the_first_input(residuals, cotangent):
    return separable_backward(residuals, cotangent, mixed=residuals[0][:, :, 1:-1, 1:-1])


@separate(58, cause="transposed", argument="x")
def depthwise_taps_read_by_columns(residuals, cotangent):
    return separable_backward(residuals, cotangent, turn=True)


def by_fourier(x, w):
    size = x.shape[2:]
    X, W = np.fft.rfft2(x), np.fft.rfft2(w, s=size)
    y = np.fft.irfft2(np.einsum("nchw,fchw->nfhw", X, W.conj()), s=size)
    return y[:, :, : size[0] - w.shape[2] + 1, : size[1] - w.shape[3] + 1], (X, W, size, w.shape[2:])


@family.control(
    "",
    by_fourier,
    sized(((2, 3, 6, 5), (4, 3, 3, 2)), ((4, 6, 14, 12), (8, 6, 3, 3))),
    op="conv",
    statics={"layout": "channels_first"},
    style="rule",
)
def by_fourier_backward(residuals, g):
    X, W, size, (kh, kw) = residuals
    G = np.fft.rfft2(g, s=size)
    dx = np.fft.irfft2(np.einsum("nfhw,fchw->nchw", G, W), s=size)
    dw = np.fft.irfft2(np.einsum("nfhw,nchw->fchw", G.conj(), X), s=size)
    return dx, dw[:, :, :kh, :kw]
