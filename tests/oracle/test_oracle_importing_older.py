"""Files in Python 2 run as Python 2 runs them; helpers in Cython that nobody has built are read as Python."""

import inspect
import tokenize
from pathlib import Path

import numpy as np
import pytest
from helpers.oracle_command import forgotten, judge_here, run_check

from reference.oracle.command.importing import Loaded, load
from reference.oracle.command.importing.python_2 import as_python_3
from reference.oracle.command.importing.pyx import NoPython, as_python
from reference.oracle.command.importing.standins import used
from reference.oracle.command.walk import judgeable


def planted(folder: Path, files: dict[str, str]) -> Path:
    """Files in a folder that looks like a repository; the first of them."""
    for path, text in {"README.md": "", **files}.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    return folder / next(iter(files))


@pytest.fixture
def loaded(tmp_path):
    with forgotten():
        yield lambda files: load(planted(tmp_path, files if isinstance(files, dict) else {"net.py": files}))


@pytest.fixture
def check(capfd, monkeypatch):
    judge_here(monkeypatch)
    return lambda *arguments: run_check(capfd, *arguments)


STATEMENTS = {
    "text": ("print 'a', 3", "a 3\n"),
    "nothing": ("print", "\n"),
    "a call": ("print('a')", "a\n"),
    "brackets, and more": ("print ('%s %s') % (1, 2)", "1 2\n"),
    "brackets around the first": ("print (1), (2)", "1 2\n"),
    "a comma at the end": ("print 'a',", "a\n"),
    "over lines": ("print 'a', \\\n   'b'", "a b\n"),
    "on the line of if": ("if True: print 'a'; print 'b'", "a\nb\n"),
    "into a file": ("import sys\nprint >>sys.stdout, 'a', 'b'", "a b\n"),
    "into a file, nothing": ("import sys\nprint >> sys.stdout", "\n"),
    "a comment": ("print 'a'  # print 'b'", "a\n"),
    "a colon in brackets": ("print {1: 2}[1], [3, 4][0:1]", "2 [3]\n"),
    "in a text": ("x = '''\nprint 1\n'''\nprint x", "\nprint 1\n\n"),
    "an error by a comma": ("try:\n    raise ValueError, 'no'\nexcept ValueError, error:\n    print error", "no\n"),
    "several errors": ("try:\n    1 // 0\nexcept (OSError, ZeroDivisionError), e:\n    print 'zero'", "zero\n"),
    "tabs of eight": ("if True:\n        x = 1\n\tprint x", "1\n"),
}


@pytest.mark.parametrize("case", STATEMENTS)
def test_statements_of_python_2_do_what_they_did(case, capsys):
    text, prints = STATEMENTS[case]
    python = as_python_3(text + "\n")
    assert python.count("\n") == text.count("\n") + 1, f"lines moved: {python}"
    exec(compile(python, case, "exec"), {})
    assert capsys.readouterr().out == prints


def test_print_that_was_imported_from_the_future_stays_a_function():
    text = "from __future__ import print_function\nprint ('a'), 'b'\n"
    assert as_python_3(text) == text


def test_brackets_that_do_not_match_are_refused():
    with pytest.raises((tokenize.TokenError, SyntaxError)):
        as_python_3("print (1\n")


