"""The three arrays that a convolution relates, and each of them as the reference finds it from the other two."""

from functools import partial
from typing import Any

import jax
import numpy as np

from functional_nn import _lax
from functional_nn._geometry import Spec, lines
from reference.convolution import conv_bwd, conv_fwd

# What each of the sums is taken of.
TAKEN = {"correlate": ("x", "kernel"), "spread": ("out", "kernel"), "gather": ("x", "out")}


def channels_first(x: np.ndarray, kernel: np.ndarray, *rest: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same arguments in the other layout."""
    return np.moveaxis(x, -1, 1), np.moveaxis(kernel, (-1, -2), (0, 1)), *rest


def relation(call: tuple, layout: str = "channels_last") -> tuple[dict[str, np.ndarray], Spec]:
    """The three arrays that a call of conv relates, and what is known of them when it is compiled."""
    (x, kernel, _), statics = call
    geometry = lines(
        "conv", x.shape[1:-1], kernel.shape[:-2], *(statics[n] for n in ("strides", "padding", "dilation"))
    )
    spec = Spec(geometry, statics["groups"], layout, "highest")
    if layout == "channels_first":
        x, kernel = channels_first(x, kernel)
    shape = jax.eval_shape(partial(_lax.correlate, spec=spec), x, kernel).shape
    return {"x": x, "kernel": kernel, "out": np.random.default_rng(5).normal(size=shape)}, spec


def by_hand(arrays: dict[str, np.ndarray], spec: Spec) -> dict[str, np.ndarray]:
    """All three sums of the arrays in float64. XLA's own convolution is no witness: it can be wrong itself."""
    x, kernel, out = (np.asarray(arrays[role], np.float64) for role in ("x", "kernel", "out"))
    statics: dict[str, Any] = {
        "strides": tuple(line.stride for line in spec.lines),
        "padding": tuple((line.low, line.high) for line in spec.lines),
        "dilation": tuple(line.dilation for line in spec.lines),
    }
    correlated, residuals = conv_fwd(x, kernel, groups=spec.groups, layout=spec.layout, **statics)
    x_ct, kernel_ct, _ = conv_bwd(residuals, out)
    return {"correlate": correlated, "spread": x_ct, "gather": kernel_ct}
