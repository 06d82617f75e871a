"""Every optimizer once more, with the slips that people make: a step is `rule(param, grad, memory, t, hyper, slips)`.

`memory` is the parameter's own dict, changed in place; `slips` is a set of words. Without slips a rule is the optimizer
as `reference.optimizers` has it, which the tests hold it to.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Hyper = Mapping[str, float]
Slips = frozenset[str]
Rule = Callable[[np.ndarray, np.ndarray, dict[str, Any], int, Hyper, Slips], np.ndarray]


def sgd(param, grad, memory, t, hyper, slips):
    return param - hyper["learning_rate"] * grad


def momentum(param, grad, memory, t, hyper, slips):
    rate, friction = hyper["learning_rate"], hyper["momentum"]
    weight = 1 - friction if "dampened" in slips or ("dampened first" in slips and t == 1) else 1
    old = memory.get("velocity", 0)
    memory["velocity"] = new = friction * old + weight * grad
    if "old velocity" in slips:
        return param - rate * (old + np.zeros_like(grad))
    if "gradient twice" in slips:
        return param - rate * (new + grad)
    return param - rate * (grad + friction * new if "look ahead" in slips else new)


def nesterov(param, grad, memory, t, hyper, slips):
    rate, friction = hyper["learning_rate"], hyper["momentum"]
    old = memory.get("velocity", 0)
    memory["velocity"] = new = friction * old + grad
    if "plain" in slips:
        return param - rate * new
    if "applied twice" in slips:  # the book's first printing: friction**2 v and (1 + friction) g, with the new v
        return param - rate * (friction**2 * new + (1 + friction) * grad)
    if "not added" in slips:
        return param - rate * friction * new
    return param - rate * (grad + friction * new)


def adagrad(param, grad, memory, t, hyper, slips):
    old = memory.get("sum", _start(hyper.get("initial_accumulator", 0.0), slips))
    memory["sum"] = total = old + (np.abs(grad) if "not squared" in slips else grad**2)
    return param - hyper["learning_rate"] * grad / _root(total, hyper, slips, inside=True)


def rmsprop(param, grad, memory, t, hyper, slips):
    decay = 1 - hyper["decay"] if "decay swapped" in slips else hyper["decay"]
    weight = 1 if "not averaged" in slips else 1 - decay
    square = np.abs(grad) if "not squared" in slips else grad**2
    memory["mean"] = mean = decay * memory.get("mean", _start(0.0, slips)) + weight * square
    corrected = mean / (1 - decay**t) if "corrected" in slips else mean
    return param - hyper["learning_rate"] * grad / _root(corrected, hyper, slips, inside=True)


def adam(param, grad, memory, t, hyper, slips):
    return param - hyper["learning_rate"] * _adam_direction(grad, memory, t, hyper, slips)


def adamw(param, grad, memory, t, hyper, slips):
    rate, decay = hyper["learning_rate"], hyper["weight_decay"]
    if "decay coupled" in slips:
        return param - rate * _adam_direction(grad + decay * param, memory, t, hyper, slips)
    moved = param - rate * _adam_direction(grad, memory, t, hyper, slips)
    if "decay ignored" in slips:
        return moved
    if "decay after the step" in slips:
        return moved - rate * decay * moved
    scale = (1 if "decay without the rate" in slips else rate) * (2 if "decay doubled" in slips else 1)
    return moved - (-1 if "decay grows" in slips else 1) * scale * decay * param


def _adam_direction(grad, memory, t, hyper, slips):
    first, second = hyper["beta1"], hyper["beta2"]
    if "betas swapped" in slips:
        first, second = second, first
    weights = (1, 1) if "not averaged" in slips else (1 - first, 1 - second)
    memory["mean"] = mean = first * memory.get("mean", 0) + weights[0] * grad
    square = mean**2 if "square of the mean" in slips else np.abs(grad) if "not squared" in slips else grad**2
    memory["square"] = square = second * memory.get("square", 0) + weights[1] * square
    left, right = _corrections(first, second, t, slips)
    if "folded" in slips:
        return left * mean / (math.sqrt(right) * (np.sqrt(square) + hyper["epsilon"]))
    return left * mean / _root(right * square, hyper, slips)


def _corrections(first: float, second: float, t: int, slips: Slips) -> tuple[float, float]:
    """The factors on the two moments: 1 / (1 - beta**t), or what a slip makes of it."""
    left, right = (max(1 - beta**t, 1e-300) for beta in (first, second))
    if "multiplied" in slips:
        return left, right
    if "folded" in slips:
        return 1 / left, 1 / right
    return (
        1.0 if slips & {"uncorrected", "first uncorrected"} else 1 / left,
        1.0 if slips & {"uncorrected", "second uncorrected"} else 1 / right,
    )


def _root(square: Any, hyper: Hyper, slips: Slips, *, inside: bool = False) -> Any:
    epsilon = hyper["epsilon"]
    if "no root" in slips:
        return square + epsilon
    if "no epsilon" in slips:
        return np.sqrt(square) + 1e-300
    return np.sqrt(square + epsilon) if inside != ("epsilon moved" in slips) else np.sqrt(square) + epsilon


def _start(value: float, slips: Slips) -> float:
    if "starts at 0" in slips:
        return 0.0
    return 0.1 if "starts at 0.1" in slips else 1.0 if "starts at 1" in slips else value


RULES: dict[str, Rule] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
}


def trajectory(name: str, params: Mapping[str, np.ndarray], grads: Sequence[Mapping[str, np.ndarray]], hyper, slips):
    """The parameters after each step, one dict a step, of the optimizer `name` with the given slips."""
    now = {key: np.array(value) for key, value in params.items()}
    memories: dict[str, dict[str, Any]] = {key: {} for key in params}
    counter, path = 0, []
    for step, step_grads in enumerate(grads, 1):
        rate = hyper["learning_rate"] * 0.99 ** (step - 1) if "rate decays" in slips else hyper["learning_rate"]
        hyper_now = {**hyper, "learning_rate": rate * _rate_factor(slips)}
        for place, (key, grad) in enumerate(step_grads.items()):
            counter += 1
            t = _step_number(step, counter, slips)
            memory = {} if "forgets" in slips else memories[next(iter(params)) if "shared" in slips else key]
            if "first only" in slips and place:
                continue
            now[key] = RULES[name](now[key], -grad if "ascends" in slips else grad, memory, t, hyper_now, slips)
        path.append(dict(now))
    return path


def _rate_factor(slips: Slips) -> float:
    return 2.0 if "rate doubled" in slips else 0.5 if "rate halved" in slips else 1.0


def _step_number(step: int, counter: int, slips: Slips) -> int:
    if "t per parameter" in slips:
        return counter
    if "t stays 1" in slips:
        return 1
    return step + 1 if "t starts at 2" in slips else step - 1 if "t starts at 0" in slips else step
