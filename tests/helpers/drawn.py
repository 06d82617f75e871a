"""Arguments of given shapes, always the same."""

import numpy as np


def normal(*shape):
    return np.random.default_rng(sum(shape) + len(shape)).normal(size=shape)


def positive(*shape):
    return np.abs(normal(*shape)) + 0.2


def share(*shape):
    return 1 / (1 + np.exp(-normal(*shape)))


def labels(count, classes):
    return np.arange(count) * 7 % classes
