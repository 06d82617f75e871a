"""Normalization: shift and scale to mean 0 and variance 1, then by learned amounts.

What each takes, returns and refuses stands with its twin in functional_nn/normalization.py.
"""

import math
from operator import index

import numpy as np

from reference._checks import as_floating, as_number, quiet, require, require_hashable, require_ints

LAYOUTS = ("channels_last", "channels_first")


def batch_norm(x, scale, bias, *, axis=-1, epsilon=1e-5):
    """Batch normalization by the batch's own statistics, one mean and one variance per channel.

    y = scale s + bias with s = (x - mean) r and r = 1 / sqrt(variance + epsilon). With g = scale y_ct, and every mean
    taken over all axes but `axis`, x_ct = r (g - mean(g) - s mean(g s)): x reaches y directly, through the mean and
    through the variance. Cotangents of the two statistics add mean_ct / N and variance_ct 2 (x - mean) / N.
    Residuals: x - mean; r; scale; and the dtypes of bias and x. Derivation: docs/derivations/normalization.md.
    """
    return batch_norm_fwd(x, scale, bias, axis=axis, epsilon=epsilon)[0]


@quiet
def batch_norm_fwd(x, scale, bias, *, axis=-1, epsilon=1e-5):
    x, scale, bias = _floating("batch_norm", x=x, scale=scale, bias=bias)
    channels = _axes("batch_norm", x, axis)
    kept = _check("batch_norm", channels, x=x, scale=scale, bias=bias)
    epsilon = _epsilon("batch_norm", epsilon)
    others = tuple(i for i in range(x.ndim) if i not in channels)
    _check_count("batch_norm", x, others)
    dtype = np.result_type(x, scale, bias)
    centred, mean, variance = _moments(x.astype(dtype), others)
    inverse_std = 1 / np.sqrt(variance + epsilon)
    y = centred * inverse_std * scale.reshape(kept) + bias.reshape(kept)
    out = (y.astype(dtype), mean.reshape(scale.shape).astype(dtype), variance.reshape(scale.shape).astype(dtype))
    return out, (centred, inverse_std, scale, others, bias.dtype, x.dtype)


@quiet
def batch_norm_bwd(residuals, cotangent):
    centred, inverse_std, scale, others, bias_dtype, x_dtype = residuals
    y_ct, mean_ct, variance_ct = cotangent
    kept, count = inverse_std.shape, math.prod(centred.shape[i] for i in others)
    standard = centred * inverse_std
    scale_ct = np.sum(y_ct * standard, others)
    bias_ct = np.sum(y_ct, others)
    standard_ct = y_ct * scale.reshape(kept)
    through_mean = np.mean(standard_ct, others, keepdims=True)
    through_variance = standard * np.mean(standard_ct * standard, others, keepdims=True)
    x_ct = inverse_std * (standard_ct - through_mean - through_variance)
    x_ct = x_ct + mean_ct.reshape(kept) / count + variance_ct.reshape(kept) * centred * 2 / count
    return x_ct.astype(x_dtype), scale_ct.astype(scale.dtype), bias_ct.astype(bias_dtype)


def batch_norm_inference(x, scale, bias, mean, variance, *, axis=-1, epsilon=1e-5):
    """Batch normalization by given statistics, those gathered in training: an affine map per channel.

    y = scale (x - mean) r + bias with r = 1 / sqrt(variance + epsilon), and dr/d(variance) = -r^3 / 2. The statistics
    do not depend on x, so that x_ct = scale r y_ct; the others' cotangents are sums over all axes but `axis`.
    Residuals: x - mean; r; scale; and the axes, shapes and dtypes. Derivation: docs/derivations/normalization.md.
    """
    return batch_norm_inference_fwd(x, scale, bias, mean, variance, axis=axis, epsilon=epsilon)[0]


