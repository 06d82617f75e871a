"""Convolutions by oneDNN, where the package that brings it is installed."""

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import _libraries
from functional_nn._geometry import Spec
from functional_nn.cpu.compiler import ONEDNN
from functional_nn.cpu.native import Calls

# Brings oneDNN alone, with its own threads.
PACKAGE = "onednn-cpu-gomp"
SHARED_LIBRARY = "libdnnl.so.3"
# What XLA calls oneDNN by: C, because no function of Python may run in the midst of a program (why is said there).
TARGET, KEEP = "functional_nn_onednn_convolution", "functional_nn_onednn_keep"
# Numbered as in the C file.
SUMS = ("correlate", "spread", "gather")
# As oneDNN numbers them. It adds up in float32, and of 16 bits has more than plain loops where the processor does.
TYPES = {jnp.dtype(jnp.float16): 1, jnp.dtype(jnp.bfloat16): 2, jnp.dtype(jnp.float32): 3}


def convolution(name: str, left: jax.Array, right: jax.Array, *, spec: Spec) -> jax.Array:
    """The sum of that name, of arrays with channels last; only where `takes` says so."""
    return _sums(name, left, right, spec=spec, biased=False)[0]


def with_bias(name: str, left: jax.Array, right: jax.Array, *bias: jax.Array, spec: Spec) -> Sequence[jax.Array]:
    """The convolution and a bias, added up before it is rounded; or, of "gather", the gradients of kernel and bias."""
    return _sums(name, left, right, *bias, spec=spec, biased=True)


def _sums(
    name: str, left: jax.Array, right: jax.Array, *bias: jax.Array, spec: Spec, biased: bool
) -> Sequence[jax.Array]:
    own = _own(name, spec)
    if own != spec:
        left = jnp.pad(left, [(0, 0), *((line.low, line.high) for line in spec.lines), (0, 0)])
    geometry = _geometry(name, left, right, own, biased=biased)
    *_, inputs, outputs, _ = geometry[:8]
    windows, counts, sizes = (tuple(getattr(line, of) for line in own.lines) for of in ("window", "count", "size"))
    shapes = {
        "correlate": (left.shape[0], *counts, outputs),
        "spread": (left.shape[0], *sizes, inputs),
        "gather": (*windows, inputs // spec.groups, outputs),
    }
    given = [jax.ShapeDtypeStruct(shapes[name], left.dtype)]
    if biased and name == "gather":
        given.append(jax.ShapeDtypeStruct((outputs,), left.dtype))
    return jax.ffi.ffi_call(TARGET, given)(left, right, *bias, geometry=np.array(geometry))


def takes(name: str, left: Any, right: Any, spec: Spec, *, biased: bool = False) -> bool:
    """Whether oneDNN is here and has more than plain loops for this sum of arrays with channels last."""
    library = _library()
    # With output_padding a transposed convolution's x may be cut, where others pad it.
    cut = any(min(line.low, line.high) < 0 for line in spec.lines)
    if library is None or left.dtype not in TYPES or cut:
        return False
    geometry = _geometry(name, left, right, _own(name, spec), biased=biased)
    return library.onednn_prepare((ctypes.c_int64 * len(geometry))(*geometry), len(geometry)) is None


def keep(x: jax.Array) -> jax.Array:
    """The same x, from a call that XLA cannot look into."""
    return jax.ffi.ffi_call(KEEP, jax.ShapeDtypeStruct(x.shape, x.dtype), input_output_aliases={0: 0})(x)


def may_be_called(context: Any) -> bool:
    """Whether the program that is being compiled is for this process alone, and the library is here."""
    return _libraries.stays_here(context) and _library() is not None


def unusable() -> str | None:
    """Why oneDNN is not used here, or None where it is."""
    return CALLS.unusable() if _shared_library() else f"the package {PACKAGE} is not installed"


def _own(name: str, spec: Spec) -> Spec:
    """What oneDNN is told: gather of an x that holds its padding, where that is wider than half a window.

    Its fast loops end there: 32 channels of 14x14 padded by 2 take 2.6 ms, and 1.6 if they are padded beforehand.
    """
    if name != "gather" or all(max(line.low, line.high) <= line.window // 2 for line in spec.lines):
        return spec
    lines = (replace(line, size=line.low + line.size + line.high, low=0, high=0) for line in spec.lines)
    return replace(spec, lines=tuple(lines))


def _geometry(name: str, left: Any, right: Any, spec: Spec, *, biased: bool) -> tuple[int, ...]:
    """All that oneDNN must know, in the order of the C file's Geometry."""
    outputs = right.shape[-1]
    inputs = left.shape[-1] if name == "gather" else right.shape[-2] * spec.groups
    lines = (
        (line.size, line.window, line.stride, line.dilation, line.low, line.high, line.count) for line in spec.lines
    )
    kind = (SUMS.index(name), TYPES[left.dtype], spec.groups, int(biased))
    return (*kind, left.shape[0], inputs, outputs, len(spec.lines), *sum(lines, ()))


def _library() -> ctypes.CDLL | None:
    """The compiled C file with oneDNN open, or None."""
    return CALLS.library() if _shared_library() else None


def _open_onednn(library: ctypes.CDLL) -> str | None:
    """Let the C file open oneDNN; what it says where it cannot."""
    library.onednn_open.restype = library.onednn_prepare.restype = ctypes.c_char_p
    library.onednn_open.argtypes = (ctypes.c_char_p,)
    library.onednn_prepare.argtypes = (ctypes.POINTER(ctypes.c_int64), ctypes.c_size_t)
    failure = library.onednn_open(str(_shared_library()).encode())
    return failure.decode() if failure else None


@cache
def _shared_library() -> Path | None:
    """The package's file, wherever it was installed."""
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        return None
    return next((Path(file.locate()) for file in files if file.name == SHARED_LIBRARY), None)


CALLS = Calls(ONEDNN, "onednn_convolution", "onednn_keep", prepare=_open_onednn)
