"""Max and average pooling of images by a C file: XLA makes an array of each element of windows that overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import _libraries
from functional_nn._geometry import Line
from functional_nn.cpu.blocks import are_small
from functional_nn.cpu.compiler import POOLING
from functional_nn.cpu.native import Calls

DTYPES = (jnp.float32, jnp.bfloat16)
# The axes of images with channels last that windows slide along.
PLANE = range(1, 3)
# Numbers of x, and channels, from which on it is faster than XLA.
FEWEST, FEWEST_CHANNELS = 2**12, 16
# Elements of windows for each of x, up to which it is: XLA has other forms for windows longer than 8.
MOST_READS = 64
# Places in a window that 16 bits tell apart.
MOST_PLACES = 2**16


@dataclass(frozen=True)
class Pooling:
    """A pooling, and its gradient, which reads of x at most the place of each maximum in its window."""

    name: str
    keeps_places: bool
    DTYPES = DTYPES

    def forward(self, x: jax.Array, **statics: Any) -> Sequence[jax.Array]:
        """What the op gives for x (batch, rows, columns, channels), and what is kept."""
        given = jax.ShapeDtypeStruct(_results(x, statics["geometry"]), x.dtype)
        return self._call("forward", (given, *self.kept(x, **statics)), x, **statics)

    def backward(self, x: jax.Array, *kept_and_ct: jax.Array, **statics: Any) -> Sequence[jax.Array]:
        """The gradient of x."""
        return self._call("backward", (jax.ShapeDtypeStruct(x.shape, x.dtype),), *kept_and_ct, **statics)

    def kept(self, x: Any, *, geometry: tuple[Line, ...], **_: Any) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Of each maximum its place in the window, in row-major order."""
        return (jax.ShapeDtypeStruct(_results(x, geometry), jnp.uint16),) if self.keeps_places else ()

    def takes(self, x: Any, axes: range, geometry: tuple[Line, ...]) -> bool:
        """Whether these windows on x are best pooled here."""
        images = _libraries.wanted_on_cpu(x) and axes == PLANE and x.ndim == 4 and x.dtype in self.DTYPES
        pays = images and x.size >= FEWEST and x.shape[3] >= FEWEST_CHANNELS and self._pays(geometry)
        return pays and CALLS.unusable() is None

    def _pays(self, geometry: tuple[Line, ...]) -> bool:
        """Where windows tile x, or a mean is one of all, XLA's loops become one with what stands beside them."""
        if are_small(geometry) or (not self.keeps_places and all(line.is_whole for line in geometry)):
            return False
        reads = prod(line.count * line.window for line in geometry) <= MOST_READS * prod(line.size for line in geometry)
        return reads and prod((line.window - 1) * line.dilation + 1 for line in geometry) <= MOST_PLACES

    def _call(self, kind: str, given: Any, *arrays: Any, geometry: Any, count_include_pad: bool = False) -> Any:
        call = jax.ffi.ffi_call(f"functional_nn_{self.name}_{kind}", given)
        told = [_told(line, count_include_pad) for line in geometry]
        return call(*arrays, geometry=np.array(sum(told, ()), np.int64))


MAX_POOL, AVG_POOL = Pooling("max_pool", keeps_places=True), Pooling("avg_pool", keeps_places=False)
CALLS = Calls(POOLING, *(f"{each.name}_{kind}" for each in (MAX_POOL, AVG_POOL) for kind in ("forward", "backward")))


def _results(x: Any, geometry: tuple[Line, ...]) -> tuple[int, ...]:
    return (x.shape[0], *(line.count for line in geometry), x.shape[3])


def _told(line: Line, count_include_pad: bool) -> tuple[int, ...]:
    """What the C file's Line has."""
    counted = (-line.low, line.size + line.high - line.overhang) if count_include_pad else (0, line.size)
    return (line.size, line.window, line.stride, line.dilation, line.low, line.count, *counted)
