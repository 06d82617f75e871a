"""The normal distribution, to the last digits in both tails, for gelu.

XLA's erfc is 17 ulp wrong in float32 and 300 in float64 in its tail, because it rounds x * x before exp; and the
rounding of x / sqrt(2) alone costs x * x ulp. So the tail is built here from two pieces that are accurate everywhere.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

# Beyond this every dtype's density is 0, and squares cannot overflow.
FAR = 40.0

# Chebyshev coefficients in t = (x - 4) / (x + 4) of (1 + x) times Q(x) / exp(-x^2 / 2), Q the upper tail, which has
# no zero, no pole and a finite limit on 0 <= x. tests/ops/test_activations.py computes them anew, to 40 digits.
TAIL = (
    0.46558659969637836589,
    -0.064237517123343308926,
    -0.011171509596721219521,
    0.012636305994376230128,
    -0.0048284906401317440183,
    0.0010793834106156013306,
    -0.00011940995202852480056,
    -6.8485883776766764073e-6,
    4.0606297180654908884e-6,
    -1.9527544708338364175e-7,
    -1.1345944386467565163e-7,
    1.2273971384265420541e-8,
    3.6624412033415589572e-9,
    -5.0889485062106209843e-10,
    -1.4602402012093164184e-10,
    1.8321966529064227376e-11,
    6.8575444000275458826e-12,
    -5.0772720580494548419e-13,
    -3.4580643652047739101e-13,
    4.4129228558092073615e-16,
    1.7054866572266911425e-14,
    1.5123653278115067119e-15,
    -7.3701007834166775263e-16,
    -1.6124885584264883701e-16,
    2.1306926276508160505e-17,
    1.1734807140572404733e-17,
)
FLOAT32_TERMS = 14


@jax.custom_jvp
def normal_cdf(x: jax.Array) -> jax.Array:
    """The probability that a standard normal variable is below x, in relative accuracy in the lower tail too."""
    distance = jnp.minimum(jnp.abs(x), FAR)
    tail = _bell(distance) * _chebyshev((distance - 4) / (distance + 4)) / (1 + distance)
    middle = 0.5 + 0.5 * lax.erf(x * math.sqrt(0.5))
    return jnp.where(distance < 0.7, middle, jnp.where(x < 0, tail, 1 - tail))


normal_cdf.defjvps(lambda tangent, out, x: tangent * normal_pdf(x))


@jax.custom_jvp
def normal_pdf(x: jax.Array) -> jax.Array:
    """The density of a standard normal variable, exp(-x^2 / 2) / sqrt(2 pi)."""
    return _bell(jnp.minimum(jnp.abs(x), FAR)) * (1 / math.sqrt(2 * math.pi))


normal_pdf.defjvps(lambda tangent, out, x: -x * out * tangent)


def _bell(x: jax.Array) -> jax.Array:
    """exp(-x^2 / 2): the square of x cut to half its bits is exact, the small remainder gives a factor of its own.

    The factor is 1 + expm1: of a product of two exp XLA would make the exp of a sum, and round as if nothing was cut.
    """
    info = jnp.finfo(x.dtype)
    coarse = lax.reduce_precision(x, exponent_bits=info.bits - info.nmant - 1, mantissa_bits=(info.nmant - 1) // 2)
    raised = jnp.exp(-0.5 * coarse * coarse)
    return raised + raised * jnp.expm1(-0.5 * (x - coarse) * (x + coarse))


def _chebyshev(t: jax.Array) -> jax.Array:
    """The sum of TAIL[n] T_n(t), by Clenshaw's recurrence."""
    terms = TAIL if t.dtype == jnp.float64 else TAIL[:FLOAT32_TERMS]
    after, now = jnp.zeros_like(t), jnp.zeros_like(t)
    for coefficient in terms[:0:-1]:
        after, now = now, coefficient + 2 * t * now - after
    return terms[0] + t * now - after
