"""Nested dicts of arrays, as parameters, gradients and an optimizer's state are; and the ranges of its settings."""

import math

import numpy as np

from reference._checks import require


def map_arrays(function, tree, *others):
    """The function of every array of a nested dict, and of the arrays in the same places of the others."""
    if isinstance(tree, dict):
        return {key: map_arrays(function, branch, *(other[key] for other in others)) for key, branch in tree.items()}
    return function(np.asarray(tree), *map(np.asarray, others))


def check_alike(name, grads, params, path=""):
    if isinstance(params, dict) or isinstance(grads, dict):
        keys = [sorted(tree) if isinstance(tree, dict) else "an array" for tree in (grads, params)]
        got = f"{keys[0]} against {keys[1]}" + (f" in {path}" if path else "")
        require(keys[0] == keys[1], name, "grads must have the keys of params", got)
        for key in params:
            check_alike(name, grads[key], params[key], f"{path}/{key}" if path else str(key))
        return
    shapes = np.shape(grads), np.shape(params)
    got = f"{shapes[0]} against {shapes[1]}" + (f" in {path}" if path else "")
    require(shapes[0] == shapes[1], name, "grads must have the shapes of params", got)


def check_positive(name, **values):
    _check_range(name, "a finite number above 0", lambda value: 0 < value < math.inf, values)


def check_not_negative(name, **values):
    _check_range(name, "a finite number, 0 or more", lambda value: 0 <= value < math.inf, values)


def check_share(name, **values):
    _check_range(name, "a number, at least 0 and below 1", lambda value: 0 <= value < 1, values)


def _check_range(name, rule, legal, values):
    for key, value in values.items():
        good = bool(isinstance(value, int | float | np.number) and legal(value))
        require(good, name, f"{key} must be {rule}", f"{key}={value!r}")
