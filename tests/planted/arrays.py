"""The gradient as one array: its scale, its layout, its entries, what it does with the cotangent."""

import numpy as np

from .evidence import AFFINE, ENTRIES, SQUARE, Mistakes, affine, cubes, normal, slope

MISTAKES = Mistakes()
plant = MISTAKES.plant


@plant("sign", "x", cubes, *ENTRIES)
def sign(ct, x):
    return (-ct * slope(x),)


@plant("scaled_by_constant", "x", cubes, *ENTRIES)
def doubled(ct, x):
    return (2 * ct * slope(x),)


@plant("scaled_by_count", "w", affine, *AFFINE)
def kernel_divided_by_batch(ct, x, w, b):
    return ct @ w.T, x.T @ ct / len(x), ct.sum(0)


@plant("scaled_by_count", "b", affine, *AFFINE)
def bias_is_a_mean(ct, x, w, b):
    return ct @ w.T, x.T @ ct, ct.mean(0)


@plant("scaled_by_count", "x", lambda x: np.mean(cubes(x)), *ENTRIES)
def sum_for_mean(ct, x):
    return (ct * slope(x),)


@plant("scaled_by_count", "q", lambda q, k: q @ k.T / np.sqrt(7), normal(1, 3, 7), normal(2, 5, 7))
def scale_missing(ct, q, k):
    return ct @ k, ct.T @ q / np.sqrt(7)


@plant("scaled_by_constant", "x", cubes, *ENTRIES)
def some_constant(ct, x):
    return (0.7310585 * ct * slope(x),)


@plant("missing", "w", affine, *AFFINE)
def kernel_forgotten(ct, x, w, b):
    return ct @ w.T, np.zeros_like(w), ct.sum(0)


@plant("transposed", "w", affine, *SQUARE)
def kernel_transposed(ct, x, w, b):
    return ct @ w.T, ct.T @ x, ct.sum(0)


@plant("transposed", "w", affine, *AFFINE)
def kernel_transposed_in_shape(ct, x, w, b):
    return ct @ w.T, ct.T @ x, ct.sum(0)


@plant("transposed", "x", affine, *SQUARE)
def kernel_not_transposed(ct, x, w, b):
    return ct @ w, x.T @ ct, ct.sum(0)


@plant("elementwise_product", "w", lambda x, w: x @ w, normal(1, 5, 5), normal(2, 5, 5))
def product_entry_by_entry(ct, x, w):
    return ct @ w.T, x * ct


@plant("updated_weight", "x", lambda x, w: x @ w, *AFFINE[:2])
def kernel_after_its_update(ct, x, w):
    kernel_ct = x.T @ ct
    return ct @ (w - 0.05 * kernel_ct).T, kernel_ct


@plant("transposed", "x", lambda x: cubes(x).sum(0), normal(1, 3, 3, 3))
def axes_permuted(ct, x):
    return (np.moveaxis(ct * slope(x), 0, 1),)


@plant("transposed", "x", lambda x: x.transpose(2, 0, 1), normal(1, 3, 4, 5))
def reshaped_for_transposed(ct, x):
    return (ct.reshape(x.shape),)


@plant("flipped", "x", lambda x: np.cumsum(x, axis=1), *ENTRIES)
def reversed_once(ct, x):
    return (np.cumsum(ct[:, ::-1], axis=1),)


@plant("arguments_swapped", "x", lambda x, y: x * y, normal(1, 3, 5), normal(2, 3, 5))
def swapped(ct, x, y):
    return ct * x, ct * y


@plant("shifted", "x", lambda x: x[:, 1:] * x[:, :-1], normal(1, 3, 11))
def moved_by_one(ct, x):
    right = np.zeros_like(x)
    right[:, 1:] += ct * x[:, :-1]
    right[:, :-1] += ct * x[:, 1:]
    return (np.concatenate([0 * right[:, :1], right[:, :-1]], axis=1),)


@plant("wrong_index", "table", lambda table, index: table[index], normal(1, 7, 5), np.array([1, 4, 1, 6, 0]))
def scattered_by_another_index(ct, table, index):
    table_ct = np.zeros_like(table)
    np.add.at(table_ct, (3 * index + 1) % 7, ct)
    return table_ct, None


@plant("part_missing", "x", cubes, normal(1, 7, 5))
def loop_ends_early(ct, x):
    x_ct = ct * slope(x)
    x_ct[-1] = 0
    return (x_ct,)


@plant("scaled_by_constant", "x", cubes, normal(1, 7, 5))
def half_of_it_scaled(ct, x):
    return (ct * slope(x) * np.where(x > 0, 1, 0.3),)


@plant("ignores_cotangent", "x", cubes, *ENTRIES)
def upstream_ignored(ct, x):
    return (slope(x),)


@plant("not_linear", "x", cubes, *ENTRIES)
def absolute_upstream(ct, x):
    return (np.abs(ct) * slope(x),)


@plant("not_linear", "x", cubes, normal(1, 7, 5))
def clipped_in_the_backward(ct, x):
    return (np.clip(ct * slope(x), -1.5, 1.5),)


@plant("derivative_missing", "x", lambda x: np.cumsum(x, axis=1), *ENTRIES)
def passed_through(ct, x):
    return (ct,)
