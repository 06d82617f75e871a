"""Normalization: shift and scale to mean 0 and variance 1, then by learned amounts."""

import math
from operator import index

import numpy as np

from reference._checks import as_floating, as_number, quiet, require, require_hashable


def batch_norm(x, scale, bias, *, axis=-1, epsilon=1e-5):
    """Batch normalization by the batch's own statistics, one mean and one variance a channel.

    y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with mean and variance over all axes but `axis`.
    The variance is the biased one, divided by the number of values N, not by N - 1.

    Stable because the variance is the mean of squared distances, never a difference of squares, and because the
    distances are centred twice, which takes out the rounding of the mean itself. A constant channel has variance 0,
    y = bias and finite gradients, thanks to epsilon.

    A squared distance must be a finite number: in float32, distances from the mean stay below 1.8e19, in float16 below
    256 (the JAX twin takes the statistics of 16-bit arrays in float32).

    Args:
        x: any shape, a floating dtype.
        scale: the sizes of the axes in `axis`, in the order they have in x; (channels,) for one axis.
        bias: the shape of scale.
        axis: the channel axis, or a tuple of axes, that keeps statistics of its own; the others are averaged over.
        epsilon: added to the variance, above 0.

    Returns:
        y, the shape of x; mean and variance, the shape of scale; all in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, no value or no axis to average over,
            epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References:
        Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167; Chan, Golub and LeVeque, Algorithms for Computing
        the Sample Variance (1983); docs/derivations/normalization.md.
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
    return out, (centred, inverse_std, scale, bias.dtype, others, x.dtype)


@quiet
def batch_norm_bwd(residuals, cotangent):
    centred, inverse_std, scale, bias_dtype, others, x_dtype = residuals
    y_ct, mean_ct, variance_ct = cotangent
    kept = inverse_std.shape
    scale_ct = np.sum(y_ct * centred * inverse_std, axis=others).astype(scale.dtype)
    bias_ct = np.sum(y_ct, axis=others).astype(bias_dtype)
    standard_ct = y_ct * scale.reshape(kept)
    x_ct = _standardize_bwd(centred, inverse_std, others, standard_ct, mean_ct.reshape(kept), variance_ct.reshape(kept))
    return x_ct.astype(x_dtype), scale_ct, bias_ct


def batch_norm_inference(x, scale, bias, mean, variance, *, axis=-1, epsilon=1e-5):
    """Batch normalization by given statistics, those gathered in training: an affine map a channel.

    y = (x - mean) / sqrt(variance + epsilon) * scale + bias.

    Stable because the mean is taken off before anything is multiplied, so large values cancel exactly where they can.

    Args:
        x: any shape, a floating dtype.
        scale: the sizes of the axes in `axis`, in the order they have in x; (channels,) for one axis.
        bias: the shape of scale.
        mean: the shape of scale.
        variance: the shape of scale, not negative.
        axis: the channel axis, or a tuple of axes, that keeps statistics of its own.
        epsilon: added to the variance, above 0.

    Returns:
        The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References:
        Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167; docs/derivations/normalization.md.
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
    total = np.sum(cotangent, axis=others)
    projected = np.sum(cotangent * centred, axis=others)
    scale_ct = projected * inverse_std
    mean_ct = -total * inverse_std * scale
    variance_ct = -scale_ct * scale * inverse_std * inverse_std / 2
    cotangents = (x_ct, scale_ct, total, mean_ct, variance_ct)
    return tuple(np.asarray(value, dtype) for value, dtype in zip(cotangents, dtypes, strict=True))


def layer_norm(x, scale, bias, *, axis=-1, epsilon=1e-5):
    """Layer normalization: each example by its own mean and variance over the axes in `axis`.

    y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the biased variance (divided by N).

    Stable for the reasons of batch_norm: squared distances instead of a difference of squares, centred twice. A
    constant row has variance 0, y = bias and finite gradients, thanks to epsilon.

    A squared distance must be a finite number: in float32, distances from the mean stay below 1.8e19, in float16 below
    256 (the JAX twin takes the statistics of 16-bit arrays in float32).

    Args:
        x: any shape, a floating dtype.
        scale: the sizes of the axes in `axis`, in the order they have in x; (features,) for one axis.
        bias: the shape of scale.
        axis: the axis, or a tuple of axes, to normalize over.
        epsilon: added to the variance, above 0.

    Returns:
        The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, no value to average over,
            epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References:
        Ba, Kiros and Hinton, Layer Normalization, arXiv:1607.06450; docs/derivations/normalization.md.
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
    return y.astype(dtype), (centred, inverse_std, scale, bias.dtype, axes, x.dtype)


@quiet
def layer_norm_bwd(residuals, cotangent):
    centred, inverse_std, scale, bias_dtype, axes, x_dtype = residuals
    others = tuple(i for i in range(centred.ndim) if i not in axes)
    normalized = tuple(size if i in axes else 1 for i, size in enumerate(centred.shape))
    scale_ct = np.sum(cotangent * centred * inverse_std, axis=others).astype(scale.dtype)
    bias_ct = np.sum(cotangent, axis=others).astype(bias_dtype)
    standard_ct = cotangent * scale.reshape(normalized)
    return _standardize_bwd(centred, inverse_std, axes, standard_ct).astype(x_dtype), scale_ct, bias_ct


def _moments(x, axes):
    """x less its mean, the mean and the biased variance over the axes, which stay with size 1."""
    rounded_mean = x.mean(axes, keepdims=True)
    centred = x - rounded_mean
    rest = centred.mean(axes, keepdims=True)
    centred = centred - rest
    return centred, rounded_mean + rest, np.mean(np.square(centred), axes, keepdims=True)


@quiet
def _standardize_bwd(centred, inverse_std, axes, standard_ct, mean_ct=0.0, variance_ct=0.0):
    """The cotangent of x, where standard = (x - mean) inverse_std; mean and variance may have cotangents of their own.

    inverse_std is never cubed, which would overflow float16 on a constant row.
    """
    count = math.prod(centred.shape[i] for i in axes)
    standard = centred * inverse_std
    through_std = standard * np.mean(standard_ct * standard, axes, keepdims=True)
    centred_ct = (standard_ct - through_std) * inverse_std + variance_ct * centred * 2 / count
    through_mean = np.mean(centred_ct, axes, keepdims=True)
    return centred_ct - through_mean + mean_ct / count


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
