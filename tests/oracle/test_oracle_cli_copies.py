"""`functional-nn check` tries code before it judges it, and each trial gets copies: what it overwrites is seen."""

import numpy as np
import pytest
from helpers.oracle_command import judge_here, run_check, written

from reference import oracle

LAYER = """
import numpy as np
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return dout @ self.W.T
"""
LOSS = """
import numpy as np
def softmax_loss(x, y):
    x -= x.max(axis=1, keepdims=True)
    rows = np.arange(len(x))
    p = np.exp(x)
    p /= p.sum(axis=1, keepdims=True)
    dx = p.copy()
    dx[rows, y] -= 1
    return -np.log(p[rows, y]).mean(), dx / len(x)
"""
NETWORK = """
import numpy as np
class Net:
    def __init__(self, input_size, output_size):
        self.params = {"W": np.random.randn(input_size, output_size)}
    def loss(self, x, t):
        return 0.5 * ((x @ self.params["W"])[np.arange(len(x)), t] ** 2).sum()
    def gradient(self, x, t):
        np.round(x, out=x)
        y = x @ self.params["W"]
        kept = np.zeros_like(y)
        kept[np.arange(len(x)), t] = y[np.arange(len(x)), t]
        return {"W": x.T @ kept}
"""
AND_DX = "        return dx\n"
SHIFTS = "loss shifts its scores"
# Everything here leaves its input unchanged when called again on what it left: the second call shows nothing.
IDEMPOTENT = {
    "saved x set to one": LAYER.replace("self.dW, self.db =", "self.x[...] = 1.0; self.dW, self.db ="),
    "saved x rounded after use": LAYER.replace("return dout @", "np.round(self.x, out=self.x); return dout @"),
    "W set to one after use": LAYER.replace("return dout @ self.W.T", "dx = dout @ self.W.T; self.W[...] = 1.0")
    + AND_DX,
    "rectified in place": LAYER.replace("self.x = x\n", "self.x = np.maximum(x, 0, out=x)\n"),
    SHIFTS: LOSS,
    "network rounds its x": NETWORK,
}


@pytest.fixture
def check(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)
    return lambda text, *options: run_check(capfd, written(tmp_path, text), *options)


@pytest.mark.parametrize("name", IDEMPOTENT)
def test_what_code_does_to_its_input_for_good_is_seen(check, name):
    # What only the forward does leaves its gradient right: "right, but", and a failure where that is asked for.
    strict = ["--strict"] if name == SHIFTS else []
    status, out, _ = check(IDEMPOTENT[name], "--grade", "--seed", 3, *strict)
    assert status == 1, out
    assert "in place" in out, out


def test_a_forward_that_shifts_its_input_is_right_but_that(check):
    status, out, _ = check(IDEMPOTENT[SHIFTS])
    assert status == 0, out
    assert "right, but the forward changes x in place" in out


@pytest.mark.parametrize("text", [LAYER, LOSS.replace("x -= x", "x = x - x")], ids=["layer", "loss"])
def test_code_that_leaves_its_input_alone_passes(check, text):
    status, out, _ = check(text)
    assert status == 0, out


class SetsToOne:
    """The derivative of a square, at ones whatever its input was."""

    def __init__(self):
        self.x = np.zeros(0)

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dout):
        self.x[...] = 1.0
        return 2 * self.x * dout


def test_binding_a_layer_leaves_its_input_alone():
    x = np.linspace(-2.0, 2.0, 7)
    bind = oracle.from_layer(SetsToOne()).bind
    assert bind is not None
    bind(x)
    np.testing.assert_array_equal(x, np.linspace(-2.0, 2.0, 7), "binding ran the layer on the caller's own array")
