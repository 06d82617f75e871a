"""Attention over some of the queries at a time, so that the scores of a long sequence never stand in memory together.

A part of the queries is multiplied with only those keys that some query of the part may see. Where the scores of all
queries are few, they are kept for the backward pass. Where they are many, a part is divided into blocks; the backward
pass computes each block's scores again, and memory grows with the number of queries plus that of keys, not with their
product. All is ordinary JAX, so that derivatives of any order and in both modes follow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from functional_nn._numerics import hyperbolic_tangent

# What is kept of a block for its backward pass: two numbers a query.
KEPT = ("attention_peak", "attention_share")


@dataclass(frozen=True)
class Limits:
    """Where what is described above begins."""

    # Pairs of a query and a key up to which the scores are kept.
    pairs: int = 2**18
    # Scores of one block, and the least and the most queries that it may have for that.
    scores: int = 2**22
    queries: tuple[int, int] = (64, 512)
    # Parts, if they shorten the work, and the least queries of each.
    parts: int = 8
    least: int = 64


LIMITS = Limits()
# The result of some queries and of a mask for these, given the place of the first query.
Rows = Callable[[jax.Array, jax.Array | None, jax.Array | int], jax.Array]


@dataclass(frozen=True)
class Sight:
    """Which keys a query may see by its place: query i of `length` stands at key i + key_length - length."""

    length: int
    key_length: int
    causal: bool
    window: int | None

    def keys(self, start: int, stop: int) -> tuple[int, int]:
        """The range of keys that queries from start to stop may see, empty if there are none."""
        offset, low, high = self.key_length - self.length, 0, self.key_length
        if self.window is not None:
            low, high = max(low, start + offset - self.window + 1), min(high, stop + offset + self.window - 1)
        if self.causal:
            high = min(high, stop + offset)
        return low, max(low, high)

    def pairs(self, start: jax.Array | int, queries: int, low: int, high: int) -> jax.Array | None:
        """Whether each of the queries from start on may see each key from low to high; None where all may."""
        if not self.causal and self.window is None:
            return None
        places = start + self.key_length - self.length + jnp.arange(queries)
        ahead = jnp.arange(low, high) - places[:, None]
        near = True if self.window is None else jnp.abs(ahead) < self.window
        return near & (ahead <= 0) if self.causal else jnp.asarray(near)


def attend(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    *,
    sight: Sight,
    scale: float,
    cap: float | None,
    limits: Limits = LIMITS,
) -> jax.Array:
    """Attention of arrays as the op takes them, of one dtype that is wide enough to sum in."""
    batch, length, heads, head_dim = query.shape
    groups = (key.shape[2], heads // key.shape[2])
    # Heads in front, those that share a key head side by side: what is multiplied lies together.
    grouped = jnp.moveaxis((query * scale).reshape(batch, length, *groups, head_dim), 1, 3)
    # Keys and values last: their gradients are then products that a CPU computes four times as fast.
    key, value = jnp.moveaxis(key, 1, 3), jnp.moveaxis(value, 1, 3)
    mask = None if mask is None else _by_groups(mask, groups)
    outs = []
    for start, stop in _parts(sight, limits):
        low, high = sight.keys(start, stop)
        rows = partial(_rows, key[..., low:high], value[..., low:high], partial(sight.pairs, low=low, high=high), cap)
        seen = _cut(_cut(mask, 3, start, stop), 4, low, high)
        block = None if length * sight.key_length <= limits.pairs else _block(batch * heads * (high - low), limits)
        outs.append(_in_blocks(rows, grouped[:, :, :, start:stop], seen, start, block))
    return jnp.moveaxis(jnp.concatenate(outs, 3), 3, 1).reshape(batch, length, heads, value.shape[2])


def _by_groups(mask: jax.Array, groups: tuple[int, int]) -> jax.Array:
    """The mask with axes (batch, key_heads, groups, length, key_length), of which any may have size 1 as before."""
    batch, heads, *pairs = (1,) * (4 - mask.ndim) + mask.shape
    return mask.reshape(batch, *((1, 1) if heads == 1 else groups), *pairs)


def _cut(mask: jax.Array | None, axis: int, start: int, stop: int) -> jax.Array | None:
    """A range of the mask, which has everything in it already where the mask is the same all along the axis."""
    return mask if mask is None or mask.shape[axis] == 1 else lax.slice_in_dim(mask, start, stop, axis=axis)


def _parts(sight: Sight, limits: Limits) -> Iterator[tuple[int, int]]:
    """Ranges of queries, several where each then leaves out keys that others need."""
    all_see_all = not sight.causal and sight.window is None
    count = 1 if all_see_all else max(1, min(limits.parts, sight.length // limits.least))
    for part in range(count):
        yield sight.length * part // count, sight.length * (part + 1) // count


def _block(scores_of_a_query: int, limits: Limits) -> int:
    """How many queries have as many scores as a block may have, about."""
    fewest, most = limits.queries
    fitting = limits.scores // max(1, scores_of_a_query)
    return max(fewest, min(most, 2 ** (fitting.bit_length() - 1) if fitting else 0))


def _in_blocks(rows: Rows, query: jax.Array, mask: jax.Array | None, start: int, block: int | None) -> jax.Array:
    """Some rows of the result: together, or by blocks of so many rows whose scores are not kept."""
    length = query.shape[3]
    if block is None or length <= block:
        return (rows if block is None else _forgetful(rows, in_loop=False))(query, mask, start)
    count = -(-length // block)
    of_each_query = [] if mask is None or mask.shape[3] == 1 else [mask]
    blocks = [_divided(each, count, block) for each in (query, *of_each_query)]

    def next_block(carry: None, taken: tuple[jax.Array, ...]) -> tuple[None, jax.Array]:
        first, query, *own = taken
        return carry, rows(query, own[0] if own else mask, first)

    _, outs = lax.scan(_forgetful(next_block, in_loop=True), None, (start + block * jnp.arange(count), *blocks))
    joined = jnp.moveaxis(outs, 0, 3)
    return joined.reshape(*joined.shape[:3], count * block, joined.shape[5])[:, :, :, :length]


def _divided(array: jax.Array, count: int, block: int) -> jax.Array:
    """The fourth axis, filled up at its end, in blocks, and these in front."""
    filled = jnp.pad(array, [(0, count * block - size if axis == 3 else 0) for axis, size in enumerate(array.shape)])
    return jnp.moveaxis(filled.reshape(*array.shape[:3], count, block, array.shape[4]), 3, 0)


def _forgetful(function: Callable[..., Any], *, in_loop: bool) -> Callable[..., Any]:
    """The function, of which the backward pass computes again what is not small.

    In a loop the compiler cannot mistake the second computation for the first, elsewhere it must be kept from it.
    """
    kept = jax.checkpoint_policies.save_only_these_names(*KEPT)
    return jax.checkpoint(function, policy=kept, prevent_cse=not in_loop)


def _rows(
    key: jax.Array,
    value: jax.Array,
    pairs: Callable[..., jax.Array | None],
    cap: float | None,
    query: jax.Array,
    mask: jax.Array | None,
    start: jax.Array | int,
) -> jax.Array:
    """The result of some queries (batch, key_heads, groups, queries, head_dim) and of all the keys given.

    These are (batch, key_heads, head_dim, keys), and the values (batch, key_heads, value_dim, keys).
    """
    batch, key_heads, groups, queries, head_dim = query.shape
    by_place = pairs(start, queries)
    together = query.reshape(batch, key_heads, groups * queries, head_dim)
    scores = lax.dot_general(together, key, (((3,), (2,)), ((0, 1), (0, 1)))).reshape(*query.shape[:4], key.shape[3])
    if cap is not None:
        scores = cap * hyperbolic_tangent(scores / cap)
    for seen in (by_place, mask):
        scores = scores if seen is None else jnp.where(seen, scores, -jnp.inf)
    out = _weighted(scores.reshape(*together.shape[:3], key.shape[3]), value)
    return out.reshape(*query.shape[:4], value.shape[2])


@jax.custom_jvp
def _weighted(scores: jax.Array, value: jax.Array) -> jax.Array:
    """softmax(scores) value, and 0 where all scores are -infinity."""
    return _softmax_of(scores, value)[2]


@_weighted.defjvp
def _weighted_jvp(primals, tangents):
    """With e the exponentials, s their sum and p = e / s: out' = (e (scores' - sum p scores') value + e value') / s.

    That sum goes over scores, not over rows of out: where one key has all the weight, what cancels does so exactly.
    """
    (scores, value), (scores_tangent, value_tangent) = primals, tangents
    raised, share, out = _softmax_of(scores, value)
    mean = jnp.sum(raised * scores_tangent, -1, keepdims=True) * share
    moved = raised * (scores_tangent - mean)
    return out, (_sum_over_keys(moved, value) + _sum_over_keys(raised, value_tangent)) * share


def _softmax_of(scores: jax.Array, value: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The exponentials of the scores, one over the sum of a row of them, and the result."""
    peak = lax.stop_gradient(jnp.max(scores, -1, keepdims=True, initial=-jnp.inf))
    peak = checkpoint_name(jnp.where(peak == -jnp.inf, 0, peak), KEPT[0])
    raised = jnp.exp(scores - peak)
    total = jnp.sum(raised, -1, keepdims=True)
    share = checkpoint_name(1 / jnp.where(total == 0, 1, total), KEPT[1])
    return raised, share, _sum_over_keys(raised, value) * share


def _sum_over_keys(weights: jax.Array, value: jax.Array) -> jax.Array:
    """For every query the values, each times its weight, added up: those of each example and head."""
    return lax.dot_general(weights, value, (((3,), (3,)), ((0, 1), (0, 1))))
