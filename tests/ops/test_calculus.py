"""Calculus on both sides: the laws of the glossary, rows 3 to 10 and 13, and the worked examples of the textbook."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import functional_nn
import reference

SIDES = {"functional_nn": functional_nn, "reference": reference}
every_side = pytest.mark.parametrize("calculus", SIDES.values(), ids=SIDES)
# Automatic differentiation is exact but for rounding; a central difference at 1e-4 is off by h^2 f'''/6 and the noise.
TOLERANCE = {functional_nn: 1e-12, reference: 1e-6}

# Functions with their derivatives: np and jnp arrays both take these operators.
SMOOTH: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "x^2": (lambda x: x * x, lambda x: 2 * x),
    "x^3": (lambda x: x**3, lambda x: 3 * x**2),
    "2x + 1": (lambda x: 2 * x + 1, lambda x: 2.0),
    "1 / (1 + x^2)": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "x^4 - x": (lambda x: x**4 - x, lambda x: 4 * x**3 - 1),
    "sqrt(1 + x^2)": (lambda x: (1 + x * x) ** 0.5, lambda x: x / math.sqrt(1 + x * x)),
}
functions = st.sampled_from(sorted(SMOOTH))
numbers = st.floats(-2, 2)


def assert_near(calculus, got, expected, scale=1.0, what=""):
    error = float(np.max(np.abs(np.asarray(got) - np.asarray(expected))))
    limit = TOLERANCE[calculus] * max(float(np.max(np.abs(expected))), scale)
    assert error <= limit, (
        f"{calculus.__name__}: {what} {got} is not {expected} (off by {error:.1e}, limit {limit:.1e})"
    )


# --- Rows 3, 4, 5: the rules ------------------------------------------------------------------------------------------


@every_side
@given(f=functions, g=functions, x=numbers)
def test_derivative_of_a_sum_is_the_sum_of_the_derivatives(calculus, f: str, g: str, x: float):
    """Row 3: (f + g)' = f' + g'; the glossary's line ends f' + f', which is a slip: see the next test."""
    (f_of, f_prime), (g_of, g_prime) = SMOOTH[f], SMOOTH[g]
    both = calculus.derivative(lambda x: f_of(x) + g_of(x))(x)
    assert_near(calculus, both, f_prime(x) + g_prime(x), 10, f"({f} + {g})' at {x}:")
    assert_near(calculus, both, calculus.derivative(f_of)(x) + calculus.derivative(g_of)(x), 10, f"{f} + {g}:")


@every_side
def test_the_glossary_s_slip_is_not_a_law(calculus):
    """(x^2 + x^3)' at 2 is 4 + 12 = 16, not f' + f' = 8."""
    assert_near(calculus, calculus.derivative(lambda x: x * x + x**3)(2.0), 16.0)


@every_side
@given(n=st.integers(1, 6), x=numbers)
def test_derivative_of_a_power(calculus, n: int, x: float):
    """Row 4: (x^n)' = n x^(n-1)."""
    assert_near(calculus, calculus.derivative(lambda x: x**n)(x), n * x ** (n - 1), 100, f"(x^{n})' at {x}:")


@every_side
def test_the_glossary_s_example_of_a_power(calculus):
    """(x^3)' = 3 x^2, at 5: 3 * 25 = 75."""
    assert_near(calculus, calculus.derivative(lambda x: x**3)(5.0), 75.0)


@every_side
@given(f=functions, g=functions, x=numbers)
def test_derivative_of_a_product(calculus, f: str, g: str, x: float):
    """Row 5: (f g)' = f' g + f g'."""
    (f_of, f_prime), (g_of, g_prime) = SMOOTH[f], SMOOTH[g]
    expected = f_prime(x) * g_of(x) + f_of(x) * g_prime(x)
    assert_near(calculus, calculus.derivative(lambda x: f_of(x) * g_of(x))(x), expected, 100, f"({f} * {g})' at {x}:")


# --- Rows 6, 13: the gradient and the partial derivatives -------------------------------------------------------------


def saddle(x):
    """x0^2 x1 + 3 x1 - x0 x2: partials 2 x0 x1 - x2, x0^2 + 3, -x0."""
    return x[0] ** 2 * x[1] + 3 * x[1] - x[0] * x[2]


points = st.tuples(numbers, numbers, numbers).map(np.array)


@every_side
@settings(max_examples=30)
@given(x=points)
def test_gradient_is_all_partial_derivatives_as_one_vector(calculus, x: np.ndarray):
    """Row 6."""
    partials = [calculus.partial_derivative(saddle, i)(x) for i in range(3)]
    expected = np.array([2 * x[0] * x[1] - x[2], x[0] ** 2 + 3, -x[0]])
    assert_near(calculus, calculus.gradient(saddle)(x), expected, 10, f"gradient at {x}:")
    assert_near(calculus, partials, expected, 10, f"partials at {x}:")


