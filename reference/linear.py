"""Linear maps: a matrix product and a bias; and rows looked up in a table, which is a product with one-hot rows.

What each takes, returns and refuses stands with its twin in functional_nn/linear.py.
"""

import math

import numpy as np

from reference._checks import as_array, as_floating, quiet, require


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


def embedding(indices, table):
    """Looks rows up in a table: each index becomes the row of that number.

    y = H table, where a row of H is 0 but for a 1 at its index, so that table_ct = H^T y_ct: the cotangent of each
    place is added to the row that it looked up. H is never formed.
    Residuals: the indices, and the shape and dtype of table. Derivation: docs/derivations/linear.md.
    """
    return embedding_fwd(indices, table)[0]


@quiet
def embedding_fwd(indices, table):
    indices, table = _as_indices(indices), as_floating("embedding", "table", table)
    require(table.ndim == 2, "embedding", "table must have two axes, (vocabulary, width)", f"table.shape={table.shape}")
    low, high = (indices.min(), indices.max()) if indices.size else (0, -1)
    rule, got = "indices must be at least 0 and below table.shape[0]", f"indices from {low} to {high}"
    require(low >= 0 and high < len(table), "embedding", rule, f"{got}, table.shape={table.shape}")
    return table[indices], (indices, table.shape, table.dtype)


@quiet
def embedding_bwd(residuals, cotangent):
    indices, shape, dtype = residuals
    # In float32 at least: of many small numbers added one by one, 16 bits forget the later ones.
    table_ct = np.zeros(shape, np.promote_types(dtype, np.float32))
    for place in np.ndindex(indices.shape):
        table_ct[indices[place]] += cotangent[place]
    return None, table_ct.astype(dtype)


def _as_indices(value):
    indices = as_array("embedding", "indices", value)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"embedding: indices must have an integer dtype; got indices.dtype={indices.dtype}")
    return indices


def _check_shapes(x, kernel, bias):
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}"
    require(kernel.ndim == 2, "dense", "kernel must have two axes, (in_dim, out_dim)", got)
    require(x.ndim >= 1, "dense", "x must have an axis of inputs, (..., in_dim)", got)
    require(x.shape[-1] == kernel.shape[0], "dense", "x.shape[-1] must equal kernel.shape[0]", got)
    if bias is not None:
        got = f"bias.shape={bias.shape}, kernel.shape={kernel.shape}"
        require(bias.shape == kernel.shape[1:], "dense", "bias.shape must equal kernel.shape[1:]", got)
