"""Pooling: the largest element, or the mean, of every window."""

import numpy as np

from reference._checks import as_floating, quiet, require_flag
from reference._geometry import channels_last, from_channels_last, image, pad, pool_geometry, under, unpad


def max_pool(x, *, window, strides=None, padding="VALID", dilation=1, layout="channels_last"):
    """The largest element of every window.

    out[n, p, c] = max over offsets k of x[n, p * strides + k * dilation - low, c], over the elements inside x: padding
    never wins. A NaN in a window is its maximum.

    At a tie the whole gradient goes to the window's first largest element in row-major order, as in PyTorch: one
    subgradient, the same on every machine, and as sparse as without a tie.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; a floating dtype.
        window: the size of the window, an int or one a spatial dimension.
        strides: how far the window moves, an int or one a spatial dimension; None means the window, without overlap.
        padding: "VALID" (none), "SAME" (ceil(size / strides) windows), an int, one int or (low, high) pair a dimension.
        dilation: the distance between neighbours inside the window, an int or one a spatial dimension.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *windows, channels), or (batch, channels, *windows); the dtype of x.

    Raises:
        TypeError: x is not a floating array, or a static is not made of ints.
        ValueError: a static is out of range, the window does not fit, or some window lies in the padding alone.

    References:
        Saito, Deep Learning from Scratch, section 7.3; docs/derivations/pooling.md.
    """
    statics = {"strides": strides, "padding": padding, "dilation": dilation, "layout": layout}
    return max_pool_fwd(x, window=window, **statics)[0]


@quiet
def max_pool_fwd(x, *, window, strides=None, padding="VALID", dilation=1, layout="channels_last"):
    x = image("max_pool", as_floating("max_pool", "x", x), layout)
    geometry, _ = pool_geometry("max_pool", x.shape[1:-1], window, strides, padding, dilation)
    padded, inside = pad(x, geometry.padding), pad(np.ones_like(x, bool), geometry.padding, False)
    out = np.full((len(x), *geometry.counts, x.shape[-1]), -np.inf, x.dtype)
    winner = np.full(out.shape, -1)
    for number, offset in enumerate(np.ndindex(geometry.window)):
        patch = padded[under(geometry, offset)]
        larger = (patch > out) | (np.isnan(patch) & ~np.isnan(out))
        wins = inside[under(geometry, offset)] & (larger | (winner == -1))
        out, winner = np.where(wins, patch, out), np.where(wins, number, winner)
    return from_channels_last(out, layout), (padded.shape, winner, geometry, layout)


@quiet
def max_pool_bwd(residuals, cotangent):
    padded_shape, winner, geometry, layout = residuals
    out_ct = channels_last(cotangent, layout)
    padded_ct = np.zeros(padded_shape, out_ct.dtype)
    for number, offset in enumerate(np.ndindex(geometry.window)):
        padded_ct[under(geometry, offset)] += np.where(winner == number, out_ct, 0)
    return (from_channels_last(unpad(padded_ct, geometry.padding), layout),)


def avg_pool(x, *, window, strides=None, padding="VALID", count_include_pad=True, layout="channels_last"):
    """The mean of every window.

    out[n, p, c] = (sum over offsets k of x[n, p * strides + k - low, c]) / count, where x is 0 in the padding and
    count is the number of elements of the window: all of them, or only those inside x if count_include_pad is False.

    Nothing but a sum and a quotient: as stable as the sum. 16-bit elements are summed in 16 bits.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; a floating dtype.
        window: the size of the window, an int or one a spatial dimension.
        strides: how far the window moves, an int or one a spatial dimension; None means the window, without overlap.
        padding: "VALID" (none), "SAME" (ceil(size / strides) windows), an int, one int or (low, high) pair a dimension.
        count_include_pad: whether padding counts as elements that are 0.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *windows, channels), or (batch, channels, *windows); the dtype of x.

    Raises:
        TypeError: x is not a floating array, or a static is not made of ints.
        ValueError: a static is out of range, the window does not fit, or some window lies in the padding alone.

    References:
        Saito, Deep Learning from Scratch, section 7.3; docs/derivations/pooling.md.
    """
    statics = {"strides": strides, "padding": padding, "count_include_pad": count_include_pad, "layout": layout}
    return avg_pool_fwd(x, window=window, **statics)[0]


@quiet
def avg_pool_fwd(x, *, window, strides=None, padding="VALID", count_include_pad=True, layout="channels_last"):
    x = image("avg_pool", as_floating("avg_pool", "x", x), layout)
    require_flag("avg_pool", "count_include_pad", count_include_pad)
    geometry, held = pool_geometry("avg_pool", x.shape[1:-1], window, strides, padding)
    padded = pad(x, geometry.padding)
    total = sum(padded[under(geometry, offset)] for offset in np.ndindex(geometry.window))
    count = np.asarray(np.prod(geometry.window) if count_include_pad else held).astype(x.dtype)
    return from_channels_last(total / count, layout), (padded.shape, count, geometry, layout)


@quiet
def avg_pool_bwd(residuals, cotangent):
    padded_shape, count, geometry, layout = residuals
    share = channels_last(cotangent, layout) / count
    padded_ct = np.zeros(padded_shape, share.dtype)
    for offset in np.ndindex(geometry.window):
        padded_ct[under(geometry, offset)] += share
    return (from_channels_last(unpad(padded_ct, geometry.padding), layout),)
