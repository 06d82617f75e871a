"""Kernels in Triton: compiled where there is a GPU, interpreted over CPU tensors where there is none."""

import os

import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it while it is imported
    from examples.kernels.in_triton import interpreter

    interpreter.prepare_once_a_launch()
