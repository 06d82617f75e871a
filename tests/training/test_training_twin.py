"""Training twice: from the same weights and on the same batches both sides take the same steps."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import functional_nn.models.mlp
import functional_nn.models.resnet
import functional_nn.models.simple_convnet
import functional_nn.models.vgg
import reference.models.mlp
import reference.models.resnet
import reference.models.simple_convnet
import reference.models.vgg
from functional_nn.training.data.examples import Examples, training_batches
from functional_nn.training.step.state import create_state
from functional_nn.training.step.step import make_eval_step, make_train_call
from reference import optimizers, training

STEPS = 20
TWINS = {
    "mlp": (
        functional_nn.models.mlp,
        reference.models.mlp,
        {"input_shape": (3, 2, 1), "classes": 5, "hidden": (7,), "activation": "tanh"},
    ),
    "simple_convnet": (
        functional_nn.models.simple_convnet,
        reference.models.simple_convnet,
        {"input_shape": (8, 7, 2), "classes": 5, "filters": 3, "window": 3, "hidden": 11},
    ),
    "vgg": (
        functional_nn.models.vgg,
        reference.models.vgg,
        {"input_shape": (6, 5, 2), "classes": 5, "filters": ((3, 2), (4,))},
    ),
    "resnet": (
        functional_nn.models.resnet,
        reference.models.resnet,
        {"input_shape": (6, 5, 2), "classes": 5, "blocks": (1, 1), "filters": (3, 4)},
    ),
}
RULES = {
    "nesterov": (optimizers.nesterov(0.1, 0.9), optax.sgd(0.1, 0.9, nesterov=True)),
    "adamw": (optimizers.adamw(0.01, weight_decay=0.1), optax.adamw(0.01, weight_decay=0.1)),
}


def make_examples(shape: tuple[int, ...], classes: int) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(rng.standard_normal((41, *shape)), rng.integers(0, classes, 41).astype(np.int32))


def in_jax(state: dict[str, Any], config: Any) -> dict[str, Any]:
    """The state of the twin's layers for JAX, with its own configuration."""
    return {"config": config} | {name: jax.tree.map(jnp.array, x) for name, x in state.items() if name != "config"}


@pytest.mark.slow
# A rule sees no model and a model no rule: every one of each, not every pair.
@pytest.mark.parametrize(("name", "rule"), [("mlp", "nesterov"), *((name, "adamw") for name in TWINS)])
def test_both_sides_take_the_same_twenty_steps(name: str, rule: str) -> None:
    model, by_hand, sizes = TWINS[name]
    ours, theirs = RULES[rule]
    start, state = by_hand.init(0, by_hand.Config(**sizes))
    params, state = jax.tree.map(jnp.array, start), in_jax(state, model.Config(**sizes))
    batches = list(training_batches(make_examples(sizes["input_shape"], sizes["classes"]), 0, 1, 2))[:STEPS]
    assert len(batches) == STEPS

    taken = training.train(
        start,
        [(batch.x[0], batch.labels[0]) for batch in batches],
        value_and_grad=training.by_hand(by_hand, {"config": by_hand.Config(**sizes)}),
        optimizer=ours,
    )
    step, jitted = make_train_call(model.apply, theirs), create_state(params, state, theirs, jax.random.key(1))
    for number, (batch, (expected, loss)) in enumerate(zip(batches, taken, strict=True), start=1):
        jitted, report = step(jitted, batch)
        where = f"{name} with {rule}, after step {number}"
        assert float(report.totals.loss[0]) / 2 == pytest.approx(float(loss), rel=1e-10, abs=1e-12), (
            f"the loss: {where}"
        )
        for layer, arrays in expected.items():
            for leaf, array in arrays.items():
                got = np.asarray(jitted.params[layer][leaf])
                assert got.dtype == np.float64
                np.testing.assert_allclose(got, array, 1e-10, 1e-10, err_msg=f"{layer}.{leaf}: {where}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_the_step_carries_running_statistics_and_evaluation_uses_them(name: str) -> None:
    model, by_hand, sizes = TWINS[name]
    params, state_by_hand = by_hand.init(0, by_hand.Config(**sizes))
    state = in_jax(state_by_hand, model.Config(**sizes))
    examples, rule = make_examples(sizes["input_shape"], sizes["classes"]), optax.sgd(0.1)
    step, jitted = make_train_call(model.apply, rule), create_state(params, state, rule, jax.random.key(1))
    for batch in list(training_batches(examples, 0, 1, 8))[:5]:
        _, state_by_hand = by_hand.apply(jax.tree.map(np.array, jitted.params), state_by_hand, batch.x[0], train=True)
        jitted, _ = step(jitted, batch)
    close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12)
    jax.tree.map(close, jitted.model_state["statistics"], state_by_hand["statistics"])
    mask = np.ones(len(examples))
    totals, predicted = make_eval_step(model.apply)(
        jitted.params, jitted.model_state, examples.x, examples.labels, mask
    )
    logits, _ = by_hand.apply(jax.tree.map(np.array, jitted.params), state_by_hand, examples.x)
    losses = reference.softmax_cross_entropy(logits, examples.labels)
    assert totals.mean_loss == pytest.approx(losses.mean(), rel=1e-10)
    np.testing.assert_array_equal(predicted, logits.argmax(axis=-1))


def test_the_gradient_by_trying_takes_the_steps_of_the_gradient_by_hand() -> None:
    x, labels = training.spiral(7)
    config = reference.models.mlp.Config(input_shape=(2,), classes=3, hidden=(4,), activation="tanh")
    params, state = reference.models.mlp.init(0, config)
    untouched = jax.tree.map(np.copy, params)

    def run(rule: Any) -> list[tuple[Any, float]]:
        batches = training.minibatches(x, labels, 5, epochs=2, seed=0)
        return list(training.train(params, batches, value_and_grad=rule, optimizer=optimizers.adam(0.05)))

    by_hand = run(training.by_hand(reference.models.mlp, state))
    by_differences = run(training.by_differences(reference.models.mlp, state))
    assert len(by_hand) == 8
    for (expected, loss), (got, numerical) in zip(by_hand, by_differences, strict=True):
        assert numerical == pytest.approx(loss, rel=1e-6)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), got, expected)
    jax.tree.map(np.testing.assert_array_equal, params, untouched)


def test_the_textbook_loop_learns_the_spiral(capsys: pytest.CaptureFixture[str]) -> None:
    x, labels = training.spiral(100)
    model = reference.models.mlp
    params, state = model.init(0, model.Config(input_shape=(2,), classes=3, hidden=(10,), activation="tanh"))
    assert training.accuracy(model, params, state, x, labels) < 0.6
    batches = training.minibatches(x, labels, 30, epochs=60, seed=0)
    *_, (learned, _) = training.train(
        params, batches, value_and_grad=training.by_hand(model, state), optimizer=optimizers.adam(0.05)
    )
    assert training.accuracy(model, learned, state, x, labels) > 0.95


def test_minibatches_show_each_example_at_most_once_an_epoch() -> None:
    x = np.arange(11)
    (first, _), (second, _), (third, _), (fourth, _) = training.minibatches(x, x, 5, epochs=2, seed=0)
    assert len({*first, *second}) == len({*third, *fourth}) == 10
    assert list(first) != list(third)
