"""Inputs for code that brings none: sets of arrays that fit together, by the part that an argument plays.

The part is read off the argument's name (`W`, `kernel`, `gamma`, `t`, `stride`, ...). Sizes are pairwise different
primes where the code allows it, so that a transpose, a wrong axis or a factor 1/N cannot hide.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

PARTS: Mapping[str, tuple[str, ...]] = {
    "x": ("x", "input", "inputs", "inp", "data", "images", "z", "a", "logits", "predictions", "pred", "yhat", "scores"),
    "kernel": ("w", "weight", "weights", "kernel", "filters", "wx", "wxh", "we", "embedding", "table"),
    "recurrent": ("wh", "whh", "u"),
    "bias": ("b", "bias", "bh"),
    "scale": ("gamma", "scale", "g"),
    "shift": ("beta", "shift"),
    "targets": ("t", "target", "targets", "labels", "label", "ytrue", "truth"),
    "other": ("y",),
    "indices": ("idx", "index", "indices", "ids", "tokens"),
    "state": ("h", "h0", "hprev", "prevh", "state"),
    "mask": ("mask",),
    "stride": ("stride", "strides"),
    "pad": ("pad", "padding"),
    "window_h": ("poolh", "poolheight", "kh", "windowh"),
    "window_w": ("poolw", "poolwidth", "kw", "windoww"),
    "window": ("pool", "poolsize", "window", "kernelsize", "size", "k"),
    "in_size": ("inputsize", "indim", "infeatures", "nin", "din", "inputdim", "ninputs", "d"),
    "hidden_size": ("hiddensize", "hidden", "hiddendim", "nhidden"),
    "out_size": ("outputsize", "outdim", "outfeatures", "nout", "dout", "outputdim", "classes", "numclasses", "c"),
    "rate": ("dropoutratio", "rate", "p", "dropout", "ratio", "droprate"),
    "conv_param": ("convparam",),
    "pool_param": ("poolparam",),
    "bn_param": ("bnparam", "lnparam"),
    "dropout_param": ("dropoutparam",),
    "regularization": ("reg", "lambda", "lam", "weightdecay"),
}
PART_OF = {name: part for part, names in PARTS.items() for name in names}


@dataclass(frozen=True)
class Scene:
    """Values by part, and the statics that go with them where the code is judged as an op."""

    name: str
    values: dict[str, Any]
    statics: dict[str, Any] = field(default_factory=dict)
    # What is said of the shapes, where "that suit NAME" does not say it.
    shapes: str = ""


def part_of(argument: str) -> str | None:
    """The part that an argument of this name plays, if the name tells."""
    return PART_OF.get(re.sub(r"[_\d]", "", argument.lower())) or PART_OF.get(argument.lower())


# Names of classes and functions, in lower case without separators, that are an op of ours in so many words.
OPS: Mapping[str, tuple[str, ...]] = {
    "sigmoid": ("sigmoid", "logistic"),
    "log_sigmoid": ("logsigmoid",),
    "tanh": ("tanh",),
    "relu": ("relu",),
    "softplus": ("softplus",),
    "silu": ("silu", "swish"),
    "softmax": ("softmax",),
    "log_softmax": ("logsoftmax",),
    "dense": ("affine", "dense", "linear", "fc", "fullyconnected"),
    "conv": ("convolution", "conv"),
    "max_pool": ("maxpool", "pooling", "maxpooling", "pool"),
    "avg_pool": ("avgpool", "averagepooling", "meanpool", "avgpooling"),
}
SCENE_OF_OP = {op: op if op in ("dense", "conv", "max_pool", "avg_pool") else "elementwise" for op in OPS}
# Recognized for their inputs alone: the books' versions take a mean, draw a mask or return less than the op.
RELATED: Mapping[str, tuple[str, ...]] = {
    "classification": ("softmaxwithloss", "softmaxloss", "softmaxcrossentropy", "crossentropy", "crossentropyerror"),
    "regression": ("mse", "meansquarederror", "sumofsquareserror", "squarederror", "identitywithloss", "huber"),
    "normalization": ("batchnormalization", "batchnorm", "bn", "layernormalization", "layernorm", "rmsnorm"),
    "elementwise": ("gelu", "elu", "leakyrelu", "dropout", "exp", "log", "square", "identity"),
    "embedding": ("embedding", "embed"),
    "recurrent": ("rnn", "rnnstep", "vanillarnn", "lstm", "gru"),
}
NOISE = ("naive", "fast", "layer", "my", "batched", "vectorized", "numpy", "function", "the")


def recognized(name: str) -> tuple[str | None, str | None]:
    """(op, scene): the op that a name begins with, and the scene that fits the longest known word in it."""
    plain = re.sub(r"[_\W]", "", name.lower())
    bare = re.sub("|".join(NOISE), "", plain)
    words = {word: (op, SCENE_OF_OP[op]) for op, words in OPS.items() for word in words}
    words |= {word: (None, scene) for scene, words in RELATED.items() for word in words}
    within = [word for word in words if word in plain]
    if not within:
        return None, None
    longest = max(within, key=len)
    op, scene = words[longest]
    if any(word in plain.replace(longest, " ", 1) for word in words):  # affine_relu is neither of the two
        op = None
    return (op if longest in (plain[: len(longest)], bare[: len(longest)]) else None), scene


def scenes(seed: int) -> list[Scene]:
    """Every scene, in the order in which they are tried; the same seed draws the same values."""
    rng = np.random.default_rng([seed, 15485863])
    draw = partial(_normal, rng)
    weights = {"kernel": draw(7, 11), "bias": draw(11), "recurrent": draw(11, 11), "state": draw(3, 11)}
    sizes = {"in_size": 7, "hidden_size": 11, "out_size": 5}
    labels = rng.permutation(np.array([0, 4, 4]))
    scores, values = draw(3, 5), draw(3, 5)
    indices, dropping = np.array([[2, 7, 2], [0, 2, 7]]), {"dropout_param": {"p": 0.6, "mode": "train"}}
    classifier = {"x": draw(3, 7), "kernel": draw(7, 5), "regularization": 0.1}
    return [
        Scene("elementwise", {"x": draw(3, 7), "rate": 0.4, "mask": rng.random((3, 7)) < 0.6, **dropping}),
        Scene("dense", {"x": draw(3, 7), **weights, **sizes}),
        Scene("dense with kernel (out, in)", {"x": draw(3, 7), "kernel": draw(11, 7), "bias": draw(11)}),
        _convolution(draw),
        _pooling("max_pool", draw),
        _pooling("avg_pool", draw),
        Scene("sums", {"x": scores, "other": values}),
        Scene("classification", {"x": 3 * scores, "targets": labels, "other": labels}),
        Scene("probabilities", {"x": np.exp(scores) / np.exp(scores).sum(-1, keepdims=True), "targets": labels}),
        Scene("regression", {"x": scores, "targets": values, "other": values}),
        _normalization(draw, rng, (5, 7), 7),
        _normalization(draw, rng, (3, 5, 2, 7), 5),
        Scene("recurrent", {"x": draw(3, 7), **weights, **sizes}),
        Scene("sequence", {**weights, "x": draw(3, 5, 7), **sizes}),
        Scene("embedding", {"kernel": draw(11, 5), "indices": indices, "x": indices}),
        Scene("linear classifier", {**classifier, "targets": labels, "other": labels}),
        Scene("network", {"x": draw(3, 7), "targets": labels, "other": labels, **sizes}),
        Scene("image", {"x": draw(3, 2, 7, 11), "rate": 0.4}),
        Scene("vector", {"x": draw(7)}),
        Scene("scalar", {"x": draw()}),
    ]


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.asarray(rng.normal(size=shape))


def _convolution(draw: Callable[..., np.ndarray]) -> Scene:
    values = {"x": draw(3, 2, 5, 7), "kernel": draw(5, 2, 4, 3), "bias": draw(5)}
    settings = {"stride": 2, "pad": 1, "conv_param": {"stride": 2, "pad": 1}}
    return Scene("conv", {**values, **settings}, {"strides": 2, "padding": 1, "layout": "channels_first"})


def _pooling(name: str, draw: Callable[..., np.ndarray]) -> Scene:
    """Windows that overlap along the height, on a width that leaves a remainder, with a few ties."""
    param = {"pool_height": 3, "pool_width": 2, "stride": 2}
    settings = {"window_h": 3, "window_w": 2, "window": 3, "stride": 2, "pad": 0, "pool_param": param}
    statics = {"window": (3, 2), "strides": 2, "layout": "channels_first"}
    return Scene(name, {"x": np.round(draw(3, 2, 7, 5) / 2, 1), **settings}, statics)


def _normalization(draw: Callable[..., np.ndarray], rng: np.random.Generator, shape: tuple[int, ...], channels: int):
    """A matrix, or images with the channels on axis 1."""
    values = {"x": 2 * draw(*shape) + 1, "scale": rng.uniform(0.5, 2, size=channels), "shift": draw(channels)}
    return Scene("normalization", {**values, "bn_param": {"mode": "train"}})


def alike(arguments: list[str], seed: int) -> Scene:
    """The same shape for every argument, for code whose argument names say nothing."""
    rng = np.random.default_rng([seed, 32452843])
    values = {argument: rng.normal(size=(3, 7)) for argument in arguments}
    return Scene("alike", values, shapes="one shape for every argument")
