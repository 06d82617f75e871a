"""Backwards with one mistake each, and the evidence that the engine would hand over."""
