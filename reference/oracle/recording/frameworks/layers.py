"""PyTorch's layers, activations and losses that are single operations, in NumPy's functions, under their aten names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks import parts
from reference.oracle.recording.frameworks.parts import Unknown
from reference.oracle.recording.recorded import plain


def reduced(values: Any, reduction: int) -> Any:
    """All values, their mean, or their sum."""
    return values if reduction == 0 else np.mean(values) if reduction == 1 else np.sum(values)


def elu(x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """x, or alpha (exp(x) - 1) where it is negative."""
    below = np.expm1(np.minimum(x * input_scale if input_scale != 1 else x, 0))
    made = np.where(x > 0, x, below if alpha == 1 else alpha * below)
    return made if scale == 1 else scale * made


def softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + exp(beta x)) / beta; x itself beyond a threshold."""
    bent = np.log1p(np.exp(np.minimum(beta * x, threshold))) / beta
    return np.where(beta * x > threshold, x, bent)


def smooth_l1(a: Any, b: Any, reduction: int = 1, beta: float = 1.0) -> Any:
    """Half the square of a small difference over beta, the size of a large one less half of beta."""
    off = a - b
    size = np.abs(off)
    return reduced(np.where(size < beta, 0.5 * off * off / beta, size - 0.5 * beta), reduction)


def huber(a: Any, b: Any, reduction: int = 1, delta: float = 1.0) -> Any:
    """Half the square of a small difference, delta times the size of a large one less half of delta."""
    off = a - b
    size = np.abs(off)
    return reduced(np.where(size < delta, 0.5 * off * off, delta * (size - 0.5 * delta)), reduction)


def bce(p: Any, t: Any, weight: Any = None, reduction: int = 1) -> Any:
    """Binary cross entropy of probabilities, no logarithm below -100."""
    values = -(t * np.maximum(np.log(p), -100.0) + (1 - t) * np.maximum(np.log1p(-p), -100.0))
    return reduced(values if weight is None else weight * values, reduction)


def bce_with_logits(z: Any, t: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1) -> Any:
    """Binary cross entropy of logits."""
    ones = 1.0 if pos_weight is None else pos_weight
    values = (1 - t) * z + (1 + (ones - 1) * t) * np.logaddexp(0.0, -z)
    return reduced(values if weight is None else weight * values, reduction)


def nll(logp: Any, labels: Any, weight: Any, reduction: int, ignored: int) -> tuple[Any, Any]:
    """The negative log probability of each label, and the weight of all labels together."""
    labels = plain(labels)
    kept = labels != ignored
    safe = np.where(kept, labels, 0)
    rows = np.indices(labels.shape)
    key = (safe,) if labels.ndim == 0 else (rows[0], safe, *rows[1:])
    weights = kept * (np.ones(labels.shape) if weight is None else weight[safe])
    values = -logp[key] * weights
    if reduction == 0:
        return values, np.zeros(())
    total = np.sum(weights)
    return (np.sum(values) / total if reduction == 1 else np.sum(values)), total


