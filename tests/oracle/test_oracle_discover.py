"""What `functional-nn check` finds in a file, and which inputs it tries by the names that it finds."""

import json
import re
import sys

import pytest
from helpers.oracle_command import RELU, forgotten, written

from reference.oracle.command.importing import load
from reference.oracle.reading.discover import find
from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.names import recognized
from reference.oracle.reading.request import Request
from reference.oracle.reading.scenes import scenes
from reference.oracle.reading.vocabulary import part_of

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


def test_a_forward_in_a_file_beside_is_found(tmp_path):
    written(tmp_path, "import numpy as np\ndef relu(Z):\n    return np.maximum(0, Z), Z\n", "relu.py")
    text = "def relu_backward(dA, cache):\n    return dA * (cache > 0)\n"
    with forgotten():
        (found,) = find(load(written(tmp_path, text, "relu_backward.py")).module)
        assert found.name == "relu"
        assert judge(found, Request()).verdict == "pass"


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
