"""解答 位置の回転: 逆伝播を書きます。 / Solution: the backward of rotary positions.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/positional.py
"""

import numpy as np

EXAMPLES = {
    "rotary_embedding": {"inputs": (np.random.default_rng(0).normal(size=(3, 5, 2, 8)),), "op": "rotary_embedding"}
}


def angles(length, head_dim, base=10000.0):
    paces = base ** (-np.arange(0, head_dim, 2) / head_dim)
    return np.arange(length)[:, None, None] * paces


def rotary_embedding_fwd(x):
    angle = angles(x.shape[-3], x.shape[-1])
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1), (cos, sin)


def rotary_embedding_bwd(residuals, cotangent):
    cos, sin = residuals
    a_ct, b_ct = np.split(cotangent, 2, axis=-1)
    # 逆に回してから、2つの半分をつなぎます。 / Turn back, and join the two halves.
    x_ct = np.concatenate([a_ct * cos + b_ct * sin, b_ct * cos - a_ct * sin], axis=-1)
    return (x_ct,)
