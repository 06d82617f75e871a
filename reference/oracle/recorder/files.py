"""The safetensors format: the length of a header, the header as JSON, and the bytes of the arrays.

Written by hand: `reference` needs NumPy alone. An array stands for its bits, so that bfloat16, which NumPy has not,
comes back as it was.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# What safetensors calls a dtype, and the NumPy dtype that holds its bits.
BITS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
# A header of more bytes is no header.
LONGEST = 100_000_000


class Unreadable(ValueError):
    """A file that is no recording, or not a whole one; the message says which and why."""


@dataclass(frozen=True)
class Bits:
    """The entries of an array: their dtype as safetensors calls it, and an array of BITS[dtype]."""

    dtype: str
    values: np.ndarray


def packed(arrays: Mapping[str, Bits], metadata: Mapping[str, str]) -> bytes:
    """A file of arrays by name, as bytes."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts, end = [], 0
    for name, bits in sorted(arrays.items(), key=lambda item: -item[1].values.itemsize):  # so every entry is aligned
        raw = np.ascontiguousarray(bits.values, BITS[bits.dtype]).tobytes()
        header[name] = {"dtype": bits.dtype, "shape": list(bits.values.shape), "data_offsets": [end, end + len(raw)]}
        parts.append(raw)
        end += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def write(path: Path, raw: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(raw)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[dict[str, Bits], dict[str, str]]:
    """The arrays of a file by name, and its metadata.

    Raises:
        Unreadable: it cannot be read, is cut off, is not of this format, or has a dtype that is not in BITS.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror}") from error
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > LONGEST:
        raise Unreadable(f"{path.name} is not in the safetensors format")
    if len(raw) < 8 + length:
        raise Unreadable(f"{path.name} is cut off: {8 + length} bytes of header are announced, {len(raw)} are there")
    try:
        header = json.loads(raw[8 : 8 + length])
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        return {name: _part(path, name, entry, raw[8 + length :]) for name, entry in header.items()}, metadata
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"{path.name} is not in the safetensors format: its header makes no sense") from error


def _part(path: Path, name: str, entry: Mapping[str, Any], data: bytes) -> Bits:
    dtype, shape, (begin, end) = str(entry["dtype"]), tuple(map(int, entry["shape"])), entry["data_offsets"]
    if dtype not in BITS:
        raise Unreadable(f"{path.name} holds {name} in the dtype {dtype}, which is none of {', '.join(BITS)}")
    size = math.prod(shape) * np.dtype(BITS[dtype]).itemsize
    if not 0 <= begin <= end or min(shape, default=0) < 0 or end - begin != size:
        raise Unreadable(f"{path.name} makes no sense: {name}, {dtype} of shape {shape}, in the bytes {begin} to {end}")
    if end > len(data):
        raise Unreadable(f"{path.name} is cut off: {name} ends at byte {end} of the data, {len(data)} are there")
    return Bits(dtype, np.frombuffer(data[begin:end], BITS[dtype]).reshape(shape))
