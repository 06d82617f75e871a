"""Kernels with hand-written backward passes, right and wrong, that the oracle judges."""
