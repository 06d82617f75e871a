"""Pooling: the largest element, or the mean, of every window.

What each takes, returns and refuses stands with its twin in functional_nn/pooling.py.
"""

import numpy as np

from reference._checks import as_floating, quiet, require_flag
from reference._geometry import channels_last, from_channels_last, held, image, pad, pool_geometry, under, unpad


def max_pool(x, *, window, strides=None, padding="VALID", dilation=1, ceil_mode=False, layout="channels_last"):
    """The largest element of every window.

    The gradient of a window goes to its winner, the first of equals in row-major order; windows that overlap add up.
    Residuals: the padded shape; the number of the winning offset; windows; layout.
    Derivation: docs/derivations/pooling.md.
    """
    statics = {"padding": padding, "dilation": dilation, "ceil_mode": ceil_mode, "layout": layout}
    return max_pool_fwd(x, window=window, strides=strides, **statics)[0]


@quiet
def max_pool_fwd(x, *, window, strides=None, padding="VALID", dilation=1, ceil_mode=False, layout="channels_last"):
    x = image("max_pool", as_floating("max_pool", "x", x), layout)
    geometry = pool_geometry("max_pool", x.shape[1:-1], window, strides, padding, dilation, ceil_mode)
    padded, inside = pad(x, geometry.around), pad(np.ones_like(x, bool), geometry.around, False)
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
    return (from_channels_last(unpad(padded_ct, geometry.around), layout),)


def avg_pool(
    x, *, window, strides=None, padding="VALID", count_include_pad=True, ceil_mode=False, layout="channels_last"
):
    """The mean of every window.

    Every element of a window has an equal share, 1 / count, of the window's gradient; windows that overlap add up.
    Residuals: the padded shape; count; windows; layout. Derivation: docs/derivations/pooling.md.
    """
    statics = {"padding": padding, "count_include_pad": count_include_pad, "ceil_mode": ceil_mode, "layout": layout}
    return avg_pool_fwd(x, window=window, strides=strides, **statics)[0]


@quiet
def avg_pool_fwd(
    x, *, window, strides=None, padding="VALID", count_include_pad=True, ceil_mode=False, layout="channels_last"
):
    x = image("avg_pool", as_floating("avg_pool", "x", x), layout)
    require_flag("avg_pool", "count_include_pad", count_include_pad)
    geometry = pool_geometry("avg_pool", x.shape[1:-1], window, strides, padding, 1, ceil_mode)
    padded = pad(x, geometry.around)
    total = sum(padded[under(geometry, offset)] for offset in np.ndindex(geometry.window))
    count = held(geometry, x.shape[1:-1], count_include_pad).astype(x.dtype)
    return from_channels_last(total / count, layout), (padded.shape, count, geometry, layout)


@quiet
def avg_pool_bwd(residuals, cotangent):
    padded_shape, count, geometry, layout = residuals
    share = channels_last(cotangent, layout) / count
    padded_ct = np.zeros(padded_shape, share.dtype)
    for offset in np.ndindex(geometry.window):
        padded_ct[under(geometry, offset)] += share
    return (from_channels_last(unpad(padded_ct, geometry.around), layout),)
