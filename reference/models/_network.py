"""A model is a list of named layers, applied one after the other, and backwards for the gradient."""

import math
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from reference._checks import as_array, as_floating, require, require_ints
from reference.losses import softmax_cross_entropy_bwd, softmax_cross_entropy_fwd
from reference.models.initializers import initializer
from reference.normalization import batch_norm_bwd, batch_norm_fwd, batch_norm_inference_bwd, batch_norm_inference_fwd
from reference.regularization import dropout_bwd, dropout_fwd, dropout_mask

# In this order every layer's backward returns the cotangents of those that the layer has.
PARAMETERS = ("table", "kernel", "recurrent_kernel", "scale", "bias")


class Layer(NamedTuple):
    """forward(x, ...) -> (out, residuals) and backward(residuals, cotangent) -> (x_ct, ...).

    Where params has the name, forward also takes the parameters there, and backward also returns their cotangents.
    """

    name: str
    forward: Any
    backward: Any


class Branch(NamedTuple):
    """A residual connection: what the layers make of x is added to what the shortcut makes of it: x, if it is empty."""

    name: str
    layers: Any
    shortcut: Any = ()


def forward(layers, params, x):
    """The output of the last layer, and the residuals of every layer."""
    residuals = []
    for layer in layers:
        if isinstance(layer, Branch):
            branch, saved_inside = forward(layer.layers, params, x)
            shortcut, saved_beside = forward(layer.shortcut, params, x)
            x, saved = shortcut + branch, (saved_inside, saved_beside)
        else:
            x, saved = layer.forward(x, **params.get(layer.name, {}))
        residuals.append(saved)
    return x, residuals


def backward(layers, params, residuals, cotangent):
    """The gradient to every parameter, and the cotangent of every layer's output and of the input "x".

    Backpropagation in one loop: from the last layer to the first, each hands the error that reaches its output on to
    its input, and keeps what falls to its own parameters. A sum hands the whole error to both of its terms: x receives
    it as the branch hands it back, and once more as the shortcut does, as it stands where the shortcut is empty.
    """
    grads, cotangents = {}, {}
    for layer, saved in zip(reversed(layers), reversed(residuals), strict=True):
        cotangents[layer.name] = cotangent
        if isinstance(layer, Branch):
            saved_inside, saved_beside = saved
            grads_inside, inside = backward(layer.layers, params, saved_inside, cotangent)
            grads_beside, beside = backward(layer.shortcut, params, saved_beside, cotangent)
            cotangent = beside.pop("x") + inside.pop("x")
            grads, cotangents = grads | grads_inside | grads_beside, cotangents | inside | beside
            continue
        cotangent, *weight_cts = layer.backward(saved, cotangent)
        if layer.name in params:
            grads[layer.name] = by_name(params[layer.name], weight_cts)
    cotangents["x"] = cotangent
    return grads, cotangents


def by_name(parameters, weight_cts):
    """The cotangents of a layer's parameters, as its backward returns them, by the parameters' names."""
    names = [name for name in PARAMETERS if name in parameters]
    return dict(zip(names, weight_cts, strict=True))


def loss_and_backward(layers, params, x, targets):
    """The mean loss, then both results of `backward`: the whole of training's mathematics in three lines."""
    logits, residuals = forward(layers, params, x)
    loss, logits_ct = mean_cross_entropy(logits, targets)
    return loss, *backward(layers, params, residuals, logits_ct)


def mean_cross_entropy(logits, targets, ignore_label=None):
    """The mean of softmax_cross_entropy over the batch, but for labels to ignore, and its gradient to the logits."""
    losses, residuals = softmax_cross_entropy_fwd(logits, targets, ignore_label=ignore_label)
    require(losses.size > 0, "mean_cross_entropy", "the batch must not be empty", f"logits.shape={logits.shape}")
    count = losses.size if ignore_label is None else int(np.sum(targets != ignore_label))
    require(count > 0, "mean_cross_entropy", "a target must not be ignore_label", f"only ignore_label={ignore_label!r}")
    # The mean gives each example 1/N of the error: this is the one place where 1/N stands.
    logits_ct = softmax_cross_entropy_bwd(residuals, np.full_like(losses, 1 / count))[0]
    return losses.sum() / count, logits_ct


def without_bias(bwd):
    """The backward of a layer that has no bias: the cotangent of what is not there, None, is left out."""
    return lambda residuals, cotangent: bwd(residuals, cotangent)[:-1]


def flatten_fwd(x):
    """One row an example."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:])), x.shape


def flatten_bwd(residuals, cotangent):
    shape = residuals
    return (cotangent.reshape(shape),)


def dropout_layer(name, masks, rate):
    """The layer where there are masks, and none in evaluation, where inverted dropout does nothing."""
    if not masks:
        return []
    return [
        Layer(
            name,
            lambda x: dropout_fwd(x, masks[name], rate=rate),
            lambda residuals, cotangent: dropout_bwd(residuals, cotangent)[:1],
        )
    ]


class Normalized(NamedTuple):
    """What a normalization leaves in training: its estimate of every channel's mean and variance, and residuals."""

    moments: dict[str, np.ndarray]
    residuals: Any


def norm_layer(name, statistics, epsilon):
    """Batch normalization by the batch's own moments, or by the running statistics where they are given."""
    if statistics is None:
        return Layer(name, partial(_normalize_fwd, epsilon=epsilon), _normalize_bwd)
    return Layer(name, partial(_normalize_by_fwd, epsilon=epsilon, **statistics[name]), _normalize_by_bwd)


