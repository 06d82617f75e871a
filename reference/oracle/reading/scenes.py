"""Inputs for code that brings none: sets of arrays that fit together, by the part that an argument plays.

Sizes are pairwise different primes where the code allows it, so that a transpose, a wrong axis or a factor 1/N cannot
hide. Scenes of one meaning differ in geometry alone: the first on which the code runs is taken. Scenes of another
meaning (labels or one-hot rows, logits or probabilities) are another reading of what a loss is given.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

Draw = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Scene:
    """Values by part, and the statics that go with them where the code is judged as an op."""

    name: str
    values: dict[str, Any]
    statics: dict[str, Any] = field(default_factory=dict)
    # What is said of the shapes, where "that suit NAME" does not say it.
    shapes: str = ""
    # What a loss is given; "" for everything that is no loss.
    meaning: str = ""
    # The sizes of a network are given even where its constructor has its own.
    small: bool = False
    # For code that has an argument of this name alone.
    needs: str = ""


def scenes(seed: int) -> list[Scene]:
    """Every scene, in the order in which they are tried; the same seed draws the same values."""
    rng = np.random.default_rng([seed, 15485863])
    draw = partial(_normal, rng)
    weights = {"kernel": draw(7, 11), "bias": draw(11), "recurrent": draw(11, 11), "state": draw(3, 11)}
    normalizing = {"scale": rng.uniform(0.5, 2, size=11), "shift": draw(11), "bn_param": {"mode": "train"}}
    sizes = {"in_size": 7, "hidden_size": 11, "out_size": 5, "layer_sizes": [7, 11, 5], "input_shape": (7,)}
    dense_sizes = {**sizes, "out_size": 11}
    dropping = {"dropout_param": {"p": 0.6, "mode": "train", "seed": 1}}
    x = draw(3, 7)
    return [
        Scene("elementwise", {"x": x, "rate": 0.4, "mask": rng.random((3, 7)) < 0.6, **dropping}),
        Scene("dense", {"x": x, **weights, **normalizing, **dense_sizes, **dropping}),
        Scene("dense with bias (1, out)", {"x": x, "kernel": draw(7, 11), "bias": draw(1, 11), "optimizer": None}),
        Scene("dense with kernel (out, in)", {"x": x, "kernel": draw(11, 7), "bias": draw(11)}),
        Scene("dense in columns", {"x": draw(7, 3), "kernel": draw(11, 7), "bias": draw(11, 1), **dense_sizes}),
        *_convolutions(draw),
        *_poolings(draw),
        Scene("sums", {"x": draw(3, 5), "other": draw(3, 5)}),
        *_losses(draw, rng),
        _normalization(draw, rng, (5, 7), 7),
        _normalization(draw, rng, (3, 5, 2, 7), 5),
        _normalization(draw, rng, (3, 6, 2, 7), (1, 6, 1, 1), {"groups": 3, "G": 3}),
        *_recurrences(draw, weights, sizes),
        *_embeddings(draw, rng),
        *_attentions(draw),
        Scene("image", {"x": draw(3, 2, 7, 11), "rate": 0.4}),
        Scene("vector", {"x": draw(7), **dense_sizes, "kernel": draw(7, 11), "bias": draw(11)}),
        Scene("column", {"x": draw(7, 1), **dense_sizes, "kernel": draw(11, 7), "bias": draw(11, 1)}),
        Scene("row", {"x": draw(1, 7), **dense_sizes, "kernel": draw(7, 11), "bias": draw(1, 11)}),
        Scene("positive", {"x": np.exp(draw(3, 7)), "rate": 0.4}),
        Scene("scalar", {"x": draw()}),
        Scene("a row to add", {"x": draw(3, 7), "bias": draw(7)}),
        *_geometries(draw),
        *_decoders(draw, rng),
        *_networks_by_hand(np.random.default_rng([seed, 67867967])),
    ]


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.asarray(rng.normal(size=shape))


def _convolutions(draw: Draw) -> Iterator[Scene]:
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


def _poolings(draw: Draw) -> Iterator[Scene]:
    """Windows that overlap along the height, on a width that leaves a remainder, with a few ties; then exact ones."""
    x = _tied(draw(3, 2, 7, 5))
    for name in ("max_pool", "avg_pool"):
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


def _losses(draw: Draw, rng: np.random.Generator) -> Iterator[Scene]:
    """What a loss may be given: labels or rows for targets, scores, probabilities or values for predictions."""
    scores, values, labels = 2 * draw(3, 5), draw(3, 5), rng.permutation(np.array([0, 4, 4]))
    rows = np.eye(5)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    likely, chances = (rng.random((3, 5)) < 0.5) * 1.0, rng.uniform(0.1, 0.9, size=(3, 5))
    sizes = {"in_size": 7, "hidden_size": 11, "out_size": 5, "layer_sizes": [7, 11, 5]}
    classifier = {"kernel": draw(7, 5), "bias": draw(5), "regularization": 0.1}
    x = draw(3, 7)
    image = draw(3, 1, 12, 12)

    def scene(name: str, x: np.ndarray, targets: np.ndarray, meaning: str, **more: Any) -> Scene:
        values = {"x": x, "predictions": x, "targets": targets, "other": targets, "mask": np.array([1.0, 0.0, 1.0])}
        small = meaning.startswith(("examples", "tokens"))
        return Scene(name, {**values, **sizes, "regularization": 0.1, **more}, meaning=meaning, small=small)

    yield scene("classification", scores, labels, "scores and labels")
    yield scene("rows", scores, rows, "scores and one-hot rows")
    yield scene("probabilities", probabilities, labels, "probabilities and labels")
    yield scene("probable rows", probabilities, rows, "probabilities and one-hot rows")
    yield scene("regression", scores, values, "values")
    yield scene("chances", chances, likely, "probabilities and zeros and ones")
    yield scene("logits", scores, likely, "scores and zeros and ones")
    yield scene("signs", scores, 2 * likely - 1, "scores and signs")
    yield scene("columns", probabilities.T, rows.T, "probabilities and one-hot columns")
    yield scene("column chances", chances[:, :1], likely[:, :1], "probabilities and zeros and ones in a column")
    yield scene("row chances", chances[:1], likely[:1], "probabilities and zeros and ones in a row")
    yield scene("vector chances", chances[0], likely[0], "probabilities and zeros and ones in a vector")
    yield scene("vectors", scores[0], values[0], "vectors")
    bits = (likely[0] > 0).astype(int)
    yield scene("vector of bits", scores[0], bits, "scores and bits")
    yield scene("vector of scores", scores[0], labels[0], "scores and a label")
    yield scene("linear classifier", x, labels, "examples and labels", **classifier)
    columns = {"kernel": draw(5, 7), "regularization": 0.1}
    yield scene("linear classifier in columns", draw(7, 3), labels, "examples and labels", **columns)
    yield scene("network", x, labels, "examples and labels")
    yield scene("network of images", image, labels, "examples and labels", in_size=1, input_shape=(1, 12, 12))
    yield scene("network of rows", x, rows, "examples and one-hot rows")
    yield scene(
        "network of images and rows", image, rows, "examples and one-hot rows", in_size=1, input_shape=(1, 12, 12)
    )
    yield scene("network of values", x, values, "examples and values")
    timed = {"mask": rng.random((3, 4)) < 0.7}
    steps = rng.integers(0, 5, size=(3, 4))
    yield scene("temporal", draw(3, 4, 5), steps, "scores and labels a step", **timed)
    yield scene("temporal bits", draw(3, 4), rng.integers(0, 2, size=(3, 4)), "scores and bits a step")
    words = {"vocabulary": 5, "word_size": 7, "hidden_size": 11, "state": draw(3, 11), "in_size": 7}
    tokens = rng.integers(0, 5, size=(3, 4))
    yield scene("language model", tokens, steps, "tokens and the next ones", **words)
    yield scene("tied language model", tokens, steps, "tokens and the next ones", **{**words, "word_size": 11})
    around = {**words, "contexts": np.eye(5)[rng.integers(0, 5, size=(3, 2))], "context": np.eye(5)[labels]}
    yield scene("words and those around", rows, rows, "tokens and those around them", **around)
    corpus = np.concatenate([np.arange(11), labels, [1, 2, 4]])
    many = {**words, "vocabulary": 11, "corpus": corpus, "window": 1, "kernel": draw(11, 7), "state": draw(3, 7)}
    numbers = {"contexts": rng.integers(0, 11, size=(3, 2)), "context": tokens}
    yield scene("words by number", tokens, labels, "numbers of words and of those around them", **many, **numbers)
    yield scene("words sampled", draw(3, 7), labels, "states and the words that belong to them", **many)
    special = {"word_to_idx": {"<NULL>": 0, "<START>": 1, "<END>": 2, "a": 3, "b": 4}, "captions": tokens}
    yield scene("captions", draw(3, 7), tokens, "examples and captions", **words, **special, features=draw(3, 7))


def _normalization(
    draw: Draw, rng: np.random.Generator, shape: tuple[int, ...], channels: Any, more: dict[str, Any] | None = None
) -> Scene:
    """A matrix, or images with the channels on axis 1."""
    values = {"x": 2 * draw(*shape) + 1, "scale": rng.uniform(0.5, 2, size=channels)}
    values["shift"] = draw(*values["scale"].shape)
    values |= {"running_mean": np.zeros(values["scale"].shape), "running_var": np.ones(values["scale"].shape)}
    width = shape[1]
    sizes = {"in_size": width, "out_size": width, "groups": 1, "bn_param": {"mode": "train"}, "input_shape": shape[1:]}
    return Scene("normalization", {**values, **sizes, **(more or {})})


def _recurrences(draw: Draw, weights: dict[str, Any], sizes: dict[str, Any]) -> Iterator[Scene]:
    """Steps and sequences, with one gate or with four side by side."""
    x, steps = draw(3, 7), draw(3, 5, 7)
    four = {
        "kernel": draw(7, 44),
        "recurrent": draw(11, 44),
        "bias": draw(44),
        "state": draw(3, 11),
        "cell": draw(3, 11),
    }
    three = {**four, "kernel": draw(7, 33), "recurrent": draw(11, 33), "bias": draw(33)}
    yield Scene("recurrent", {"x": x, **weights, **sizes})
    yield Scene("sequence", {**weights, "x": steps, **sizes})
    yield Scene("four gates", {"x": x, **four, **sizes})
    yield Scene("sequence of four gates", {"x": steps, **four, **sizes})
    yield Scene("three gates", {"x": x, **three, **sizes})
    yield Scene("sequence of three gates", {"x": steps, **three, **sizes})
    column = {"x": draw(7, 3), "state": draw(11, 3), "cell": draw(11, 3), "kernel": draw(11, 7), "bias": draw(11, 1)}
    yield Scene("recurrent in columns", {**column, "recurrent": draw(11, 11), **sizes})


def _embeddings(draw: Draw, rng: np.random.Generator) -> Iterator[Scene]:
    indices = np.array([[2, 7, 2], [0, 2, 7]])
    table = {"kernel": draw(11, 5), "in_size": 11, "out_size": 5}
    yield Scene("embedding", {**table, "indices": indices, "x": indices})
    yield Scene("embedding of a vector", {**table, "indices": indices[0], "x": indices[0]})
    yield Scene("embedding and a state", {**table, "indices": indices[0], "state": draw(3, 5), "h": draw(3, 5)})
    words = {"vocabulary": 11, "word_size": 7, "hidden_size": 5, "state": draw(2, 5)}
    yield Scene("sequence of tokens", {**words, "x": indices, "hs": draw(2, 3, 5)})


def _attentions(draw: Draw) -> Iterator[Scene]:
    """Weights over the states of an encoder, and queries for them."""
    states, weights = draw(3, 5, 7), np.abs(draw(3, 5))
    yield Scene("weights and states", {"hs": states, "a": weights / weights.sum(-1, keepdims=True), "x": states})
    yield Scene("states and a query", {"hs": states, "h": draw(3, 7), "state": draw(3, 7), "x": states})
    queries = draw(3, 4, 7)
    named = {"hs_enc": states, "hs_dec": queries, "enc_hs": states, "dec_hs": queries}
    three = {
        "q": queries,
        "k": states,
        "v": states[..., ::-1] + 0.5,
        "Q": queries,
        "K": states,
        "V": states[..., ::-1] + 0.5,
    }
    words = {"query": queries, "key": states, "value": three["v"], "queries": queries, "keys": states}
    yield Scene("attention", {**named, **three, **words, "x": queries, "context": states})


def _geometries(draw: Draw) -> Iterator[Scene]:
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


def _decoders(draw: Draw, rng: np.random.Generator) -> Iterator[Scene]:
    """Tokens beside the states that an encoder left, and a state beside the token that it belongs to."""
    words = {"vocabulary": 11, "word_size": 7, "hidden_size": 5}
    tokens = rng.integers(0, 11, size=(2, 3))
    yield Scene("tokens and states", {**words, "x": tokens, "state": draw(2, 4, 5), "hs": draw(2, 4, 5)})
    yield Scene("tokens and a state", {**words, "x": tokens, "state": draw(2, 5), "hidden": draw(2, 5)})
    yield Scene("states and a state", {"x": draw(2, 3, 5), "state": draw(2, 5), "hs": draw(2, 3, 5), "mask": False})
    yield Scene(
        "states and weights of them", {"x": draw(2, 3, 5), "state": draw(2, 3, 5), "kernel": rng.random((2, 3))}
    )


def _networks_by_hand(rng: np.random.Generator) -> Iterator[Scene]:
    """Two and three layers with every parameter by name, examples in columns and in rows; the same for a class."""
    draw = partial(_normal, rng)
    labels = np.array([0, 4, 2])
    bits, rows = np.array([[1.0, 0.0, 1.0]]), np.eye(5)[labels]
    x = draw(3, 7)
    for widths, needs in (((7, 11), "W1"), ((7, 11, 6), "W3")):
        for targets, meaning in ((rows, "one-hot rows"), (labels, "labels"), (bits.T, "bits in a column")):
            held = _layers(draw, (*widths, 1 if targets.shape[-1] == 1 else 5))
            values = {"x": x, "targets": targets, "other": targets, **held}
            yield Scene(f"network by hand, {meaning}", values, meaning=f"examples and {meaning}", needs=needs)
        for targets, meaning in ((bits, "bits in a row"), (rows.T, "one-hot columns")):
            held = _layers(draw, (*widths, targets.shape[0]), columns=True)
            values = {"x": x.T, "targets": targets, "other": targets, **held}
            yield Scene(
                f"network by hand, {meaning}", values, meaning=f"examples in columns and {meaning}", needs=needs
            )
    for targets, size in ((rows.T, 5), (bits, 1)):
        sizes = {"in_size": 7, "hidden_size": 11, "out_size": size, "layer_sizes": [7, 11, size], "input_shape": (7,)}
        values = {"x": x.T, "targets": targets, "other": targets, **sizes}
        yield Scene("network in columns", values, meaning=f"examples in columns and {size} outputs", small=True)


def _layers(draw: Draw, widths: tuple[int, ...], columns: bool = False) -> dict[str, np.ndarray]:
    """W1, b1, W2, b2 and so on, between layers of these widths."""
    held = {}
    for place, (before, after) in enumerate(itertools.pairwise(widths), 1):
        held[f"W{place}"] = 0.5 * (draw(after, before) if columns else draw(before, after))
        held[f"b{place}"] = draw(after, 1) if columns else draw(after)
    return held


def alike(arguments: list[str], seed: int) -> Scene:
    """The same shape for every argument, for code whose argument names say nothing."""
    rng = np.random.default_rng([seed, 32452843])
    values = {argument: rng.normal(size=(3, 7)) for argument in arguments}
    return Scene("alike", values, shapes="one shape for every argument")


def fitting(scene: Scene, given: list[tuple[int, ...]], arrays: list[np.ndarray], seed: int) -> Iterator[Scene]:
    """The same scene with an x of a given shape, or of one inferred from the parameters that an object holds."""
    rng = np.random.default_rng([seed, 49979687])
    shapes: dict[tuple[int, ...], None] = dict.fromkeys((3, *shape) for shape in given)
    for shape in (array.shape for array in arrays):
        match shape:
            case (wide,):
                shapes |= dict.fromkeys([(3, wide), (3, wide, 5, 7), (3, 5, 7, wide), (wide,)])
            case (first, second):
                shapes |= dict.fromkeys(
                    [(3, first), (3, second), (first, 3), (second, 3), (3, 5, first), (3, 5, second)]
                )
                shapes |= dict.fromkeys([(first,), (second,), (first, 1), (second, 1), (1, first)])
            case (first, second, third):
                shapes |= dict.fromkeys([(3, second, 11), (3, 11, second), (3, first, 11), (first, second, third)])
            case (first, second, third, fourth):
                shapes |= dict.fromkeys([(3, second, 7, 9), (3, 7, 9, third), (3, first, 7, 9), (second, 7, 9)])
                shapes |= dict.fromkeys([(3, fourth, 7, 9), (7, 9, third), (3, 7, 9, second)])
    for shape in shapes:
        x = np.asarray(rng.normal(size=shape))
        yield replace(scene, values={**scene.values, "x": x, "predictions": x}, shapes=f"x of shape {shape}")
