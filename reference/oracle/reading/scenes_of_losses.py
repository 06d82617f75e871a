"""Inputs of losses and of networks with one: what predictions and targets may be, and examples with parameters."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.reading.scene import Draw, Scene, normal


def losses(draw: Draw, rng: np.random.Generator) -> Iterator[Scene]:
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


def networks_by_hand(rng: np.random.Generator) -> Iterator[Scene]:
    """Two and three layers with every parameter by name, examples in columns and in rows; the same for a class."""
    draw = partial(normal, rng)
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
    values = {"x": x.T, "targets": bits, "other": bits, "kernel": draw(7, 1), "bias": draw(1, 1)}
    yield Scene("logistic regression in columns", values, meaning="examples in columns and bits")
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
