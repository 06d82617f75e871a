"""Less precision: nearly the same step, and a loss scale that keeps float16's small gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.single_steps import after_one, call_of, prepared
from helpers.small_runs import DATASET, make_small, one_batch

from functional_nn.training.step import precision
from functional_nn.training.step.state import LossScale


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_less_precision_takes_nearly_the_same_step_on_the_same_parameters(name: str) -> None:
    with jax.enable_x64(False):
        exact, exact_report = after_one(optimizer="sgd")
        rough, report = after_one(optimizer="sgd", precision=name)
    assert {leaf.dtype for leaf in jax.tree.leaves(rough.params)} == {np.dtype(np.float32)}
    difference = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), rough.params, exact.params)
    assert 0 < max(jax.tree.leaves(difference)) < 0.02
    assert float(report.totals.loss[0]) == pytest.approx(float(exact_report.totals.loss[0]), rel=0.02)


@pytest.mark.slow
def test_an_overflow_in_float16_skips_the_step_and_halves_the_scale() -> None:
    job, state = prepared(precision="float16", average=0.9)
    assert state.loss_scale is not None
    before = jax.device_get(state._replace(key=None))
    state = state._replace(loss_scale=LossScale(jnp.float32(1e38), jnp.int32(7)))
    state, report = call_of(job)(state, one_batch(DATASET.train))
    assert not np.isfinite(report.gradient_norm[0])
    assert report.healthy[0]
    assert (int(state.step), float(state.loss_scale.factor), int(state.loss_scale.good_steps)) == (
        1,
        pytest.approx(5e37),
        0,
    )
    for kept, old in ((state.params, before.params), (state.average, before.average)):
        jax.tree.map(np.testing.assert_array_equal, kept, old)
    jax.tree.map(np.testing.assert_array_equal, state.opt_state, before.opt_state)


@pytest.mark.slow
def test_an_overflow_that_no_scale_mends_is_not_healthy() -> None:
    job, state = prepared(precision="float16", average=0.9)
    state = state._replace(loss_scale=LossScale(jnp.float32(precision.LEAST_FACTOR), jnp.int32(0)))
    batch = one_batch(DATASET.train)
    images = np.where(np.arange(16)[None, :, None, None, None] == 3, np.nan, batch.x)
    assert not call_of(job)(state, batch._replace(x=images))[1].healthy[0]


def test_the_scale_doubles_after_enough_good_steps_and_stays_in_its_range() -> None:
    good, most = jnp.int32(precision.GROWS_AFTER - 1), precision.MOST_FACTOR
    for factor, steps, finite, expected in (
        (8.0, good, True, (16.0, 0)),
        (8.0, jnp.int32(3), True, (8.0, 4)),
        (8.0, good, False, (4.0, 0)),
        (most, good, True, (most, 0)),
        (1.0, good, False, (1.0, 0)),
    ):
        got = precision.next_loss_scale(LossScale(jnp.float32(factor), steps), jnp.asarray(finite))
        assert (float(got.factor), int(got.good_steps)) == expected
