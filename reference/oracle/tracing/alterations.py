"""What a forward may be run with in the place of its own masks and positions, to see another forward's gradient."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# (place, mask) -> mask, True where entries are masked out; (place, key) -> key. A place is a line of code, of keys with
# the shape of the array that they belong to.
MaskChange = Callable[[Any, np.ndarray], np.ndarray]
KeyChange = Callable[[Any, Any], Any]
# A number that stands in the forward -> number.
NumberChange = Callable[[float], float]
# How often an array is repeated -> how often.
CountChange = Callable[[int], int]

# What stands for minus infinity in a mask that is added.
FAR = -1e4


class Alterations(threading.local):
    """The changes in force while this thread traces a forward; none outside `altering`."""

    mask: MaskChange | None = None
    key: KeyChange | None = None
    number: NumberChange | None = None
    count: CountChange | None = None


ALTERED = Alterations()


@contextmanager
def altering(
    mask: MaskChange | None = None,
    key: KeyChange | None = None,
    number: NumberChange | None = None,
    count: CountChange | None = None,
) -> Iterator[None]:
    """Every mask, key, number and count of repeats of the traced forward passes through these."""
    before = ALTERED.mask, ALTERED.key, ALTERED.number, ALTERED.count
    ALTERED.mask, ALTERED.key, ALTERED.number, ALTERED.count = mask, key, number, count
    try:
        yield
    finally:
        ALTERED.mask, ALTERED.key, ALTERED.number, ALTERED.count = before


def count_at(count: Any) -> Any:
    """How often an array is repeated, or another number in its place."""
    return ALTERED.count(int(count)) if ALTERED.count and np.ndim(count) == 0 else count


def number_at(item: Any) -> Any:
    """A number that the forward computes with, or another one in its place."""
    known = isinstance(item, int | float | np.floating) and not isinstance(item, bool)
    return ALTERED.number(float(item)) if known and ALTERED.number else item


def key_at(line: Any, key: Any) -> Any:
    """The key of an item that is read or written, or another one in its place."""
    if isinstance(key, np.ndarray) and key.dtype == bool and ALTERED.mask:
        return ALTERED.mask(line, key)
    return ALTERED.key(line, key) if ALTERED.key else key


def condition_at(line: Any, condition: Any, masks_second: bool) -> Any:
    """The condition of a choice between two values, one of which is the mask's."""
    if ALTERED.mask is None:
        return condition
    closed = np.asarray(condition, bool)
    return ~ALTERED.mask(line, ~closed) if masks_second else ALTERED.mask(line, closed)


def added_at(line: Any, constant: Any) -> Any:
    """A constant summand: a mask where its entries are zero or far below."""
    if ALTERED.mask is None or np.ndim(constant) < 2:
        return constant
    closed = np.asarray(constant) <= FAR
    if not closed.any() or np.any(np.asarray(constant)[~closed]):
        return constant
    return np.where(ALTERED.mask(line, closed), np.min(constant), 0.0)