@every_side
def test_gradient_of_the_textbook(calculus):
    """f = x0^2 + x1^2: (2 x0, 2 x1), so (6, 8) at (3, 4), (0, 4) at (0, 2), (6, 0) at (3, 0)."""

    def f(x):
        return x[0] ** 2 + x[1] ** 2

    for point, expected in (((3.0, 4.0), (6, 8)), ((0.0, 2.0), (0, 4)), ((3.0, 0.0), (6, 0))):
        assert_near(calculus, calculus.gradient(f)(np.array(point)), np.array(expected, float))
    assert_near(calculus, calculus.partial_derivative(f, 0)(np.array([3.0, 4.0])), 6.0)
    assert_near(calculus, calculus.partial_derivative(f, 1)(np.array([3.0, 4.0])), 8.0)


@every_side
def test_derivative_of_the_textbook(calculus):
    """f = 0.01 x^2 + 0.1 x, f' = 0.02 x + 0.1: 0.2 at 5 and 0.3 at 10."""
    f_prime = calculus.derivative(lambda x: 0.01 * x**2 + 0.1 * x)
    assert_near(calculus, f_prime(5.0), 0.2)
    assert_near(calculus, f_prime(10.0), 0.3)


@every_side
def test_derivative_acts_element_by_element_on_an_array(calculus):
    x = np.array([[0.0, 1.0], [-1.0, 2.0]])
    assert_near(calculus, calculus.derivative(lambda x: x**3)(x), 3 * x**2)


@every_side
def test_partial_derivative_takes_an_index_a_dimension(calculus):
    """f = sum x^2 of a matrix: the partial to x[1, 2] = 6 is 12."""
    x = np.arange(1.0, 7.0).reshape(2, 3)
    for index in ((1, 2), (-1, -1)):
        assert_near(calculus, calculus.partial_derivative(lambda x: (x**2).sum(), index)(x), 12.0)
    assert_near(calculus, calculus.gradient(lambda x: (x**2).sum())(x), 2 * x)


# --- Rows 8, 9: where the gradient points -----------------------------------------------------------------------------


@pytest.mark.slow
@every_side
@settings(max_examples=40)
@given(x=points, angle=st.tuples(numbers, numbers, numbers).filter(lambda v: max(map(abs, v)) > 0.1).map(np.array))
def test_no_unit_direction_grows_faster_than_the_gradient_s(calculus, x: np.ndarray, angle: np.ndarray):
    """Row 8, by measurement of the slope along the direction, not by the dot product."""
    gradient = np.asarray(calculus.gradient(saddle)(x))
    length = float(np.linalg.norm(gradient))
    slope = calculus.directional_derivative(saddle)
    direction = angle / np.linalg.norm(angle)
    assert float(slope(x, direction)) <= length + 1e-6 * max(length, 10)
    assert_near(calculus, slope(x, gradient / length), length, 10, f"slope along the gradient at {x}:")


@pytest.mark.slow
@every_side
@given(x=points)
def test_the_gradient_points_up_and_its_negative_down(calculus, x: np.ndarray):
    """Row 9, settled: the glossary has it pointing to lower values, to be confirmed. It is the reverse."""
    gradient = np.asarray(calculus.gradient(saddle)(x))
    step = 1e-4 * gradient
    assert saddle(x + step) > saddle(x), f"from {x} along the gradient {gradient} the function does not grow"
    assert saddle(x - step) < saddle(x), f"from {x} against the gradient {gradient} the function does not fall"


@every_side
def test_the_negative_gradient_is_the_steepest_way_down_of_many(calculus):
    """Row 9: of 360 directions at (1, 1), a short step against the gradient of x0^2 + 20 x1^2 falls furthest."""

    def valley(x):
        return x[0] ** 2 + 20 * x[1] ** 2

    x = np.array([1.0, 1.0])
    down = -np.asarray(calculus.gradient(valley)(x))
    directions = [np.array([math.cos(t), math.sin(t)]) for t in np.linspace(0, 2 * math.pi, 360, endpoint=False)]
    falls = [valley(x) - valley(x + 1e-4 * d) for d in directions]
    best = directions[int(np.argmax(falls))]
    assert best @ down / np.linalg.norm(down) >= math.cos(math.radians(0.51)), f"{best} falls furthest, not {down}"


@every_side
def test_the_steepest_way_down_is_so_only_locally(calculus):
    """Row 9: in the same valley a long step against the gradient climbs, and the minimum lies elsewhere.

    At (1, 1): gradient (2, 40), value 21. Half of it taken back: (1 - 1, 1 - 20), value 20 * 19^2 = 7220.
    The way to the minimum is (-1, -1): 42 degrees off the way against the gradient.
    """

    def valley(x):
        return x[0] ** 2 + 20 * x[1] ** 2

    x = np.array([1.0, 1.0])
    gradient = np.asarray(calculus.gradient(valley)(x))
    assert valley(x - 0.001 * gradient) < valley(x) < valley(x - 0.5 * gradient)
    towards_minimum = np.array([1.0, 1.0]) / math.sqrt(2)
    cosine = float(gradient @ towards_minimum / np.linalg.norm(gradient))
    # (2 + 40) / sqrt(2) / sqrt(4 + 1600) = 29.698 / 40.050
    assert cosine == pytest.approx(0.74154, abs=1e-4)