VALUES = {
    "whole numbers": ("7 / 2", 3),
    "below zero": ("-7 / 2", -4),
    "numbers of NumPy": ("np.int64(7) / 2", 3),
    "arrays of whole numbers": ("(np.arange(4) / 2).tolist()", [0, 0, 1, 1]),
    "truth values": ("True / 2", 0),
    "a float": ("7 / float(2)", 3.5),
    "a float as text": ("7 / 2.", 3.5),
    "an array of floats": ("(np.ones(2) / 2).tolist()", [0.5, 0.5]),
    "xrange": ("list(xrange(3))", [0, 1, 2]),
    "lists": ("range(2) + map(str, [1]) + zip([1], [2]) + filter(None, [0, 5])", [0, 1, "1", (1, 2), 5]),
    "reduce": ("reduce(lambda a, b: a * b, [2, 3])", 6),
    "texts": ("unicode(3), unichr(65), isinstance('a', basestring), long(3)", ("3", "A", True, 3)),
    "has_key": ("{1: 2}.has_key(1)", True),
    "iteritems": ("[k + v for k, v in {1: 2}.iteritems()]", [3]),
    "iterkeys and itervalues": ("next({1: 2}.iterkeys()), next({1: 2}.itervalues())", (1, 2)),
    "keys": ("{1: 2}.keys()[0]", 1),
    "next": ("iter([4]).next()", 4),
    "a method of one's own": ("Own().iteritems(), Own().next()", ("mine", "next")),
}
OWN = "import numpy as np\nclass Own:\n    def iteritems(self): return 'mine'\n    def next(self): return 'next'\n"


@pytest.mark.parametrize("case", VALUES)
def test_names_and_divisions_of_python_2_are_what_they_were(loaded, case):
    text, value = VALUES[case]
    found = loaded(f"{OWN}print 'old'\ndef get(): return {text}\n")
    assert found.module.get() == value
    assert found.notes == ("line 5 is Python 2 (print is a statement): the file is run as Python 2 runs it",)
    assert "print('old')" in inspect.getsource(found.module)


INTO = """
import numpy as np
print 'old'
calls = []
def key():
    calls.append(1)
    return 1
class Net: pass
net = Net()
net.n = 7
net.n /= 2
n = 7
n /= 2
listed = [1, 7]
listed[key()] /= 2
floats = np.full((2, 2), 3.0)
same = floats
floats[:, 1] /= 2
floats /= 3
whole = np.array([4, 7])
kept = whole
whole /= 2
"""


def test_a_division_into_a_variable_happens_once_and_in_place(loaded):
    module = loaded(INTO).module
    assert (module.net.n, module.n, module.listed, module.calls) == (3, 3, [1, 3], [1])
    assert module.floats is module.same
    assert module.floats.tolist() == [[1.0, 0.5], [1.0, 0.5]]
    assert module.whole is module.kept
    assert module.whole.tolist() == [2, 3]


HALF = "def half(x): return x / 2\n"
USES = "def keys(d): return d.iteritems()\ndef each(n): return xrange(n)\n"
FOR_BOTH = {
    "division of the future": "from __future__ import division\nprint 'old'\n",
    "division of the future, without print": "from __future__ import division\n" + USES,
    "past": "from builtins import range\nfrom past.builtins import xrange\n",
    "six": "import six\nfrom six.moves import xrange\ndef f(d): return six.iteritems(d)\n",
    "xrange, where it is missing": "try:\n    xrange\nexcept NameError:\n    xrange = range\n" + USES,
    "a question of the version": "import sys\nif sys.version_info[0] == 3:\n    unicode = str\n" + USES,
    "pandas": "import pandas\ndef f(frame): return frame.iteritems()\n",
    "a star that may bring xrange": "from more import *\ndef f(n): return xrange(n)\n",
    "f-strings": "def f(n): return f'{n}'\n" + USES,
    "annotations": "def f(n: int): return n\n" + USES,
    "nothing of Python 2": "def f(n): return range(n)\n",
    "a quotient to count to, which is a mistake": "def f(n):\n    m = 1 + n / 2\n    return range(m)\n",
}


@pytest.mark.parametrize("case", FOR_BOTH)
def test_files_for_python_3_or_for_both_divide_truly(loaded, case):
    assert loaded({"net.py": FOR_BOTH[case] + HALF, "more.py": ""}).module.half(7) == 3.5


