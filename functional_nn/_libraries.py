"""Whether a program may call a library beside XLA, and where the program that is being compiled will run."""

import os
from typing import Any

import jax

# What may make programs for the CPU fast, read once: 0 leaves every form to lax, xla writes forms of XLA's operations,
# and 1 calls libraries where they are too: oneDNN and `attention.c`. On a GPU 1 allows cuDNN's attention.
MODE = os.environ.get("FUNCTIONAL_NN_FAST", "1")
if MODE not in ("0", "xla", "1"):
    raise ValueError(f"FUNCTIONAL_NN_FAST must be 0, xla or 1; got {MODE!r}")
WANTED = MODE == "1"


def wanted_on_cpu(*arrays: Any) -> bool:
    """Whether a library of the CPU is wanted for these, whose sizes are known: those of `jax.export` may be symbols."""
    known = all(isinstance(size, int) for array in arrays for size in array.shape)
    return WANTED and known and jax.default_backend() == "cpu"


def stays_here(context: Any) -> bool:
    """Whether the program that is being compiled may call a library of this process, and is wanted to."""
    return WANTED and not is_divided(context) and not is_exported(context)


def is_divided(context: Any) -> bool:
    """Whether XLA divides it among devices: it can divide a convolution, but no call, and no loop over a batch."""
    return getattr(context.module_context.axis_context, "num_devices", 1) > 1


def is_exported(context: Any) -> bool:
    """Whether the program may run in another process, on another machine."""
    return context.module_context.lowering_parameters.for_export
