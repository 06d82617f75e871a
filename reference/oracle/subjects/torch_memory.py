"""What stands in memory that PyTorch hands out unwritten."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def filled(value: float) -> Iterator[None]:
    """NaN where that is the value and PyTorch is in use; nothing else can be asked of it."""
    torch = sys.modules.get("torch") if np.isnan(value) else None
    if torch is None:
        yield
        return
    mode, fill = torch.get_deterministic_debug_mode(), torch.utils.deterministic.fill_uninitialized_memory
    try:
        torch.set_deterministic_debug_mode("warn")  # PyTorch fills only together with this
        torch.utils.deterministic.fill_uninitialized_memory = True
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        torch.utils.deterministic.fill_uninitialized_memory = fill