def test_a_neighbour_for_python_3_keeps_its_own_division(loaded):
    files = {"net.py": "print 'old'\nfrom new import half\nown = 7 / 2\n", "new.py": f"name = f'{{3}}'\n{HALF}"}
    module = loaded(files).module
    assert (module.own, module.half(7)) == (3, 3.5)


EVIDENT = {
    "xrange": ({"net.py": f"def each(n): return xrange(n)\n{HALF}"}, "line 1 uses xrange of Python 2"),
    "iteritems": ({"net.py": f"def f(d): return d.iteritems()\n{HALF}"}, "line 1 uses iteritems() of Python 2"),
    "its company": (
        {"net.py": HALF, "train.py": "print 'old'\n"},
        "line 1 divides, and train.py beside the file is Python 2",
    ),
}


@pytest.mark.parametrize("case", EVIDENT)
def test_what_is_evidently_python_2_divides_as_it_does(loaded, case):
    files, says = EVIDENT[case]
    found = loaded(files)
    assert (found.module.half(6), found.module.half(7)) == (3, 3)
    assert found.notes == (f"{says}: the file is run as Python 2 runs it",)
    assert len(used()) == 1


def test_a_value_of_a_doubtful_division_is_not_there(loaded):
    found = loaded("def each(n): return xrange(n)\nquarter = 1 / 4\nhalf = 4 / 2\n")
    assert found.module.half == 2
    assert "line 2 was left out: ArithmeticError: line 2 of net.py divides whole numbers" in found.notes[1]


PACKAGE = {
    "mine/net.py": "print 'old'\nimport layers\nfrom layers import value\n",
    "mine/__init__.py": "from net import value\n",
    "mine/layers.py": "print 'old'\nvalue = 7\n",
    "layers.py": "value = 1\n",
}


def test_imports_of_python_2_find_the_packages_own_modules_first(loaded):
    assert loaded(PACKAGE).module.value == 7


POOL = """
import numpy as np
{first}

def max_pool_forward_naive(x, pool_param):
    stride, height = pool_param['stride'], pool_param['pool_height']
    N, C, H, W = x.shape
    rows = 1 + (H - height) / stride
    out = np.zeros((N, C, rows, 1 + (W - pool_param['pool_width']) / stride))
    for i in {range}(rows):
        for j in {range}(out.shape[3]):
            window = x[:, :, i * stride:i * stride + height, j * stride:j * stride + pool_param['pool_width']]
            out[:, :, i, j] = window.max(axis=(2, 3))
    return out, (x, pool_param)

def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    stride, height, width = pool_param['stride'], pool_param['pool_height'], pool_param['pool_width']
    dx = np.zeros_like(x)
    rows, columns = 1 + (x.shape[2] - height) / stride, 1 + (x.shape[3] - width) / stride
    for i in {range}(rows):
        for j in {range}(columns):
            part = (slice(None), slice(None), slice(i * stride, i * stride + height),
                    slice(j * stride, j * stride + width))
            top = x[part].max(axis=(2, 3), keepdims=True)
            dx[part] += (x[part] == top) * dout[:, :, i:i + 1, j:j + 1]{slip}
    return dx
"""
OLD = {
    "print": {"first": "print 'layers'", "range": "range"},
    "xrange": {"first": "", "range": "xrange"},
    "quotients to count to": {"first": "def each(n): return xrange(n)", "range": "range"},
}


@pytest.mark.parametrize("old", OLD)
def test_a_layer_of_python_2_is_judged(check, tmp_path, old):
    status, out, _ = check(planted(tmp_path, {"layers.py": POOL.format(slip="", **OLD[old])}))
    assert status == 0, out
    assert "the file is run as Python 2 runs it" in " ".join(out.split())


@pytest.mark.parametrize("old", OLD)
def test_a_wrong_layer_of_python_2_is_named(check, tmp_path, old):
    status, out, _ = check(planted(tmp_path, {"layers.py": POOL.format(slip=" * 2", **OLD[old])}))
    assert status == 1, out
    assert "max_pool" in out


