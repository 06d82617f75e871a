"""The linear layer: a matrix product and a bias.

What it takes, returns and refuses stands with its twin in functional_nn/linear.py.
"""

import math

import numpy as np

from reference._checks import as_floating, quiet, require


def dense(x, kernel, bias=None):
    """The fully connected layer: every output is a weighted sum of all inputs, shifted by a bias.

    y = x kernel + bias, so that x_ct = y_ct kernel^T, kernel_ct = x^T y_ct, and bias_ct sums y_ct over the examples.
    Residuals: the arguments. Derivation: docs/derivations/linear.md.
    """
    return dense_fwd(x, kernel, bias)[0]


@quiet
def dense_fwd(x, kernel, bias=None):
    x, kernel = as_floating("dense", "x", x), as_floating("dense", "kernel", kernel)
    bias = None if bias is None else as_floating("dense", "bias", bias)
    _check_shapes(x, kernel, bias)
    dtype = np.result_type(*(array for array in (x, kernel, bias) if array is not None))
    out = x @ kernel if bias is None else x @ kernel + bias
    return np.asarray(out, dtype), (x, kernel, bias)


@quiet
def dense_bwd(residuals, cotangent):
    x, kernel, bias = residuals
    in_dim, out_dim = kernel.shape
    x_ct = cotangent @ kernel.T
    count = math.prod(x.shape[:-1])
    examples, error = x.reshape(count, in_dim), cotangent.reshape(count, out_dim)
    kernel_ct = examples.T @ error
    bias_ct = None if bias is None else error.sum(axis=0).astype(bias.dtype)
    return np.asarray(x_ct, x.dtype), kernel_ct.astype(kernel.dtype), bias_ct


def _check_shapes(x, kernel, bias):
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}"
    require(kernel.ndim == 2, "dense", "kernel must have two axes, (in_dim, out_dim)", got)
    require(x.ndim >= 1, "dense", "x must have an axis of inputs, (..., in_dim)", got)
    require(x.shape[-1] == kernel.shape[0], "dense", "x.shape[-1] must equal kernel.shape[0]", got)
    if bias is not None:
        got = f"bias.shape={bias.shape}, kernel.shape={kernel.shape}"
        require(bias.shape == kernel.shape[1:], "dense", "bias.shape must equal kernel.shape[1:]", got)
