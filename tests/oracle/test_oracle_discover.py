"""What `functional-nn check` finds in a file, and which inputs it tries by the names that it finds."""

import json
import re
import sys

import pytest
from helpers.oracle_command import RELU, forgotten, written

from reference.oracle.command.importing import load
from reference.oracle.reading.attempts import tried_readings
from reference.oracle.reading.discover import find
from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.names import recognized
from reference.oracle.reading.request import Request
from reference.oracle.reading.scenes import scenes
from reference.oracle.reading.settle import settling
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
        ("rms_norm", None, "normalization"),
        ("Embedding", None, "embedding"),
        ("swiglu", None, "glu"),
        ("apply_rotary_embedding", None, "rotary_embedding"),
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
        self.W1 = np.random.randn(n_inputs, n_outputs)
    def forward(self, X):
        return np.tanh(X @ self.W1)
    def cost(self, out, y):
        return np.mean((out - y) ** 2)
    def backward(self, X, y, out):
        self.dW1 = np.abs(X.T) @ np.sin(out - y) ** 2
"""


def test_the_lines_that_settle_a_network_and_its_loss_get_a_verdict(loaded):
    (found,) = find(loaded(LOST))
    reading = next(next(tried_readings(found, Request(), []))).reading
    namespace = {}
    exec(settling(found, reading), namespace)
    report = judge(found, Request(examples=namespace["EXAMPLES"]["Net"]))
    assert report.verdict == "fail", report
    assert [argument.name for argument in report.arguments] == ["W1"]


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


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("layers/network.py", "layer._x_before = x"),
        ("network.py", "layer._x_before, layer.other = x, x"),
        ("train/network.py", "setattr(layer, '_x_' + 'before', x)"),
    ],
    ids=["beside", "two at once, above", "by a text, in another folder"],
)
def test_an_attribute_that_a_network_sets_is_no_mistake(loaded, tmp_path, file, statement):
    written(tmp_path, "A network.\n", "README.md")
    written(tmp_path, f"def run(layer, x):\n    {statement}\n", file)
    text = FAULTY.format(line="return dout * self._x_before")
    (found,) = find(loaded(text, "layers/loaded_by_a_test.py"))
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


LARGE = """
import numpy as np
class Net:
    def __init__(self):
        sizes = (30, 40, 40, 40, 5)
        self.params = {}
        for layer, (wide, out) in enumerate(zip(sizes, sizes[1:]), 1):
            self.params[f"W{layer}"] = np.random.randn(wide, out) / 6
            self.params[f"b{layer}"] = np.zeros(out)
    def predict(self, x):
        self.kept = [x]
        for layer in range(1, 5):
            x = x @ self.params[f"W{layer}"] + self.params[f"b{layer}"]
            x = np.tanh(x) if layer < 4 else np.exp(x - x.max(-1, keepdims=True))
            self.kept.append(x)
        return x / x.sum(-1, keepdims=True)
    def loss(self, x, t):
        y = self.predict(x)
        return -np.mean(np.log(y[np.arange(len(t)), t] + 1e-7))
    def gradient(self, x, t):
        d = self.predict(x)
        d[np.arange(len(t)), t] -= 1
        d /= len(t)
        grads = {}
        for layer in range(4, 0, -1):
            grads[f"W{layer}"] = self.kept[layer - 1].T @ d
            grads[f"b{layer}"] = d.sum(0)
            d = (d @ self.params[f"W{layer}"].T) * (1 - self.kept[layer - 1] ** 2)
        # and then
        return grads
"""


def test_a_small_constant_in_a_large_network_is_found_before_anything_is_searched(loaded):
    (found,) = find(loaded(LARGE))
    report = judge(found, Request())
    assert report.findings[0].message == "W1_ct is that of a forward without its small constant (1e-07 in loss)"
    assert report.forward_evaluations < 100, report
    assert judge(found, Request(strict=True)).verdict == "fail"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["W2", pytest.param("b3", marks=pytest.mark.thorough)])
def test_a_mistake_beside_a_small_constant_in_a_large_network_is_named(loaded, name):
    (found,) = find(loaded(LARGE.replace("# and then", f"grads['{name}'] *= 0.7")))
    report = judge(found, Request())
    assert report.verdict == "fail", report
    assert (report.findings[0].argument, report.findings[0].cause) == (name, "scaled_by_constant"), report


SUMMED = """
import numpy as np
class SquaredError:
    def forward(self, out, t):
        self.out, self.t = out, t
        return 0.5 * np.sum((out - t) ** 2) / len(out)
    def backward(self):
        return self.out - self.t
