"""Initializers: the variances their papers give, and what they are for: signals that keep their size."""

import jax
import numpy as np
import pytest

from functional_nn.models import initializers
from reference.models import initializers as reference_initializers

SIDES = {
    "functional_nn": lambda name, seed, shape, **kwargs: initializers.initializer(name)(
        jax.random.key(seed), shape, **kwargs
    ),
    "reference": lambda name, seed, shape, **kwargs: reference_initializers.initializer(name)(seed, shape, **kwargs),
}
every_side = pytest.mark.parametrize("draw", SIDES.values(), ids=SIDES)
# A 3x3 kernel from 8 channels to 24: fan_in = 3 * 3 * 8 = 72, fan_out = 3 * 3 * 24 = 216.
SHAPE = (3, 3, 8, 24)
VARIANCES = {
    "normal": 0.01**2,
    "glorot_normal": 2 / (72 + 216),
    "glorot_uniform": 2 / (72 + 216),
    "he_normal": 2 / 72,
    "he_uniform": 2 / 72,
    "lecun_normal": 1 / 72,
    "lecun_uniform": 1 / 72,
}


@every_side
@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance(draw, name: str):
    """1,728 values: the variance of a Gaussian sample is known to sqrt(2 / 1728) = 3.4 %; four of those are allowed."""
    values = np.asarray(draw(name, 0, SHAPE), np.float64)
    assert values.shape == SHAPE
    deviation = np.sqrt(VARIANCES[name])
    assert abs(values.mean()) <= 4 * deviation / np.sqrt(values.size)
    assert values.var() == pytest.approx(VARIANCES[name], rel=4 * np.sqrt(2 / values.size))


@every_side
@pytest.mark.parametrize("name", [name for name in VARIANCES if name.endswith("uniform")])
def test_a_uniform_one_fills_its_interval(draw, name: str):
    values = np.asarray(draw(name, 0, SHAPE), np.float64)
    limit = np.sqrt(3 * VARIANCES[name])
    assert 0.99 * limit <= np.abs(values).max() <= limit


@every_side
@pytest.mark.parametrize("name", [name for name in VARIANCES if name.endswith("normal")])
def test_a_normal_one_has_tails(draw, name: str):
    """Of 1,728 Gaussian values about 4.7 lie beyond 3 deviations, which no uniform distribution reaches."""
    values = np.abs(np.asarray(draw(name, 0, SHAPE), np.float64)) / np.sqrt(VARIANCES[name])
    assert values.max() > 2.5


@every_side
def test_dtype_seed_and_std(draw):
    assert draw("he_normal", 0, (3, 2), dtype=np.float32).dtype == np.float32
    assert draw("lecun_uniform", 0, (3, 2), dtype=np.float32).dtype == np.float32
    assert draw("he_normal", 0, (3, 2)).dtype == np.float64
    np.testing.assert_array_equal(draw("normal", 1, (3, 2)), draw("normal", 1, (3, 2)))
    np.testing.assert_allclose(
        draw("normal", 1, (3, 2), std=2.0), 200 * np.asarray(draw("normal", 1, (3, 2))), rtol=1e-12
    )


def test_both_twins_offer_the_same():
    assert list(initializers.INITIALIZERS) == list(reference_initializers.INITIALIZERS) == list(VARIANCES)


@pytest.mark.slow
@every_side
@pytest.mark.parametrize(
    ("name", "keeps"), [("he_normal", True), ("he_uniform", True), ("lecun_normal", False), ("normal", False)]
)
def test_he_keeps_the_power_of_a_signal_through_ten_relu_layers(draw, name: str, keeps: bool):
    """He et al.: relu halves the mean square; 2 / fan_in makes up for it. LeCun's 1 / fan_in leaves 2^-10 after ten."""
    x = np.random.default_rng(100).normal(size=(200, 100))
    for layer in range(10):
        x = np.maximum(x @ np.asarray(draw(name, layer, (100, 100))), 0)
    power = float(np.mean(x**2))
    assert (0.2 < power < 5) if keeps else (power < 0.01), f"{name}: mean square {power:.2e} after ten layers"


@every_side
def test_lecun_and_glorot_keep_the_variance_of_a_linear_layer(draw):
    x = np.random.default_rng(100).normal(size=(500, 100))
    for name in ("lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform"):
        out = x @ np.asarray(draw(name, 0, (100, 100)))
        assert out.var() == pytest.approx(1, rel=0.1), name


@every_side
@pytest.mark.parametrize("shape", [(3,), (), (0, 3)], ids=str)
def test_a_shape_without_fans_is_refused(draw, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"^he_normal: shape must have two axes or more, none of size 0; got shape="):
        draw("he_normal", 0, shape)


@every_side
def test_an_unknown_name_is_refused(draw):
    with pytest.raises(
        ValueError, match=r"^initializer: name must be one of normal, glorot_normal, .*; got name='xavier'$"
    ):
        draw("xavier", 0, (3, 2))