def normalized(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """x less its mean over its deviation; the mean; one over the deviation."""
    mean = np.mean(x, axis=axes, keepdims=True)
    centered = x - mean
    inverse = 1 / np.sqrt(np.mean(centered**2, axis=axes, keepdims=True) + eps)
    return centered * inverse, mean, inverse


def with_scale(x: Any, scale: Any, bias: Any, shape: Sequence[int]) -> Any:
    """scale x + bias, each in this shape."""
    x = x if scale is None else x * (scale if np.shape(scale) == tuple(shape) else np.reshape(scale, shape))
    return x if bias is None else x + (bias if np.shape(bias) == tuple(shape) else np.reshape(bias, shape))


def layer_norm(x: Any, shape: Sequence[int], scale: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """Over the last axes."""
    made, mean, inverse = normalized(x, tuple(range(np.ndim(x) - len(shape), np.ndim(x))), eps)
    return with_scale(made, scale, bias, shape), mean, inverse


def group_norm(
    x: Any, scale: Any, bias: Any, batch: int, channels: int, space: int, groups: int, eps: float
) -> tuple[Any, Any, Any]:
    """Over the channels of each group and all places."""
    made, mean, inverse = normalized(np.reshape(x, (batch, groups, -1)), (2,), eps)
    shape = (channels, *(1,) * (np.ndim(x) - 2))
    out = with_scale(np.reshape(made, np.shape(x)), scale, bias, shape)
    return out, np.squeeze(mean, axis=2), np.squeeze(inverse, axis=2)


def batch_norm(
    x: Any, scale: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, Any, Any]:
    """Over the batch and all places, or by statistics that are given."""
    axes, shape = (0, *range(2, np.ndim(x))), (1, -1, *(1,) * (np.ndim(x) - 2))
    if training:
        made, own, inverse = normalized(x, axes, eps)
        own, inverse = np.reshape(own, (-1,)), np.reshape(inverse, (-1,))
    else:
        made = (x - np.reshape(mean, shape)) * np.reshape(1 / np.sqrt(variance + eps), shape)
        own = inverse = np.zeros(0)
    whole = tuple(np.shape(x)[1] if size == -1 else size for size in shape)
    return with_scale(made, scale, bias, whole), own, inverse


def batch_norm_without_statistics(
    x: Any, scale: Any, bias: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, Any, Any]:
    """By the statistics of the batch alone."""
    return batch_norm(x, scale, bias, None, None, training, momentum, eps)


def convolution(
    x: Any, kernel: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, more: Any, groups: int
) -> Any:
    """Cross-correlation, or its gradient with respect to the input."""
    if transposed:
        out = parts.convolution_transposed(x, kernel, stride, padding, dilation, more, groups)
    else:
        out = parts.convolution(x, kernel, stride, [(p, p) for p in padding], dilation, groups)
    return out if bias is None else out + np.reshape(bias, (-1, *(1,) * len(stride)))


def _of_windows(x: Any, size: Any, stride: Any, padding: Any, ceil: bool) -> tuple[Any, ...]:
    count = len(size)
    every = [list(one) * count if len(one) == 1 else list(one) for one in (size, stride or size, padding)]
    if ceil:
        raise Unknown("ceil_mode")
    return (*every, [(0, 0)] * (np.ndim(x) - count) + [(p, p) for p in every[2]], tuple(range(-count, 0)))


def max_pool(
    x: Any, size: Any, stride: Any = (), padding: Any = (0,), dilation: Any = (1,), ceil: bool = False
) -> tuple[Any, Any]:
    """The largest entry of every window, and where it stands in its image."""
    size, stride, padding, widths, axes = _of_windows(x, size, stride, padding, ceil)
    dilation = list(dilation) * len(size) if len(dilation) == 1 else dilation
    out = np.max(parts.windows(parts.padded(x, widths, -np.inf), size, stride, dilation), axis=axes)
    numbers = np.arange(int(np.prod(np.shape(x)[-len(size) :]))).reshape(np.shape(x)[-len(size) :])
    numbers = np.broadcast_to(numbers, np.shape(x))
    places = parts.windows(parts.padded(numbers, widths, 0), size, stride, dilation)
    values = parts.windows(parts.padded(plain(x), widths, -np.inf), size, stride, dilation)
    first = np.argmax(values.reshape(*np.shape(out), -1), -1, keepdims=True)
    return out, np.take_along_axis(places.reshape(*np.shape(out), -1), first, -1)[..., 0]


def avg_pool(
    x: Any,
    size: Any,
    stride: Any = (),
    padding: Any = (0,),
    ceil: bool = False,
    counted: bool = True,
    divisor: Any = None,
) -> Any:
    """The mean of every window."""
    size, stride, padding, widths, axes = _of_windows(x, size, stride, padding, ceil)
    ones = [1] * len(size)
    total = np.sum(parts.windows(parts.padded(x, widths), size, stride, ones), axis=axes)
    if divisor is None and not counted and any(padding):
        inside = parts.padded(np.ones(np.shape(x)), widths)
        return total / np.sum(parts.windows(inside, size, stride, ones), axis=axes)
    return total / (divisor or int(np.prod(size)))


def adaptive_avg_pool(x: Any, size: Sequence[int]) -> Any:
    """Means of as many parts as wanted, where they are equally large."""
    space = np.shape(x)[-len(size) :]
    if any(whole % wanted for whole, wanted in zip(space, size, strict=True)):
        raise Unknown("parts that overlap")
    return avg_pool(x, [whole // wanted for whole, wanted in zip(space, size, strict=True)])


def im2col(x: Any, size: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]) -> Any:
    """The windows of an image (batch, channels, *space) as columns."""
    count = len(size)
    seen = parts.windows(parts.padded(x, [(0, 0), (0, 0), *((p, p) for p in padding)]), size, stride, dilation)
    columns = np.transpose(seen, (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count)))
    return np.reshape(columns, (np.shape(x)[0], np.shape(x)[1] * int(np.prod(size)), -1))


def col2im(
    x: Any,
    space: Sequence[int],
    size: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Any:
    """Columns (batch, channels times window, positions) added up at their places in an image."""
    channels = np.shape(x)[1] // int(np.prod(size))
    wide = [whole + 2 * border for whole, border in zip(space, padding, strict=True)]
    numbers = np.arange(channels * int(np.prod(wide))).reshape(1, channels, *wide)
    places = im2col(numbers, size, dilation, [0] * len(size), stride)[0]
    image = parts.added_at(np.zeros((np.shape(x)[0], numbers.size)), (slice(None), places), x)
    return parts.padded(np.reshape(image, (-1, channels, *wide)), [(0, 0), (0, 0), *((-p, -p) for p in padding)])


def nearest(x: Any, size: Sequence[int], *scales: Any) -> Any:
    """Every place of a larger or smaller image from the place nearest below."""
    for axis, (wanted, given) in enumerate(zip(size, np.shape(x)[2:], strict=True), 2):
        x = np.take(x, np.arange(wanted) * given // wanted, axis=axis)
    return x


def pad(x: Any, widths: Sequence[int], value: float = 0) -> Any:
    """A border of one value; the last axis first."""
    pairs = [(widths[i], widths[i + 1]) for i in range(0, len(widths), 2)][::-1]
    return parts.padded(x, [(0, 0)] * (np.ndim(x) - len(pairs)) + pairs, value)


def attention(
    query: Any,
    key: Any,
    value: Any,
    dropout: float = 0.0,
    causal: bool = False,
    attn_mask: Any = None,
    scale: Any = None,
) -> tuple[Any, Any]:
    """softmax(query key^T scale) value, and the logarithm of the sums."""
    if dropout:
        raise Unknown("dropout")
    scores = np.matmul(query, np.swapaxes(key, -1, -2)) * (np.shape(query)[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = np.where(np.tril(np.ones(np.shape(scores)[-2:], bool)), scores, -np.inf)
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if plain(attn_mask).dtype == bool else scores + attn_mask
    return np.matmul(parts.softmax(scores, -1), value), parts.logsumexp(plain(scores), -1)


LAYERS: Mapping[str, Callable[..., Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope=0.01: np.where(x > 0, x, slope * x),
    "_prelu_kernel": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": elu,
    "celu": lambda x, alpha=1.0: elu(x, alpha, 1.0, 1 / alpha),
    "silu": lambda x: x * parts.sigmoid(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "gelu": lambda x, approximate="none": parts.gelu(x, approximate == "tanh"),
    "softplus": softplus,
    "log_sigmoid_forward": lambda x: (-np.logaddexp(0, -x), np.zeros(0)),
    "hardtanh": lambda x, low=-1, high=1: np.minimum(np.maximum(x, low), high),
    "hardsigmoid": lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "hardswish": lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
    "hardshrink": lambda x, size=0.5: np.where(np.abs(x) > size, x, 0.0),
    "softshrink": lambda x, size=0.5: np.where(np.abs(x) > size, x - size * np.sign(x), 0.0),
    "threshold": lambda x, threshold, value: np.where(x > threshold, x, value),
    "glu": lambda x, dim=-1: np.multiply(*_halves(x, dim)),
    "_softmax": lambda x, dim, half=False: parts.softmax(x, dim),
    "_safe_softmax": lambda x, dim, dtype=None: parts.softmax(x, dim),
    "_log_softmax": lambda x, dim, half=False: parts.log_softmax(x, dim),
    "mse_loss": lambda a, b, reduction=1: reduced((a - b) ** 2, reduction),
    "smooth_l1_loss": smooth_l1,
    "huber_loss": huber,
    "binary_cross_entropy": bce,
    "binary_cross_entropy_with_logits": bce_with_logits,
    "nll_loss_forward": nll,
    "nll_loss2d_forward": nll,
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    "native_batch_norm": batch_norm,
    "_native_batch_norm_legit": batch_norm,
    "_native_batch_norm_legit.no_stats": batch_norm_without_statistics,
    "convolution": convolution,
    "max_pool2d_with_indices": max_pool,
    "max_pool3d_with_indices": max_pool,
    "avg_pool2d": avg_pool,
    "avg_pool3d": avg_pool,
    "_adaptive_avg_pool2d": adaptive_avg_pool,
    "im2col": im2col,
    "col2im": col2im,
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"), nearest),
    "constant_pad_nd": pad,
    "embedding": lambda table, indices, padding=-1, by_frequency=False, sparse=False: table[plain(indices)],
    "_scaled_dot_product_flash_attention_for_cpu": attention,
}


def _halves(x: Any, dim: int) -> tuple[Any, Any]:
    """The first half of an axis, and the sigmoid of the second."""
    half, before = np.shape(x)[dim] // 2, (slice(None),) * (dim % np.ndim(x))
    return x[(*before, slice(half))], parts.sigmoid(x[(*before, slice(half, None))])
