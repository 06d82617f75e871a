"""The layers of docs/architecture.md, held by reading every import statement; and proof that a breach is seen."""

import ast
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def in_oracle(*files: str) -> tuple[str, ...]:
    return tuple(f"reference/oracle/{file}.py" for file in files)


# The places of `functional_nn/training/`, in the order in which a run needs them.
STORY = ("endings", "choices/*", "machine/*", "data/*", "step/*", "setup", "kept/*", "report/*", "run/*", "finished/*")
# From left to right: a module imports what stands left of it, or beside it in its own layer without a cycle.
LAYERS = {
    "functional_nn": (
        ("functional_nn/_*.py", "functional_nn/cpu/*.py", "functional_nn/gpu/*.py"),
        ("functional_nn/[a-z]*.py",),
        ("functional_nn/models/*.py",),
        ("functional_nn/training/*.py",),
        *((f"functional_nn/training/{place}.py",) for place in STORY),
        ("functional_nn/experiments/*.py",),
        ("functional_nn/cli.py", "functional_nn/__init__.py"),
    ),
    "reference": (
        ("reference/_*.py",),
        ("reference/[a-z]*.py",),
        ("reference/models/*.py",),
        ("reference/training.py", *in_oracle("causes", "report", "drawn", "opspec", "rendering/*")),
        in_oracle("subjects/*", "specs/*", "recording/*"),
        in_oracle("numerics/*"),
        in_oracle("questions/*"),
        in_oracle("evidence/*"),
        in_oracle("recognition/*"),
        in_oracle("diagnosis/*"),
        in_oracle("explain", "accuracy/*", "judgment", "check", "examples", "verdicts", "optimizers/*", "recorder/*"),
        in_oracle("sweep/*"),
        ("reference/oracle/__init__.py", "reference/__init__.py"),
        # How somebody's code is called is found out by trying, with the oracle as everybody uses it.
        ("reference/oracle/reading/*.py",),
        # The ways in that use the oracle as everybody does: the command line and the pytest fixture.
        ("reference/oracle/command/*.py", "reference/oracle/judging/*.py", "reference/oracle/pytest_plugin.py"),
    ),
}
# What a side may import besides itself: `reference` lives on NumPy and the standard library.
OUTSIDE = {
    "functional_nn": {
        "jax",
        "jaxlib",
        "numpy",
        "optax",
        "matplotlib",
        "PIL",
        "orbax",
        "pooch",
        "rich",
        "safetensors",
        "tensorboardX",
        "sklearn",
        "tyro",
    },
    "reference": {"numpy"},
}
# Imported only inside the functions that need them, by people who have them.
OPTIONAL = {
    "reference/oracle/": {"jax", "torch", "rich"},
}
# pytest imports this one itself.
PLUGIN = {"reference/oracle/pytest_plugin.py": {"pytest"}}


def imports(source: str, package: str) -> list[tuple[int, str, bool]]:
    """Line, dotted name, and whether the import stands inside a function (so that it runs only when called)."""
    found = []
    tree = ast.parse(source)
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f) if n is not f}
    typing = {
        id(n)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for n in ast.walk(block)
    }
    for node in ast.walk(tree):
        lazy = id(node) in inside or id(node) in typing
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = package.split(".")[: package.count(".") + 2 - node.level]
                base = ".".join([*kept, base]).rstrip(".")
            found += [(node.lineno, f"{base}.{alias.name}", lazy) for alias in node.names]
    return found


def layer(path: str) -> int:
    """The place of a file in its column: of all that fit, the pattern of the innermost folder decides, or the last."""
    column = LAYERS[path.split("/")[0]]
    fits = [(each.count("/"), i) for i, patterns in enumerate(column) for each in patterns if fnmatch(path, each)]
    assert fits, f"{path} stands in no layer: add it to LAYERS"
    return max(fits)[1]


def module_file(name: str, files: set[str]) -> str | None:
    """The file that a dotted name (a module, or a thing in one) comes from."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        stem = "/".join(parts[:end])
        for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
            if candidate in files:
                return candidate
    return None


def breaches(path: str, source: str, files: set[str]) -> list[str]:
    """Every import of a file that goes against the layers, by name and line."""
    side = path.split("/")[0]
    optional = next((names for place, names in OPTIONAL.items() if path.startswith(place)), set())
    package = ".".join(Path(path).parent.parts)
    wrong = []
    for line, name, lazy in imports(source, package):
        root = name.split(".")[0]
        if root == side:
            target = module_file(name, files)
            if target is None or (layer(target) > layer(path) and not lazy):
                wrong.append(f"{path}:{line} imports {name}, which does not stand left of it")
        elif (
            root in sys.stdlib_module_names
            or root in OUTSIDE[side] | PLUGIN.get(path, set())
            or (lazy and root in optional)
        ):
            continue
        else:
            wrong.append(f"{path}:{line} imports {name}, which {side} may not")
    return wrong


def source_files(side: str) -> list[Path]:
    return sorted((ROOT / side).rglob("*.py"))


FILES = {str(path.relative_to(ROOT)) for side in LAYERS for path in source_files(side)}


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_file_imports_only_what_stands_left_of_it(path: str):
    wrong = breaches(path, (ROOT / path).read_text(), FILES)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("functional_nn/activations.py", "import reference"),
        ("functional_nn/activations.py", "def f():\n    from reference.losses import x"),
        ("functional_nn/activations.py", "from functional_nn.models import mlp"),
        ("functional_nn/models/mlp.py", "from functional_nn.training.run import loop"),
        ("functional_nn/training/data/idx.py", "from functional_nn.training.run.loop import train"),
        ("functional_nn/activations.py", "import torch"),
        ("reference/activations.py", "import jax.numpy as jnp"),
        ("reference/activations.py", "from functional_nn import sigmoid"),
        ("reference/activations.py", "import scipy.special"),
        ("reference/activations.py", "from reference.models.mlp import apply"),
        ("reference/activations.py", "from .oracle import check"),
        ("reference/models/mlp.py", "import reference.oracle"),
        ("reference/oracle/subjects/subject.py", "import torch"),
    ],
)
def test_a_breach_is_seen(path: str, source: str):
    assert breaches(path, source, FILES), f"{source!r} in {path} was not seen"


def _cycle(graph: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            done.add(node)
            for target in sorted(graph[node]):
                if found := visit(target, [*path, node]):
                    return found
        return None

    for node in sorted(graph):
        if found := visit(node, []):
            return found
    return None


def import_graph() -> dict[str, set[str]]:
    graph = {}
    for path in FILES:
        package = ".".join(Path(path).parent.parts)
        names = [name for _, name, lazy in imports((ROOT / path).read_text(), package) if not lazy]
        targets = {module_file(name, FILES) for name in names if name.split(".")[0] in LAYERS}
        graph[path] = {target for target in targets if target and target != path}
    return graph


def test_no_import_cycle():
    found = _cycle(import_graph())
    assert not found, " -> ".join(found or [])


def test_a_cycle_is_seen():
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]


# The other column named as text, and found only when somebody asks: the whole list.
BY_NAME = {
    "functional_nn/cli.py": "reference.oracle.command.cli",
    "functional_nn/_twin.py": "reference.models",
    "reference/oracle/opspec.py": "functional_nn",
}


@pytest.mark.parametrize("path", sorted(FILES))
def test_only_the_listed_files_name_the_other_column(path: str):
    other = "reference." if path.startswith("functional_nn") else "functional_nn."
    tree = ast.parse((ROOT / path).read_text())
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
    ]
    named = [text for text in texts if text.startswith(other)]
    assert not named or path in BY_NAME, f"{path} names the other column: {named}"
