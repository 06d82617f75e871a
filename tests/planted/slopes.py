"""Local derivatives: of another function, at another place, without a factor or a mask."""

import numpy as np

from .evidence import ENTRIES, Mistakes, cubes, normal, slope, standardized, standardized_backward

MISTAKES = Mistakes()
plant = MISTAKES.plant


@plant("wrong_factor", "x", lambda x, gain: cubes(x) * gain, normal(1, 3, 5), 2 + normal(2, 5) ** 2)
def gain_missing(ct, x, gain):
    return ct * slope(x), (ct * cubes(x)).sum(0)


@plant("wrong_operand", "gain", lambda x, gain: standardized(x) * gain, normal(1, 3, 11), normal(2, 11))
def gain_by_the_raw_input(ct, x, gain):
    return standardized_backward(ct * gain, x)[0], (ct * x).sum(0)


@plant("derivative_missing", "x", cubes, *ENTRIES)
def no_derivative(ct, x):
    return (ct,)


@plant("derivative_twice", "x", cubes, *ENTRIES)
def derivative_squared(ct, x):
    return (ct * slope(x) ** 2,)


@plant("derivative_at_wrong_value", "x", cubes, *ENTRIES)
def derivative_of_the_output(ct, x):
    return (ct * slope(cubes(x)),)


@plant("derivative_at_wrong_value", "x", lambda x: 1 / (1 + np.exp(-x)), *ENTRIES)
def formula_of_the_output_at_the_input(ct, x):
    return (ct * x * (1 - x),)


@plant("wrong_derivative", "x", cubes, *ENTRIES)
def derivative_of_tanh(ct, x):
    return (ct * (1 - np.tanh(x) ** 2),)


@plant("wrong_derivative", "x", lambda x: x / (1 + np.exp(-1.702 * x)), *ENTRIES)
def quick_forward_tanh_backward(ct, x):
    root = np.sqrt(2 / np.pi)
    inner = np.tanh(root * (x + 0.044715 * x**3))
    return (ct * ((1 + inner) / 2 + x / 2 * (1 - inner**2) * root * (1 + 3 * 0.044715 * x**2)),)


@plant("epsilon_one_side", "x", lambda x: np.log(x + 1e-2), 0.1 + normal(1, 3, 5) ** 2)
def epsilon_lost(ct, x):
    return (ct / x,)


MASKED = (normal(1, 3, 7), np.arange(21).reshape(3, 7) % 3 != 0)


@plant("mask_missing", "x", lambda x, mask: cubes(x) * mask, *MASKED)
def mask_forgotten(ct, x, mask):
    return ct * slope(x), None


@plant("mask_wrong", "x", lambda x, mask: 2.5 * x * mask, *MASKED)
def another_mask(ct, x, mask):
    return 2.5 * ct * np.roll(mask, 1, axis=1), None


@plant("downcast", "x", cubes, *ENTRIES)
def rounded_to_single(ct, x):
    return ((ct * slope(x)).astype(np.float32).astype(np.float64),)
