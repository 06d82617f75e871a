"""A grade is given on values that the file cannot know: EXAMPLES say what arrays look like, and nothing more."""

import json

import numpy as np
import pytest
from helpers.oracle_command import judge_here, run_check, written

from reference.oracle.reading.redrawn import redrawn as hidden


@pytest.fixture
def graded(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)

    def grade(text):
        options = ("--grade", "--seed", 5, "--json")
        _, out, _ = run_check(capfd, written(tmp_path, "import numpy as np\n" + text), *options)
        (result,) = json.loads(out)["results"]
        return result

    return grade


def points(result):
    parts = [part for part in result["grade"] if part["possible"]]
    return sum(part["earned"] for part in parts), len(parts)


RELU = """
class {name}:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)
    def backward(self, dout):
        return {gradient}
EXAMPLES = {{"{name}": (np.array({x}),)}}
"""
LINEAR = """
class Mix:
    def __init__(self, W):
        self.W = W
    def forward(self, x):
        self.x = x
        return x @ self.W
    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout{transposed}
EXAMPLES = {{"Mix": {{"init": (np.eye(4),), "inputs": (np.array([[1.0, -2.0, 0.5, 3.0]]),)}}}}
"""
OWN_WEIGHTS = """
class Scaling:
    def __init__(self, size):
        self.gamma = np.ones(size)
    def forward(self, x):
        self.x = x
        return x * self.gamma
    def backward(self, dout):
        self.dgamma = (self.x * dout).sum(0)
        return dout{gamma}
EXAMPLES = {{"Scaling": {{"init": (4,), "inputs": (np.array([[1.0, -2.0, 0.5, 3.0]] * 3),)}}}}
"""
CHOSEN = {
    "positive inputs hide relu's mask": (RELU, {"name": "Bend", "gradient": "dout", "x": "[[1.0, 2.0], [3.0, 0.5]]"}),
    "inputs between 0 and 1 for a class called Relu": (
        RELU, {"name": "Relu", "gradient": "dout", "x": "[[0.1, 0.2], [0.3, 0.5]]"}
    ),
    "identity as W hides the transpose": (LINEAR, {"transposed": ""}),
    "ones as gamma hide the factor gamma": (OWN_WEIGHTS, {"gamma": ""}),
}  # fmt: skip
RIGHT = {
    "positive inputs hide relu's mask": {"gradient": "dout * (self.x > 0)"},
    "inputs between 0 and 1 for a class called Relu": {"gradient": "dout * (self.x > 0)"},
    "identity as W hides the transpose": {"transposed": " @ self.W.T"},
    "ones as gamma hide the factor gamma": {"gamma": " * self.gamma"},
}


@pytest.mark.parametrize("name", CHOSEN)
def test_inputs_on_which_a_wrong_backward_is_right_earn_nothing(graded, name):
    text, wrong = CHOSEN[name]
    earned, possible = points(graded(text.format(**wrong)))
    assert earned < possible, "the gradient is wrong everywhere but on the file's own values"


@pytest.mark.parametrize("name", CHOSEN)
def test_the_same_examples_beside_a_right_backward_earn_everything(graded, name):
    text, wrong = CHOSEN[name]
    result = graded(text.format(**{**wrong, **RIGHT[name]}))
    earned, possible = points(result)
    assert (result["verdict"], earned) == ("pass", possible), result


