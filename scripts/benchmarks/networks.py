"""What is compared: networks as lists of layers, which every library builds in its own way, and transformers."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Network:
    """A training step to time: a batch of this many images through these layers."""

    name: str
    batch: int
    image: tuple[int, ...]
    layers: tuple[tuple[Any, ...], ...]

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Images of noise and their labels."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.batch, *self.image)).astype(np.float32)
        return x, rng.integers(0, 10, self.batch)


@dataclass(frozen=True)
class Transformer:
    """A training step of a language model to time: a batch of this many sequences, each as long as the context."""

    name: str
    batch: int
    context: int
    vocabulary: int = 96
    width: int = 128
    heads: int = 4
    layers: int = 4
    hidden: int = 344
    dtype: str = "float32"

    @property
    def head_dim(self) -> int:
        """The features of one head."""
        return self.width // self.heads

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens drawn at random, and those that follow them."""
        drawn = np.random.default_rng(0).integers(0, self.vocabulary, (self.batch, self.context + 1), np.int32)
        return drawn[:, :-1], drawn[:, 1:]


RELU, POOL, FLATTEN = ("relu",), ("pool",), ("flatten",)


def _conv_relu(inputs: int, outputs: int, window: int = 3, padding: int = 1) -> tuple[tuple[Any, ...], ...]:
    return ("conv", inputs, outputs, window, padding), RELU


NETWORKS = (
    Network("mlp", 100, (784,), (("dense", 784, 100), RELU, ("dense", 100, 10))),
    Network(
        "simple_convnet",
        100,
        (28, 28, 1),
        (*_conv_relu(1, 30, 5, 0), POOL, FLATTEN, ("dense", 4320, 100), RELU, ("dense", 100, 10)),
    ),
    Network(
        "deep_convnet",
        100,
        (28, 28, 1),
        (
            *_conv_relu(1, 16),
            *_conv_relu(16, 16),
            POOL,
            *_conv_relu(16, 32),
            *_conv_relu(32, 32, padding=2),
            POOL,
            *_conv_relu(32, 64),
            *_conv_relu(64, 64),
            POOL,
            FLATTEN,
            ("dense", 1024, 50),
            RELU,
            ("dense", 50, 10),
        ),
    ),
    *(
        Network(
            f"resnet_block {width}",
            32,
            (32, 32, width),
            (("block", width), ("mean",), ("dense", width, 10)),
        )
        for width in (64, 128)
    ),
)

TRANSFORMERS = (
    Transformer("transformer, context 128, batch 32", 32, 128),
    Transformer("transformer, context 2048, batch 2", 2, 2048),
)

LARGE_TRANSFORMERS = tuple(
    Transformer(
        f"transformer, context 1024, batch 8, width 512, {dtype}", 8, 1024, 8192, 512, 8, 6, hidden=1376, dtype=dtype
    )
    for dtype in ("bfloat16", "float32")
)
LARGE_NETWORKS = tuple(
    replace(network, name=f"{network.name}, batch {batch}", batch=batch)
    for name, batch in (("resnet_block 128", 256), ("deep_convnet", 1024))
    for network in NETWORKS
    if network.name == name
)


def multiplications(network: Network | Transformer) -> int:
    """Of a step's matrix products and convolutions: the forward pass, and the gradients that a step needs."""
    if isinstance(network, Transformer):
        # Kernels of attention and of the gated network, and scores and their sums over half the pairs of tokens.
        layer = 4 * network.width**2 + 3 * network.width * network.hidden + network.context * network.width
        head = network.width * network.vocabulary
        return 3 * network.batch * network.context * (network.layers * layer + head)
    size, total, first = network.image[0], 0, True
    for kind, *sizes in network.layers:
        count = 0
        if kind == "dense":
            count = network.batch * prod(sizes)
        elif kind == "block":
            count = 2 * network.batch * size**2 * 9 * sizes[0] ** 2
        elif kind == "conv":
            inputs, outputs, window, padding = sizes
            size += 2 * padding - window + 1
            count = network.batch * size**2 * window**2 * inputs * outputs
        elif kind == "pool":
            size //= 2
        # No gradient is asked for with respect to the images.
        total += count * (2 if first and count and kind != "block" else 3)
        first = first and not count
    return total
