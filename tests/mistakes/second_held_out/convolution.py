"""mistakes in convolution of images (catalogue 55 to 58, 60, 61, 63 to 66)."""

import numpy as np

from ..case import Family, normal

family = Family("convolution")


# As in the course: x (N, C, H, W), w (F, C, HH, WW), b (F,), stride 2, pad 1.
def course(size, seed):
    if size == "small":
        return normal(seed, (2, 2, 5, 7), (3, 2, 3, 3), (3,))
    return normal(seed, (4, 3, 11, 13), (8, 3, 3, 3), (8,))


STRIDE, PAD = 2, 1


def padded(x):
    return np.pad(x, ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD)))


def conv_forward_naive(x, w, b):
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    out = np.zeros((N, F, 1 + (H + 2 * PAD - HH) // STRIDE, 1 + (W + 2 * PAD - WW) // STRIDE))
    xp = padded(x)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = xp[:, :, i * STRIDE : i * STRIDE + HH, j * STRIDE : j * STRIDE + WW]
            out[:, :, i, j] = np.tensordot(window, w, axes=((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w, b)


@family.wrong(55, conv_forward_naive, course, style="cache", argument="x", cause="overlap_dropped")
def naive_windows_assigned(dout, cache):
    x, w, b = cache
    HH, WW = w.shape[2:]
    xp = padded(x)
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, columns = slice(i * STRIDE, i * STRIDE + HH), slice(j * STRIDE, j * STRIDE + WW)
            dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], xp[:, :, rows, columns])
            dxp[:, :, rows, columns] = np.einsum("nf,fchw->nchw", dout[:, :, i, j], w)
    return dxp[:, :, PAD:-PAD, PAD:-PAD], dw, dout.sum(axis=(0, 2, 3))


@family.wrong(56, conv_forward_naive, course, style="cache", argument="x w", cause="static_ignored")
def naive_slices_without_the_stride(dout, cache):
    x, w, b = cache
    N, F, OH, OW = dout.shape
    HH, WW = w.shape[2:]
    xp = padded(x)
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    dw[f] += xp[n, :, i : i + HH, j : j + WW] * dout[n, f, i, j]
                    dxp[n, :, i : i + HH, j : j + WW] += w[f] * dout[n, f, i, j]
    return dxp[:, :, PAD:-PAD, PAD:-PAD], dw, dout.sum(axis=(0, 2, 3))


@family.wrong(60, conv_forward_naive, course, style="cache", argument="x", cause="shifted")
def naive_pad_cropped_at_the_end(dout, cache):
    x, w, b = cache
    HH, WW = w.shape[2:]
    xp = padded(x)
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            hs, ws = i * STRIDE, j * STRIDE
            dxp[:, :, hs : hs + HH, ws : ws + WW] += np.tensordot(dout[:, :, i, j], w, axes=1)
            dw += np.tensordot(dout[:, :, i, j], xp[:, :, hs : hs + HH, ws : ws + WW], axes=(0, 0))
    return dxp[:, :, : x.shape[2], : x.shape[3]], dw, dout.sum(axis=(0, 2, 3))


@family.wrong(
    65, conv_forward_naive, course, style="cache", argument="w", cause=("last_sample_only", "samples_missing")
)
def naive_kernel_assigned_for_each_image(dout, cache):
    x, w, b = cache
    HH, WW = w.shape[2:]
    xp, dw = padded(x), np.zeros_like(w)
    dxp = np.zeros_like(xp)
    for n, up in enumerate(dout):
        image = np.zeros_like(w)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                hs, ws = i * STRIDE, j * STRIDE
                image += up[:, i, j, None, None, None] * xp[n, :, hs : hs + HH, ws : ws + WW]
                dxp[n, :, hs : hs + HH, ws : ws + WW] += np.tensordot(up[:, i, j], w, axes=1)
        dw = image
    return dxp[:, :, PAD:-PAD, PAD:-PAD], dw, dout.sum(axis=(0, 2, 3))


# As in frameworks that keep channels last: x (N, H, W, C), k (KH, KW, C, F), bias (F,), stride 1.
def channels_last(size, seed):
    if size == "small":
        return normal(seed, (2, 5, 6, 2), (3, 3, 2, 4), (4,))
    return normal(seed, (4, 12, 13, 3), (3, 3, 3, 8), (8,))


def patches(x, kh, kw):
    return np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))


def conv2d(x, k, bias):
    return np.einsum("nijcab,abcf->nijf", patches(x, *k.shape[:2]), k) + bias