@quiet
def batch_norm_inference_fwd(x, scale, bias, mean, variance, *, axis=-1, epsilon=1e-5):
    op, named = "batch_norm_inference", {"x": x, "scale": scale, "bias": bias, "mean": mean, "variance": variance}
    x, scale, bias, mean, variance = arrays = _floating(op, **named)
    channels = _axes(op, x, axis)
    kept = _check(op, channels, **dict(zip(named, arrays, strict=True)))
    others = tuple(i for i in range(x.ndim) if i not in channels)
    dtype = np.result_type(*arrays)
    centred = x.astype(dtype) - mean.reshape(kept)
    inverse_std = 1 / np.sqrt(variance.astype(dtype) + _epsilon(op, epsilon))
    y = centred * (inverse_std * scale).reshape(kept) + bias.reshape(kept)
    dtypes = tuple(array.dtype for array in arrays)
    return y.astype(dtype), (centred, inverse_std, scale, others, kept, dtypes)


@quiet
def batch_norm_inference_bwd(residuals, cotangent):
    centred, inverse_std, scale, others, kept, dtypes = residuals
    x_ct = cotangent * (inverse_std * scale).reshape(kept)
    scale_ct = inverse_std * np.sum(cotangent * centred, others)
    bias_ct = np.sum(cotangent, others)
    mean_ct = -scale * inverse_std * bias_ct
    variance_ct = -scale * inverse_std * scale_ct * inverse_std / 2
    cotangents = (x_ct, scale_ct, bias_ct, mean_ct, variance_ct)
    return tuple(np.asarray(value, dtype) for value, dtype in zip(cotangents, dtypes, strict=True))


def layer_norm(x, scale, bias, *, axis=-1, epsilon=1e-5):
    """Layer normalization: each example by its own mean and variance over the axes in `axis`.

    y = scale s + bias with s = (x - mean) r and r = 1 / sqrt(variance + epsilon). With g = scale y_ct, and every mean
    taken over `axis`, x_ct = r (g - mean(g) - s mean(g s)).
    Residuals: x - mean; r; scale; and the dtypes of bias and x. Derivation: docs/derivations/normalization.md.
    """
    return layer_norm_fwd(x, scale, bias, axis=axis, epsilon=epsilon)[0]


@quiet
def layer_norm_fwd(x, scale, bias, *, axis=-1, epsilon=1e-5):
    x, scale, bias = _floating("layer_norm", x=x, scale=scale, bias=bias)
    axes = _axes("layer_norm", x, axis)
    normalized = _check("layer_norm", axes, x=x, scale=scale, bias=bias)
    epsilon = _epsilon("layer_norm", epsilon)
    _check_count("layer_norm", x, axes)
    dtype = np.result_type(x, scale, bias)
    centred, _, variance = _moments(x.astype(dtype), axes)
    inverse_std = 1 / np.sqrt(variance + epsilon)
    y = centred * inverse_std * scale.reshape(normalized) + bias.reshape(normalized)
    return y.astype(dtype), (centred, inverse_std, scale, axes, bias.dtype, x.dtype)


@quiet
def layer_norm_bwd(residuals, cotangent):
    centred, inverse_std, scale, axes, bias_dtype, x_dtype = residuals
    others = tuple(i for i in range(centred.ndim) if i not in axes)
    normalized = tuple(size if i in axes else 1 for i, size in enumerate(centred.shape))
    standard = centred * inverse_std
    scale_ct = np.sum(cotangent * standard, others)
    bias_ct = np.sum(cotangent, others)
    standard_ct = cotangent * scale.reshape(normalized)
    through_mean = np.mean(standard_ct, axes, keepdims=True)
    through_variance = standard * np.mean(standard_ct * standard, axes, keepdims=True)
    x_ct = inverse_std * (standard_ct - through_mean - through_variance)
    return x_ct.astype(x_dtype), scale_ct.astype(scale.dtype), bias_ct.astype(bias_dtype)


