"""Activations with parts and gates: shrinking, bent, gated blocks with a skip."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")

X = sized(((4, 7),), ((23, 37),))


def act(number, forward, inputs=X, **more):
    return family.wrong(number, forward, inputs, **more)


def sig(x):
    return 1 / (1 + np.exp(-x))


def tanhshrink(x):
    return x - np.tanh(x)


@act(45, tanhshrink, cause=("wrong_derivative", "local_factor", "sum_term_missing"))
def tanhshrink_by_the_other_part(up, x):
    return up * (1 - np.tanh(x) ** 2)


@act(
    46,
    tanhshrink,
    cause=("derivative_at_input", "wrong_derivative", "local_factor", "wrong_operand", "sum_term_missing"),
)
def tanhshrink_by_the_square_of_its_input(up, x):
    return up * x**2


def quick(x):
    return x * sig(1.702 * x)


@act(49, quick, cause=("static_ignored", "sum_term_missing", "wrong_derivative", "local_factor"))
def quick_gelu_as_swish(up, x):
    s = sig(x)
    return up * (s + x * s * (1 - s))


@act(
    43,
    quick,
    cause=("static_ignored", "sum_term_missing", "scaled_by_static", "local_factor", "partly_scaled", "scaled"),
)
def quick_gelu_inner_factor_missing(up, x):
    s = sig(1.702 * x)
    return up * (s + x * s * (1 - s))


def celu(x):
    return np.maximum(x, 0) + np.minimum(0, 1.4 * np.expm1(x / 1.4))


@act(54, celu, cause=("static_ignored", "local_factor", "wrong_derivative"))
def celu_with_a_width_of_one(up, x):
    return up * np.where(x > 0, 1.0, np.exp(x))


@act(54, celu, cause=("scaled", "partly_scaled", "static_ignored", "local_factor", "scaled_by_static"))
def celu_with_its_width_left_over(up, x):
    return up * np.where(x > 0, 1.0, 1.4 * np.exp(x / 1.4))


def soft_shrink(x):
    return np.sign(x) * np.maximum(np.abs(x) - 0.4, 0)


@act(48, soft_shrink, cause=("mask_missing", "identity", "derivative_missing"))
def soft_shrink_open_inside(up, x):
    return up * np.ones_like(x)


@act(48, soft_shrink, cause=("mask_wrong", "static_ignored"))
def soft_shrink_with_a_wider_gap(up, x):
    return up * (np.abs(x) > 1.0)


@act(48, soft_shrink, cause=("mask_wrong", "mask_missing"))
def soft_shrink_open_above_only(up, x):
    return up * (x > 0.4)


def bent(x):
    return (np.sqrt(x**2 + 1) - 1) / 2 + x


@act(45, bent, cause=("sum_term_missing", "skip_dropped", "use_dropped", "wrong_derivative", "local_factor"))
def bent_identity_without_the_identity(up, x):
    return up * x / (2 * np.sqrt(x**2 + 1))


@act(45, bent, cause=("scaled_by_two", "sum_term_missing", "wrong_derivative", "local_factor", "scaled"))
def bent_identity_without_its_half(up, x):
    return up * (x / np.sqrt(x**2 + 1) + 1)


def gated_inputs(size, seed):
    n, d, h = (5, 3, 4) if size == "small" else (24, 13, 11)
    return normal(seed, (n, d), (d, h), (d, h), (h, d))


def gated(x, A, B, C):
    return (np.tanh(x @ A) * sig(x @ B)) @ C + x


def gated_backward(up, x, A, B, C, of_a=None, of_b=None, skip=1.0):
    a, b = np.tanh(x @ A), sig(x @ B)
    d = up @ C.T
    da = d * (b * (1 - a**2) if of_a is None else of_a(a, b))
    db = d * (a * b * (1 - b) if of_b is None else of_b(a, b))
    return da @ A.T + db @ B.T + skip * up, x.T @ da, x.T @ db, (a * b).T @ up


gate = partial(family.wrong, forward=gated, inputs=gated_inputs)


@gate(107, argument="x A", cause=("wrong_operand", "wrong_derivative"))
def gate_slopes_taken_from_each_other(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_a=lambda a, b: b * (1 - b**2))


@gate(45, argument="x B", cause=("argument_factor_missing", "sum_term_missing", "derivative_missing", "wrong_operand"))
def gate_without_what_it_opens(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_b=lambda a, b: b * (1 - b))


@gate(45, argument="x B", cause=("wrong_derivative", "sign", "derivative_missing"))
def gate_with_the_slope_of_tanh(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_b=lambda a, b: a * (1 - b**2))


@gate(43, argument="x A", cause=("sum_term_missing", "argument_factor_missing", "wrong_operand", "derivative_missing"))
def value_as_if_the_gate_were_open(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_a=lambda a, b: 1 - a**2)


@gate(112, argument="x", cause=("skip_dropped", "use_dropped"))
def gated_block_without_its_skip(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, skip=0.0)


@gate(112, argument="x", cause=("skip_dropped", "use_dropped", "scaled_by_two", "sum_term_missing"))
def gated_block_with_two_skips(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, skip=2.0)
