"""Functions of neural networks in NumPy, every derivative by hand. The JAX twin is `functional_nn`."""

from reference.activations import sigmoid
from reference.linear import dense
from reference.normalization import batch_norm, batch_norm_inference, layer_norm
from reference.regularization import dropout, dropout_mask

__all__ = [
    "batch_norm",
    "batch_norm_inference",
    "dense",
    "dropout",
    "dropout_mask",
    "layer_norm",
    "sigmoid",
]