MEAN = """
import numpy as np
{first}
def centre_forward(x):
    return x - x.mean(axis=0), x.shape[0]
def centre_backward(dout, cache):
    return dout - {mean}
"""


def test_where_only_the_division_of_python_2_makes_it_wrong_nobody_is_accused(check, tmp_path):
    text = MEAN.format(first="each = xrange", mean="1 / cache * dout.sum(axis=0)")
    status, out, _ = check(planted(tmp_path, {"layers.py": text}))
    assert status == 2, out
    assert "may not be to blame: line 7 of layers.py divides whole numbers" in " ".join(out.split())


def test_where_python_2_is_certain_its_division_is_a_mistake(check, tmp_path):
    text = MEAN.format(first="print 'centre'", mean="1 / cache * dout.sum(axis=0)")
    status, out, _ = check(planted(tmp_path, {"layers.py": text}))
    assert status == 1, out


def test_a_diagnosis_shows_the_line_of_the_file(check, tmp_path):
    text = "import numpy as np\nprint 'old'\ndef inverse_forward(x):\n    out = 1 / (1 + x * x)\n    return out, x\n"
    text += "def inverse_backward(dout, x):\n    return -2 * dout * x / (1 + x * x)\n"
    status, out, _ = check(planted(tmp_path, {"layers.py": text}))
    assert status == 1, out
    assert "dividend" not in out, out


FAST = """
import numpy as np
cimport numpy as np
cimport cython
from libc.math cimport sqrt

# DTYPE = np.float64
ctypedef fused DTYPE_t:
    np.float32_t
    np.float64_t
ctypedef np.int_t INDEX

def columns(np.ndarray[DTYPE_t, ndim=2] x not None, int width, unsigned int stride=1):
    cdef int N = x.shape[0], L = x.shape[1]
    cdef int steps = (L - width) / stride + 1
    cdef np.ndarray[DTYPE_t, ndim=3] out = np.zeros(
        (N, steps, width),
        dtype=x.dtype)
    cdef double[:, :] unused
    _fill(out, x, steps, width, stride)
    return out

@cython.boundscheck(False)
@cython.wraparound(False)
cdef int _fill(np.ndarray[DTYPE_t, ndim=3] out,
               np.ndarray[DTYPE_t, ndim=2] x, int steps, int width, int stride) except? -1:
    cdef int s, w
    for s in range(steps):
        for w in range(width):
            out[:, s, w] = x[:, s * stride + w]

cpdef add_back(np.ndarray[DTYPE_t, ndim=3] columns, int length, int stride):
    cdef np.ndarray x = np.zeros((columns.shape[0], length))
    cdef Py_ssize_t s, w
    with nogil:
        for s in range(columns.shape[1]):
            for w in range(columns.shape[2]):
                x[:, s * stride + w] += columns[:, s, w]
    return x

cdef inline double root(double x) nogil:
    return sqrt(x)

def norm(double x): return root(x)
"""


def test_cython_that_is_python_but_for_types_is_read(loaded):
    module = loaded({"net.py": "import fast\n", "fast.pyx": FAST}).module
    x = np.arange(10.0).reshape(2, 5)
    columns = module.fast.columns(x, 3, 2)
    np.testing.assert_array_equal(columns, [[[0, 1, 2], [2, 3, 4]], [[5, 6, 7], [7, 8, 9]]])
    np.testing.assert_array_equal(module.fast.add_back(columns, 5, 2)[0], [0, 1, 4, 3, 4])
    assert module.fast.norm(9.0) == 3.0
    assert as_python(FAST).count("\n") == FAST.count("\n")


