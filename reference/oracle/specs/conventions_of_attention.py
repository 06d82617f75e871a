"""Attention as other people define it. What is yielded stands in `conventions.py`."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.opspec import Guess, Primals, Statics, Value


def of_attention(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    query, key, held, *mask = primals
    yield "convention_static", "does not divide by the root of head_dim", value(primals, {**statics, "scale": 1.0})
    width = query.shape[-1]
    yield "convention_static", "divides by head_dim, not by its root", value(primals, {**statics, "scale": 1 / width})
    swapped = [np.swapaxes(array, 1, 2) for array in (query, key, held)]
    heads_first = value((*swapped, *mask), statics)
    words = "has its heads before its positions"
    yield "convention_layout", words, None if heads_first is None else np.swapaxes(heads_first, 1, 2)
    groups = query.shape[2] // max(1, key.shape[2])
    if groups > 1:
        in_turn = np.arange(query.shape[2]).reshape(groups, -1).T.ravel()
        there = value((query[:, :, in_turn], key, held, *mask), statics)
        words = "gives the key heads to the query heads in turn: head h uses key head h % key_heads"
        yield "convention_layout", words, None if there is None else there[:, :, np.argsort(in_turn)]
    if mask and mask[0].dtype == np.bool_:
        yield "convention_domain", "hides where its mask is True", value((query, key, held, ~mask[0]), statics)
    if statics.get("causal"):
        yield from _other_triangles(value, primals, statics)


def _other_triangles(value: Value, primals: Primals, statics: Statics) -> Iterator[Guess]:
    query, key, held, *mask = primals
    free = {**statics, "causal": False}
    yield "convention_static", "is not causal", value(primals, free)
    for words, below in (("lets the first query see the first key alone", 0), ("hides from a query its own key", -1)):
        offset = 0 if below == 0 else key.shape[1] - query.shape[1] + below
        seen = np.tri(query.shape[1], key.shape[1], offset, dtype=bool)
        seen = seen & mask[0] if mask and mask[0].dtype == np.bool_ else seen
        yield "convention_static", words, value((query, key, held, seen), free)
