"""Functions of neural networks in NumPy, every derivative by hand. The JAX twin is `functional_nn`."""

from reference.activations import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    step,
    tanh,
)
from reference.convolution import conv, conv_transpose
from reference.linear import dense
from reference.normalization import batch_norm, batch_norm_inference, layer_norm
from reference.pooling import avg_pool, max_pool
from reference.regularization import dropout, dropout_mask

__all__ = [
    "avg_pool",
    "batch_norm",
    "batch_norm_inference",
    "conv",
    "conv_transpose",
    "dense",
    "dropout",
    "dropout_mask",
    "elu",
    "gelu",
    "layer_norm",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "step",
    "tanh",
]
