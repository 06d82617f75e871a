"""Attention by a library where one takes the arrays: a C file on a CPU, cuDNN on a GPU; else by `_attending`."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._attending import Sight, attend
from functional_nn._by_library import ByLibrary, merge_examples
from functional_nn._numerics import in_float32
from functional_nn.cpu import attention as c_file
from functional_nn.gpu import attention as cudnn


def attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    *,
    sight: Sight,
    scale: float,
    cap: float | None,
) -> jax.Array:
    """Attention of arrays as the op takes them, with sums in float32 or wider."""
    by_place_alone = mask is None and cap is None

    def of_wide(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        if by_place_alone and c_file.takes(query, key):
            return _BY_PLACE(query, key, value, sight=sight, scale=scale)[0]
        return attend(query, key, value, mask, sight=sight, scale=scale, cap=cap)

    if by_place_alone and cudnn.takes(query, key, value, sight):
        return _BY_PLACE(query, key, value, sight=sight, scale=scale)[0]
    return in_float32(of_wide, query, key, value)


def _by_place(*arrays: jax.Array, sight: Sight, scale: float) -> tuple[jax.Array]:
    """Attention of arrays of one dtype, where the place alone says what is seen."""
    return (in_float32(partial(attend, mask=None, sight=sight, scale=scale, cap=None), *arrays),)


def _two_numbers_a_query(query: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
    a_query = jax.ShapeDtypeStruct((query.shape[0], query.shape[2], query.shape[1]), jnp.float32)
    return a_query, a_query


_BY_PLACE = ByLibrary(
    "attention",
    _by_place,
    inputs=3,
    differentiable=3,
    statics=("sight", "scale"),
    kept=_two_numbers_a_query,
    first_read=0,
    libraries={"cpu": c_file, "cuda": cudnn},
    batch=merge_examples,
)
