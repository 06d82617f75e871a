"""The normal distribution, to the last digits in both tails, for gelu.

XLA's erfc is 17 ulp wrong in float32 and 300 in float64 in its tail, because it rounds x * x before exp; and the
rounding of x / sqrt(2) alone costs x * x ulp. So the tail is built here from two pieces that are accurate everywhere,
and the middle is a short series.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.polynomial.chebyshev import cheb2poly

# Beyond this every dtype's density is 0, and squares cannot overflow.
FAR = 40.0

# Chebyshev coefficients in t = (x - 4) / (x + 4) of (4 + x) times Q(x) / exp(-x^2 / 2), Q the upper tail, which has
# no zero, no pole and a finite limit on 0 <= x. tests/ops/test_activations.py computes them anew, to 40 digits.
TAIL = (
    0.97045120456607654485,
    -0.75170881683957053139,
    0.22219355567525103402,
    -0.048517753260446086119,
    0.0069259204962424803924,
    -0.00032059847439814995351,
    -0.00010054739163210678393,
    0.000018903369019706963612,
    1.0103568854746310551e-6,
    -6.1453347493978239064e-7,
    -3.3810201200691756408e-9,
    2.0686508061742834078e-8,
    -1.1282603632469506395e-10,
    -7.7740152283886942605e-10,
    -9.9414241914047074839e-12,
    3.1744829498583027841e-11,
    1.8424806844704940222e-12,
    -1.3128616466710965406e-12,
    -1.7415362652654813574e-13,
    4.9072740317044241038e-14,
    1.2931384326165576208e-14,
    -1.2180663521726341332e-15,
    -8.0521473726209330084e-16,
    -2.8604941442616211396e-17,
    4.0570644243353541464e-17,
    7.006400772814595875e-18,
)
# The middle as the Taylor series of (Q(-x) - 1/2) / x in x^2; and how much of each series float32 needs.
MIDDLE = tuple((-0.5) ** n / (math.factorial(n) * (2 * n + 1) * math.sqrt(2 * math.pi)) for n in range(13))
FLOAT32_TERMS = {TAIL: 12, MIDDLE: 7}


@jax.custom_jvp
def normal_cdf(x: jax.Array) -> jax.Array:
    """The probability that a standard normal variable is below x, in relative accuracy in the lower tail too."""
    distance = jnp.minimum(jnp.abs(x), FAR)
    share = 1 / (distance + 4)
    tail = _bell(distance) * (_polynomial(TAIL, (distance - 4) * share, cheb2poly) * share)
    middle = 0.5 + x * _polynomial(MIDDLE, x * x)
    return jnp.where(distance < 0.7, middle, jnp.where(x < 0, tail, 1 - tail))


normal_cdf.defjvps(lambda tangent, out, x: tangent * normal_pdf(x))


@jax.custom_jvp
def normal_pdf(x: jax.Array) -> jax.Array:
    """The density of a standard normal variable, exp(-x^2 / 2) / sqrt(2 pi)."""
    return _bell(jnp.minimum(jnp.abs(x), FAR)) * (1 / math.sqrt(2 * math.pi))


normal_pdf.defjvps(lambda tangent, out, x: -x * out * tangent)


def _bell(x: jax.Array) -> jax.Array:
    """exp(-x^2 / 2): the square of x cut to half its bits is exact, the small remainder gives a factor of its own.

    The factor is 1 + u + u^2 / 2 + ..., where u is at most 0.1 as long as there is anything to multiply: of a product
    of two exp XLA would make the exp of a sum, and round as if nothing was cut.
    """
    info = jnp.finfo(x.dtype)
    coarse = lax.reduce_precision(x, exponent_bits=info.bits - info.nmant - 1, mantissa_bits=(info.nmant - 1) // 2)
    raised, u = jnp.exp(-0.5 * coarse * coarse), -0.5 * (x - coarse) * (x + coarse)
    return raised + raised * (u * (1 + u * (0.5 + u * (1 / 6 + u / 24))))


def _polynomial(series: tuple[float, ...], x: jax.Array, powers: Callable[..., Any] = np.asarray) -> jax.Array:
    """The sum of a series' terms at x, by Horner's rule, once `powers` has made powers of x of them."""
    terms = powers(series if x.dtype == jnp.float64 else series[: FLOAT32_TERMS[series]])
    total = jnp.full_like(x, terms[-1])
    for term in terms[-2::-1]:
        total = float(term) + x * total
    return total
