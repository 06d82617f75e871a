"""What `functional-nn check` finds in a file, and which inputs it tries by the names that it finds."""

import json
import re
import sys

import pytest
from oracle_command import RELU, forgotten, written

from reference.oracle.command.importing import load
from reference.oracle.reading.discover import find
from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.names import recognized
from reference.oracle.reading.request import Request
from reference.oracle.reading.scenes import scenes
from reference.oracle.reading.vocabulary import part_of


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A module from text, in this process."""

    def make(text, name="loaded_by_a_test.py"):
        monkeypatch.delitem(sys.modules, "loaded_by_a_test", raising=False)
        return load(written(tmp_path, text, name)).module

    with forgotten():
        yield make


FRAMEWORKS = """
import jax, jax.numpy as jnp, torch
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3
    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return dout * 3 * x**2
@jax.custom_vjp
def wave(x): return jnp.sin(x)
def wave_fwd(x): return jnp.sin(x), x
def wave_bwd(x, dout): return (dout * jnp.cos(x),)
wave.defvjp(wave_fwd, wave_bwd)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FRAMEWORKS, [("Cube", "torch"), ("wave", "jax")]),
        (RELU, [("Relu", "object")]),
        ("def forward(x): return x\ndef backward(dout, x): return dout\n", [("loaded_by_a_test", "pair")]),
        ("def f_fwd(x): return x, x\ndef f_bwd(res, ct): return ct\n", [("f", "pair")]),
        ("def f(x): return x, 1\ndef f_backward(dout, cache): return dout\n", [("f", "pair")]),
        ("def tanh(x): return x\ndef tanh_grad(dout, x): return dout\n", [("tanh", "pair")]),
        ("def tanh(x): return x\ndef tanh_grad(x): return 1\n", [("tanh", "pair")]),
        ("def mse_loss(y, t): return y - t\n", []),
        ("def mse_loss(y, t): return y - t, y\n", [("mse_loss", "value_and_gradient")]),
        ("def f_vjp(x): return x, lambda dout: dout\n", [("f_vjp", "vjp")]),
        ("from reference import oracle\nmine = oracle.from_vjp(lambda x: (x, lambda d: d))\n", [("mine", "subject")]),
        (
            "class Net:\n    def loss(self, x, t): return x\n    def gradient(self, x, t): return {}\n",
            [("Net", "network")],
        ),
        ("from numpy import *\nfrom reference.linear import dense_fwd, dense_bwd\n", []),
    ],
    ids=[
        "frameworks",
        "layer",
        "bare",
        "rule",
        "cache",
        "grad",
        "derivative",
        "loss",
        "loss and gradient",
        "vjp",
        "subject",
        "network",
        "imported",
    ],
)
def test_what_is_found(loaded, text, found):
    if text is FRAMEWORKS:
        pytest.importorskip("torch")
    module = loaded(text)
    if not found:
        with pytest.raises(Exception, match="nothing to judge"):
            find(module)
        return
    assert sorted((each.name, each.style) for each in find(module)) == sorted(found)


def test_a_file_never_takes_the_place_of_a_module_in_use(loaded):
    loaded(RELU, "json.py")
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("name", "op", "scene"),
    [
        ("Affine", "dense", "dense"),
        ("conv_naive", "conv", "conv"),
        ("MyRelu", "relu", "elementwise"),
        ("LogSoftmax", "log_softmax", "elementwise"),
        ("LeakyRelu", None, "elementwise"),
        ("SoftmaxWithLoss", None, "classification"),
        ("LayerNorm", None, "normalization"),
        ("Dropout", None, "elementwise"),
        ("conv_relu", None, "elementwise"),
        ("affine_relu", None, "dense"),
        ("Mystery", None, None),
    ],
)
def test_what_a_name_says(name, op, scene):
    assert recognized(name) == (op, scene)


def test_every_argument_part_has_a_value_in_some_scene():
    known = {part for scene in scenes(0) for part in scene.values}
    named = {part_of(name) for name in ("x", "W1", "b2", "gamma", "beta", "t", "y", "idx", "h0", "stride", "pool_h")}
    assert named <= known, named - known


def test_the_sizes_of_a_scene_do_not_hide_a_transpose():
    for scene in scenes(0):
        kernel = scene.values.get("kernel")
        if (
            kernel is not None and scene.name != "conv of one plane" and (kernel.ndim < 3 or scene.name == "conv")
        ):  # some code takes square windows alone
            assert len(set(kernel.shape)) == kernel.ndim, f"{scene.name}: kernel {kernel.shape} has an axis twice"


