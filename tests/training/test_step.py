"""The step: one program, equal to the larger batch, kept finite, and followed by an average of its weights."""

from dataclasses import replace
from typing import Any, get_args

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import small_runs
from helpers.networks import mean_loss
from helpers.single_steps import Nobody, after_one, assert_same_trees, batches_of, call_of, prepared
from helpers.small_runs import DATASET, SMALL, STEPS, make_small, one_batch

import reference
from functional_nn.training import setup
from functional_nn.training.choices.config import MODELS, Model, OptimizerName, TrainConfig
from functional_nn.training.data.examples import Batches, training_batches
from functional_nn.training.endings import Diverged
from functional_nn.training.run import epoch, loop
from functional_nn.training.run.epoch import prefetch
from functional_nn.training.setup import make_optimizer
from functional_nn.training.step.state import Totals, TrainState, named_leaves
from functional_nn.training.step.step import accumulated_gradients, make_train_call
from reference.optimizers import muon


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def test_the_state_is_consumed_and_one_program_serves_every_batch() -> None:
    job, state = prepared()
    call, before = make_train_call(job.network.apply, job.optimizer, job.rules), state
    for batches in batches_of():
        state, report = call(state, batches)
        assert float(report.totals.count[0]) == 16
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before.params))
    assert int(state.step) == STEPS
    assert call._cache_size() == 1


def test_it_tells_the_plain_loss_though_it_learns_from_a_smoothed_one() -> None:
    job, state = prepared(optimizer="sgd")
    batch = one_batch(DATASET.train)
    logits, _ = job.network.apply(state.params, state.model_state, batch.x[0])
    plain = reference.softmax_cross_entropy(np.asarray(logits), batch.labels[0]).sum()
    assert job.rules.label_smoothing > 0
    assert float(call_of(job)(state, batch)[1].totals.loss[0]) == pytest.approx(plain, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS["images"])
