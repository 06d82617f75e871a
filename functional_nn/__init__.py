"""Functions of neural networks in JAX: pure, jitted, differentiable. The NumPy twin is `reference`."""

from functional_nn.activations import sigmoid

__all__ = ["sigmoid"]
