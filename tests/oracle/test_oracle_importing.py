"""A file is run as its author runs it: each way to lay out a project, and each thing that keeps it from importing."""

import dataclasses
import inspect
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.oracle_command import RELU, forgotten, judge_here, run_check

from reference.oracle.command.importing import load
from reference.oracle.command.importing.helpers import known
from reference.oracle.command.importing.standins import NotThere, used
from reference.oracle.reading.texts import NotPython


@pytest.fixture
def tree(tmp_path):
    """Write files, given by path and text, into a folder that looks like a repository; load one of them."""

    def make(files: dict[str, str], name: str | None = None):
        for path, text in {"README.md": "", **files}.items():
            place = tmp_path / "repository" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
        return load(tmp_path / "repository" / (name or next(iter(files))))

    with forgotten():
        yield make


VALUE = "value = 7\n"
LAYOUTS = {
    "a sibling": {"net.py": "from layers import value\n", "layers.py": VALUE},
    "the root of the repository": {"ch05/net.py": "from common.layers import *\n", "common/layers.py": VALUE},
    "the root, two down": {"a/b/net.py": "import common.layers as c\nvalue = c.value\n", "common/layers.py": VALUE},
    "a module in the file's own folder": {"common/net.py": "from common.layers import *\n", "common/layers.py": VALUE},
    "a folder beside": {"ch05/net.py": "from layers import value\n", "lib/layers.py": VALUE},
    "src": {"train/net.py": "from mine.layers import value\n", "src/mine/__init__.py": "", "src/mine/layers.py": VALUE},
    "the nearest of several": {"a2/net.py": "from u import value\n", "a2/u.py": VALUE, "a1/u.py": "value = 1\n"},
    "pardir": {"c/n.py": "import sys, os\nsys.path.append(os.pardir)\nfrom layers import value\n", "layers.py": VALUE},
    "a path put in front": {
        "ch05/net.py": "import sys\nsys.path.insert(0, '../lib')\nfrom layers import value\n",
        "ch05/layers.py": "value = 1\n",
        "lib/layers.py": VALUE,
    },
    "relative": {"mine/net.py": "from .layers import value\n", "mine/__init__.py": "", "mine/layers.py": VALUE},
    "relative, no __init__": {"mine/net.py": "from .layers import value\n", "mine/layers.py": VALUE},
    "relative, two up, no __init__": {"m/n/net.py": "from ..layers import value\n", "m/layers.py": VALUE},
    "relative, a folder with a dot": {"v1.0/net.py": "from .layers import value\n", "v1.0/layers.py": VALUE},
    "relative, the root is a package": {
        "nets/net.py": "from ..layers import value\n", "__init__.py": "", "nets/__init__.py": "", "layers.py": VALUE
    },
    "a package that imports the file": {
        "mine/net.py": "from mine.layers import value\n",
        "mine/__init__.py": "from mine.net import *\n",
        "mine/layers.py": VALUE,
    },
    "a package that is broken": {
        "mine/net.py": "from .layers import value\n", "mine/__init__.py": "exec 'hello'\n", "mine/layers.py": VALUE
    },
    "a package's own __init__": {"mine/__init__.py": "from .layers import value\n", "mine/layers.py": VALUE},
    "siblings in a package": {"m/net.py": "from layers import value\n", "m/__init__.py": "", "m/layers.py": VALUE},
    "imports inside a function": {
        "ch05/net.py": "def get():\n    from common.layers import value\n    return value\nvalue = get()\n",
        "common/layers.py": VALUE,
    },
    "two that import each other": {
        "net.py": "from layers import double\nvalue = 7\n",
        "layers.py": "from net import value\ndef double(): return 2 * value\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_neighbours_are_found(tree, layout):
    loaded = tree(LAYOUTS[layout])
    assert (loaded.module.value, loaded.notes) == (7, ()), layout


def test_a_name_taken_from_a_module_that_imports_back_is_there_in_the_end(tree):
    assert tree(LAYOUTS["two that import each other"]).module.double() == 14


def test_of_several_folders_beside_none_is_chosen(tree):
    loaded = tree({"c/net.py": "from u import value\n", "a/u.py": VALUE, "b/u.py": "value = 1\n"})
    assert loaded.notes == ("line 1 imports what is not there: several folders hold a module u (a and b)",)
    with pytest.raises(NotThere, match="several folders hold a module u"):
        _ = loaded.module.value + 1


def test_a_module_is_known_by_its_dotted_name(tree):
    text = "import dataclasses\nfrom . import layers\n@dataclasses.dataclass\nclass Point:\n    x: int\n"
    module = tree(
        {"mine/sub/net.py": text, "mine/__init__.py": "", "mine/sub/__init__.py": "", "mine/sub/layers.py": ""}
    )
    point = module.module.Point(3)
    assert module.module.__name__ == "mine.sub.net"
    assert pickle.loads(pickle.dumps(point)) == point
    assert dataclasses.asdict(point) == {"x": 3}


@pytest.mark.parametrize("name", ["numpy", "random", "types", "reference", "pytest"])
def test_a_file_takes_no_other_modules_place(tree, name):
    before = {known: sys.modules.get(known) for known in ("numpy", "random", "types", "reference", "pytest")}
    loaded = tree({f"{name}.py": "import numpy as np\nvalue = np.ones(2)\n", "secrets.py": "raise OSError\n"})
    assert loaded.module.value.sum() == 2
    assert {known: sys.modules.get(known) for known in before} == before
    import secrets

    assert secrets.token_hex(2)


def test_a_package_takes_no_other_packages_place(tree):
    loaded = tree({"numpy/net.py": "from .layers import value\n", "numpy/__init__.py": "", "numpy/layers.py": VALUE})
    assert loaded.module.value == 7
    assert sys.modules["numpy"].__name__ == "numpy"
    assert hasattr(sys.modules["numpy"], "ndarray")


def test_the_working_directory_is_the_files_own(tree, tmp_path):
    loaded = tree(
        {"a/net.py": "from pathlib import Path\nvalue = Path('data.txt').read_text()\n", "a/data.txt": "here"}
    )
    assert loaded.module.value == "here"


def test_a_guarded_block_does_not_run_and_nothing_is_written(tree, tmp_path):
    tree({"net.py": "import layers\nif __name__ == '__main__':\n    open('ran', 'w').close()\n", "layers.py": VALUE})
    assert sorted(path.name for path in (tmp_path / "repository").iterdir()) == ["README.md", "layers.py", "net.py"]


MISSING = {
    "sklearn_like": (
        "from no_such_thing import thing\n",
        "there is no module no_such_thing, neither installed nor near",
    ),
    "known": ("import chainer.links as thing\n", "chainer is not installed (pip install chainer)"),
    "under another name": ("from pywt import thing\n", "pywt is not installed (pip install PyWavelets)"),
    "a name that is gone": ("from numpy import thing\n", "cannot import name 'thing' from 'numpy'"),
    "a neighbour in Python 2": ("from old import thing\n", "old.py does not import: it is Python 2 (line 1"),
    "a neighbour that is cut off": ("from cut import thing\n", "cut.py does not import: line 1: "),
    "Cython that is not built": ("from fast import thing\n", "fast is written in Cython and not built"),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_is_named_and_the_rest_is_there(tree, case):
    text, says = MISSING[case]
    loaded = tree(
        {
            "net.py": f"{text}class Net:\n    def forward(self, x): return thing.of(x)\nvalue = 7\n",
            "old.py": "exec 'old'\n", "cut.py": "def thing(\n", "fast.pyx": "cdef extern int thing()\n",
        }
    )  # fmt: skip
    assert loaded.module.value == 7
    assert len(loaded.notes) == 1
    assert loaded.notes[0].startswith(f"line 1 imports what is not there: {says}"), loaded.notes
    used()
    with pytest.raises(NotThere, match=r"\.of is not there"):
        loaded.module.Net().forward(1)
    assert len(used()) == 1


def test_a_star_from_what_is_missing_leaves_names_that_say_so(tree):
    module = tree({"net.py": "from no_such_thing import *\ndef forward(x): return swish(x)\n"}).module
    with pytest.raises(NotThere, match="swish is not there: there is no module no_such_thing"):
        module.forward(1)


COURSE = """
from dnn_utils import sigmoid, relu, relu_backward
def kept(Z):
    A, cache = relu(Z)
    return A, cache
def plain(Z):
    return sigmoid(Z)
def back(dA, Z):
    return relu_backward(dA, Z)
"""


def test_a_course_s_missing_helpers_are_known_by_name(tree):
    module = tree({"net.py": COURSE}).module
    used()
    z = np.array([-1.0, 2.0])
    value, cache = module.kept(z)
    np.testing.assert_array_equal(value, [0, 2])
    assert cache is z
    np.testing.assert_allclose(module.plain(z), 1 / (1 + np.exp(-z)), rtol=1e-15)
    np.testing.assert_array_equal(module.back(np.array([3.0, 4.0]), z), [0, 4])
    assert [sentence.rpartition("; ")[2] for sentence in used()] == [
        f"a {name} of our own stands in" for name in ("relu", "sigmoid", "relu_backward")
    ]


def test_every_function_of_single_numbers_stands_in_for_a_missing_one_of_its_name(tree):
    module = tree({"net.py": COURSE.replace("relu_backward", "tanh_backward").replace("sigmoid", "softplus")}).module
    z = np.array([-1.0, 2.0])
    np.testing.assert_allclose(module.plain(z), np.log1p(np.exp(z)), rtol=1e-15)
    np.testing.assert_allclose(module.back(np.array([3.0, 4.0]), z), np.array([3, 4]) / np.cosh(z) ** 2, rtol=1e-15)
    assert known("dense") is known("softmax_backward") is known("no_such_function_backward") is None


def test_inputs_of_its_own_are_taken_from_a_file_with_a_missing_import(tree):
    text = "import no_such_thing\nimport numpy as np\nrng = np.random.default_rng(0)\n"
    text += 'EXAMPLES = globals().get("EXAMPLES", {}) | {"relu": (rng.normal(size=(3, 7)),)}\n'
    assert tree({"net.py": text}).module.EXAMPLES["relu"][0].shape == (3, 7)


def test_what_the_author_foresaw_is_left_to_the_author(tree):
    text = "try:\n    import no_such_thing as xp\n    gpu = True\nexcept ImportError:\n"
    text += "    import numpy as xp\n    gpu = False\n"
    loaded = tree({"net.py": text})
    assert (loaded.module.gpu, loaded.module.xp.__name__, loaded.notes) == (False, "numpy", ())


def test_a_helper_that_could_not_be_imported_says_so_when_it_is_used(tree):
    text = "try:\n    from no_such_thing import col2im\nexcept ImportError:\n    print('build it')\n"
    text += "def back(x): return col2im(x)\n"
    with pytest.raises(NotThere, match="line 1 could not import it"):
        tree({"net.py": text}).module.back(1)


def test_names_of_python_2_and_of_an_older_numpy_are_what_they_were(tree):
    text = "from past.builtins import xrange\nimport cPickle\nimport numpy as np\n"
    text += "value = np.zeros(2, np.float), np.product([2, 3])\n"
    loaded = tree({"net.py": text})
    assert (loaded.module.xrange, loaded.module.cPickle, loaded.module.value[1]) == (range, pickle, 6)
    assert all("which NumPy has dropped" in note for note in loaded.notes), loaded.notes


def test_a_class_whose_base_is_missing_is_left_out(tree):
    loaded = tree(
        {"net.py": "import chainer\nclass Net(chainer.Function):\n    def forward(self, x): return x\nvalue = 7\n"}
    )
    assert loaded.module.value == 7
    assert not inspect.isclass(loaded.module.Net)


def test_a_decorator_that_accelerates_is_the_identity(tree):
    text = "import numba\nfrom numba import jit\n@jit(nopython=True)\ndef f(x): return x\n"
    module = tree({"net.py": text + "@numba.njit\ndef g(x): return x\n"}).module
    assert (module.f(3), module.g(4)) == (3, 4)


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


PYTHON_2 = {
    "exec": ("x = 1\nexec 'x = 2'\n", "line 2: exec is a statement"),
    "backticks": ("x = `1`\n", "line 1: backticks give a text"),
    "print, and then exec": ("print 1\nexec 'x = 2'\n", "line 2: exec is a statement"),
    "long": ("x = 10L\n", "line 1: a number ends in L"),
    "not equal": ("x = 1 <> 2\n", "line 1: <> compares"),
}


@pytest.mark.parametrize("case", PYTHON_2)
def test_python_2_is_named_with_the_line(tree, case):
    text, says = PYTHON_2[case]
    with pytest.raises(NotPython) as said:
        tree({"net.py": text})
    assert says in str(said.value)


def test_a_mistake_in_every_python_stays_a_syntax_error(tree):
    with pytest.raises(SyntaxError):
        tree({"net.py": "def relu(:\n"})


CELLS = [
    "%matplotlib inline\nimport numpy as np\n!pip install x",
    "%%bash\nls -l\n",
    RELU,
    "open('no such file')",
    "value = 7",
]


def test_the_code_of_a_notebook_is_a_module(tree):
    cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in CELLS]
    loaded = tree({"net.ipynb": json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Relu"]}, *cells]})})
    assert loaded.module.value == 7
    assert inspect.getsource(loaded.module.Relu).startswith("class Relu:\n    def forward")
    assert "FileNotFoundError" in loaded.notes[0]


def test_a_notebook_that_is_none_is_refused(tree):
    with pytest.raises(NotPython, match="no notebook"):
        tree({"net.ipynb": "[1, 2"})


@pytest.fixture
def check(capfd, monkeypatch):
    judge_here(monkeypatch)
    return lambda *arguments: run_check(capfd, *arguments)


def written(folder: Path, text: str) -> Path:
    path = folder / "student.py"
    path.write_text(text, "utf-8")
    return path


def test_nobody_is_accused_for_what_is_not_installed(check, tmp_path):
    text = "from no_such_thing import col2im\n" + RELU.replace("return dout", "return col2im(1) + dout")
    status, out, _ = check(written(tmp_path, text))
    assert status == 2, out
    assert "no_such_thing.col2im is not there" in " ".join(out.split())


def test_a_note_stands_beside_the_verdict(check, tmp_path):
    status, out, _ = check(written(tmp_path, f"open('no_such_file')\nimport no_such_thing\n{RELU}"))
    assert status == 0, out
    assert "student.py: line 2 imports what is not there: there is no module no_such_thing" in " ".join(out.split())
    assert "was left out: FileNotFoundError" in out


def test_the_whole_file_in_python_2_is_one_sentence(check, tmp_path):
    status, out, _ = check(written(tmp_path, "exec 'hello'\n"))
    assert status == 2
    assert "student.py: cannot tell: it is Python 2 (line 1: exec is a statement); 2to3 makes it" in " ".join(
        out.split()
    )


def test_files_where_the_command_starts_do_not_reach_the_judge(capfd, tmp_path, monkeypatch):
    for name in ("random.py", "numpy.py", "types.py", "reference.py", "json.py"):
        (tmp_path / name).write_text("raise RuntimeError('shadowed')\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    status, out, _ = run_check(capfd, written(tmp_path, RELU))
    assert status == 0, out


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


def test_a_package_that_is_missing_in_many_files_is_noted_once(tree):
    notes = tree({"net.py": "import no_such_thing\nimport layers\n", "layers.py": "import no_such_thing\n"}).notes
    assert len(notes) == 1, notes


# One function of an exercise a file, as courses hand them in: what it uses stands elsewhere.
FRAGMENT = """
def step(W, x):
    doubled = twice(x)
    return np.dot(W, doubled), sigmoid(x)
"""
BESIDE = "def twice(x):\n    return 2 * one(x)\n"


def test_a_fragment_that_imports_nothing_is_completed_from_the_files_beside_it(tree):
    files = {"2-step.py": FRAGMENT, "1-twice.py": BESIDE, "0-one.py": "def one(x):\n    return 1 * x\n"}
    module, notes = tree(files)
    product, value = module.step(np.eye(2), np.array([0.0, 1.0]))
    assert np.array_equal(product, [0, 2])
    assert np.allclose(value, [0.5, 1 / (1 + np.exp(-1))])
    assert used() == ("sigmoid is not there: 2-step.py does not define it; a sigmoid of our own stands in",)
    assert "line 4 uses np, which the file does not import: taken for numpy" in notes
    assert "line 3 uses twice, which the file does not define: that of 1-twice.py is taken" in notes


@pytest.mark.parametrize("line", ["import math\n", "def other():\n    from random import random\n"])
def test_a_file_that_imports_something_lacks_what_it_lacks(tree, line):
    module, notes = tree({"2-step.py": line + FRAGMENT, "1-twice.py": BESIDE})
    with pytest.raises(NameError, match="twice"):
        module.step(1, 2)
    assert not any("taken" in note for note in notes)


def test_a_module_with_nothing_in_it_stays_so(tree):
    assert tree({"empty.py": ""}).notes == ()