def test_a_layer_whose_weights_lie_the_other_way_is_still_judged(loaded):
    module = loaded(
        "class Linear:\n"
        "    def __init__(self, W, b): self.W, self.b = W, b\n"
        "    def forward(self, x): self.x = x; return x @ self.W.T + self.b\n"
        "    def backward(self, d): self.dW, self.db = d.T @ self.x, d.sum(0); return d @ self.W\n"
    )
    (found,) = find(module)
    report = judge(found, Request())
    assert (report.verdict, report.op) == ("pass", None)
    assert re.search(r"kernel \(out, in\)", report.inputs)


LOST = """
import numpy as np
class Net:
    def __init__(self, n_inputs, n_hidden, n_outputs):
        self.W1 = np.random.randn(n_inputs, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_outputs)
    def forward(self, X):
        self.h = np.tanh(X @ self.W1)
        return self.h @ self.W2
    def cost(self, out, y):
        return np.mean((out - y) ** 2)
    def backward(self, X, y, out):
        d = 0.3 * np.sin(out - y)
        self.dW2 = np.abs(self.h.T) @ d
        self.dW1 = X.T @ (d @ self.W2.T) ** 2
"""


def test_the_lines_that_settle_a_network_and_its_loss_get_a_verdict(loaded):
    (found,) = find(loaded(LOST))
    with pytest.raises(CannotTell) as unsure:
        judge(found, Request())
    namespace = {}
    exec(unsure.value.code, namespace)
    report = judge(found, Request(examples=namespace["EXAMPLES"]["Net"]))
    assert report.verdict == "fail", report
    assert [argument.name for argument in report.arguments] == ["W1", "W2"]


def test_a_forward_in_a_file_beside_is_found(tmp_path):
    written(tmp_path, "import numpy as np\ndef relu(Z):\n    return np.maximum(0, Z), Z\n", "relu.py")
    text = "def relu_backward(dA, cache):\n    return dA * (cache > 0)\n"
    with forgotten():
        (found,) = find(load(written(tmp_path, text, "relu_backward.py")).module)
        assert found.name == "relu"
        assert judge(found, Request()).verdict == "pass"


FAULTY = """
import numpy as np
class Squeezed:
    def forward(self, x):
        self.s = np.tanh(x)
        return x * self.s
    def backward(self, dout):
        {line}
"""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("return dout * self._x_before", "AttributeError: 'Squeezed' object has no attribute '_x_before'"),
        ("return tanh_backwards(dout, self.s)", "NameError: name 'tanh_backwards' is not defined"),
    ],
)
def test_a_name_that_nothing_sets_is_wrong_on_any_inputs(loaded, line, says):
    (found,) = find(loaded(FAULTY.format(line=line)))
    report = judge(found, Request())
    assert report.verdict == "fail", report
    assert report.findings[0].cause == "raises", report
    assert says in report.findings[0].message, report


def test_an_attribute_that_a_network_beside_sets_is_no_mistake(loaded, tmp_path):
    written(tmp_path, "def run(layer, x):\n    layer._x_before = x\n", "network.py")
    (found,) = find(loaded(FAULTY.format(line="return dout * self._x_before")))
    with pytest.raises(CannotTell, match="_x_before"):
        judge(found, Request())


ASKING = """
class Net:
    def __init__(self):
        self.layers = []
    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
            if hasattr(layer, "activation"):
                x = layer.activation(x)
        return x
    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout
"""


def test_a_container_that_asks_more_of_its_layers_is_not_filled_with_ours(loaded):
    (found,) = find(loaded(ASKING))
    with pytest.raises(CannotTell, match="holds no layers before some are added"):
        judge(found, Request())


FORGETFUL = """
import numpy as np
class Skipping:
    def forward(self, main, beside):
        n, t, h = main.shape
        return np.sin(main) + np.cos(beside)
    def backward(self, dout):
        return dout * self.c
    def __init__(self):
        self.c = 1.0
"""


def test_a_second_input_without_a_gradient_is_no_pass_where_inputs_were_found_by_trying(loaded):
    text = FORGETFUL.replace("return np.sin", "self.c = np.cos(main); return np.sin")
    (found,) = find(loaded(text))
    with pytest.raises(CannotTell, match="no gradient of beside came back, which may be data or forgotten"):
        judge(found, Request())
