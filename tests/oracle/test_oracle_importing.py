"""A file is run as its author runs it: each way to lay out a project, and each thing that keeps it from importing."""

import dataclasses
import inspect
import json
import pickle
import sys

import pytest
from helpers.oracle_command import RELU, run_check, written

from reference.oracle.command.importing.standins import NotThere
from reference.oracle.reading.texts import NotPython

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


def test_a_module_with_nothing_in_it_stays_so(tree):
    assert tree({"empty.py": ""}).notes == ()
