"""The derivatives of NumPy's pointwise functions to each of their arguments."""

from collections.abc import Callable, Mapping

import numpy as np

Partial = Callable[..., np.ndarray]

# name -> one function of (output, *arguments) an argument.
PARTIALS: Mapping[str, tuple[Partial, ...]] = {
    "add": (lambda y, a, b: np.ones_like(y), lambda y, a, b: np.ones_like(y)),
    "subtract": (lambda y, a, b: np.ones_like(y), lambda y, a, b: -np.ones_like(y)),
    "multiply": (lambda y, a, b: b + 0 * y, lambda y, a, b: a + 0 * y),
    "divide": (lambda y, a, b: 1 / (b + 0 * y), lambda y, a, b: -y / b),
    "power": (lambda y, a, b: b * np.power(a, b - 1.0), lambda y, a, b: np.log(a) * y),
    "float_power": (lambda y, a, b: b * np.power(a, b - 1.0), lambda y, a, b: np.log(a) * y),
    "maximum": (lambda y, a, b: (a > b) * 1.0, lambda y, a, b: (b >= a) * 1.0),
    "minimum": (lambda y, a, b: (a < b) * 1.0, lambda y, a, b: (b <= a) * 1.0),
    "fmax": (lambda y, a, b: (a > b) * 1.0, lambda y, a, b: (b >= a) * 1.0),
    "fmin": (lambda y, a, b: (a < b) * 1.0, lambda y, a, b: (b <= a) * 1.0),
    # Where both are -inf, and so is y, the difference is no number.
    "logaddexp": (
        lambda y, a, b: np.exp(np.where(a == y, 0.0, a - y)),
        lambda y, a, b: np.exp(np.where(b == y, 0.0, b - y)),
    ),
    "hypot": (lambda y, a, b: a / y, lambda y, a, b: b / y),
    "negative": (lambda y, a: -np.ones_like(y),),
    "positive": (lambda y, a: np.ones_like(y),),
    "exp": (lambda y, a: y,),
    "exp2": (lambda y, a: y * np.log(2),),
    "expm1": (lambda y, a: y + 1,),
    "log": (lambda y, a: 1 / a,),
    "log2": (lambda y, a: 1 / (a * np.log(2)),),
    "log10": (lambda y, a: 1 / (a * np.log(10)),),
    "log1p": (lambda y, a: 1 / (1 + a),),
    "sqrt": (lambda y, a: 0.5 / y,),
    "cbrt": (lambda y, a: 1 / (3 * y * y),),
    "square": (lambda y, a: 2 * a,),
    "reciprocal": (lambda y, a: -y * y,),
    "absolute": (lambda y, a: np.sign(a),),
    "fabs": (lambda y, a: np.sign(a),),
    "tanh": (lambda y, a: 1 - y * y,),
    "arctan": (lambda y, a: 1 / (1 + a * a),),
    "arctanh": (lambda y, a: 1 / (1 - a * a),),
    "sinh": (lambda y, a: np.cosh(a),),
    "cosh": (lambda y, a: np.sinh(a),),
    "sin": (lambda y, a: np.cos(a),),
    "cos": (lambda y, a: -np.sin(a),),
    "erf": (lambda y, a: 2 / np.sqrt(np.pi) * np.exp(-a * a),),
    "expit": (lambda y, a: y * (1 - y),),
}