def test_it_lowers_for_accelerators_that_are_not_here(model: Model) -> None:
    job = setup.prepare(replace(SMALL, model=model), DATASET)
    state = jax.eval_shape(lambda: setup.first_state(job))
    exported = jax.export.export(call_of(job), platforms=["cpu", "cuda", "tpu"])(state, one_batch(DATASET.train))
    assert exported.platforms == ("cpu", "cuda", "tpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_optimizer_lowers_the_loss(name: OptimizerName) -> None:
    job, state = small_runs.prepared(optimizer=name, epochs=15)
    call, losses = call_of(job), []
    for number in range(1, 16):
        batches = training_batches(DATASET.train, 0, number, 16)
        steps = range(STEPS * (number - 1), STEPS * number)
        state, seen, _ = epoch.learn(call, state, batches, steps, Nobody(), Totals())
        losses.append(seen.mean_loss)
    assert losses[-1] < 0.5 * losses[0], losses


class TestAccumulation:
    @pytest.mark.slow
    @pytest.mark.parametrize("parts", [2, 16])
    def test_parts_of_a_batch_make_the_step_of_the_whole(self, parts: int) -> None:
        whole, whole_report = after_one(optimizer="sgd")
        accumulated, report = after_one(optimizer="sgd", accumulate=parts)
        assert_same_trees(accumulated.params, whole.params)
        assert_same_trees(report, whole_report)

    @pytest.mark.slow
    def test_each_part_has_a_dropout_of_its_own(self) -> None:
        def noise(params: Any, model_state: Any, x: Any, *, train: bool, key: Any) -> Any:
            return jax.random.normal(key, (len(x), 10)) * params["scale"], model_state

        job, state = prepared(accumulate=2)
        state = state._replace(params={"scale": jnp.ones(())})
        batch = DATASET.train.take(np.arange(16))
        logits, _, _ = accumulated_gradients(noise, job.rules, state, batch.x, batch.labels, state.key)
        assert (np.asarray(logits[0::2]) != np.asarray(logits[1::2])).all()


class TestOptimizer:
    @pytest.mark.slow
    def test_a_long_gradient_is_shortened_and_a_short_one_left(self) -> None:
        start = prepared()[1].params
        for limit, expected in ((1e-3, 1e-3), (1e9, None)):
            state, report = after_one(optimizer="sgd", learning_rate=1.0, clip_norm=limit)
            rate = float(setup.prepare(replace(SMALL, learning_rate=1.0), DATASET).rate(0))
            moved = float(optax.tree.norm(jax.tree.map(jnp.subtract, state.params, start))) / rate
            norm = float(report.gradient_norm[0])
            assert norm > 1e-2
            assert moved == pytest.approx(expected or norm, rel=1e-9)

    @pytest.mark.slow
    @pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
    def test_weight_decay_draws_the_weights_to_zero(self, optimizer: OptimizerName) -> None:
        start = prepared()[1].params["dense1"]["kernel"]
        rate = float(setup.prepare(replace(SMALL, learning_rate=1.0), DATASET).rate(0))
        with_decay, without = (
            after_one(optimizer=optimizer, learning_rate=1.0, weight_decay=decay)[0].params["dense1"]["kernel"]
            for decay in (0.5, 0.0)
        )
        np.testing.assert_allclose(with_decay, without - rate * 0.5 * start, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("optimizer", get_args(OptimizerName))
    def test_weight_decay_is_of_kernels_alone(self, optimizer: OptimizerName) -> None:
        params = {"conv1": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}, "norm1": {"scale": jnp.ones(2)}}
        rule = make_optimizer(TrainConfig(optimizer=optimizer, weight_decay=0.5), lambda step: jnp.asarray(0.1))
        still = jax.tree.map(jnp.zeros_like, params)
        updates, _ = rule.update(still, rule.init(params), params)
        moved = {name: bool((leaf < 0).all()) for name, leaf in named_leaves(updates).items()}
        assert moved == {"conv1.bias": False, "conv1.kernel": True, "norm1.scale": False}

    @pytest.mark.slow
    def test_muon_is_the_one_by_hand(self) -> None:
        """Over five steps, for the kernels of a convolution and of a dense layer, a bias and a scale."""
        rng = np.random.default_rng(0)
        shapes = {
            "conv1": {"kernel": (3, 3, 2, 7), "bias": (7,)},
            "norm1": {"scale": (7,)},
            "dense1": {"kernel": (7, 5)},
        }
        params = expected = jax.tree.map(rng.standard_normal, shapes, is_leaf=lambda shape: isinstance(shape, tuple))
        config = TrainConfig(optimizer="muon", weight_decay=0.5)
        rule, by_hand = make_optimizer(config, lambda step: jnp.asarray(0.1)), muon(0.1, 0.95, 1e-8, 0.5, 0.025)
        state, state_by_hand = rule.init(params), by_hand.init(expected)
        for _ in range(5):
            gradients = jax.tree.map(lambda param: rng.standard_normal(param.shape), params)
            updates, state = rule.update(gradients, state, params)
            params = optax.apply_updates(params, updates)
            expected, state_by_hand = by_hand.update(gradients, state_by_hand, expected)
        for name, leaf in named_leaves(params).items():
            np.testing.assert_allclose(leaf, named_leaves(expected)[name], rtol=1e-10, err_msg=name)

    def test_decay_fits_the_optimizer_unless_it_is_chosen(self) -> None:
        assert (SMALL.decay, replace(SMALL, optimizer="sgd").decay, replace(SMALL, weight_decay=0.0).decay) == (
            0.01,
            0,
            0,
        )


class TestCalls:
    @pytest.mark.slow
    @pytest.mark.parametrize("together", [2, 3, 4, 7])
    def test_several_steps_of_one_call_are_the_steps_one_by_one(self, together: int) -> None:
        job, state = prepared()
        one_by_one, seen, _ = epoch.learn(call_of(job), state, batches_of(), range(STEPS), Nobody(), Totals())
        job, state = prepared(steps_per_call=together)
        call, watch = call_of(job), Nobody()
        state, totals, _ = epoch.learn(call, state, batches_of(together), range(STEPS), watch, Totals())
        assert int(state.step) == STEPS
        assert watch.told[-1] == (STEPS, 64.0)
        assert call._cache_size() == 1, "the last call of the epoch is another program"
        assert_same_trees(state.params, one_by_one.params)
        assert_same_trees(totals, seen)

    def test_an_epoch_can_begin_in_its_middle(self) -> None:
        whole = list(batches_of())
        rest = list(training_batches(DATASET.train, 0, 1, 16, first=2))
        assert len(rest) == 2
        jax.tree.map(np.testing.assert_array_equal, rest, whole[2:])

    def test_what_crosses_to_the_device_unseen_is_an_error(self) -> None:
        job, state = prepared()
        call = call_of(job)

        def careless(state: TrainState, batches: Batches) -> Any:
            return call(state, batches._replace(x=np.asarray(batches.x)))

        with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
            epoch.learn(careless, state, batches_of(), range(STEPS), Nobody(), Totals())

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
    def test_batches_are_put_ahead_in_their_order(self, count: int) -> None:
        put: list[int] = []
        ahead = prefetch(range(count), lambda number: put.append(number) or number, ahead=2)
        for number in range(count):
            assert next(ahead) == number
            assert len(put) == min(number + 3, count)
        assert list(ahead) == []


class TestGuard:
    @pytest.mark.parametrize("together", [1, 2])
    def test_it_names_the_step_and_the_range_in_which_a_loss_is_no_number(self, together: int) -> None:
        job, state = prepared(steps_per_call=together)
        batches = list(batches_of(together))
        where = (0, 0) if together > 1 else (0,)
        images = np.array(batches[2 // together].x)
        images[where] = np.nan
        batches[2 // together] = batches[2 // together]._replace(x=images)
        with pytest.raises(Diverged, match=r"^the loss became nan in step 3, seen after steps 1 to 4$"):
            epoch.learn(call_of(job), state, batches, range(STEPS), Nobody(), Totals())

    def test_an_infinite_gradient_of_a_finite_loss_is_seen(self) -> None:
        job, state = small_runs.prepared(optimizer="sgd")
        state = state._replace(params=jax.tree.map(lambda leaf: jnp.full_like(leaf, 1e90), state.params))
        with pytest.raises(Diverged, match="the gradient's norm became inf in step 11, seen after steps 11 to 14"):
            epoch.learn(call_of(job), state, batches_of(), range(10, 14), Nobody(), Totals())


class TestAverage:
    def test_it_follows_the_weights_with_a_memory_that_grows(self) -> None:
        job, state = prepared(average=0.5)
        expected, call = jax.device_get(state.params), call_of(job)
        for step, batches in enumerate(batches_of()):
            state, _ = call(state, batches)
            kept = min(0.5, (1 + step) / (10 + step))
            new = jax.device_get(state.params)
            expected = jax.tree.map(lambda old, new, kept=kept: kept * old + (1 - kept) * new, expected, new)
        assert state.judged is state.average
        assert_same_trees(state.judged.params, expected, 1e-6)

    @pytest.mark.slow
    def test_running_statistics_are_averaged_as_the_weights_that_gathered_them(self) -> None:
        job, state = small_runs.prepared(model="vgg", filters=((2,), (3,)), average=0.5)
        expected, call = jax.device_get(state.model_state), call_of(job)
        for step, batches in enumerate(batches_of()):
            state, _ = call(state, batches)
            kept = min(0.5, (1 + step) / (10 + step))
            new = jax.device_get(state.model_state)
            expected = jax.tree.map(lambda old, new, kept=kept: kept * old + (1 - kept) * new, expected, new)
        assert_same_trees(state.judged.model_state, expected, 1e-6)
        judged, _ = loop.make_judge(job)(state, DATASET.test)
        logits, _ = job.network.apply(state.judged.params, expected, DATASET.test.x)
        with_the_newest, _ = job.network.apply(state.judged.params, state.model_state, DATASET.test.x)
        losses = [float(mean_loss(each, DATASET.test.labels)) for each in (logits, with_the_newest)]
        assert judged.mean_loss == pytest.approx(losses[0], rel=1e-6)
        assert abs(losses[1] - losses[0]) > 1e-4, "the test could not tell them apart"

    def test_without_it_what_was_learned_last_is_judged(self) -> None:
        state = prepared()[1]
        assert state.judged.params is state.params
        assert state.judged.model_state is state.model_state
