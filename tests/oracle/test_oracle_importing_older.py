"""Files in Python 2 run as Python 2 runs them."""

import inspect
import tokenize

import pytest
from helpers.oracle_command import planted

from reference.oracle.command.importing.python_2 import as_python_3
from reference.oracle.command.importing.standins import used
from reference.oracle.command.walk import judgeable

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
def test_names_and_divisions_of_python_2_are_what_they_were(tree, case):
    text, value = VALUES[case]
    found = tree(f"{OWN}print 'old'\ndef get(): return {text}\n")
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


def test_a_division_into_a_variable_happens_once_and_in_place(tree):
    module = tree(INTO).module
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
def test_files_for_python_3_or_for_both_divide_truly(tree, case):
    assert tree({"net.py": FOR_BOTH[case] + HALF, "more.py": ""}).module.half(7) == 3.5


def test_a_neighbour_for_python_3_keeps_its_own_division(tree):
    files = {"net.py": "print 'old'\nfrom new import half\nown = 7 / 2\n", "new.py": f"name = f'{{3}}'\n{HALF}"}
    module = tree(files).module
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
def test_what_is_evidently_python_2_divides_as_it_does(tree, case):
    files, says = EVIDENT[case]
    found = tree(files)
    assert (found.module.half(6), found.module.half(7)) == (3, 3)
    assert found.notes == (f"{says}: the file is run as Python 2 runs it",)
    assert len(used()) == 1


def test_a_value_of_a_doubtful_division_is_not_there(tree):
    found = tree("def each(n): return xrange(n)\nquarter = 1 / 4\nhalf = 4 / 2\n")
    assert found.module.half == 2
    assert "line 2 was left out: ArithmeticError: line 2 of net.py divides whole numbers" in found.notes[1]


PACKAGE = {
    "mine/net.py": "print 'old'\nimport layers\nfrom layers import value\n",
    "mine/__init__.py": "from net import value\n",
    "mine/layers.py": "print 'old'\nvalue = 7\n",
    "layers.py": "value = 1\n",
}


def test_imports_of_python_2_find_the_packages_own_modules_first(tree):
    assert tree(PACKAGE).module.value == 7


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


def test_a_folder_finds_the_losses_of_python_2(tmp_path):
    file = planted(tmp_path, {"svm.py": "print 'svm'\ndef svm_loss(x, y):\n    return x - y, x\n", "more.py": HALF})
    assert judgeable(tmp_path)[0] == [file]
