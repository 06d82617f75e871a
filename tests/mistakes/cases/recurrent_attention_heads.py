"""Attention of several heads at once, heads behind the positions."""

import numpy as np

from ..case import Family, sized
from .functions import softmax

family = Family("recurrent_attention")

SHARED = sized(((2, 3, 4, 5), (2, 5, 2, 5), (2, 5, 2, 3)), ((4, 9, 6, 8), (4, 11, 2, 8), (4, 11, 2, 6)))
CAUSAL = {"op": "attention", "statics": {"causal": True}, "style": "rule"}


def grouped(query, key, value):
    b, n, h, d = query.shape
    m, g = key.shape[1:3]
    q = query.reshape(b, n, g, h // g, d) / np.sqrt(d)
    scores = np.einsum("bnghd,bmgd->bghnm", q, key)
    p = softmax(np.where(np.tri(n, m, m - n, dtype=bool), scores, -np.inf))
    out = np.einsum("bghnm,bmge->bnghe", p, value)
    return out.reshape(b, n, h, -1), (q, key, value, p)


@family.control("", grouped, SHARED, **CAUSAL)
def grouped_backward(saved, dout):
    q, key, value, p = saved
    b, n, g, _, d = q.shape
    dout = dout.reshape(*q.shape[:4], -1)
    dp = np.einsum("bnghe,bmge->bghnm", dout, value)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    dq = np.einsum("bghnm,bmgd->bnghd", ds, key) / np.sqrt(d)
    dk = np.einsum("bghnm,bnghd->bmgd", ds, q)
    return dq.reshape(b, n, -1, d), dk, np.einsum("bghnm,bnghe->bmge", p, dout)
