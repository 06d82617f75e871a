"""Functions of neural networks in NumPy, every derivative by hand. The JAX twin is `functional_nn`."""

from reference.activations import sigmoid

__all__ = ["sigmoid"]
