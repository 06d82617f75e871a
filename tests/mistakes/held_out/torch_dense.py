"""Dense layers, adapters, gates and embeddings as torch.autograd.Function, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import autograd_function

family = Family("dense")
wrong = autograd_function(family)


DENSE = sized(((6, 4), (3, 4), (3,)), ((6, 4), (3, 4), (3,)))


def linear_relu(ctx, x, w, b):
    y = (x @ w.T + b).relu()
    ctx.save_for_backward(x, w, y)
    return y


@wrong(linear_relu, DENSE, "not_linear", "x w b")
def linear_relu_gates_on_the_positive_gradient(ctx, g):
    x, w, y = ctx.saved_tensors
    dz = g * (g > 0)
    return dz @ w, dz.T @ x, dz.sum(0)


@wrong(linear_relu, DENSE, "derivative_missing", "b")
def linear_relu_bias_bypasses_the_relu(ctx, g):
    x, w, y = ctx.saved_tensors
    dz = g.masked_fill(y <= 0, 0.0)
    return dz.mm(w), dz.t().mm(x), g.sum(0)


@wrong(linear_relu, DENSE, "updated_weight", "x")
def linear_relu_takes_its_step_before_dx(ctx, g):
    x, w, y = ctx.saved_tensors
    dz = g * (y > 0)
    dw = dz.T @ x
    w = w - 0.1 * dw
    return dz @ w, dw, dz.sum(0)


@wrong(linear_relu, DENSE, "scaled_by_count", "w b")
def linear_relu_parameters_averaged_over_the_batch(ctx, g):
    x, w, y = ctx.saved_tensors
    dz = (y > 0).to(g.dtype) * g
    per_example = dz / len(x)
    return dz @ w, per_example.T @ x, per_example.sum(0)


@wrong(linear_relu, DENSE, "missing", "b")
def linear_relu_bias_buffer_never_filled(ctx, g):
    x, w, y = ctx.saved_tensors
    dz = g * (y > 0)
    grad_bias = dz.new_zeros(w.shape[0])
    return dz @ w, dz.T @ x, grad_bias


LORA = sized(((5, 6), (6, 4), (6, 2), (2, 4)), ((5, 6), (6, 4), (6, 2), (2, 4)))


def lora(ctx, x, w, a, b):
    ctx.save_for_backward(x, w, a, b)
    return x @ w + 0.5 * (x @ a) @ b


@wrong(lora, LORA, "term_missing", "x")
def lora_input_only_through_the_frozen_weight(ctx, g):
    x, w, a, b = ctx.saved_tensors
    return g @ w.T, x.T @ g, 0.5 * x.T @ (g @ b.T), 0.5 * (x @ a).T @ g


@wrong(lora, LORA, "scaled_by_constant", "b")
def lora_scale_applied_twice_to_b(ctx, g):
    x, w, a, b = ctx.saved_tensors
    low = 0.5 * (x @ a)
    dlow = 0.5 * g @ b.T
    return g @ w.T + dlow @ a.T, x.T @ g, x.T @ dlow, 0.5 * low.T @ g


def swiglu(ctx, x, gate, up, down):
    import torch

    a, u = x @ gate, x @ up
    s = torch.sigmoid(a)
    ctx.save_for_backward(x, gate, up, down, a, u, s)
    return (a * s * u) @ down


SWIGLU = sized(((5, 3), (3, 4), (3, 4), (4, 2)), ((5, 3), (3, 4), (3, 4), (4, 2)))


@wrong(swiglu, SWIGLU, "arguments_swapped", "gate up")
def swiglu_gate_and_up_exchanged(ctx, g):
    x, gate, up, down, a, u, s = ctx.saved_tensors
    dh = g @ down.T
    du, da = dh * a * s, dh * u * (s + a * s * (1 - s))
    return da @ gate.T + du @ up.T, x.T @ du, x.T @ da, (a * s * u).T @ g


@wrong(swiglu, SWIGLU, "wrong_factor", "down")
def swiglu_down_without_the_sigmoid_of_the_gate(ctx, g):
    x, gate, up, down, a, u, s = ctx.saved_tensors
    dh = g @ down.T
    du, da = dh * a * s, dh * u * s * (1 + a * (1 - s))
    return da @ gate.T + du @ up.T, x.T @ da, x.T @ du, (a * u).T @ g


def retention(ctx, q, k, decay):
    s = q @ k.T
    ctx.save_for_backward(q, k, decay, s)
    return s * decay


@wrong(retention, sized(((5, 3), (5, 3), (5, 5)), ((5, 3), (5, 3), (5, 5))), "elementwise_product", "q k")
def retention_decay_applied_as_a_matrix(ctx, g):
    q, k, decay, s = ctx.saved_tensors
    ds = g @ decay
    return ds @ k, ds.T @ q, g * s


def bilinear(ctx, x, m, y):
    ctx.save_for_backward(x, m, y)
    return ((x @ m) * y).sum(1)


@wrong(bilinear, sized(((6, 4), (4, 4), (6, 4)), ((6, 4), (4, 4), (6, 4))), "transposed", "m")
def bilinear_outer_product_the_other_way(ctx, g):
    x, m, y = ctx.saved_tensors
    gx, gy = g[:, None] * x, g[:, None] * y
    return gy @ m.T, gy.T @ x, gx @ m


def embedded(size, seed):
    table, w = normal(seed, (7, 3), (3, 2))
    return np.array([[1, 4, 1], [0, 5, 6], [4, 4, 2], [3, 1, 6]]), table, w


def bag(ctx, ids, table, w):
    pooled = table[ids].mean(1)
    ctx.save_for_backward(ids, table, w, pooled)
    return pooled @ w


@wrong(bag, embedded, "not_accumulated", "table")
def bag_of_embeddings_assigned_by_index(ctx, g):
    ids, table, w, pooled = ctx.saved_tensors
    rows = (g @ w.T / ids.shape[1])[:, None].expand(-1, ids.shape[1], -1)
    dtable = table.new_zeros(table.shape)
    dtable[ids.flatten()] = rows.flatten(0, 1)
    return None, dtable, pooled.T @ g


@wrong(bag, embedded, "scaled_by_count", "table")
def bag_of_embeddings_mean_treated_as_sum(ctx, g):
    ids, table, w, pooled = ctx.saved_tensors
    each = (g @ w.T).repeat_interleave(ids.shape[1], 0)
    return None, table.new_zeros(table.shape).index_add(0, ids.flatten(), each), pooled.T @ g


@wrong(bag, embedded, "part_missing", "table")
def bag_of_embeddings_only_first_token_of_each(ctx, g):
    ids, table, w, pooled = ctx.saved_tensors
    dtable, share = table * 0, g @ w.T / ids.shape[1]
    for row, d in zip(ids, share, strict=True):
        dtable[row[0]] += d
    return None, dtable, pooled.T @ g


def outer(a, b):
    return a[:, None] * b[None, :]


def penalized(ctx, x, w, y):
    e = x @ w - y
    ctx.save_for_backward(x, w, e)
    return e.square().mean() + 0.3 * w.square().sum()


RIDGE = sized(((6, 4), (4,), (6,)), ((6, 4), (4,), (6,)))


@wrong(penalized, RIDGE, "regularization", "w")
def ridge_penalty_gradient_without_two(ctx, g):
    x, w, e = ctx.saved_tensors
    de = 2 * g * e / len(e)
    return outer(de, w), x.T @ de + g * 0.3 * w, -de


@wrong(penalized, RIDGE, "ignores_cotangent", "w")
def ridge_weight_gradient_forgets_the_cotangent(ctx, g):
    x, w, e = ctx.saved_tensors
    de = 2 * e / len(e)
    return g * outer(de, w), x.T @ de + 0.6 * w, -g * de


def squared_errors(ctx, prediction, target):
    ctx.save_for_backward(prediction, target)
    return (prediction.squeeze(1) - target) ** 2


@wrong(squared_errors, sized(((6, 1), (6,)), ((6, 1), (6,))), "wrong_shape", "prediction")
def squared_errors_column_minus_row_in_the_backward(ctx, g):
    prediction, target = ctx.saved_tensors
    return 2 * g * (prediction - target), -2 * g * (prediction[:, 0] - target)