def _normalize_fwd(x, scale, bias, *, epsilon):
    count = math.prod(x.shape[:-1])
    rule = "in training there must be at least two values a channel"
    require(count > 1, "batch_norm", rule, f"x.shape={x.shape}")
    (y, mean, variance), residuals = batch_norm_fwd(x, scale, bias, epsilon=epsilon)
    return y, Normalized({"mean": mean, "variance": variance * (count / (count - 1))}, residuals)


def _normalize_bwd(residuals, cotangent):
    # The loss of this batch does not depend on what the running statistics will be.
    unused = np.zeros(cotangent.shape[-1], cotangent.dtype)
    return batch_norm_bwd(residuals.residuals, (cotangent, unused, unused))


def _normalize_by_fwd(x, scale, bias, mean, variance, *, epsilon):
    y, residuals = batch_norm_inference_fwd(x, scale, bias, mean, variance, epsilon=epsilon)
    return y.astype(x.dtype), residuals


def _normalize_by_bwd(residuals, cotangent):
    x_ct, scale_ct, bias_ct, *_ = batch_norm_inference_bwd(residuals, cotangent)
    return x_ct, scale_ct, bias_ct


def moments_of(layers, residuals):
    """The moments that normalizations took of the batch."""
    moments = {}
    for layer, saved in zip(layers, residuals, strict=True):
        if isinstance(layer, Branch):
            inside, beside = saved
            moments |= moments_of(layer.layers, inside) | moments_of(layer.shortcut, beside)
        elif isinstance(saved, Normalized):
            moments[layer.name] = saved.moments
    return moments


def moving_average(running, moments, momentum):
    """The running statistics after a batch of these moments; momentum is the share that they keep of themselves."""
    return {
        name: {which: momentum * kept + (1 - momentum) * moments[name][which] for which, kept in statistics.items()}
        for name, statistics in running.items()
    }


def init_params(key, shapes, kernel_initializer):
    """A random kernel of each shape, and a bias of zeros."""
    kernels = init_kernels(key, shapes, kernel_initializer)
    return {name: {"kernel": kernel, "bias": np.zeros(kernel.shape[-1])} for name, kernel in kernels.items()}


def init_normalized(key, shapes, norms, kernel_initializer):
    """A random kernel of each shape, the last one with a bias; and norms of so many channels, which do nothing yet.

    Their scales are 1 and their biases 0; their running statistics have mean 0 and variance 1.
    """
    params = {name: {"kernel": kernel} for name, kernel in init_kernels(key, shapes, kernel_initializer).items()}
    *_, last = params.values()
    last["bias"] = np.zeros(last["kernel"].shape[-1])
    statistics = {}
    for name, channels in norms.items():
        params[name] = {"scale": np.ones(channels), "bias": np.zeros(channels)}
        statistics[name] = {"mean": np.zeros(channels), "variance": np.ones(channels)}
    return params, statistics


def init_kernels(key, shapes, kernel_initializer):
    """A random kernel of each shape."""
    make, rng = initializer(kernel_initializer), np.random.default_rng(key)
    return {name: make(rng, shape) for name, shape in shapes.items()}


def draw_masks(model, key, shapes, rate):
    """A mask of each shape; none at rate 0."""
    if rate == 0:
        return {}
    if key is None:
        raise ValueError(f"{model}: key must be given in train mode, for dropout; got key=None")
    rng = np.random.default_rng(key)
    return {name: dropout_mask(rng, shape, rate) for name, shape in shapes.items()}


def check_input(model, x, input_shape):
    """x as an array, or an error unless it is a batch of what the model was made for."""
    x = as_floating(model, "x", x)
    rule = f"x must be (batch, {', '.join(map(str, input_shape))})"
    require(x.ndim > 0 and x.shape[1:] == input_shape, model, rule, f"x.shape={x.shape}")
    return x


def check_tokens(model, x):
    """x as an array, or an error unless it is a batch of rows of tokens."""
    x = as_array(model, "x", x)
    if x.dtype.kind not in "iu":
        raise TypeError(f"{model}: x must have an integer dtype; got x.dtype={x.dtype}")
    require(x.ndim == 2, model, "x must be (batch, length)", f"x.shape={x.shape}")
    return x


def check_vocabulary(model, vocabulary):
    """Raise unless there is a token to choose."""
    require(vocabulary >= 2, model, "vocabulary must be at least 2", f"vocabulary={vocabulary!r}")


def check_config(model, kernel_initializer, dropout_rate=0.0, **sizes):
    """Raise unless every size is a positive integer or a tuple of them, and the other settings are known."""
    for name, size in sizes.items():
        numbers = size if isinstance(size, tuple) else (size,)
        if not all(isinstance(number, int) for number in numbers):
            raise TypeError(f"{model}: {name} must be an integer, or a tuple of integers; got {name}={size!r}")
        require(all(number > 0 for number in numbers), model, f"{name} must be above 0", f"{name}={size!r}")
    require(
        0 <= dropout_rate < 1, model, "dropout_rate must be at least 0 and below 1", f"dropout_rate={dropout_rate!r}"
    )
    initializer(kernel_initializer)


def check_sizes(model, **sizes):
    """Raise unless every size is an integer above 0."""
    for name, size in sizes.items():
        require_ints(model, f"{name} must be an integer", f"{name}={size!r}", (size,))
        require(size > 0, model, f"{name} must be above 0", f"{name}={size!r}")


def check_normalization(model, momentum, epsilon):
    """Raise unless running statistics can move, and the root of a variance plus epsilon is never 0."""
    require(0 <= momentum < 1, model, "momentum must be at least 0 and below 1", f"momentum={momentum!r}")
    legal = isinstance(epsilon, Real) and 0 < float(epsilon) < math.inf
    require(legal, model, "epsilon must be a finite number above 0", f"epsilon={epsilon!r}")
