"""Matrix products: a dense layer, and attention with a causal mask and shared key heads."""

import math

import torch

from scripts.acceptance.operation import Operation


def dense(a, d, x, kernel, bias):
    return a.product(d, kernel.mT), a.product(x.mT, d), a.rows(d)


def heads_first(x, heads):
    """(batch, heads, length, head_dim), every key head as often as query heads share it."""
    return x.transpose(1, 2).repeat_interleave(heads // x.shape[2], 1)


def weights(a, query, key, scale):
    length, key_length = query.shape[2], key.shape[2]
    seen = torch.ones(length, key_length, dtype=torch.bool).tril(key_length - length)
    return torch.softmax((a.product(query, key.mT) * scale).masked_fill(~seen, -math.inf), -1)


def attention(a, d, query, key, value):
    heads, shared = query.shape[2], key.shape[2]
    scale = 1 / math.sqrt(query.shape[3])
    q, k, v, d = (heads_first(one, heads) for one in (query, key, value, d))
    p = weights(a, q, k, scale)
    p_ct = a.product(d, v.mT)
    s_ct = scale * p * (p_ct - a.sum(p * p_ct, -1))
    query_ct, key_ct, value_ct = a.product(s_ct, k), a.product(s_ct.mT, q), a.product(p.mT, d)
    key_ct, value_ct = (a.sum(one.unflatten(1, (shared, -1)), 2).squeeze(2) for one in (key_ct, value_ct))
    return query_ct.transpose(1, 2), key_ct.transpose(1, 2), value_ct.transpose(1, 2)


class Usual:
    """PyTorch's own products."""

    product = staticmethod(torch.matmul)


def plain_attention(query, key, value):
    q, k, v = (heads_first(one, query.shape[2]) for one in (query, key, value))
    return (weights(Usual, q, k, 1 / math.sqrt(query.shape[3])) @ v.to(q.dtype)).transpose(1, 2)


def layer(rows, width, out):
    return lambda rng: {
        "x": rng.normal(size=(rows, width)),
        "kernel": rng.normal(size=(width, out)) / math.sqrt(width),
        "bias": rng.normal(size=out),
    }


def plain_dense(x, kernel, bias):
    return x @ kernel + bias


OPERATIONS = (
    Operation(
        "dense", "dense", plain_dense, dense, layer(19, 11, 11),
        (
            ("the kernel is not transposed", "kernel.mT", "kernel"),
            ("a mean for the bias's sum", "a.rows(d)", "a.rows(d) / len(d)"),
            ("the kernel's gradient lacks the last row", "a.product(x.mT, d)", "a.product(x[:-1].mT, d[:-1])"),
            ("the bias's gradient is one row's", "a.rows(d)", "d[0]"),
            ("the kernel's gradient is divided by the batch", "a.product(x.mT, d)", "a.product(x.mT, d) / len(d)"),
        ),
    ),
    Operation("dense of 1,500 rows", "dense", plain_dense, dense, layer(1500, 3, 2), long=True),
    Operation(
        "attention", "attention", plain_attention, attention,
        lambda rng: {
            "query": rng.normal(size=(2, 9, 4, 8)),
            "key": rng.normal(size=(2, 9, 2, 8)),
            "value": rng.normal(size=(2, 9, 2, 8)),
        },
        (
            ("the sum's term is missing", " - a.sum(p * p_ct, -1)", ""),
            ("the factor scale is missing", "s_ct = scale * p", "s_ct = p"),
            ("the scale twice", "s_ct = scale * p", "s_ct = scale * scale * p"),
            ("no mask in the weights", "weights(a, q, k, scale)", "torch.softmax(scale * q @ k.mT, -1)"),
            ("the value's gradient by weights not transposed", "a.product(p.mT, d)", "a.product(p, d)"),
            ("one of the shared heads only", "a.sum(one.unflatten(1, (shared, -1)), 2).squeeze(2)",
             "one.unflatten(1, (shared, -1))[:, :, 0]"),
        ),
        {"causal": True},
    ),
)  # fmt: skip
