"""Messages between the judge and the submission's process: a line of JSON and the bytes of arrays, never objects.

Nothing that arrives is executed. An array keeps the memory that it lies in: its strides, and what stands around it.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64", "bfloat16")  # fmt: skip
LENGTH = 16  # digits in which the length of a header is written
LONGEST_HEADER = 1 << 20
DEEPEST = 20


class Garbled(Exception):
    """What arrived is no message."""


class Channel(Protocol):
    """Bytes, in both directions."""

    def send(self, data: bytes) -> None:
        """Write all of it."""

    def receive(self, count: int) -> bytes:
        """Read exactly so many."""
        ...


def send(channel: Channel, message: dict[str, Any]) -> None:
    """Write a message: whatever JSON can hold, with arrays among its values."""
    blobs: list[bytes] = []
    header = json.dumps(_packed(message, blobs)).encode()
    channel.send(b"%0*d" % (LENGTH, len(header)) + header + b"".join(blobs))


def receive(channel: Channel, most: int) -> dict[str, Any]:
    """Read a message whose arrays have at most so many bytes.

    Raises:
        Garbled: it is not one.
    """
    digits = channel.receive(LENGTH)
    if not digits.isdigit() or int(digits) > LONGEST_HEADER:
        raise Garbled("no message")
    try:
        header = json.loads(channel.receive(int(digits)))
        if not isinstance(header, dict) or list(header) != ["dict"]:
            raise Garbled("no message")
        sizes = list(_sizes(header, 0))
        if sum(sizes) > most:
            raise Garbled(f"arrays of {sum(sizes):,} bytes, where {most:,} are the most that is read")
        blobs = iter([channel.receive(size) for size in sizes])
        return _unpacked(header, blobs)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise Garbled("no message") from error


def _packed(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return {"array": _array(np.asarray(value), blobs)}
    if isinstance(value, dict):
        return {"dict": [[str(key), _packed(item, blobs)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return {"tuple" if isinstance(value, tuple) else "list": [_packed(item, blobs) for item in value]}
    return {"value": value}


def _array(array: np.ndarray, blobs: list[bytes]) -> dict[str, Any]:
    whole = array.base
    if not isinstance(whole, np.ndarray) or whole.ndim != 1 or whole.dtype != array.dtype or whole.size < array.size:
        array = whole = np.array(array, order="C")
    begin = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    blobs.append(whole.tobytes())
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "strides": list(array.strides),
        "begin": begin,
        "bytes": len(blobs[-1]),
        "writeable": bool(array.flags.writeable),
    }


def _sizes(value: Any, depth: int) -> Iterator[int]:
    """The bytes of every array in a header, in order."""
    if depth > DEEPEST:
        raise Garbled("no message")
    ((kind, content),) = value.items()
    if kind == "array":
        yield _natural(content["bytes"])
    for item in content if kind in ("dict", "tuple", "list") else ():
        yield from _sizes(item[1] if kind == "dict" else item, depth + 1)


def _unpacked(value: Any, blobs: Iterator[bytes]) -> Any:
    ((kind, content),) = value.items()
    if kind == "array":
        return _laid(content, next(blobs))
    if kind == "dict":
        return {str(key): _unpacked(item, blobs) for key, item in content}
    if kind in ("tuple", "list"):
        items = [_unpacked(item, blobs) for item in content]
        return tuple(items) if kind == "tuple" else items
    if kind != "value" or not isinstance(content, str | int | float | bool | None):
        raise Garbled("no message")
    return content


def _laid(said: dict[str, Any], blob: bytes) -> np.ndarray:
    """The array in memory of its own, as the other one had it; a ValueError where it reaches beyond that."""
    if said["dtype"] not in DTYPES:
        raise Garbled(f"an array of {said['dtype']}")
    dtype = np.dtype(said["dtype"])
    shape = tuple(map(_natural, said["shape"]))
    if math.prod(shape) * dtype.itemsize > len(blob):
        raise Garbled("an array that is larger than its memory")
    whole = np.frombuffer(bytearray(blob), dtype)
    array = np.ndarray(shape, dtype, whole, _natural(said["begin"]), tuple(map(int, said["strides"])))
    array.flags.writeable = bool(said["writeable"])
    return array


def _natural(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Garbled("no message")
    return value
