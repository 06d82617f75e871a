"""The linear layer: a matrix product and a bias."""

import jax
import jax.numpy as jnp

from functional_nn._checks import require, require_floating
from functional_nn._jit import jit_op


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
        return x @ kernel
    shift = jnp.asarray(bias, dtype)
    got = f"bias.shape={shift.shape}, kernel.shape={kernel.shape}"
    require(shift.shape == kernel.shape[1:], "dense", "bias.shape must equal kernel.shape[1:]", got)
    return x @ kernel + shift
