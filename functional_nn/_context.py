"""What the program that is being compiled is for, from the context that JAX gives to a lowering."""

from typing import Any


def is_divided(context: Any) -> bool:
    """Whether XLA divides it among devices: it can divide a convolution, but no call, and no loop over a batch."""
    return getattr(context.module_context.axis_context, "num_devices", 1) > 1


def is_exported(context: Any) -> bool:
    """Whether the program may run in another process, on another machine."""
    return context.module_context.lowering_parameters.for_export
