"""Products of rows with a matrix in 16 bits by oneDNN: XLA multiplies them as float32, at half the speed."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn._geometry import Line, Spec
from functional_nn.cpu import onednn

DTYPES = (jnp.bfloat16, jnp.float16)
# With fewer rows XLA is as fast: oneDNN first brings the kernel into an order of its own. So is XLA in float32, where
# two threads that wait awake are worth more than a faster product.
FEWEST_ROWS = 8


def forward(x: jax.Array, kernel: jax.Array, *bias: jax.Array) -> Sequence[jax.Array]:
    """x (rows, in_dim) @ kernel (in_dim, out_dim), and a bias, where there is one, added before that is rounded."""
    return (_sums("correlate", x, kernel, *bias, biased=bool(bias))[0],)


def backward(x: jax.Array, kernel: jax.Array, *arrays: jax.Array) -> Sequence[jax.Array]:
    """The gradients of x, kernel and a bias: ct @ kernel.T, x.T @ ct, and the sum of ct over the rows."""
    *bias, ct = arrays
    (x_ct,) = _sums("spread", ct, kernel, biased=False)
    return x_ct, *_sums("gather", x, ct, biased=bool(bias))


def unusable() -> str | None:
    """Why no bfloat16 is multiplied here, or None where it is."""
    square = jax.ShapeDtypeStruct((16, 16), jnp.bfloat16)
    plain = "for bfloat16 oneDNN has plain loops only on this processor"
    return onednn.unusable() or (None if _multiplies(square, square) else plain)


def takes(x: Any, kernel: Any, *bias: Any) -> bool:
    """Whether these are best multiplied here."""
    wanted = _libraries.wanted_on_cpu(x, kernel) and x.dtype in DTYPES
    return wanted and len(x) >= FEWEST_ROWS and x.size * kernel.size > 0 and _multiplies(x, kernel, *bias)


def _multiplies(x: Any, kernel: Any, *bias: Any) -> bool:
    """Whether oneDNN has more than plain loops for it and its gradients."""
    ct = jax.ShapeDtypeStruct((x.shape[0], kernel.shape[1]), x.dtype)
    sums = ("correlate", x, kernel, bool(bias)), ("spread", ct, kernel, False), ("gather", x, ct, bool(bias))
    return all(
        onednn.takes(name, _as_image(left), _as_image(right), _spec(left), biased=biased)
        for name, left, right, biased in sums
    )


def _sums(name: str, left: jax.Array, right: jax.Array, *bias: jax.Array, biased: bool) -> Sequence[jax.Array]:
    """Those of a convolution that is a product: the rows are an image's positions, and a window is one of them."""
    if not biased:
        return (onednn.convolution(name, left[None], right[None], spec=_spec(left))[0],)
    product, *others = onednn.with_bias(name, left[None], right[None], *bias, spec=_spec(left))
    return product[0], *others


def _spec(positions: Any) -> Spec:
    line = Line(size=len(positions), window=1, stride=1, dilation=1, low=0, high=0, count=len(positions))
    return Spec((line,), groups=1, layout="channels_last", precision=None)


def _as_image(matrix: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *matrix.shape), matrix.dtype)
