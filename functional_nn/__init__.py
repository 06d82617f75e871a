"""Functions of neural networks in JAX: pure, jitted, differentiable. The NumPy twin is `reference`."""

from functional_nn import _interrupt as _interrupt  # first: a signal may come while the others are imported
from functional_nn.activations import (
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
from functional_nn.calculus import derivative, directional_derivative, gradient, gradient_descent, partial_derivative
from functional_nn.convolution import conv, conv_transpose
from functional_nn.dot_product import attention
from functional_nn.gating import glu
from functional_nn.linear import dense, embedding
from functional_nn.losses import (
    binary_cross_entropy,
    cross_entropy_error,
    huber_loss,
    kl_divergence,
    mean_squared_error,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    sum_of_squares_error,
)
from functional_nn.normalization import batch_norm, batch_norm_inference, group_norm, layer_norm, rms_norm
from functional_nn.pooling import avg_pool, max_pool
from functional_nn.positional import rotary_embedding
from functional_nn.recurrent import gru, linear_recurrence, lstm, rnn
from functional_nn.regularization import dropout, dropout_mask
from functional_nn.sequence_losses import ctc_loss, linear_softmax_cross_entropy

__all__ = [
    "attention",
    "avg_pool",
    "batch_norm",
    "batch_norm_inference",
    "binary_cross_entropy",
    "conv",
    "conv_transpose",
    "cross_entropy_error",
    "ctc_loss",
    "dense",
    "derivative",
    "directional_derivative",
    "dropout",
    "dropout_mask",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "gradient",
    "gradient_descent",
    "group_norm",
    "gru",
    "huber_loss",
    "kl_divergence",
    "layer_norm",
    "leaky_relu",
    "linear_recurrence",
    "linear_softmax_cross_entropy",
    "log_sigmoid",
    "log_softmax",
    "lstm",
    "max_pool",
    "mean_squared_error",
    "partial_derivative",
    "relu",
    "rms_norm",
    "rnn",
    "rotary_embedding",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "step",
    "sum_of_squares_error",
    "tanh",
]