"""
DIVIDING = """
import numpy as np
class Linear:
    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout) / len(dout)
        return dout @ self.W.T
"""


def test_a_loss_that_leaves_the_mean_to_the_layers_beside_it_is_not_accused(tmp_path):
    with forgotten():
        (found,) = find(load(written(tmp_path, SUMMED, "alone/loss.py")).module)
        assert judge(found, Request()).findings[0].key == "scaled_by_count (batch)"
        written(tmp_path, DIVIDING, "beside/linear.py")
        (found,) = find(load(written(tmp_path, SUMMED, "beside/loss.py")).module)
        with pytest.raises(
            CannotTell, match=r"N times the true gradient, and line 5 of linear\.py divides by the batch"
        ):
            judge(found, Request())


def test_a_forward_among_others_in_a_file_beside_is_found(tmp_path):
    forwards = "import numpy as np\ndef cube_forward(x):\n    return x**3, x\ndef root(x):\n    return np.sqrt(x)\n"
    written(tmp_path, forwards, "forwards.py")
    text = "def cube_backward(dout, cache):\n    return dout * 3 * cache**2\n"
    with forgotten():
        (found,) = find(load(written(tmp_path, text, "backwards.py")).module)
        assert judge(found, Request()).verdict == "pass"


ON_ONE_COLUMN = """
import numpy as np
def log_loss(y_pred, y_true):
    return -np.mean(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))
def dlog_loss(y_pred, y_true):
    return -(y_true / y_pred - (1 - y_true) / (1 - y_pred)) / y_true.shape[0]
"""


def test_a_loss_that_is_right_on_one_column_alone_is_neither_passed_nor_accused(loaded):
    (found,) = find(loaded(ON_ONE_COLUMN))
    with pytest.raises(CannotTell, match="right on one column, and wrong on several"):
        judge(found, Request())


COMMENTED = """
class Dense:
    def forward(self, x, param):
#        a comment that begins the line
        return x @ param["W"] + param["b"], (x, param["W"])
    def backward(self, dout, cache):
        x, W = cache
        return dout @ W.T, {"W": x.T @ dout, "b": dout.sum(0)}
"""


def test_a_method_in_which_a_comment_begins_the_line_is_read(loaded):
    (found,) = find(loaded(COMMENTED))
    report = judge(found, Request())
    assert report.verdict == "pass", report
    assert [argument.name for argument in report.arguments] == ["x", "W", "b"]


ON_PAPER = """
import numpy as np
class Gaussian:
    def y(self, x):
        return np.exp(-x**2)
    def dydx(self, x):
        return -2 * x * np.exp(-x**2)
class Squares:
    def E(self, y, target):
        return 0.5 * np.sum((y - target) ** 2)
    def dE_dy(self, y, target):
        return y - target
"""


@pytest.mark.parametrize(
    ("name", "slip"), [("Gaussian", ("-2 * x", "-x")), ("Squares", ("return y - target", "return 2 * (y - target)"))]
)
def test_a_derivative_is_found_as_it_is_written_on_paper(loaded, name, slip):
    (found,) = find(loaded(ON_PAPER), name)
    assert judge(found, Request()).verdict == "pass"
    (found,) = find(loaded(ON_PAPER.replace(*slip)), name)
    report = judge(found, Request())
    assert (report.verdict, report.findings[0].cause) == ("fail", "scaled_by_constant"), str(report)


SLOPE = "class Line:\n    def forward(self, x): return 3 * x\n    def derivative(self, x): return 3\n"


@pytest.mark.parametrize(("slope", "verdict"), [("return 3\n", "pass"), ("return 1\n", "fail")])
def test_one_number_is_the_slope_everywhere(loaded, slope, verdict):
    (found,) = find(loaded(SLOPE.replace("return 3\n", slope)))
    assert judge(found, Request()).verdict == verdict


UNNAMED = """
import numpy as np
class Layer:
    def __init__(self):
        self.W = np.random.randn(7, 5)
    def forward(self, x):
        self.x = x
        return x @ self.W
    def backward(self, dout):
        self.kept = self.x.T @ dout
        return dout @ self.W.T
"""


def test_weights_whose_gradient_is_not_found_are_no_pass(loaded):
    (found,) = find(loaded(UNNAMED))
    with pytest.raises(CannotTell, match=r"no gradient of W was found .* those of x are right"):
        judge(found, Request())
