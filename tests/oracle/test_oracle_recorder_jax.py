"""Recording a training in JAX, under jit, grad, scan and vmap; and of layers in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.kernels_in_jax import right_softmax, softmax, trained

from reference import oracle
from reference.oracle.recorder.call import from_file


def calls(folder):
    return [from_file(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("function", [softmax, right_softmax], ids=["wrong", "right"])
def test_a_jitted_training_is_judged_where_it_was_wrong(function, tmp_path):
    plain, first = trained(function)
    with oracle.record(function, tmp_path, every=20) as recorded:
        bits, _ = trained(recorded)
    assert bits == plain
    reports = oracle.replay(function, tmp_path)
    assert len(reports) == 10
    failed = [place * 20 for place, (_, report) in enumerate(reports) if report.verdict != "pass"]
    if function is right_softmax:
        assert not failed
        return
    assert 120 <= first < 180
    assert failed == [step for step in range(0, 200, 20) if step >= first]
    assert [found.cause for found in reports[-1][1].findings] == ["part_missing"]
    (call, *_) = calls(tmp_path)
    assert (call.arguments["temperature"], call.about["positional"]) == ({"value": 0.5}, 2)


def test_a_plain_check_of_the_same_code_passes():
    inputs = oracle.example_inputs("softmax")
    assert oracle.check(oracle.from_jax(lambda x: softmax(x, 1.0)), *inputs).verdict == "pass"


def affine(parameters, x):
    return jnp.tanh(x @ parameters["kernel"] + parameters["bias"])


def test_arguments_in_a_dict_under_scan_and_jit(tmp_path):
    rng = np.random.default_rng(0)
    layers = {"kernel": jnp.asarray(rng.normal(size=(3, 4, 4))), "bias": jnp.asarray(rng.normal(size=(3, 4)))}
    x = jnp.asarray(rng.normal(size=(5, 4)))

    def gradient(layer):
        def loss(layers):
            return (jax.lax.scan(lambda h, one: (layer(one, h), None), x, layers)[0] ** 2).sum()

        return jax.tree.map(np.asarray, jax.jit(jax.grad(loss))(layers))

    with oracle.record(affine, tmp_path) as recorded:
        found = gradient(recorded)
    for name, value in gradient(affine).items():
        assert found[name].tobytes() == value.tobytes()
    reports = oracle.replay(affine, tmp_path)
    assert [report.verdict for _, report in reports] == ["pass"] * 3
    names = {argument.name for argument in reports[0][1].arguments}
    assert names == {"parameters.kernel", "parameters.bias", "x"}


@pytest.mark.parametrize("way", [lambda function: function, jax.jit], ids=["as it is", "jit"])
def test_under_vmap_every_example_is_a_call(way, tmp_path):
    x = jnp.arange(12.0).reshape(3, 4)
    with oracle.record(jnp.sin, tmp_path) as recorded:
        found = way(jax.vmap(jax.grad(lambda x: recorded(x).sum())))(x)
    np.testing.assert_array_equal(found, jnp.cos(x))
    kept = calls(tmp_path)
    assert [call.number for call in kept] == [0, 1, 2]
    rows = [one.bits.values for call in kept for one in call.arrays.values()]
    np.testing.assert_array_equal(np.sort(rows, axis=0), x)


def test_without_a_gradient_nothing_is_kept_and_second_order_goes_through(tmp_path):
    with oracle.record(jnp.sin, tmp_path) as recorded:
        assert recorded(2.0) == jnp.sin(2.0)
        assert not list(tmp_path.iterdir())
        assert jax.grad(jax.grad(recorded))(2.0) == jax.grad(jax.grad(jnp.sin))(2.0)
    assert list(tmp_path.iterdir())


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.mean(0)
        return dout @ self.W.T


def test_a_layer_in_numpy_with_its_parameters_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    layer = Affine(rng.normal(size=(3, 4)), rng.normal(size=4))
    with oracle.record(layer, tmp_path):
        for _ in range(3):
            layer.backward(layer.forward(rng.normal(size=(5, 3))))
            layer.W -= 0.1 * layer.dW
        layer.forward(rng.normal(size=(5, 3)))  # nothing comes back
    assert "forward" not in vars(layer)
    first, *_, last = calls(tmp_path)
    assert last.number == 2
    assert not np.array_equal(first.arrays["W"].bits.values, last.arrays["W"].bits.values)
    for _, report in oracle.replay(layer, tmp_path):
        assert [found.cause for found in report.findings] == ["scaled_by_count"]
        assert [argument.verdict for argument in report.arguments] == ["pass", "pass", "fail"]