def rms_norm(x, scale, *, axis=-1, epsilon=1e-6):
    """RMS normalization: each example divided by the root of its mean square over the axes in `axis`.

    y = scale s with s = x r and r = 1 / sqrt(mean(x^2) + epsilon). With g = scale y_ct, and every mean taken over
    `axis`, x_ct = r (g - s mean(g s)): x reaches y directly and through the root. All in float32 at least.
    Residuals: x; r; scale; the axes; and the dtype of x. Derivation: docs/derivations/normalization.md.
    """
    return rms_norm_fwd(x, scale, axis=axis, epsilon=epsilon)[0]


@quiet
def rms_norm_fwd(x, scale, *, axis=-1, epsilon=1e-6):
    x, scale = _floating("rms_norm", x=x, scale=scale)
    axes = _axes("rms_norm", x, axis)
    normalized = _check("rms_norm", axes, x=x, scale=scale)
    epsilon = _epsilon("rms_norm", epsilon)
    _check_count("rms_norm", x, axes)
    dtype = np.result_type(x, scale)
    wide = x.astype(np.promote_types(dtype, np.float32))
    inverse_rms = 1 / np.sqrt(np.mean(wide**2, axes, keepdims=True) + epsilon)
    y = wide * inverse_rms * scale.reshape(normalized)
    return y.astype(dtype), (wide, inverse_rms, scale, axes, x.dtype)


@quiet
def rms_norm_bwd(residuals, cotangent):
    x, inverse_rms, scale, axes, x_dtype = residuals
    others = tuple(i for i in range(x.ndim) if i not in axes)
    normalized = tuple(size if i in axes else 1 for i, size in enumerate(x.shape))
    standard = x * inverse_rms
    scale_ct = np.sum(cotangent * standard, others)
    standard_ct = cotangent * scale.reshape(normalized)
    through_root = standard * np.mean(standard_ct * standard, axes, keepdims=True)
    x_ct = inverse_rms * (standard_ct - through_root)
    return x_ct.astype(x_dtype), scale_ct.astype(scale.dtype)


def group_norm(x, scale, bias, *, groups, layout="channels_last", epsilon=1e-5):
    """Group normalization: each example by the mean and variance of each group of its channels, at all positions.

    With the channels as (groups, members) and the positions as one axis it is layer_norm over members and positions:
    x_ct = r (g - mean(g) - s mean(g s)), with g = scale y_ct and one scale a channel, that is, a group and a member.
    Residuals: x - mean; r; scale; the axes of channels and of one group; and the dtypes of bias and x.
    Derivation: docs/derivations/normalization.md.
    """
    return group_norm_fwd(x, scale, bias, groups=groups, layout=layout, epsilon=epsilon)[0]


@quiet
def group_norm_fwd(x, scale, bias, *, groups, layout="channels_last", epsilon=1e-5):
    x, scale, bias = _floating("group_norm", x=x, scale=scale, bias=bias)
    split, channels, axes = _groups(groups, layout, x=x, scale=scale, bias=bias)
    kept = tuple(size if i in channels else 1 for i, size in enumerate(split))
    epsilon = _epsilon("group_norm", epsilon)
    dtype = np.result_type(x, scale, bias)
    centred, _, variance = _moments(x.astype(dtype).reshape(split), axes)
    inverse_std = 1 / np.sqrt(variance + epsilon)
    y = centred * inverse_std * scale.reshape(kept) + bias.reshape(kept)
    return y.reshape(x.shape).astype(dtype), (centred, inverse_std, scale, channels, axes, bias.dtype, x.dtype)


@quiet
def group_norm_bwd(residuals, cotangent):
    centred, inverse_std, scale, channels, axes, bias_dtype, x_dtype = residuals
    y_ct = cotangent.reshape(centred.shape)
    others = tuple(i for i in range(4) if i not in channels)
    kept = tuple(size if i in channels else 1 for i, size in enumerate(centred.shape))
    standard = centred * inverse_std
    scale_ct = np.sum(y_ct * standard, others).reshape(scale.shape)
    bias_ct = np.sum(y_ct, others).reshape(scale.shape)
    standard_ct = y_ct * scale.reshape(kept)
    through_mean = np.mean(standard_ct, axes, keepdims=True)
    through_variance = standard * np.mean(standard_ct * standard, axes, keepdims=True)
    x_ct = inverse_std * (standard_ct - through_mean - through_variance)
    return x_ct.reshape(cotangent.shape).astype(x_dtype), scale_ct.astype(scale.dtype), bias_ct.astype(bias_dtype)