WAYS = {
    "beside the script": {"net.py": "from fast import columns\n", "fast.pyx": FAST},
    "relative": {"mine/net.py": "from .fast import columns\n", "mine/__init__.py": "", "mine/fast.pyx": FAST},
    "in a package": {"train.py": "from mine.fast import columns\n", "mine/__init__.py": "", "mine/fast.pyx": FAST},
    "foreseen": {
        "net.py": "try:\n    from fast import columns\nexcept ImportError:\n    print('build it')\n",
        "fast.pyx": FAST,
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_cython_that_is_not_built_is_found(loaded, way):
    found: Loaded = loaded(WAYS[way])
    assert callable(found.module.columns)
    assert found.notes == ("fast is not built: its source fast.pyx was read as Python",)


NO_PYTHON = {
    "a struct": "cdef struct Point:\n    double x\n",
    "a header": "cdef extern from 'math.h':\n    double sqrt(double)\n",
    "a class": "cdef class Net:\n    pass\n",
    "a pointer": "def f(double* x): return x[0]\n",
    "a cast": "def f(x): return <int>x\n",
    "an address": "def f(x): return g(&x[0])\n",
    "a name of C": "from libc.stdlib cimport malloc\ndef f(int n): return malloc(n)\n",
    "an array of C": "def f():\n    cdef int x[10]\n    return x[0]\n",
    "a loop of C": "def f(int n):\n    for i from 0 <= i < n:\n        pass\n",
    "brackets": "def f(int n:\n",
}


@pytest.mark.parametrize("case", NO_PYTHON)
def test_cython_that_is_more_is_not_read(loaded, case):
    with pytest.raises(NoPython):
        as_python(NO_PYTHON[case])
    found = loaded({"net.py": "from fast import f\n", "fast.pyx": NO_PYTHON[case]})
    assert len(found.notes) == 1
    assert found.notes[0].startswith("line 1 imports what is not there: fast is written in Cython and not built")


CYTHON = """
def half(int n): return n / 2
def columns(x): return x.shape[0] / 2
def untyped(x): return x / 2
def scaled(double x): return x / 2
def mean(x):
    cdef int N = x.shape[0], i
    cdef double total = 0, one = 1
    for i in range(N):
        total += x[i]
    return total / N, one / N
"""


def test_whole_numbers_of_c_divide_as_such_and_all_others_truly(loaded):
    fast = loaded({"net.py": "import fast\n", "fast.pyx": CYTHON}).module.fast
    assert (fast.half(7), fast.columns(np.ones(7)), fast.untyped(7), fast.scaled(7)) == (3, 3, 3.5, 3.5)
    assert fast.mean(np.array([1, 2])) == (1.5, 0.5)


def test_cython_may_ask_for_the_division_of_python_3(loaded):
    files = {"net.py": "import fast\n", "fast.pyx": f"# cython: language_level=3\n{CYTHON}"}
    assert loaded(files).module.fast.half(7) == 3.5


LAYER = """
import numpy as np
from fast import columns, add_back

class MovingSum:
    def forward(self, x):
        self.length = x.shape[1]
        return columns(x, 2).sum(axis=2)

    def backward(self, dout):
        return add_back(np.stack([dout, dout], axis=2){slip}, self.length, 1)
"""


def test_a_layer_that_uses_cython_is_judged(check, tmp_path):
    status, out, _ = check(planted(tmp_path, {"net.py": LAYER.format(slip=""), "fast.pyx": FAST}))
    assert status == 0, out
    assert "fast is not built: its source fast.pyx was read as Python" in " ".join(out.split())


def test_a_wrong_layer_that_uses_cython_is_named(check, tmp_path):
    status, out, _ = check(planted(tmp_path, {"net.py": LAYER.format(slip=" / 2.0"), "fast.pyx": FAST}))
    assert status == 1, out
    assert "MovingSum" in out


def test_a_folder_finds_the_losses_of_python_2(tmp_path):
    file = planted(tmp_path, {"svm.py": "print 'svm'\ndef svm_loss(x, y):\n    return x - y, x\n", "more.py": HALF})
    assert judgeable(tmp_path)[0] == [file]
