"""What the judge knows of an op stands in the op's row: outside `specs/` no string is an op's name; and proof of it."""

import ast
from pathlib import Path

import pytest

from reference.oracle.specs import SPECS

ROOT = Path(__file__).resolve().parents[2] / "reference/oracle"
# Strings that are an op's name by chance, and what they name instead.
EXCUSED = {
    ("reading/filling.py", "relu"): "what somebody's constructor is told to use",
    ("reading/scenes.py", "attention"): "the inputs that a row's `scene` names",
    ("reading/scenes.py", "dense"): "the inputs that a row's `scene` names",
    ("reading/scenes.py", "embedding"): "the inputs that a row's `scene` names",
    ("reading/scenes_of_images.py", "conv"): "the inputs that a row's `scene` names",
    ("reading/vocabulary.py", "dropout"): "a name of the argument that is a rate",
    ("reading/vocabulary.py", "embedding"): "a word in the names of sizes",
    ("recording/frameworks/elementwise.py", "tanh"): "PyTorch's and JAX's function",
    ("recording/frameworks/elementwise.py", "sigmoid"): "PyTorch's and JAX's function",
    **{
        ("recording/frameworks/layers.py", name): "PyTorch's function, or a value of its argument"
        for name in ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "softplus", "huber_loss", "dropout", "glu")
    },
    ("recording/frameworks/layers.py", "binary_cross_entropy"): "PyTorch's function",
    ("recording/frameworks/layers.py", "embedding"): "PyTorch's function",
    ("recording/pointwise.py", "tanh"): "NumPy's function",
}
FILES = sorted(path for path in ROOT.rglob("*.py") if "specs" not in path.relative_to(ROOT).parts)


def op_names(source: str) -> dict[str, int]:
    """The strings of a file that are an op's name, with a line of each."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {node.value: node.lineno for node in nodes if isinstance(node.value, str) and node.value in SPECS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_rows_name_an_op(path: Path):
    file = str(path.relative_to(ROOT))
    found = op_names(path.read_text())
    named = [f"{file}:{line} names {name}" for name, line in found.items() if (file, name) not in EXCUSED]
    assert not named, f"{named}: what the judge knows of an op belongs into its row in specs/"


def test_a_name_is_seen():
    assert op_names('"""Of relu."""\nif op in ("relu", "other"):\n    pass') == {"relu": 2}


@pytest.mark.parametrize(("file", "name"), EXCUSED)
def test_every_excuse_is_needed(file: str, name: str):
    assert name in op_names((ROOT / file).read_text()), f"{file} no longer says {name!r}: take the excuse away"
