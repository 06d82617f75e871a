"""Normalization: shift and scale to mean 0 and variance 1, then by learned amounts."""

import math
from functools import partial
from operator import index

import jax
import jax.numpy as jnp

from functional_nn._checks import as_number, require, require_floating, require_ints
from functional_nn._geometry import LAYOUTS
from functional_nn._jit import jit_op
from functional_nn._numerics import normalized
from functional_nn._reduced import mean_of_groups, norm_by_statistics, norm_of_batch, norm_of_columns, norm_over

Shape = tuple[int, ...]
Axis = int | Shape


@jit_op("axis", "epsilon")
def batch_norm(
    x: jax.Array, scale: jax.Array, bias: jax.Array, *, axis: Axis = -1, epsilon: float = 1e-5
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Batch normalization by the batch's own statistics, one mean and one variance per channel.

    y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with mean and variance over all axes but `axis`.
    The variance is the biased one, divided by the number of values N, not by N - 1.

    Stable because the variance is the mean of squared distances, never a difference of squares, and because the
    distances are centred twice, which takes out the rounding of the mean itself. A constant channel has variance 0,
    y = bias and finite gradients, thanks to epsilon.

    A squared distance must be a finite number: in float32, distances from the mean stay below 1.8e19.

    Args:
        x: any shape, a floating dtype.
        scale: the sizes of the axes in `axis`, in the order they have in x; (channels,) for one axis.
        bias: the shape of scale.
        axis: the channel axis, or a tuple of axes, that keeps statistics of its own; the others are averaged over.
        epsilon: added to the variance, above 0.

    Returns: y, the shape of x; mean and variance, the shape of scale; all in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, no value or no axis to average over,
            epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References:
        Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167; Chan, Golub and LeVeque, Algorithms for Computing
        the Sample Variance (1983); docs/derivations/normalization.md.

    >>> print(*batch_norm(jnp.array([1.0, 3.0])[:, None], jnp.ones(1), jnp.zeros(1))[1:])
    [2.] [1.]
    """
    arrays, dtype = _promoted("batch_norm", x=x, scale=scale, bias=bias)
    channels = _axes("batch_norm", jnp.shape(x), axis)
    _check("batch_norm", channels, arrays)
    epsilon = _epsilon("batch_norm", epsilon)
    _check_count("batch_norm", arrays["x"], tuple(i for i in range(arrays["x"].ndim) if i not in channels))
    x, scale, bias = (jnp.asarray(array, dtype) for array in (x, scale, bias))
    y, mean, variance = norm_of_batch(x, scale, bias, channels=channels, epsilon=epsilon)
    return y, mean.astype(dtype), variance.astype(dtype)


@jit_op("axis", "epsilon")
def batch_norm_inference(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    *,
    axis: Axis = -1,
    epsilon: float = 1e-5,
) -> jax.Array:
    """Batch normalization by given statistics, those gathered in training: an affine map per channel.

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

    Returns: The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References: Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167; docs/derivations/normalization.md.
    """
    arrays, dtype = _promoted("batch_norm_inference", x=x, scale=scale, bias=bias, mean=mean, variance=variance)
    channels = _axes("batch_norm_inference", jnp.shape(x), axis)
    _check("batch_norm_inference", channels, arrays)
    epsilon = _epsilon("batch_norm_inference", epsilon)
    _, *of_channels = arrays.values()
    return norm_by_statistics(jnp.asarray(x, dtype), *of_channels, channels=channels, epsilon=epsilon)


@jit_op("axis", "epsilon")
def layer_norm(x: jax.Array, scale: jax.Array, bias: jax.Array, *, axis: Axis = -1, epsilon: float = 1e-5) -> jax.Array:
    """Layer normalization: each example by its own mean and variance over the axes in `axis`.

    y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the biased variance (divided by N).

    Stable for the reasons of batch_norm: squared distances instead of a difference of squares, centred twice. A
    constant row has variance 0, y = bias and finite gradients, thanks to epsilon.

    A squared distance must be a finite number: in float32, distances from the mean stay below 1.8e19.

    Args:
        x: any shape, a floating dtype.
        scale: the sizes of the axes in `axis`, in the order they have in x; (features,) for one axis.
        bias: the shape of scale.
        axis: the axis, or a tuple of axes, to normalize over.
        epsilon: added to the variance, above 0.

    Returns: The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, no value to average over,
            epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References: Ba, Kiros and Hinton, Layer Normalization, arXiv:1607.06450; docs/derivations/normalization.md.

    >>> print(layer_norm(jnp.array([[1.0, 3.0]]), jnp.ones(2), jnp.zeros(2)))
    [[-1.  1.]]
    """
    arrays, dtype = _promoted("layer_norm", x=x, scale=scale, bias=bias)
    axes = _axes("layer_norm", jnp.shape(x), axis)
    _check("layer_norm", axes, arrays)
    epsilon = _epsilon("layer_norm", epsilon)
    wide, *parameters = arrays.values()
    _check_count("layer_norm", wide, axes)
    return norm_over(axes, jnp.asarray(x, dtype), *parameters, epsilon=epsilon)


@jit_op("axis", "epsilon")
def rms_norm(x: jax.Array, scale: jax.Array, *, axis: Axis = -1, epsilon: float = 1e-6) -> jax.Array:
    """RMS normalization: each example divided by the root of its mean square over the axes in `axis`.

    y = x / sqrt(mean(x^2) + epsilon) * scale: layer_norm without a mean to take off and without a bias.

    Stable because no difference is formed at all; 16-bit squares are taken and added up in float32. A row of zeros
    gives zeros and finite gradients, thanks to epsilon. In float32, values stay below 1.8e19.

    Args:
        x: any shape, a floating dtype.
        scale: the sizes of the axes in `axis`, in the order they have in x; (features,) for one axis.
        axis: the axis, or a tuple of axes, to normalize over.
        epsilon: added to the mean square, above 0.

    Returns: The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, an axis out of range or named twice, no value to average over,
            epsilon not above 0.
        TypeError: an argument is not a floating array, or axis is not made of integers.

    References:
        Zhang and Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467; docs/derivations/normalization.md.
    """
    arrays, dtype = _promoted("rms_norm", x=x, scale=scale)
    axes = _axes("rms_norm", jnp.shape(x), axis)
    _check("rms_norm", axes, arrays)
    epsilon = _epsilon("rms_norm", epsilon)
    wide, *parameters = arrays.values()
    _check_count("rms_norm", wide, axes)
    return norm_over(axes, jnp.asarray(x, dtype), *parameters, epsilon=epsilon)


@jit_op("groups", "layout", "epsilon")
def group_norm(
    x: jax.Array,
    scale: jax.Array,
    bias: jax.Array,
    *,
    groups: int,
    layout: str = "channels_last",
    epsilon: float = 1e-5,
) -> jax.Array:
    """Group normalization: each example by the mean and variance of each group of its channels, at all positions.

    y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the biased variance (divided by N). A group is
    channels // groups neighbouring channels. One group is layer normalization over all but the batch axis; groups of
    one channel are instance normalization.

    Stable for the reasons of batch_norm: squared distances instead of a difference of squares, centred twice. A
    constant group has variance 0, y = bias and finite gradients, thanks to epsilon. In float32, distances from the
    mean stay below 1.8e19.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) for channels_first; any number of spatial axes,
            none included; a floating dtype.
        scale: (channels,).
        bias: (channels,).
        groups: how many groups, at least 1; it divides channels.
        layout: "channels_last" or "channels_first".
        epsilon: added to the variance, above 0.

    Returns: The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, groups below 1 or that do not divide channels, no value to average over,
            an unknown layout, epsilon not above 0.
        TypeError: an argument is not a floating array, or groups is not an int.

    References:
        Wu and He, Group Normalization, arXiv:1803.08494; Ulyanov, Vedaldi and Lempitsky, Instance Normalization,
        arXiv:1607.08022; docs/derivations/normalization.md.
    """
    arrays, dtype = _promoted("group_norm", x=x, scale=scale, bias=bias)
    shape, kept, positions = _in_line(arrays, groups, layout)
    epsilon = _epsilon("group_norm", epsilon)
    wide, *parameters = arrays.values()
    found = None
    if layout == "channels_last":
        found = norm_of_columns(groups, True, jnp.asarray(x, dtype), *parameters, epsilon=epsilon)
    if not found:
        scale, bias = (array.reshape(kept) for array in parameters)
        found = normalized(wide.reshape(shape), partial(mean_of_groups, groups, positions), scale, bias, epsilon)
    return found[0].reshape(wide.shape).astype(dtype)


def _in_line(arrays: dict[str, jax.Array], groups: int, layout: str) -> tuple[Shape, Shape, int]:
    """The shape of x with its positions as one axis, and which; the shape in which the parameters broadcast."""
    x, *parameters = arrays.values()
    require(layout in LAYOUTS, "group_norm", f"layout must be one of {LAYOUTS}", f"layout={layout!r}")
    require(x.ndim >= 2, "group_norm", "x must have a batch axis and a channel axis", f"x.shape={x.shape}")
    channels = x.shape[-1 if layout == "channels_last" else 1]
    got = ", ".join(f"{name}.shape={array.shape}" for name, array in arrays.items())
    rule = f"parameters must have one entry a channel, {(channels,)}"
    require(all(array.shape == (channels,) for array in parameters), "group_norm", rule, got)
    require_ints("group_norm", "groups must be an int", f"{groups=}", (groups,))
    rule = "groups must be at least 1 and divide the channels of x"
    require(groups >= 1 and channels % groups == 0, "group_norm", rule, f"{groups=}, {channels=}")
    rule = "there must be at least one value to average over"
    require(0 not in x.shape[1:], "group_norm", rule, f"x.shape={x.shape}")
    # A batch of one has no axis: over the axis behind it XLA would add up products an element at a time.
    batch, positions = x.shape[:1] if len(x) != 1 else (), math.prod(x.shape[1:]) // channels
    if layout == "channels_last":
        return (*batch, positions, channels), (channels,), -2
    return (*batch, channels, positions), (channels, 1), -1


def _promoted(op: str, **arrays: jax.Array) -> tuple[dict[str, jax.Array], jnp.dtype]:
    """The arrays in a dtype fit for statistics, float32 at least, and the dtype that they promote to."""
    require_floating(op, **arrays)
    dtype = jnp.result_type(*arrays.values())
    wide = jnp.promote_types(dtype, jnp.float32)
    return {name: jnp.asarray(array, wide) for name, array in arrays.items()}, dtype


def _axes(op: str, shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The axes, counted from 0, in the order of the shape."""
    named = axis if isinstance(axis, tuple) else (axis,)
    got = f"axis={axis!r}, x.shape={shape}"
    try:
        axes = [index(i) for i in named]
    except TypeError:
        raise TypeError(f"{op}: axis must be an integer or a tuple of integers; got {got}") from None
    ndim = len(shape)
    require(all(-ndim <= i < ndim for i in axes), op, "axis must name axes of x", got)
    counted = sorted(i % ndim for i in axes)
    require(0 < len(counted) == len(set(counted)), op, "axis must name at least one axis, and none twice", got)
    return tuple(counted)


def _epsilon(op: str, epsilon: float) -> float:
    return as_number(op, "epsilon", epsilon, "be a finite number above 0", lambda number: 0 < number < math.inf)


def _check(op: str, axes: tuple[int, ...], arrays: dict[str, jax.Array]) -> None:
    x, *parameters = arrays.values()
    shape = tuple(x.shape[i] for i in axes)
    got = ", ".join(f"{name}.shape={array.shape}" for name, array in arrays.items())
    rule = f"parameters must have the sizes of x along axis, {shape}"
    require(all(array.shape == shape for array in parameters), op, rule, got)


def _check_count(op: str, x: jax.Array, axes: tuple[int, ...]) -> None:
    require(bool(axes), op, "axis must leave an axis to average over", f"x.shape={x.shape}")
    rule = "there must be at least one value to average over"
    require(math.prod(x.shape[i] for i in axes) > 0, op, rule, f"x.shape={x.shape}")