NARROW = {
    "log of positive numbers": """
def ln_forward(x):
    return np.log(x), x
def ln_backward(dout, cache):
    return dout / cache
EXAMPLES = {"ln": (np.array([[1.0, 2.0], [3.0, 0.5]]),)}
""",
    "clipped probabilities": """
def bce_forward(p, t):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), (p, t)
def bce_backward(dout, cache):
    p, t = cache
    return dout * (p - t) / (p * (1 - p)) / p.size, None
EXAMPLES = {"bce": (np.array([0.2, 0.9, 0.4]), np.array([0, 1, 1]))}
""",
    "one-hot targets": """
class Loss:
    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.y, self.t = e / e.sum(1, keepdims=True), t
        return -(t * np.log(self.y)).sum() / len(x)
    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)
EXAMPLES = {"Loss": (np.array([[1.0, 2.0, -1.0], [3.0, 0.5, 0.1]]), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))}
""",
    "labels": """
def hinge_forward(W, X, y):
    s = X @ W
    m = np.maximum(0, s - s[np.arange(len(y)), y][:, None] + 1)
    m[np.arange(len(y)), y] = 0
    return m.sum(), (W, X, y, m)
def hinge_backward(dout, cache):
    W, X, y, m = cache
    d = (m > 0) * 1.0
    d[np.arange(len(y)), y] = -d.sum(1)
    return dout * X.T @ d, dout * d @ W.T, None
W, X = np.arange(15.0).reshape(5, 3) / 7 - 1, np.cos(np.arange(20.0)).reshape(4, 5)
EXAMPLES = {"hinge": (W, X, np.array([0, 1, 1, 2]))}
""",
    "ascending values": """
def gaps_forward(x):
    assert (np.diff(x) > 0).all()
    return np.log(np.diff(x)), x
def gaps_backward(dout, cache):
    per_gap = dout / np.diff(cache)
    return np.append(0, per_gap) - np.append(per_gap, 0)
EXAMPLES = {"gaps": (np.array([-1.0, 0.5, 2.0, 2.5, 4.0, 5.5, 6.0, 9.0]),)}
""",
}


@pytest.mark.parametrize("name", NARROW)
def test_code_that_is_right_where_its_function_exists_earns_everything(graded, name):
    result = graded(NARROW[name])
    earned, possible = points(result)
    assert (result["verdict"], earned) == ("pass", possible), result


def redrawn(examples, seed=5, **options):
    return [(given["inputs"], words) for given, words in hidden(examples, seed, **options)]


def test_shapes_and_dtypes_stay_and_values_do_not():
    x, labels = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3), np.array([0, 1], dtype=np.uint8)
    for (new_x, new_labels), words in redrawn((x, labels)):
        assert (new_x.shape, new_x.dtype) == ((2, 3), np.float32), words
        assert (new_labels.shape, new_labels.dtype) == ((2,), np.uint8), words
        assert not np.array_equal(new_x, x), words


def test_two_seeds_draw_different_values():
    x = np.linspace(-1, 1, 6)
    assert not np.array_equal(redrawn((x,), 1)[0][0][0], redrawn((x,), 2)[0][0][0])


KINDS = {
    "one-hot rows": (np.eye(4)[[2, 2, 0]], lambda new: set(new.ravel()) == {0, 1} and (new.sum(1) == 1).all()),
    "rows that sum to 1": (np.full((3, 4), 0.25), lambda new: np.allclose(new.sum(1), 1) and (new > 0).all()),
    "a mask": (np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]), lambda new: np.isin(new, (0, 1)).all()),
    "values between 0 and 1": (np.array([0.2, 0.4]), lambda new: (new > 0).all() and (new < 1).all()),
    "flags": (np.array([True, False]), lambda new: new.dtype == bool),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_of_a_kind_stays_of_that_kind(kind):
    array, is_so = KINDS[kind]
    for seed in range(20):
        new = redrawn((np.linspace(-1.0, 1.0, 5), array), seed)[0][0][1]
        assert is_so(new), f"{kind} became {new} with seed {seed}"


def test_where_every_real_number_may_stand_both_signs_are_drawn():
    ((new,), _), *_ = redrawn((np.full((5, 7), 0.5),), any_real=True)
    assert new.min() < 0 < new.max(), "an example between 0 and 1 restricts nothing here"


def test_labels_reach_every_class_that_has_a_score():
    seen = {int(label) for seed in range(20) for label in redrawn((np.zeros((2, 4)), np.array([0, 0])), seed)[0][0][1]}
    assert seen == {0, 1, 2, 3}


def test_settings_of_the_constructor_stay():
    given, _ = next(hidden({"init": (3, 0.5, "same", np.ones(2)), "inputs": (np.ones(3),), "op": "relu"}, 1))
    assert given["init"][:3] == (3, 0.5, "same")
    assert given["op"] == "relu"
    assert not np.array_equal(given["init"][3], np.ones(2))


def test_the_grade_says_how_much_of_its_inputs_is_the_files(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)
    text = "import numpy as np\n" + NARROW["clipped probabilities"]
    _, out, _ = run_check(capfd, written(tmp_path, text), "--grade", "--seed", 5)
    said = "values drawn anew, in the shapes of the file's EXAMPLES (values between 0 and 1)"
    assert f"points: 2 of 2, on {said}" in " ".join(out.split()), out