def _groups(groups, layout, **arrays):
    """The shape of x with its channels as (groups, members) and its positions as one axis; the two axes of channels;
    and the axes of one group.
    """
    x, *parameters = arrays.values()
    require_hashable("group_norm", "layout", layout)
    require(layout in LAYOUTS, "group_norm", f"layout must be one of {LAYOUTS}", f"layout={layout!r}")
    require(x.ndim >= 2, "group_norm", "x must have a batch axis and a channel axis", f"x.shape={x.shape}")
    channels = x.shape[-1 if layout == "channels_last" else 1]
    got = ", ".join(f"{name}.shape={array.shape}" for name, array in arrays.items())
    rule = f"parameters must have one entry a channel, {(channels,)}"
    require(all(array.shape == (channels,) for array in parameters), "group_norm", rule, got)
    require_hashable("group_norm", "groups", groups)
    require_ints("group_norm", "groups must be an int", f"{groups=}", (groups,))
    rule = "groups must be at least 1 and divide the channels of x"
    require(groups >= 1 and channels % groups == 0, "group_norm", rule, f"{groups=}, {channels=}")
    rule = "there must be at least one value to average over"
    require(0 not in x.shape[1:], "group_norm", rule, f"x.shape={x.shape}")
    members, positions = channels // groups, math.prod(x.shape[1:]) // channels
    if layout == "channels_last":
        return (len(x), positions, groups, members), (2, 3), (1, 3)
    return (len(x), groups, members, positions), (1, 2), (2, 3)


def _moments(x, axes):
    """x less its mean, the mean and the biased variance over the axes, which stay with size 1.

    Centred twice, which takes out the rounding of the mean: so a constant row has variance 0, whatever the constant.
    The square of a distance must be a finite number, which in float16 ends at distances of 256.
    """
    mean = np.mean(x, axes, keepdims=True)
    left_over = np.mean(x - mean, axes, keepdims=True)
    centred = x - mean - left_over
    return centred, mean + left_over, np.mean(centred**2, axes, keepdims=True)


def _floating(op, **arrays):
    return tuple(as_floating(op, name, array) for name, array in arrays.items())


def _axes(op, x, axis):
    """The axes, counted from 0, in the order of x."""
    named = axis if isinstance(axis, tuple) else (axis,)
    got = f"axis={axis!r}, x.shape={x.shape}"
    require_hashable(op, "axis", axis)
    try:
        axes = [index(i) for i in named]
    except TypeError:
        raise TypeError(f"{op}: axis must be an integer or a tuple of integers; got {got}") from None
    require(all(-x.ndim <= i < x.ndim for i in axes), op, "axis must name axes of x", got)
    counted = sorted(i % x.ndim for i in axes)
    require(0 < len(counted) == len(set(counted)), op, "axis must name at least one axis, and none twice", got)
    return tuple(counted)


def _epsilon(op, epsilon):
    return as_number(op, "epsilon", epsilon, "be a finite number above 0", lambda number: 0 < number < math.inf)


def _check(op, axes, **arrays):
    """The shape in which the parameters broadcast against x."""
    x, *parameters = arrays.values()
    shape = tuple(x.shape[i] for i in axes)
    got = ", ".join(f"{name}.shape={array.shape}" for name, array in arrays.items())
    rule = f"parameters must have the sizes of x along axis, {shape}"
    require(all(array.shape == shape for array in parameters), op, rule, got)
    return tuple(size if i in axes else 1 for i, size in enumerate(x.shape))


def _check_count(op, x, axes):
    require(bool(axes), op, "axis must leave an axis to average over", f"x.shape={x.shape}")
    rule = "there must be at least one value to average over"
    require(math.prod(x.shape[i] for i in axes) > 0, op, rule, f"x.shape={x.shape}")
