"""Code is read as its author uses it: objects made as on the lines of the repository, inputs like those given there."""

import json
import random
import sys

import numpy as np
import pytest

from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.request import Request
from reference.oracle.reading.uses.found_in import uses
from reference.oracle.reading.uses.guarded import LINES, guarded

# A layer that its names say nothing of: what it is made of, and what it takes, is shown where it is used alone.
GATE = """
import numpy as np
class Gate:
    def __init__(self, recipe):
        self.scale = np.array(recipe["scale"], dtype=float)
        self.fold = recipe["fold"]
    def forward(self, q):
        assert q.shape[-1] == len(self.scale), q.shape
        self.q = q
        return self.fold * q**2 * self.scale
    def backward(self, dout):
        self.dscale = (self.fold * dout * self.q**2).sum(axis=0)
        return self.fold * 2 * dout * self.q * self.scale
"""
WRONG = ("fold * 2 * dout", "fold * dout")
# How it is used, on lines of every kind that people write; the place of the call that is read.
LINES_OF = {
    "kept under a name": ("""
import numpy as np
from gate import Gate
recipe = {"scale": [1.5, -2.0, 0.5], "fold": 2}
gate = Gate(recipe)
x = np.random.randn(4, 3)
print(gate.forward(x))
""", 5),
    "in the main block": ("""
from gate import Gate
if __name__ == "__main__":
    gate = Gate({"scale": [1.5, -2.0, 0.5], "fold": 2})
""", 4),
    "in a loop of a test": ("""
import numpy as np
from gate import Gate
def test_gate():
    for fold in (2, 3):
        gate = Gate(dict(scale=np.arange(1, 4), fold=fold))
        out = gate.forward(np.ones((5, 3)))
        assert out.shape == (5, 3)
""", 6),
    "handed over by a caller": ("""
from gate import Gate
FOLD = 2
def built(recipe, **options):
    return Gate(recipe)
def main():
    return built({"scale": [1.5, -2.0], "fold": FOLD})
""", 5),
    "inside of another object": ("""
from gate import Gate
class Model:
    def __init__(self, folds):
        self.gates = [Gate({"scale": [1.0, 2.0], "fold": fold}) for fold in folds]
model = Model([2, 3])
""", 6),
    "added to another object": ("""
from gate import Gate
class Net:
    def __init__(self):
        self.layers = []
    def add(self, layer):
        self.layers.append(layer)
net = Net()
net.add(Gate({"scale": [1.0, 2.0], "fold": 2}))
""", 9),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES_OF)
def test_a_layer_is_judged_as_it_is_made_where_it_is_used(repository, line):
    text, place = LINES_OF[line]
    (found,) = repository({"gate.py": GATE, "train.py": text})
    assert [use.place for use in uses(found)] == [f"line {place} of train.py"]
    report = judge(found, Request())
    assert report.verdict == "pass", str(report)
    assert "scale" in {argument.name for argument in report.arguments}, str(report)


@pytest.mark.parametrize("line", LINES_OF)
def test_a_mistake_in_it_is_named(repository, line):
    (found,) = repository({"gate.py": GATE.replace(*WRONG), "train.py": LINES_OF[line][0]})
    report = judge(found, Request())
    assert (report.verdict, report.findings[0].argument) == ("fail", "q"), str(report)
    assert report.findings[0].cause == "scaled_by_constant", str(report)


def test_without_a_line_that_uses_it_nobody_can_tell(repository):
    (found,) = repository({"gate.py": GATE})
    with pytest.raises(CannotTell, match="no inputs were found for Gate"):
        judge(found, Request())


def test_the_report_says_where_its_inputs_come_from(repository):
    (found,) = repository({"gate.py": GATE, "train.py": LINES_OF["kept under a name"][0]})
    assert "like those on line 5 of train.py" in judge(found, Request()).inputs


def test_a_notebook_shows_it_as_well(repository):
    cells = [["%matplotlib inline\n", "from gate import Gate\n"], ["gate = Gate({'scale': [1.0, 2.0], 'fold': 3})\n"]]
    notebook = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}
    (found,) = repository({"gate.py": GATE, "try.ipynb": json.dumps(notebook)})
    assert judge(found, Request()).verdict == "pass"


# The values are the author's by shape and kind alone: a gradient that is right on ones is not right.
ONES = """
import numpy as np
from gate import Gate
gate = Gate({"scale": [1.0, 1.0], "fold": 2})
gate.forward(0.5 * np.ones((3, 2)))
"""


def test_what_is_right_on_the_values_of_that_line_alone_is_wrong(repository):
    wrong = ("2 * dout * self.q * self.scale", "dout * self.scale")
    (found,) = repository({"gate.py": GATE.replace(*wrong), "train.py": ONES})
    report = judge(found, Request())
    assert (report.verdict, report.findings[0].argument) == ("fail", "q"), str(report)


