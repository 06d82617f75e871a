"""Functions of neural networks in JAX: pure, jitted, differentiable. The NumPy twin is `reference`."""

from functional_nn.activations import sigmoid
from functional_nn.linear import dense
from functional_nn.normalization import batch_norm, batch_norm_inference, layer_norm
from functional_nn.regularization import dropout, dropout_mask

__all__ = [
    "batch_norm",
    "batch_norm_inference",
    "dense",
    "dropout",
    "dropout_mask",
    "layer_norm",
    "sigmoid",
]
