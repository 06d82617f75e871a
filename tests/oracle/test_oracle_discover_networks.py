"""Networks that are found in a file: what settles them, what no inputs mend, and mistakes in a large one."""

import pytest
from helpers.oracle_command import written

from reference.oracle.reading.attempts import tried_readings
from reference.oracle.reading.discover import find
from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.request import Request
from reference.oracle.reading.settle import settling

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
