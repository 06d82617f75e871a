"""Inputs for code that brings none: sets of arrays that fit together, by the part that an argument plays.

Sizes are pairwise different primes where the code allows it, so that a transpose, a wrong axis or a factor 1/N cannot
hide. Scenes of one meaning differ in geometry alone: the first on which the code runs is taken. Scenes of another
meaning (labels or one-hot rows, logits or probabilities) are another reading of what a loss is given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.reading.scene import Draw, Scene, normal
from reference.oracle.reading.scenes_of_images import convolutions, geometries, poolings
from reference.oracle.reading.scenes_of_losses import losses, networks_by_hand


def scenes(seed: int) -> list[Scene]:
    """Every scene, in the order in which they are tried; the same seed draws the same values."""
    rng = np.random.default_rng([seed, 15485863])
    draw = partial(normal, rng)
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
        *convolutions(draw),
        *poolings(draw),
        Scene("sums", {"x": draw(3, 5), "other": draw(3, 5)}),
        *losses(draw, rng),
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
        Scene("dense of a pair of sizes", {"x": draw(3, 7), "input_shape": (7, 11)}),
        *geometries(draw),
        *_decoders(draw, rng),
        *_cells_by_name(np.random.default_rng([seed, 86028121])),
        _reset_after(np.random.default_rng([seed, 122949823])),
        *networks_by_hand(np.random.default_rng([seed, 67867967])),
        _groups_of_channels(np.random.default_rng([seed, 122949823])),
    ]


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


def _groups_of_channels(rng: np.random.Generator) -> Scene:
    """Images whose channels divide into groups, with one parameter a channel."""
    return _normalization(partial(normal, rng), rng, (3, 6, 2, 7), 6, {"groups": 3, "G": 3})


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
    kept = {name: np.stack([array, 0.5 - array[::-1]], 2) for name, array in {**three, **words}.items()}
    yield Scene("attention of heads", {**kept, "x": kept["q"], "context": kept["k"]})


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


def _cells_by_name(rng: np.random.Generator) -> Iterator[Scene]:
    """Steps and sequences in columns whose parameters have names of two letters: Wax, Waa, Wya; Wf, Wi, Wc, Wo."""
    draw = partial(normal, rng)
    kernels = {"Wax": draw(11, 7), "Waa": draw(11, 11), "Wya": draw(5, 11), "ba": draw(11, 1), "by": draw(5, 1)}
    gates = {name: 0.5 * draw(11, 18) for name in ("Wf", "Wi", "Wu", "Wc", "Wo")}
    biases = {name: draw(11, 1) for name in ("bf", "bi", "bu", "bc", "bo")}
    held = {**kernels, **gates, **biases, "Wy": draw(5, 11)}
    held |= {"a_prev": draw(11, 3), "c_prev": draw(11, 3), "a0": draw(11, 3), "c0": draw(11, 3)}
    for name, needs in (("cell", "Wax"), ("gates", "Wf")):
        yield Scene(f"{name} by name, in columns", {**held, "x": draw(7, 3), "xt": draw(7, 3)}, needs=needs)
        yield Scene(f"{name} by name, sequences in columns", {**held, "x": draw(7, 3, 4)}, needs=needs)


def _reset_after(rng: np.random.Generator) -> Scene:
    """Sequences of three gates, one of which adds up two sums with a bias each."""
    draw = partial(normal, rng)
    kernels = {"kernel": 0.5 * draw(7, 33), "recurrent": 0.5 * draw(11, 33), "bias": draw(44)}
    return Scene("sequence of three gates and four biases", {"x": draw(3, 5, 7), "state": draw(3, 11), **kernels})


def alike(arguments: list[str], seed: int) -> Scene:
    """The same shape for every argument, for code whose argument names say nothing."""
    rng = np.random.default_rng([seed, 32452843])
    values = {argument: rng.normal(size=(3, 7)) for argument in arguments}
    return Scene("alike", values, shapes="one shape for every argument")


def fitting(
    scene: Scene, given: list[tuple[int, ...]], arrays: list[np.ndarray], seed: int, parts: Sequence[str]
) -> Iterator[Scene]:
    """The same scene with an x of a given shape, or of one inferred from the parameters that an object holds."""
    rng = np.random.default_rng([seed, 49979687])
    shapes: dict[tuple[int, ...], None] = dict.fromkeys(batch for shape in given for batch in ((3, *shape), shape))
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
        yield replace(scene, values={**scene.values, **dict.fromkeys(parts, x)}, shapes=f"x of shape {shape}")
