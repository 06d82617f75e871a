"""What is particular to the activations: numbers worked by hand, laws, NaN, and tables."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf

import functional_nn
import reference
from functional_nn import _gaussian, _libraries
from functional_nn.cpu import onednn, xla
from reference import activations as by_hand
from reference.oracle.specs import ACTIVATIONS

TWINS = {"functional_nn": functional_nn, "reference": reference}
NAMES = [spec.name for spec in ACTIVATIONS]
every_twin = pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
every_name = pytest.mark.parametrize("name", NAMES)
finite = st.floats(-50, 50)
five = st.lists(finite, min_size=5, max_size=5).map(np.array)


def gradient(twin: Any, name: str, x: np.ndarray, cotangent: np.ndarray, **statics: Any) -> np.ndarray:
    if twin is reference:
        _, residuals = getattr(by_hand, f"{name}_fwd")(x, **statics)
        return getattr(by_hand, f"{name}_bwd")(residuals, cotangent)[0]
    _, vjp = jax.vjp(lambda x: getattr(twin, name)(x, **statics), x)
    return np.asarray(vjp(cotangent)[0])


# Worked by hand -----------------------------------------------------------------------------------------------------


@every_twin
def test_softmax_of_the_book(twin: Any):
    # exp(0.3) = 1.34985881, exp(2.9) = 18.17414537, exp(4.0) = 54.59815003; their sum is 74.12215421.
    # 1.34985881 / 74.12215421 = 0.01821127, and so on (Saito, section 3.5.1).
    want = [0.01821127, 0.24519181, 0.73659691]
    np.testing.assert_allclose(twin.softmax(np.array([0.3, 2.9, 4.0])), want, atol=5e-9)
    # log 0.01821127 = 0.3 - log 74.12215421 = 0.3 - 4.30571448.
    np.testing.assert_allclose(twin.log_softmax(np.array([0.3, 2.9, 4.0]))[0], -4.00571448, atol=5e-8)


@every_twin
def test_softmax_of_scores_that_overflow_exp(twin: Any):
    # The book's [1010, 1000, 990]: less the maximum it is [0, -10, -20], with exp(-10) = 4.53999298e-5 and
    # exp(-20) = 2.06115362e-9; the sum is 1.00004540199 (section 3.5.2).
    got = twin.softmax(np.array([1010.0, 1000.0, 990.0]))
    np.testing.assert_allclose(got, [9.99954600e-1, 4.53978686e-5, 2.06106005e-9], rtol=1e-8)


@every_twin
def test_sigmoid_of_the_book(twin: Any):
    # 1 / (1 + e) = 1 / 3.71828183 = 0.26894142; e / (1 + e) = 0.73105858; 1 / (1 + exp(-2)) = 1 / 1.13533528.
    np.testing.assert_allclose(
        twin.sigmoid(np.array([-1.0, 1.0, 2.0])), [0.26894142, 0.73105858, 0.88079708], atol=5e-9
    )
    # sigmoid'(1) = 0.26894142 * 0.73105858 = 0.19661193; at 0 it is 1/2 * 1/2.
    slopes = gradient(twin, "sigmoid", np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(slopes, [0.19661193, 0.25], atol=5e-9)


@every_twin
def test_relu_of_the_book(twin: Any):
    # The mask of section 5.5.1: nothing passes where x <= 0, the upstream value itself elsewhere.
    x = np.array([[1.0, -0.5], [-2.0, 3.0]])
    assert np.array_equal(twin.relu(x), [[1.0, 0.0], [0.0, 3.0]])
    assert np.array_equal(gradient(twin, "relu", x, np.array([[5.0, 6.0], [7.0, 8.0]])), [[5.0, 0.0], [0.0, 8.0]])
    assert np.array_equal(twin.step(np.array([-1.0, 1.0, 2.0])), [0.0, 1.0, 1.0])


BARRIERS_HOLD = xla.XLA_KEEPS_ITS_OWN or (_libraries.WANTED and onednn.unusable() is None)


@pytest.mark.skipif(not BARRIERS_HOLD, reason="XLA drops barriers before it fuses, and oneDNN is not used")
def test_relu_does_not_keep_its_argument_for_the_derivative():
    rows, width, depth = 4096, 64, 4

    def loss(kernels: list[jax.Array], x: jax.Array) -> jax.Array:
        for kernel in kernels:
            x = functional_nn.relu(x @ kernel)
        return jnp.sum(x)

    arrays = [jnp.ones((width, width), "float32")] * depth, jnp.ones((rows, width), "float32")
    memory: Any = jax.jit(jax.grad(loss)).lower(*arrays).compile().memory_analysis()
    layers = memory.temp_size_in_bytes / (4 * rows * width)
    # Every output, and one gradient; with the arguments it would be twice the depth.
    assert depth <= layers <= depth + 1.5


@every_twin
def test_backward_of_softmax_worked_by_hand(twin: Any):
    # Scores [0, log 3] give p = [1/4, 3/4]. With ct = [2, -1]: sum p ct = 2/4 - 3/4 = -1/4, so that
    # x_ct = [1/4 (2 + 1/4), 3/4 (-1 + 1/4)] = [9/16, -9/16].
    x, ct = np.array([0.0, np.log(3.0)]), np.array([2.0, -1.0])
    np.testing.assert_allclose(gradient(twin, "softmax", x, ct), [9 / 16, -9 / 16], rtol=1e-14)
    # log_softmax: sum ct = 1, so that x_ct = [2 - 1/4, -1 - 3/4].
    np.testing.assert_allclose(gradient(twin, "log_softmax", x, ct), [1.75, -1.75], rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "x", "value", "slope"),
    [
        # At 0 each can be done in the head: log 2, Phi(0) = 1/2, and so on.
        ("softplus", 0.0, 0.6931471805599453, 0.5),
        ("log_sigmoid", 0.0, -0.6931471805599453, 0.5),
        ("tanh", 0.0, 0.0, 1.0),
        ("silu", 0.0, 0.0, 0.5),
        ("gelu", 0.0, 0.0, 0.5),
        # tanh(log 2) = (2 - 1/2) / (2 + 1/2) = 3/5, with slope 1 - 9/25 = 16/25.
        ("tanh", 0.6931471805599453, 0.6, 0.64),
        # silu(log 3) = 3/4 log 3, with slope 3/4 + log 3 * 3/4 * 1/4.
        ("silu", 1.0986122886681098, 0.8239592165010823, 0.9559898041252706),
        # elu(-log 2) = 1/2 - 1, with slope 1/2.
        ("elu", -0.6931471805599453, -0.5, 0.5),
        ("leaky_relu", -3.0, -0.03, 0.01),
        # Phi(1) = 0.8413447460685429, phi(1) = 0.24197072451914337 in any table of the normal distribution.
        ("gelu", 1.0, 0.8413447460685429, 1.0833154705876863),
    ],
)
@every_twin
def test_value_and_slope_by_hand(twin: Any, name: str, x: float, value: float, slope: float):
    np.testing.assert_allclose(getattr(twin, name)(np.array(x)), value, rtol=1e-14)
    np.testing.assert_allclose(gradient(twin, name, np.array(x), np.array(1.0)), slope, rtol=1e-14)


# Laws ---------------------------------------------------------------------------------------------------------------


@every_twin
@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_sigmoid_is_monotonic_and_symmetric(twin: Any, a: float, b: float):
    low, high = sorted((a, b))
    y = np.asarray(twin.sigmoid(np.array([low, high, -low])))
    assert 0 <= y[0] <= y[1] <= 1, "the larger the input the nearer to 1"
    np.testing.assert_allclose(y[0] + y[2], 1, rtol=4e-16, err_msg="sigmoid(x) + sigmoid(-x) = 1")
    if low < high - 1e-3 and abs(a) < 30 and abs(b) < 30:
        assert y[0] < y[1], "inputs are told apart: none is killed"


@every_twin
@pytest.mark.parametrize("x", [-1000.0, 1000.0])
def test_sigmoid_is_stable_far_out(twin: Any, x: float):
    assert float(twin.sigmoid(np.array(x))) == (x > 0)
    assert float(gradient(twin, "sigmoid", np.array(x), np.array(1.0))) == 0.0


@every_twin
@given(five)
def test_softmax_is_a_distribution_in_the_order_of_the_scores(twin: Any, x: np.ndarray):
    p = np.asarray(twin.softmax(x))
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-15)
    order = np.argsort(x, kind="stable")
    assert (np.diff(p[order]) >= 0).all(), "the larger the score the larger the probability"
    np.testing.assert_allclose(np.exp(twin.log_softmax(x)), p, rtol=1e-13)


@every_twin
@given(five, st.integers(-(2**20), 2**20))
def test_softmax_does_not_see_a_shift(twin: Any, x: np.ndarray, shift: int):
    # In steps of 2^-20 both x and x + shift are exact, so that nothing but the shift differs.
    x = np.round(x * 2**20) / 2**20
    np.testing.assert_allclose(twin.softmax(x + shift), twin.softmax(x), rtol=1e-15)
    np.testing.assert_allclose(gradient(twin, "softmax", x, np.ones(5)), 0, atol=1e-15)


@every_twin
@given(st.permutations([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_softmax_hardens_into_max_as_the_temperature_falls(twin: Any, x: list[float]):
    scores = np.array(x)
    peaks = [float(np.max(twin.softmax(scores / temperature))) for temperature in (8.0, 1.0, 0.125, 0.015625)]
    assert peaks == sorted(peaks), "the colder the harder"
    np.testing.assert_allclose(twin.softmax(scores / 2**-10), np.eye(5)[scores.argmax()], atol=1e-100)
    np.testing.assert_allclose(twin.softmax(scores / 2**60), np.full(5, 0.2), rtol=1e-15)


@every_twin
@given(st.floats(-40, 40))
def test_the_family_relations(twin: Any, value: float):
    x = np.array([value, -value])
    s = {name: np.asarray(getattr(twin, name)(x)) for name in ("sigmoid", "softplus", "log_sigmoid", "silu", "relu")}
    np.testing.assert_allclose(s["log_sigmoid"], -s["softplus"][::-1], rtol=1e-15)
    np.testing.assert_allclose(np.exp(s["log_sigmoid"]), s["sigmoid"], rtol=1e-14)
    # XLA takes what is below the normal numbers for 0.
    np.testing.assert_allclose(s["silu"], x * s["sigmoid"], rtol=1e-15, atol=1e-307)
    # softplus(x) - softplus(-x) = x, and softplus is never below relu.
    np.testing.assert_allclose(s["softplus"] - s["softplus"][::-1], x, atol=1e-14)
    assert (s["softplus"] >= s["relu"]).all()


# Edges --------------------------------------------------------------------------------------------------------------


@every_twin
@every_name
def test_nan_is_not_hidden(twin: Any, name: str):
    out = np.asarray(getattr(twin, name)(np.array([[1.0, np.nan, -1.0], [1.0, 2.0, 3.0]])))
    assert np.isnan(out[0, 1])
    assert np.isfinite(out[1]).all(), "the other row has no NaN"


@every_twin
@every_name
def test_infinity_has_its_limit_where_there_is_one(twin: Any, name: str):
    limits = {
        "sigmoid": (0.0, 1.0),
        "log_sigmoid": (-np.inf, 0.0),
        "tanh": (-1.0, 1.0),
        "relu": (0.0, np.inf),
        "leaky_relu": (-np.inf, np.inf),
        "elu": (-1.0, np.inf),
        "softplus": (0.0, np.inf),
        "step": (0.0, 1.0),
    }
    for x, limit in zip((-np.inf, np.inf), limits.get(name, ()), strict=False):
        assert float(getattr(twin, name)(np.array(x))) == limit
    if name == "softmax":
        # A score of -infinity masks a class.
        assert np.array_equal(twin.softmax(np.array([0.0, -np.inf, 0.0])), [0.5, 0.0, 0.5])


@pytest.mark.slow
@every_name
@pytest.mark.parametrize("dtype", [np.float64, np.float32, ml_dtypes.bfloat16, np.float16], ids=lambda d: d.__name__)
def test_second_derivatives_stay_finite(name: str, dtype: Any):
    x = np.array([-6e4, -1e4, -100, -30, -5, -1e-6, 0, 1e-6, 5, 30, 100, 1e4, 6e4]).astype(dtype)
    statics: list[dict[str, Any]] = [{"approximate": False}, {"approximate": True}] if name == "gelu" else [{}]
    for chosen in statics:
        once = jax.grad(lambda x, chosen=chosen: getattr(functional_nn, name)(x, **chosen).sum())
        _, twice = jax.jvp(once, (jnp.asarray(x),), (jnp.ones_like(jnp.asarray(x)),))
        assert np.isfinite(np.asarray(twice, np.float64)).all(), f"{name}'' of {x}: {twice}"


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("sigmoid", lambda s, x: s * (1 - s) * (1 - 2 * s)),
        ("log_sigmoid", lambda s, x: -s * (1 - s)),
        ("softplus", lambda s, x: s * (1 - s)),
        ("tanh", lambda s, x: -2 * mpmath.tanh(x) / mpmath.cosh(x) ** 2),
        ("silu", lambda s, x: s * (1 - s) * (2 + x * (1 - 2 * s))),
        ("gelu", lambda s, x: (2 - x * x) * mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)),
    ],
)
def test_second_derivatives_are_the_textbook_ones(name: str, second: Callable[[Any, Any], Any]):
    op = getattr(functional_nn, name)
    for x in (-30.0, -2.5, -0.3, 0.0, 0.7, 4.0, 30.0):
        with mpmath.workdps(60):
            want = second(1 / (1 + mpmath.exp(-mpf(x))), mpf(x))
        got = float(jax.grad(jax.grad(op))(x))
        # Near a root of the second derivative the error is that of its terms, which are below 1.
        assert abs(got - want) <= 1e-13 * abs(want) + 1e-16, f"{name}''({x}) = {got}, not {mpmath.nstr(want, 17)}"


@every_twin
@every_name
def test_a_python_number_will_do(twin: Any, name: str):
    if "softmax" in name:
        with pytest.raises(ValueError, match=rf"^{name}: axis must be one of the axes of x; got axis=-1, x.shape=\(\)"):
            getattr(twin, name)(0.5)
    else:
        assert np.shape(getattr(twin, name)(0.5)) == ()


def test_the_tail_of_the_normal_distribution_has_the_right_coefficients():
    """Computed anew: (4 + x) Q(x) exp(x^2 / 2) at the Chebyshev points of t = (x - 4) / (x + 4), by its definition."""
    count, dps = 60, 120
    with mpmath.workdps(dps):
        angles = [mpmath.pi * (2 * i + 1) / (2 * count) for i in range(count)]
        values = [_scaled_tail(4 * (1 + mpmath.cos(a)) / (1 - mpmath.cos(a))) for a in angles]
        for n, stored in enumerate(_gaussian.TAIL):
            terms = (v * mpmath.cos(n * a) for v, a in zip(values, angles, strict=True))
            want = mpmath.fsum(terms) * (1 if n == 0 else 2) / count
            assert abs(want - mpf(stored)) <= 2**-53 * abs(want) + 1e-20, (
                f"coefficient {n}: {stored}, not {mpmath.nstr(want, 20)}"
            )


def _scaled_tail(x: Any) -> Any:
    return (4 + x) * mpmath.exp(x * x / 2) * mpmath.erfc(x / mpmath.sqrt(2)) / 2
