"""Kernels in Pallas: compiled where JAX has an accelerator, interpreted on a CPU."""
