"""An array as it was in memory: its entries, each once, and the steps between them."""

import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.oracle.recorder.files import BITS, Bits

# NumPy's, PyTorch's and JAX's names of dtypes, and those of safetensors.
DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    **{f"{sign}int{size}": f"{letter}{size}" for sign, letter in (("", "I"), ("u", "U")) for size in (8, 16, 32, 64)},
    "bool": "BOOL",
}
# Memory with gaps is made again only up to so many entries.
LARGEST = 2**28


class NotHeld(ValueError):
    """Something that no file of arrays can hold; the message says what."""


@dataclass(frozen=True)
class Held:
    """An array: strides count entries, None where its library has none; along a stride of 0 one entry is kept."""

    bits: Bits
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None
    # Whether a gradient was asked for, where the library says so.
    wanted: bool = True

    def __post_init__(self) -> None:
        np.broadcast_to(self.bits.values, self.shape)  # a ValueError where the entries are not those of the shape

    @property
    def plain(self) -> bool:
        """Whether its entries lay one behind the other, in order."""
        return self.strides is None or all(
            size <= 1 or step == own
            for size, step, own in zip(self.shape, self.strides, _in_order(self.shape), strict=True)
        )


def held(value: Any, wanted: bool = True) -> Held:
    """A copy of what an array of NumPy, JAX or PyTorch (on any device) holds.

    Raises:
        NotHeld: its dtype is none that is kept.
    """
    name = str(value.dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise NotHeld(f"an array has the dtype {name}, which is none of {', '.join(DTYPES)}")
    dtype, shape = DTYPES[name], tuple(map(int, value.shape))
    if hasattr(value, "detach"):
        strides = tuple(value.stride())
        value = value.detach()[_once(strides)]
        value = value.cpu().contiguous()
        value = (value.view(importlib.import_module("torch").int16) if dtype == "BF16" else value).numpy()
    elif isinstance(value, np.ndarray):
        strides = tuple(step // value.itemsize for step in value.strides)
        value = value[_once(strides)]
    else:
        strides, value = None, np.asarray(value)
    values = np.array(value, order="C")
    return Held(Bits(dtype, values.view(BITS[dtype]) if dtype == "BF16" else values), shape, strides, wanted)


def entries(one: Held) -> np.ndarray:
    """All entries, in order; those of bfloat16 in float32 where ml_dtypes, which JAX brings, is not installed."""
    values = one.bits.values
    if one.bits.dtype == "BF16":
        narrow = bfloat16()
        values = values.view(narrow) if narrow else (values.astype(np.uint32) << 16).view(np.float32)
    return np.array(np.broadcast_to(values, one.shape))


def bfloat16() -> np.dtype | None:
    """NumPy's bfloat16, where there is one."""
    try:
        return np.dtype(importlib.import_module("ml_dtypes").bfloat16)
    except ImportError:
        return None


def laid_out(array: Any, one: Held) -> Any:
    """The array in memory of these strides; as it is where it is another one, or would not fit into them."""
    if one.plain or one.strides is None or not isinstance(array, np.ndarray) or array.shape != one.shape:
        return array
    reach = [(size - 1) * step for size, step in zip(one.shape, one.strides, strict=True)]
    extent = sum(map(abs, reach)) + 1
    if not array.size or extent > LARGEST:
        return array
    memory = np.zeros(extent, array.dtype)[sum(-step for step in reach if step < 0) :]
    steps = tuple(step * array.itemsize for step in one.strides)
    view = np.lib.stride_tricks.as_strided(memory, one.shape, steps)
    view[...] = array
    return view if view.tobytes() == array.tobytes() else array


def _once(strides: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(None) if step else slice(1) for step in strides)


def _in_order(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
