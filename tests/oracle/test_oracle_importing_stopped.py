"""Where Python would have stopped: what is left out, what runs all the same, and what is refused."""

import inspect

import pytest

from reference.oracle.command.importing.standins import NotThere

HALF = """
SCALE = 1
TABLE = []
def early(x): return x
data = open('no_such_file.csv').read()
SCALE = len(data)
TABLE.append(len(data))
late_default = 3
def late(x): return late_default * x
def scaled(x): return SCALE * x
def looked_up(i): return TABLE[i] + 1
late.factor = len(data)
def whole(x): return x
"""


def test_definitions_before_and_after_a_failing_line_are_there(tree):
    loaded = tree({"net.py": HALF})
    assert loaded.notes == (
        "line 5 was left out: FileNotFoundError: [Errno 2] No such file or directory: 'no_such_file.csv'",
    )
    assert (loaded.module.early(2), loaded.module.whole(2)) == (2, 2)


@pytest.mark.parametrize("name", ["scaled", "looked_up", "late"])
def test_what_depends_on_a_line_left_out_is_refused(tree, name):
    module = tree({"net.py": HALF}).module
    with pytest.raises(NotThere, match="line 5 was left out: FileNotFoundError"):
        getattr(module, name)(1)


TRAINS = """
def step(x): return x - 1
value = 7
{loop}
def after(x): return x
"""
LOOPS = {
    "while": "while True:\n    step(1)\n",
    "for": "for epoch in range(10 ** 9):\n    value_of_epoch = step(epoch)\n",
    "inside a function": "def train():\n    while True:\n        step(1)\ntrain()\n",
    "input": "name = input('your name')\n",
    "argparse": "import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\nargs = p.parse_args()\n",
    "exit": "import sys\nsys.exit('usage: net.py DATA')\n",
    "plots": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('/no/such/folder/figure.png')\n",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_statements_that_train_or_ask_are_left_out(tree, loop):
    loaded = tree({"net.py": TRAINS.format(loop=LOOPS[loop])})
    assert (loaded.module.value, loaded.module.after(3)) == (7, 3)
    assert len(loaded.notes) == 1, loaded.notes
    assert "was left out: " in loaded.notes[0]


def test_a_loop_is_cut_at_the_same_place_every_time(tree):
    text = "import itertools\nseen = []\nfor i in itertools.count():\n    seen.append(i)\n"
    notes = [tree({f"net{i}.py": text}).notes for i in range(2)]
    assert notes[0] == notes[1] == ("line 4 was left out: it runs too long for an import",)


def test_only_the_branch_that_is_taken_runs(tree):
    text = "import sys\nif sys.version_info < (3,):\n    raise OSError\nelse:\n"
    loaded = tree({"net.py": text + "    import no_such_thing\n    value = 7\n"})
    assert loaded.module.value == 7
    assert loaded.notes == (
        "line 5 imports what is not there: there is no module no_such_thing, neither installed nor near the file",
    )


AFTER = {
    "a call for its effect": "os.mkdir('made')\n",
    "a call whose result is kept": "value = os.mkdir('made')\n",
    "a loop": "for name in ['made']:\n    os.mkdir(name)\n",
    "with": "with open('made', 'w') as file:\n    file.write('x')\n",
    "a test with an effect": "if os.mkdir('made'):\n    value = 1\n",
    "inside a try": "try:\n    os.mkdir('made')\nexcept OSError:\n    pass\n",
    "a function of its own": "def make(): os.mkdir('made')\nvalue = make()\n",
    "a method of a path": "value = Path('made').mkdir()\n",
}


@pytest.mark.parametrize("failure", ["os.chdir('no_such_folder')", "import no_such_thing"])
@pytest.mark.parametrize("case", AFTER)
def test_nothing_with_an_effect_runs_where_python_would_have_stopped(tree, tmp_path, failure, case):
    tree({"net.py": f"import os\nfrom pathlib import Path\n{failure}\n{AFTER[case]}"})
    assert not (tmp_path / "repository" / "made").exists()


COMPUTED = """
import numpy as np
import no_such_thing
class Tanh:
    def forward(self, x): return np.tanh(x)
SCALE = np.sqrt(2.0) + max(1, 2)
tanh = Tanh()
if SCALE > 3:
    shape = (2, 3)
random = np.random.default_rng(0).normal(size=shape).round(2)
try:
    import no_other_thing
except ImportError:
    other = None
"""


def test_what_only_computes_runs_where_python_would_have_stopped(tree):
    module = tree({"net.py": COMPUTED}).module
    assert (type(module.tanh).__name__, module.shape, module.random.shape, module.other) == (
        "Tanh",
        (2, 3),
        (2, 3),
        None,
    )


def test_a_class_that_is_changed_after_a_failure_is_not_judged_unchanged(tree):
    text = (
        "import no_such_thing\nclass Net:\n    def backward(self, x): return 2 * x\nsetattr(Net, 'backward', print)\n"
    )
    assert not inspect.isclass(tree({"net.py": text}).module.Net)
