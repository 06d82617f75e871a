"""What is asked of programs for the CPU, and what the one that is being compiled is for.

FUNCTIONAL_NN_FAST is read once, at import: 0 leaves every form to lax, xla writes forms of XLA's operations, and 1, the
default, calls oneDNN where it is too.
"""

import os
from typing import Any

MODE = os.environ.get("FUNCTIONAL_NN_FAST", "1")
if MODE not in ("0", "xla", "1"):
    raise ValueError(f"FUNCTIONAL_NN_FAST must be 0, xla or 1; got {MODE!r}")


def is_divided(context: Any) -> bool:
    """Whether XLA divides it among devices: it can divide a convolution, but no call, and no loop over a batch."""
    return getattr(context.module_context.axis_context, "num_devices", 1) > 1


def is_exported(context: Any) -> bool:
    """Whether the program may run in another process, on another machine."""
    return context.module_context.lowering_parameters.for_export