def spread(g, k):
    """The gradient of conv2d by its input."""
    kh, kw = k.shape[:2]
    around = np.pad(g, ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
    return np.einsum("nijfab,abcf->nijc", patches(around, kh, kw), k[::-1, ::-1])


def gather(g, x, k):
    return np.einsum("nijcab,nijf->abcf", patches(x, *k.shape[:2]), g)


@family.wrong(57, conv2d, channels_last, argument="k", cause="scaled_by_spatial")
def kernel_gradient_over_the_number_of_positions(g, x, k, bias):
    positions = g.shape[1] * g.shape[2]
    return spread(g, k), gather(g, x, k) / positions, g.sum(axis=(0, 1, 2))


@family.wrong(57, conv2d, channels_last, argument="bias", cause="mean_instead_of_sum")
def bias_gradient_averaged_over_all_but_channels(g, x, k, bias):
    return spread(g, k), gather(g, x, k), np.mean(g, axis=(0, 1, 2))


@family.wrong(58, conv2d, channels_last, argument="k", cause="flipped")
def kernel_gradient_rotated_as_well(g, x, k, bias):
    dk = np.rot90(gather(g, x, k), 2, axes=(0, 1))
    return spread(g, k), dk, g.sum(axis=(0, 1, 2))


@family.wrong(64, conv2d, channels_last, argument="bias", cause=("not_reduced", "wrong_shape"))
def bias_gradient_of_every_position(g, x, k, bias):
    return spread(g, k), gather(g, x, k), g.sum(axis=0)


@family.wrong(66, conv2d, channels_last, argument="k", cause="axes_permuted")
def kernel_gradient_width_before_height(g, x, k, bias):
    dk = np.einsum("nijcab,nijf->bacf", patches(x, *k.shape[:2]), g)
    return spread(g, k), dk, g.sum(axis=(0, 1, 2))


@family.whole(58, "wrong backward", "vjp", channels_last, argument="x", cause="flipped")
def input_gradient_by_the_kernel_as_it_is(x, k, bias):
    def pullback(g):
        kh, kw = k.shape[:2]
        around = np.pad(g, ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
        dx = np.einsum("nijfab,abcf->nijc", patches(around, kh, kw), k)
        return dx, gather(g, x, k), g.sum(axis=(0, 1, 2))

    return conv2d(x, k, bias), pullback


# Channels first with as many columns as filters, where the wrong axes of the bias go unnoticed.
def as_wide_as_deep(size, seed):
    if size == "small":
        return normal(seed, (2, 2, 4, 5), (4, 2, 2, 2), (4,))
    return normal(seed, (4, 3, 7, 9), (8, 3, 2, 2), (8,))


def windows_first(x, w, b):
    view = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,fcij->nfhw", view, w) + b[:, None, None], (view, w, x.shape)


@family.wrong(64, windows_first, as_wide_as_deep, style="rule", argument="b", cause="reduced_over_wrong_axis")
def bias_summed_as_if_channels_came_last(saved, g):
    view, w, shape = saved
    dx = np.zeros(shape)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            dx[:, :, i : i + g.shape[2], j : j + g.shape[3]] += np.einsum("nfhw,fc->nchw", g, w[:, :, i, j])
    return dx, np.einsum("nchwij,nfhw->fcij", view, g), g.sum(axis=(0, 1, 2))


# Non-overlapping patches, as a vision transformer cuts them.
def images_and_projection(size, seed):
    return normal(seed, (2, 4, 9, 2), (18, 5)) if size == "small" else normal(seed, (4, 13, 18, 3), (27, 32))


def patchify(images, projection, p=3):
    n, h, w, c = images.shape
    rows, columns = h // p, w // p
    cut = images[:, : rows * p, : columns * p]
    cut = cut.reshape(n, rows, p, columns, p, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, rows * columns, p * p * c)
    return cut @ projection, (images.shape, cut, projection, p)


@family.wrong(
    61, patchify, images_and_projection, names=("images", "projection"), style="cache", argument="images",
    cause="wrong_shape",
)  # fmt: skip
def remainder_of_the_image_forgotten(dout, cache):
    (n, h, w, c), cut, projection, p = cache
    dcut = (dout @ projection.T).reshape(n, h // p, w // p, p, p, c).transpose(0, 1, 3, 2, 4, 5)
    return dcut.reshape(n, h // p * p, w // p * p, c), np.einsum("npk,npd->kd", cut, dout)


@family.wrong(
    61,
    patchify,
    images_and_projection,
    names=("images", "projection"),
    style="cache",
    argument="images",
    cause="entries_not_written",
)
def last_column_of_patches_not_written(dout, cache):
    (n, h, w, c), cut, projection, p = cache
    dcut = (dout @ projection.T).reshape(n, h // p, w // p, p, p, c)
    dimages = np.zeros((n, h, w, c))
    for i in range(h // p):
        for j, left in enumerate(range(0, w - p, p)):
            dimages[:, i * p : i * p + p, left : left + p] = dcut[:, i, j]
    return dimages, np.einsum("npk,npd->kd", cut, dout)
