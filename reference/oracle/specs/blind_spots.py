"""What cannot be noticed of an op at some statics or inputs, whatever a backward does there."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reference.oracle.opspec import Statics

Named = Mapping[str, np.ndarray]


def of_convolution(op: str, statics: Statics, named: Named) -> Iterator[str]:
    """Settings under which a mistake in their handling is none; dilation only where the code has one."""
    plain = ["strides=1"] if _all(statics.get("strides", 1), 1) else []
    plain += ["dilation=1"] if _all(statics.get("dilation", 0), 1) else []
    plain += ["no padding"] if _unpadded(statics.get("padding", "VALID")) else []
    if plain:
        yield f"{op} with {', '.join(plain)}: a backward that gets these wrong would pass."


def of_pooling(op: str, statics: Statics, named: Named) -> Iterator[str]:
    window, strides = statics.get("window"), statics.get("strides")
    if strides is None or strides == window:
        yield f"{op} with strides = window: no windows overlap, so assigning where one must add would not show."
    if "padding" in statics and _unpadded(statics["padding"]):
        yield f"{op} without padding: a gradient that leaks into the padding, or is not cropped, would not show."


def of_max_pooling(op: str, statics: Statics, named: Named) -> Iterator[str]:
    yield from of_pooling(op, statics, named)
    x = named.get("x")
    if x is None:
        return
    if "padding" in statics and not _unpadded(statics["padding"]) and np.all(x > 0):
        yield f"{op} of positive values: padding with 0 instead of -inf would not show."
    if len(np.unique(x)) == x.size:
        yield f"{op} without a tie: the whole gradient given to each of two equal entries would not show."


def of_dropout(op: str, statics: Statics, named: Named) -> Iterator[str]:
    if statics.get("rate") == 0:
        yield f"{op}: rate=0 drops nothing and scales by 1, so a missing factor 1/(1 - rate) would not show."


def of_rotary(op: str, statics: Statics, named: Named) -> Iterator[str]:
    x, positions = named.get("x"), named.get("positions")
    alone = positions is None and x is not None and x.shape[-3] == 1
    if alone or (positions is not None and not np.any(positions)):
        yield f"{op} of position 0 alone turns nothing: a backward that turns the wrong way would pass."


def of_attention(op: str, statics: Statics, named: Named) -> Iterator[str]:
    key = named.get("key")
    if key is not None and key.ndim == 4 and key.shape[1] == 1:
        yield f"{op} over one key: every weight is 1, so a wrong factor in the gradients of query and key is not seen."


def _all(value: Any, wanted: int) -> bool:
    """Whether an int, or every int in nested tuples, has the wanted value."""
    return all(_all(item, wanted) for item in value) if isinstance(value, tuple | list) else value == wanted


def _unpadded(padding: Any) -> bool:
    return padding == "VALID" or (not isinstance(padding, str) and _all(padding, 0))
