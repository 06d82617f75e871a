"""Numerical differentiation, rows 11 and 12: a small h in place of the limit; any dtype; arguments unchanged."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
import reference

SIDES = {"functional_nn": functional_nn, "reference": reference}
every_side = pytest.mark.parametrize("calculus", SIDES.values(), ids=SIDES)
# Automatic differentiation is exact but for rounding; a central difference at 1e-4 is off by h^2 f'''/6 and the noise.
TOLERANCE = {functional_nn: 1e-12, reference: 1e-6}


def assert_near(calculus, got, expected, scale=1.0, what=""):
    error = float(np.max(np.abs(np.asarray(got) - np.asarray(expected))))
    limit = TOLERANCE[calculus] * max(float(np.max(np.abs(expected))), scale)
    assert error <= limit, (
        f"{calculus.__name__}: {what} {got} is not {expected} (off by {error:.1e}, limit {limit:.1e})"
    )


def saddle(x):
    """x0^2 x1 + 3 x1 - x0 x2: partials 2 x0 x1 - x2, x0^2 + 3, -x0."""
    return x[0] ** 2 * x[1] + 3 * x[1] - x[0] * x[2]


# --- Rows 11, 12: a small h in place of the limit ---------------------------------------------------------------------


def central(f, x: float, h: float) -> float:
    return float(reference.derivative(f, h=h)(x))


def test_example_of_the_glossary_central_against_forward():
    """Row 12: at 3 with h = 1e-4, ((3 + 1e-4) - (3 - 1e-4)) = 2e-4 below; the glossary's formula lacks the parentheses.

    For x^3: forward is off by h f''/2 = 1e-4 * 18 / 2 = 9e-4, central by h^2 f'''/6 = 1e-8 * 6 / 6 = 1e-8.
    """

    def cube(x):
        return x**3

    h, truth = 1e-4, 27.0
    forward = (cube(3 + h) - cube(3)) / h
    without_parentheses = cube(3 + h) - cube(3 - h) / 2 * h
    assert forward - truth == pytest.approx(9e-4, rel=1e-3)
    assert central(cube, 3.0, h) - truth == pytest.approx(1e-8, rel=0.1)
    assert abs(without_parentheses - truth) > 1e-3
    assert central(cube, 3.0, h) == float(reference.derivative(cube)(3.0)), "h = 1e-4 is not the default"


STEPS = [2.0**-k for k in range(1, 46)]


@pytest.mark.parametrize(
    ("dtype", "best_h", "best_error"),
    [(np.float64, (1e-7, 1e-4), 1e-9), (np.float32, (1e-4, 1e-1), 1e-3)],
    ids=["float64", "float32"],
)
def test_error_against_h_is_a_v(dtype, best_h: tuple[float, float], best_error: float):
    """Row 11: towards the left rounding grows, towards the right the formula's own error; the best h lies between.

    Steps are powers of two, so that 3 + h is exact in float32 down to 2^-22 and only f rounds.
    """
    truth = math.cos(3.0)
    steps = [h for h in STEPS if dtype == np.float64 or h >= 2.0**-22]
    errors = [abs(central(lambda x: np.sin(np.asarray(x, dtype)), 3.0, h) - truth) for h in steps]
    at = int(np.argmin(errors))
    assert best_h[0] <= steps[at] <= best_h[1], f"best at h = {steps[at]:.1e}"
    assert errors[at] <= best_error, f"smallest error {errors[at]:.1e}"
    # The right arm has slope 2: half the step, a quarter of the error.
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    # The left arm: the smallest step is worse than the best by orders of magnitude.
    assert max(errors[-4:]) > 100 * errors[at]


def test_the_textbook_s_h_is_fine_in_float64_and_poor_in_float32():
    """At 2^-13 = 1.2e-4: in float32 the noise of f, up to 3e-8 for a value of 1, is divided by 2.4e-4."""
    wide = abs(central(np.sin, 3.0, 2.0**-13) - math.cos(3.0))
    narrow = max(
        abs(central(lambda x: np.sin(np.float32(x)), x, 2.0**-13) - math.cos(x)) for x in (1.0, 1.5, 2.0, 2.5, 3.0)
    )
    assert wide < 1e-8
    assert 1e-6 < narrow < 1e-3


# --- What goes in stays as it was, whatever it is ---------------------------------------------------------------------


@every_side
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float32, np.float64, np.float16, np.bool_])
def test_any_real_dtype_is_handled(calculus, dtype):
    x = np.array([1, 0, 1], dtype)
    before = x.copy()
    expected = 2.0 * x
    got = calculus.gradient(lambda x: (x**2).sum())(x)
    assert np.issubdtype(got.dtype, np.floating)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_allclose(calculus.derivative(lambda x: x * x)(x), expected, atol=1e-6)
    np.testing.assert_allclose(calculus.directional_derivative(lambda x: (x**2).sum())(x, x), 2.0 * 2, atol=1e-6)
    np.testing.assert_array_equal(x, before)


@every_side
def test_python_numbers_are_taken(calculus):
    assert_near(calculus, calculus.derivative(lambda x: x**2)(3), 6.0)
    assert_near(calculus, calculus.gradient(lambda x: x**2)(3.0), 6.0)


@pytest.mark.parametrize("at_call", [1, 2, 3, 6])
def test_the_argument_is_unchanged_even_when_f_raises(at_call: int):
    x, calls = np.array([1.0, 2.0, 3.0]), []

    def fails(x):
        calls.append(x)
        if len(calls) == at_call:
            raise RuntimeError("f fails")
        return (x**2).sum()

    with pytest.raises(RuntimeError, match="f fails"):
        reference.gradient(fails)(x)
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])


def test_the_argument_is_unchanged_even_when_f_changes_what_it_is_given():
    def spoils(x):
        x *= 2
        return float((x**2).sum())

    x = np.array([1.0, 2.0])
    # f is 4 sum x^2 of what it is given, so the gradient is 8 x.
    np.testing.assert_allclose(reference.gradient(spoils)(x), [8.0, 16.0], rtol=1e-6)
    np.testing.assert_allclose(reference.partial_derivative(spoils, 1)(x), 16.0, rtol=1e-6)
    np.testing.assert_allclose(reference.directional_derivative(spoils)(x, np.array([1.0, 0.0])), 8.0, rtol=1e-6)
    reference.gradient_descent(spoils, x, steps=2)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_an_f_that_answers_in_one_buffer_is_no_trouble():
    buffer = np.zeros(2)

    def doubles(x):
        np.multiply(x, 2, out=buffer)
        return buffer

    np.testing.assert_allclose(reference.derivative(doubles)(np.array([1.0, 5.0])), [2.0, 2.0], rtol=1e-9)


@pytest.mark.parametrize("x", [1e3, 1e6, 1e9])
def test_what_is_divided_by_is_the_step_that_was_taken(x: float):
    """At 1e9 a step of 1e-4 is rounded by 1e-3 of itself; a linear function shows whether the division knows."""
    assert reference.derivative(lambda x: x)(x) == 1.0
    assert reference.partial_derivative(lambda x: x[0], 0)(np.array([x])) == 1.0
    np.testing.assert_allclose(reference.directional_derivative(lambda x: x[0])(np.array([x]), np.array([3.0])), 3.0)


def test_transforms_of_jax_apply():
    """The JAX side is made of jax functions, so it composes: second derivatives, vmap, jit."""
    second = functional_nn.derivative(functional_nn.derivative(lambda x: x**3))
    assert second(2.0) == 12.0
    rows = jnp.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(jax.jit(jax.vmap(functional_nn.gradient(lambda x: (x**2).sum())))(rows), 2 * rows)


REFUSED = [
    ("a list", lambda c: c.gradient(saddle)([1.0, 2.0, 3.0]), TypeError, "gradient: x must be an array; got list"),
    ("complex numbers", lambda c: c.derivative(abs)(np.array(1j)), TypeError, "derivative: x must hold real numbers"),
    ("text", lambda c: c.gradient(saddle)("abc"), TypeError, "gradient: x must be an array; got str"),
    (
        "an f of vectors",
        lambda c: c.gradient(lambda x: 2 * x)(np.ones(2)),
        ValueError,
        "gradient: f must return a scalar",
    ),
    (
        "a partial of vectors",
        lambda c: c.partial_derivative(lambda x: 2 * x, 0)(np.ones(2)),
        ValueError,
        "f must return",
    ),
    (
        "an index out of range",
        lambda c: c.partial_derivative(saddle, 3)(np.ones(3)),
        ValueError,
        "name one element of x",
    ),
    (
        "an index of a row",
        lambda c: c.partial_derivative(saddle, 0)(np.ones((3, 1))),
        ValueError,
        "name one element of x",
    ),
    (
        "a fractional index",
        lambda c: c.partial_derivative(saddle, 0.5)(np.ones(3)),
        TypeError,
        "index must be an integer",
    ),
    (
        "another shape of v",
        lambda c: c.directional_derivative(saddle)(np.ones(3), np.ones(2)),
        ValueError,
        "shape of x",
    ),
    (
        "rate 0",
        lambda c: c.gradient_descent(saddle, np.ones(3), learning_rate=0.0),
        ValueError,
        "learning_rate must be",
    ),
    ("rate nan", lambda c: c.gradient_descent(saddle, np.ones(3), learning_rate=math.nan), ValueError, "learning_rate"),
    (
        "negative steps",
        lambda c: c.gradient_descent(saddle, np.ones(3), steps=-1),
        ValueError,
        "steps must be an integer",
    ),
    (
        "half a step",
        lambda c: c.gradient_descent(saddle, np.ones(3), steps=1.5),
        ValueError,
        "steps must be an integer",
    ),
]


@every_side
@pytest.mark.parametrize(("call", "error", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(calculus, call, error: type[Exception], says: str):
    with pytest.raises(error) as raised:
        call(calculus)
    assert says in str(raised.value)
    assert "; got " in str(raised.value)


@pytest.mark.parametrize("h", [0.0, -1e-4, math.nan, math.inf, "small"])
def test_a_step_that_is_no_step_is_refused(h):
    for make in (reference.derivative, reference.gradient, reference.directional_derivative):
        with pytest.raises(ValueError, match="h must be a finite number above 0"):
            make(saddle, h=h)


def test_a_step_too_small_to_change_x_is_refused():
    with pytest.raises(ValueError, match="gradient: h must be large enough to change x"):
        reference.gradient(lambda x: x[0])(np.array([1e17]))
    with pytest.raises(ValueError, match="derivative: h must be large enough to change x"):
        reference.derivative(lambda x: x)(1e17)
