"""Kernels in Triton: compiled where there is a GPU, interpreted over CPU tensors where there is none."""

import os
import sys

import torch

if not torch.cuda.is_available():
    if "triton" in sys.modules and "TRITON_INTERPRET" not in os.environ:
        rule = "without a GPU TRITON_INTERPRET=1 must be set before triton is imported"
        raise RuntimeError(f"examples.kernels.in_triton: {rule}; got none, and triton imported")
    os.environ.setdefault("TRITON_INTERPRET", "1")
