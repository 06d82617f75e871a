"""Attention of one query in mpmath, as the paper writes it, to as many digits as `high_precision.py` sets.

Sums are lists of terms: the largest of them measures what rounding may do to the sum.
"""

from collections.abc import Sequence
from typing import Any

from helpers.high_precision import Terms, probabilities
from mpmath import mpf, sqrt, tanh

Rows = Sequence[Sequence[Any]]


def _scores(query: Sequence[Any], keys: Rows, softcap: float | None) -> list[Any]:
    scores = [sum(q * k for q, k in zip(query, key, strict=True)) / sqrt(len(query)) for key in keys]
    return scores if softcap is None else [softcap * tanh(score / softcap) for score in scores]


def attention(query: Sequence[Any], keys: Rows, values: Rows, softcap: float | None = None) -> list[Terms]:
    """The terms of each entry of the output."""
    p = probabilities(_scores(query, keys, softcap))
    return [[weight * value[j] for weight, value in zip(p, values, strict=True)] for j in range(len(values[0]))]


def attention_ct(
    query: Sequence[Any], keys: Rows, values: Rows, ct: Sequence[Any], softcap: float | None = None
) -> tuple[list[Terms], list[Terms], list[Terms]]:
    """The terms of the cotangents of query, keys and values; a score has p t and, of every key, p p t."""
    scores = _scores(query, keys, softcap)
    p, root = probabilities(scores), sqrt(len(query))
    slopes = [mpf(1) if softcap is None else 1 - (score / softcap) ** 2 for score in scores]
    told = [sum(c * v for c, v in zip(ct, value, strict=True)) for value in values]
    products = [weight * each for weight, each in zip(p, told, strict=True)]
    of_scores = [
        [slope * products[i], *(-slope * p[i] * product for product in products)] for i, slope in enumerate(slopes)
    ]
    of_query = [
        [term * key[d] / root for terms, key in zip(of_scores, keys, strict=True) for term in terms]
        for d in range(len(query))
    ]
    of_keys = [[term * q / root for term in terms] for terms in of_scores for q in query]
    return of_query, of_keys, [[weight * c] for weight in p for c in ct]
