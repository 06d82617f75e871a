"""RMS and group normalization as other people define them. What is yielded stands in `conventions.py`."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.opspec import Guess, Primals, Statics, Value
from reference.oracle.specs.conventions import EPSILONS


def of_rms_norm(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x, scale = (np.asarray(primal, np.float64) for primal in primals[:2])
    named, epsilon = statics.get("axis", -1), float(statics.get("epsilon", 1e-6))
    axes = tuple(a % x.ndim for a in (named if isinstance(named, tuple) else (named,)))
    scale = scale.reshape(tuple(size if a in axes else 1 for a, size in enumerate(x.shape)))
    square = np.mean(x * x, axis=axes, keepdims=True)
    yield "convention_static", "scales by 1 + scale", x / np.sqrt(square + epsilon) * (1 + scale)
    yield "forward", "leaves the scale out", x / np.sqrt(square + epsilon)
    mean, deviation = x.mean(axis=axes, keepdims=True), np.sqrt(x.var(axis=axes, keepdims=True) + epsilon)
    yield "forward", "is layer normalization: it takes the mean off", (x - mean) / deviation * scale
    yield (
        "convention_reduction",
        "adds the squares up, without a mean",
        x * scale / np.sqrt(np.sum(x * x, axis=axes, keepdims=True) + epsilon),
    )
    for other in dict.fromkeys((epsilon, *EPSILONS, 0.0)):
        words = f"has epsilon {other:g} outside the root"
        yield "convention_epsilon", words, x / (np.sqrt(square) + other) * scale
        yield "convention_epsilon", f"has epsilon {other:g}", x / np.sqrt(square + other) * scale


def of_group_norm(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    x, scale, bias = (np.asarray(primal, np.float64) for primal in primals[:3])
    axis = 1 if statics.get("layout") == "channels_first" else -1
    groups, channels = int(statics.get("groups", 1)), x.shape[axis]
    plain, kept = np.ones(channels), [channels if a == axis % x.ndim else 1 for a in range(x.ndim)]
    unscaled = value((x, plain, 0 * plain), statics)
    yield "forward", "leaves the bias out", value((x, scale, 0 * bias), statics)
    yield "forward", "leaves scale and bias out", unscaled
    if groups and channels % groups == 0:
        apart = np.arange(channels).reshape(-1, groups).T.ravel()  # every groups-th channel
        there = value((np.take(x, apart, axis), scale[apart], bias[apart]), statics)
        back = None if there is None else np.take(there, np.argsort(apart), axis)
        yield "convention_axis", f"takes every {groups}th channel as a group", back
        count = x[0].size // groups
        if unscaled is not None and count > 1:
            narrow = unscaled * np.sqrt((count - 1) / count)
            words = "divides the variance by N - 1"
            yield "convention_variance", words, narrow * scale.reshape(kept) + bias.reshape(kept)
