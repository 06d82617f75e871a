"""Helpers in Cython that nobody has built are read as Python."""

import numpy as np
import pytest
from helpers.oracle_command import planted

from reference.oracle.command.importing import Loaded
from reference.oracle.command.importing.pyx import NoPython, as_python

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


def test_cython_that_is_python_but_for_types_is_read(tree):
    module = tree({"net.py": "import fast\n", "fast.pyx": FAST}).module
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
def test_cython_that_is_not_built_is_found(tree, way):
    found: Loaded = tree(WAYS[way])
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
def test_cython_that_is_more_is_not_read(tree, case):
    with pytest.raises(NoPython):
        as_python(NO_PYTHON[case])
    found = tree({"net.py": "from fast import f\n", "fast.pyx": NO_PYTHON[case]})
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


def test_whole_numbers_of_c_divide_as_such_and_all_others_truly(tree):
    fast = tree({"net.py": "import fast\n", "fast.pyx": CYTHON}).module.fast
    assert (fast.half(7), fast.columns(np.ones(7)), fast.untyped(7), fast.scaled(7)) == (3, 3, 3.5, 3.5)
    assert fast.mean(np.array([1, 2])) == (1.5, 0.5)


def test_cython_may_ask_for_the_division_of_python_3(tree):
    files = {"net.py": "import fast\n", "fast.pyx": f"# cython: language_level=3\n{CYTHON}"}
    assert tree(files).module.fast.half(7) == 3.5


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