@pytest.mark.slow
@every_side
@given(x=points, factor=st.floats(-3, 3))
def test_directional_derivative_is_linear_in_the_direction(calculus, x: np.ndarray, factor: float):
    v = np.array([1.0, -2.0, 0.5])
    slope = calculus.directional_derivative(saddle)
    assert_near(calculus, slope(x, factor * v), factor * np.asarray(slope(x, v)), 10)
    assert slope(x, np.zeros(3)) == 0


# --- Row 7: gradient descent ------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_side
@settings(max_examples=15)
@given(minimum=st.tuples(numbers, numbers).map(np.array), start=st.tuples(numbers, numbers).map(np.array))
def test_gradient_descent_finds_the_minimum(calculus, minimum: np.ndarray, start: np.ndarray):
    """Row 7, on a bowl with curvatures 2 and 4: each step leaves 1 - 0.2 * 2 and 1 - 0.2 * 4 of the distance."""

    def bowl(x):
        return (x[0] - minimum[0]) ** 2 + 2 * (x[1] - minimum[1]) ** 2

    point, path = calculus.gradient_descent(bowl, start, learning_rate=0.2, steps=60)
    # 0.6^60 = 5e-14 is left of a distance of at most 4.
    assert np.max(np.abs(np.asarray(point) - minimum)) <= 1e-8
    values = [float(bowl(p)) for p in np.asarray(path)]
    assert all(after <= before + 1e-12 for before, after in pairwise(values)), values


@every_side
def test_gradient_descent_of_the_textbook(calculus):
    """x0^2 + x1^2 from (-3, 4) at rate 0.1: each step leaves 0.8, so 0.8^100 (-3, 4) after 100, 2.04e-10 (-3, 4)."""
    start = np.array([-3.0, 4.0])
    point, path = calculus.gradient_descent(lambda x: x[0] ** 2 + x[1] ** 2, start, learning_rate=0.1)
    assert path.shape == (101, 2)
    np.testing.assert_array_equal(path[0], start)
    np.testing.assert_array_equal(path[-1], point)
    np.testing.assert_allclose(path[1], 0.8 * start, rtol=1e-8)
    assert np.max(np.abs(np.asarray(point) - 0.8**100 * start)) <= 1e-9


@every_side
def test_gradient_descent_goes_wrong_at_a_rate_too_large_and_stands_still_at_one_too_small(calculus):
    """The textbook's figures: rate 10 flies off, rate 1e-10 hardly moves."""
    start = np.array([-3.0, 4.0])
    far, _ = calculus.gradient_descent(lambda x: (x**2).sum(), start, learning_rate=10.0, steps=5)
    near, _ = calculus.gradient_descent(lambda x: (x**2).sum(), start, learning_rate=1e-10, steps=5)
    # Each step multiplies by 1 - 20 = -19; (-19)^5 = -2476099.
    np.testing.assert_allclose(far, -2476099 * start, rtol=1e-6)
    np.testing.assert_allclose(near, start, rtol=1e-8)


@every_side
def test_gradient_descent_without_steps_stays(calculus):
    point, path = calculus.gradient_descent(lambda x: (x**2).sum(), np.array([1, 2]), steps=0)
    np.testing.assert_array_equal(point, [1.0, 2.0])
    assert path.shape == (1, 2)


@pytest.mark.parametrize(
    "point",
    [np.ma.masked_array([1.0]), np.longdouble(1), "x", 10**400, np.array(["x"])],
    ids=lambda p: type(p).__name__,
)
@every_side
def test_a_point_that_is_no_array_of_numbers_is_refused(calculus: Any, point: Any):
    with pytest.raises(TypeError, match=r"^gradient: x must .*; got "):
        calculus.gradient(lambda x: x.sum())(point)


@every_side
def test_a_point_may_have_either_byte_order_and_a_rate_may_be_a_fraction(calculus: Any):
    slope = calculus.gradient(lambda x: (x * x).sum())(np.array([1.0, -2.0], ">f8"))
    np.testing.assert_allclose(slope, [2.0, -4.0], rtol=1e-7)
    point, _ = calculus.gradient_descent(
        lambda x: (x * x).sum(), np.array([8.0]), learning_rate=Fraction(1, 4), steps=3
    )
    np.testing.assert_allclose(point, [1.0], rtol=1e-7)
    with pytest.raises(ValueError, match="learning_rate must be a finite number above 0"):
        calculus.gradient_descent(lambda x: (x * x).sum(), np.array([8.0]), learning_rate=10**400)
