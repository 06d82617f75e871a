"""Linear maps: a matrix product and a bias; and rows looked up in a table, which is a product with one-hot rows."""

from typing import Any

import jax
import jax.numpy as jnp

from functional_nn._checks import as_array, known_range, require, require_floating
from functional_nn._jit import jit_op
from functional_nn._product import product


@jit_op()
def dense(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """The fully connected layer: every output is a weighted sum of all inputs, shifted by a bias.

    dense(x, kernel, bias)[..., j] = sum over i of x[..., i] kernel[i, j] + bias[j].

    Stable as it stands: it is linear in each argument. float32 products follow jax_default_matmul_precision.

    Args:
        x: (..., in_dim), a floating dtype.
        kernel: (in_dim, out_dim).
        bias: (out_dim,), or None for no bias.

    Returns:
        (..., out_dim), in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: an argument is not a floating array.

    References:
        Saito, Deep Learning from Scratch, sections 3.3 and 5.6; docs/derivations/linear.md.

    >>> print(dense(jnp.array([[1.0, 2.0]]), jnp.eye(2), jnp.array([10.0, 20.0])))
    [[11. 22.]]
    """
    arrays = {"x": x, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    require_floating("dense", **arrays)
    dtype = jnp.result_type(*arrays.values())
    x, kernel = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}"
    require(kernel.ndim == 2, "dense", "kernel must have two axes, (in_dim, out_dim)", got)
    require(x.ndim >= 1, "dense", "x must have an axis of inputs, (..., in_dim)", got)
    require(x.shape[-1] == kernel.shape[0], "dense", "x.shape[-1] must equal kernel.shape[0]", got)
    if bias is None:
        return product(x, kernel)
    shift = jnp.asarray(bias, dtype)
    got = f"bias.shape={shift.shape}, kernel.shape={kernel.shape}"
    require(shift.shape == kernel.shape[1:], "dense", "bias.shape must equal kernel.shape[1:]", got)
    return product(x, kernel, shift)


def _check_embedding(op: str, indices: Any = None, table: Any = None) -> None:
    """Refuse what is no index or no table. Only here, before jit, do indices have values."""
    dtype = jnp.result_type(as_array(op, "indices", indices))
    if not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"{op}: indices must have an integer dtype; got indices.dtype={dtype}")
    require_floating(op, table=table)
    shape = jnp.shape(table)
    require(len(shape) == 2, op, "table must have two axes, (vocabulary, width)", f"table.shape={shape}")
    low, high = known_range(indices) or (0, -1)
    got = f"indices from {low} to {high}, table.shape={shape}"
    require(low >= 0 and high < shape[0], op, "indices must be at least 0 and below table.shape[0]", got)


@jit_op(check=_check_embedding)
def embedding(indices: jax.Array, table: jax.Array) -> jax.Array:
    """Looks rows up in a table: each index becomes the row of that number.

    embedding(indices, table)[..., j] = table[indices[...], j].

    A row's gradient is the sum over all places that looked it up; in 16 bits it is added up in float32 and rounded
    once. Where indices are traced, so that no error can be raised, one outside the table gives a row of NaN, and no
    gradient to any row.

    Args:
        indices: any shape, an integer dtype, each at least 0 and below vocabulary; an int of Python is one index.
        table: (vocabulary, width), a floating dtype.

    Returns:
        (..., width), in the dtype of table.

    Raises:
        ValueError: an index outside the table, negative ones included; a table without two axes.
        TypeError: indices are not integers, or table is not a floating array.

    References:
        Bengio et al., A Neural Probabilistic Language Model, JMLR 3 (2003), section 2; docs/derivations/linear.md.

    >>> print(embedding(jnp.array([2, 0]), jnp.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])))
    [[4. 5.]
     [0. 1.]]
    """
    return _rows(jnp.asarray(table), jnp.asarray(indices).astype(int))


@jax.custom_jvp
def _rows(table: jax.Array, indices: jax.Array) -> jax.Array:
    return _look_up(table, indices, jnp.nan)


@_rows.defjvp
def _rows_jvp(primals, tangents):
    """The transpose of a look-up adds up in the dtype of the table, so the tangent is looked up in a wide one."""
    (table, indices), (tangent, _) = primals, tangents
    wide = tangent.astype(jnp.promote_types(tangent.dtype, jnp.float32))
    return _rows(table, indices), _look_up(wide, indices, 0).astype(tangent.dtype)


def _look_up(table: jax.Array, indices: jax.Array, outside: float) -> jax.Array:
    # Left as they are, those below 0 would count from the end, and those of 64 bits wrap around.
    inside = (indices >= 0) & (indices < len(table))
    return table.at[jnp.where(inside, indices, len(table))].get(mode="fill", fill_value=outside)
