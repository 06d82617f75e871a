"""演習 微分: 導関数を書きます。 / Exercise: write the derivatives.

関数はできています。その導関数は、まだ NotImplementedError を出すだけです。
The functions are given. Their derivatives only raise NotImplementedError so far.

    .venv/bin/functional-nn check docs/study/exercises/calculus.py
"""

import numpy as np

EXAMPLES = {"valley": (np.array([1.0, 1.0]),)}


def cube(x):
    return x**3


def cube_derivative(x):
    # べき乗の微分: x^n の微分は n x^(n-1)。 / The power rule.
    raise NotImplementedError("write the derivative of x^3")


def sum_of_powers(x):
    return x**2 + x**3


def sum_of_powers_derivative(x):
    # 和の微分: それぞれの微分の和。 / The sum rule: the sum of the derivatives.
    raise NotImplementedError("write the derivative of x^2 + x^3")


def wave(x):
    return x**2 * np.sin(x)


def wave_derivative(x):
    # 積の微分: f'g + fg'。 / The product rule.
    raise NotImplementedError("write the derivative of x^2 sin(x)")


def bell(x):
    return np.exp(-(x**2))


def bell_derivative(x):
    # 連鎖律: 外側の微分 × 内側の微分。 / The chain rule: the outer derivative times the inner one.
    raise NotImplementedError("write the derivative of exp(-x^2)")


def valley_fwd(x):
    return x[0] ** 2 + 20 * x[1] ** 2, (x,)


def valley_bwd(residuals, cotangent):
    (x,) = residuals
    # 勾配: 偏微分を x と同じ形に並べ、cotangent を掛けます。
    # The gradient: the partial derivatives in the shape of x, times the cotangent.
    x_ct = None
    return (x_ct,)