# Nothing of this may happen because somebody asks whether a layer is right.
HARM = {
    "it writes a file": "open('harm', 'w').write('x') and 2",
    "it starts a process": "__import__('os').system('touch harm') + 2",
    "it starts a shell": "__import__('subprocess').run(['touch', 'harm']).returncode + 2",
    "it makes a folder": "__import__('os').makedirs('harm') or 2",
    "it asks the network": "len(__import__('socket').create_connection(('192.0.2.1', 9), 60).recv(9))",
    "it never ends": "sum(1 for _ in iter(int, 1))",
    "it ends the process": "__import__('sys').exit(3)",
    "it asks the user": "int(input())",
}


@pytest.mark.parametrize("harm", HARM)
def test_a_line_that_does_more_than_compute_is_left_alone(repository, harm, tmp_path):
    text = (
        f"from gate import Gate\nif __name__ == '__main__':\n    Gate({{'scale': [1.0, 2.0], 'fold': {HARM[harm]}}})\n"
    )
    (found,) = repository({"gate.py": GATE, "train.py": text})
    assert uses(found) == []
    assert not (tmp_path / "harm").exists()
    with pytest.raises(CannotTell, match="no inputs were found for Gate"):
        judge(found, Request())


def test_the_guard_is_gone_behind_it(tmp_path):
    with pytest.raises(PermissionError, match="opens"), guarded():
        (tmp_path / "file").write_text("x")
    (tmp_path / "file").write_text("x")
    assert sum(1 for _ in range(2 * LINES)) == 2 * LINES


def test_the_modules_that_a_line_imports_are_gone_behind_it(repository):
    files = {"gate.py": GATE, "settings_of_gate.py": "FOLD = 2\n"}
    text = "from gate import Gate\nfrom settings_of_gate import FOLD\ngate = Gate({'scale': [1.0], 'fold': FOLD})\n"
    state, python = str(np.random.get_state()), random.getstate()  # noqa: NPY002 - that a constructor draws from
    (found,) = repository({**files, "train.py": text})
    path = list(sys.path)
    assert len(uses(found)) == 1
    assert "settings_of_gate" not in sys.modules
    assert sys.path == path
    assert str(np.random.get_state()) == state  # noqa: NPY002
    assert random.getstate() == python


# A function whose arguments are a word, its place in a table, and the table.
WORDS = """
import numpy as np
def word_loss(word, places, table):
    row = places[word]
    scores = table @ table[row]
    loss = np.log(np.exp(scores).sum()) - scores[row]
    p = np.exp(scores) / np.exp(scores).sum()
    p[row] -= 1
    grad = np.outer(p, table[row])
    grad[row] += table.T @ p
    return loss, grad
def check():
    places = {"a": 0, "b": 1, "c": 2}
    table = np.random.randn(3, 4)
    word_loss("b", places, table)
"""


@pytest.mark.parametrize(("slip", "verdict"), [("", "pass"), ("grad[row] += table.T @ p", "cannot tell")])
def test_a_function_is_given_what_a_line_gives_it(repository, slip, verdict):
    """A loss that is wrong in all its gradients is not accused: the line does not say what it compares."""
    (found,) = repository({"gate.py": WORDS.replace(slip, "pass") if slip else WORDS})
    if verdict == "pass":
        assert judge(found, Request()).verdict == verdict
    else:
        with pytest.raises(CannotTell, match="table_ct"):
            judge(found, Request())


# Given one input where it takes two, what is wrong with the other does not show.
SKIP = """
import numpy as np
class Skip:
    def __init__(self, origin):
        self.origin = origin
    def forward(self, x, skipped):
        return np.tanh(x) + 0.0 * skipped + self.origin["at"]
    def backward(self, dout):
        return dout
    def check(self):
        return Skip({"at": 0.0}).forward(1.0, 2.0)
"""


def test_what_is_given_no_gradient_on_such_a_line_is_no_pass(repository):
    text = SKIP.replace("return dout\n", "return dout * (1 - np.tanh(self.x) ** 2)\n")
    text = text.replace("        return np.tanh(x)", "        self.x = x\n        return np.tanh(x)")
    (found,) = repository({"gate.py": text, "train.py": "from gate import Skip\nSkip({'at': 0})\n"})
    with pytest.raises(CannotTell, match="no gradient of skipped came back"):
        judge(found, Request())


# Layers that know each other and the model: what holds what goes round in circles.
CIRCLES = """
from gate import Gate
class Model:
    def __init__(self, count):
        self.all = [Gate({"scale": [1.0, 2.0], "fold": fold}) for fold in range(1, count)]
        for gate in self.all:
            gate.model, gate.beside = self, self.all
model = Model(200)
"""


def test_objects_that_hold_each_other_are_looked_at_once(repository):
    (found,) = repository({"gate.py": GATE, "train.py": CIRCLES})
    assert [type(use.thing).__name__ for use in uses(found)] == ["Gate"]
