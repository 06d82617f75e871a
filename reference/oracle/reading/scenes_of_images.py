"""Inputs of layers of images: convolutions and pooling of every layout, stride and window that people insist on."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.reading.scene import Draw, Scene
from reference.oracle.specs import POOLING


def convolutions(draw: Draw) -> Iterator[Scene]:
    """Channels first and last, with strides that fit exactly where the code insists; single images; one dimension."""
    first = {"strides": 2, "padding": 1, "layout": "channels_first"}
    settings = {"stride": 2, "pad": 1, "conv_param": {"stride": 2, "pad": 1}}
    sizes = {"in_size": 2, "out_size": 5, "window": 3, "window_h": 3, "window_w": 3, "input_shape": (2, 5, 7)}
    kernel = {"kernel": draw(5, 2, 4, 3), "bias": draw(5)}
    yield Scene("conv", {"x": draw(3, 2, 5, 7), **kernel, **settings, **sizes}, first)
    pooling = {"pool_param": {"pool_height": 2, "pool_width": 2, "stride": 2}, "bn_param": {"mode": "train"}}
    exact = {**sizes, "kernel": draw(5, 2, 3, 3), "bias": draw(5), "scale": draw(5), "shift": draw(5), **pooling}
    yield Scene("conv with windows that fit", {"x": draw(3, 2, 5, 7), **exact, **settings}, first)
    same = {"stride": 1, "pad": 1, "conv_param": {"stride": 1, "pad": 1}}
    yield Scene(
        "conv that keeps the size",
        {"x": draw(3, 2, 6, 10), **exact, **same},
        {"padding": 1, "layout": "channels_first"},
    )
    plain_steps = {"stride": 1, "pad": 0, "conv_param": {"stride": 1, "pad": 0}}
    yield Scene("conv with stride 1", {"x": draw(3, 2, 5, 7), **exact, **plain_steps}, {"layout": "channels_first"})
    column = {**exact, "bias": draw(5, 1)}
    yield Scene("conv with bias (out, 1)", {"x": draw(3, 2, 5, 7), **column, **settings}, first)
    last = {**sizes, "input_shape": (5, 7, 2), "kernel": draw(3, 3, 2, 5), "bias": draw(5)}
    yield Scene("conv, channels last", {"x": draw(3, 5, 7, 2), **last, **settings}, {"strides": 2, "padding": 1})
    shaped = {**last, "bias": draw(1, 1, 1, 5), **settings}
    yield Scene("conv, channels last, bias (1, 1, 1, out)", {"x": draw(3, 5, 7, 2), **shaped})
    one = {**sizes, "kernel": draw(5, 2, 3, 3), "bias": draw(5, 1)}
    yield Scene("conv of one image", {"x": draw(2, 5, 7), **one, **plain_steps})
    plane = {"kernel": draw(3, 3), "bias": draw(1), "window": 3, "out_size": 5, "input_shape": (5, 7)}
    yield Scene("conv of one plane", {"x": draw(5, 7), **plane, **plain_steps})
    line = {"kernel": draw(5, 2, 3), "bias": draw(5), "in_size": 2, "out_size": 5, "window": 3}
    yield Scene("conv of one dimension", {"x": draw(3, 2, 11), **line, **plain_steps})


def poolings(draw: Draw) -> Iterator[Scene]:
    """Windows that overlap along the height, on a width that leaves a remainder, with a few ties; then exact ones."""
    x = _tied(draw(3, 2, 7, 5))
    for name in (spec.name for spec in POOLING):
        param = {"pool_height": 3, "pool_width": 2, "stride": 2}
        settings = {"window_h": 3, "window_w": 2, "window": 3, "stride": 2, "pad": 0, "pool_param": param}
        statics = {"window": (3, 2), "strides": 2, "layout": "channels_first"}
        yield Scene(name, {"x": x, **settings}, statics)
    two = {"pool_height": 2, "pool_width": 2, "stride": 2}
    square = {"window_h": 2, "window_w": 2, "window": 2, "stride": 2, "pad": 0, "pool_param": two}
    statics = {"window": 2, "strides": 2, "layout": "channels_first"}
    yield Scene("pooling with windows that fit", {"x": _tied(draw(3, 2, 6, 10)), **square}, statics)
    pairs = {**square, "window": (2, 2)}
    yield Scene("pooling with a pair as window", {"x": _tied(draw(3, 2, 6, 10)), **pairs}, statics)
    hyper = {**square, "conv_param": {"f": 2, "stride": 2}, "input_shape": (6, 10, 2)}
    yield Scene("pooling, channels last", {"x": _tied(draw(3, 6, 10, 2)), **hyper}, {"window": 2, "strides": 2})
    yield Scene("pooling of one image", {"x": _tied(draw(2, 6, 10)), **square, "input_shape": (2, 6, 10)})
    yield Scene("pooling of one plane", {"x": _tied(draw(6, 10)), **square})


def _tied(values: np.ndarray) -> np.ndarray:
    return np.round(values / 2, 1)


def geometries(draw: Draw) -> Iterator[Scene]:
    """Less usual layers of images: transposed, with pairs for windows, strides and padding, square."""
    images = {"x": draw(3, 5, 4, 6), "kernel": draw(5, 2, 3, 3), "bias": draw(2), "in_size": 5, "out_size": 2}
    settings = {"stride": 2, "pad": 1, "window": 3, "window_h": 3, "window_w": 3}
    yield Scene("conv, transposed", {**images, **settings})
    pairs = {"stride": (1, 1), "pad": (1, 1), "window": (3, 3), "in_size": 2, "out_size": 5, "input_shape": (2, 5, 7)}
    yield Scene("conv of pairs", {"x": draw(3, 2, 5, 7), "kernel": draw(5, 2, 3, 3), "bias": draw(5), **pairs})
    yield Scene("pooling of pairs", {"x": _tied(draw(3, 2, 6, 10)), **pairs, "window": (2, 2), "stride": (2, 2),
                                     "pad": (0, 0)})  # fmt: skip
    square = {**settings, "in_size": 2, "out_size": 5, "input_shape": (2, 8, 8), "pad": 0, "stride": 1}
    yield Scene("conv of squares", {"x": draw(3, 2, 8, 8), "kernel": draw(5, 2, 3, 3), "bias": draw(5), **square})
    yield Scene("conv of squares, channels last", {"x": draw(3, 8, 8, 2), "kernel": draw(3, 3, 2, 5), **square,
                                                   "bias": draw(5), "input_shape": (8, 8, 2)})  # fmt: skip
    yield Scene("pooling of squares", {"x": _tied(draw(3, 2, 8, 8)), **square, "window": 2, "stride": 2})
