"""What a file imports and is not there: named, stood in for, or left to the author."""

import inspect
import pickle

import numpy as np
import pytest
from helpers.oracle_command import RELU, written

from reference.oracle.command.importing.helpers import known
from reference.oracle.command.importing.standins import NotThere, used

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
