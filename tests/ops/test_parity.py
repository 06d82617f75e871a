"""Twins have the same files, names, order, parameters, defaults and first sentences; and proof that it is seen.

What a function takes, returns and refuses stands once, in functional_nn; how it is derived, in the reference.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE_SIDED = {"functional_nn": {"cli"}, "reference": {"optimizers", "training"}}
# Central differences take a step; automatic differentiation has none.
NUMERICAL = ["h=0.0001"]


def op_files(side: str) -> list[str]:
    found = {path.stem for path in (ROOT / side).glob("[a-z]*.py")}
    return sorted(found - ONE_SIDED[side])


def public_functions(source: str, *, triples: bool) -> list[ast.FunctionDef]:
    """The public functions in order; on the reference's side without the _fwd and _bwd of each triple."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    public = [function for function in functions if not function.name.startswith("_")]
    return [function for function in public if not (triples and function.name.endswith(("_fwd", "_bwd")))]


def parameters(function: ast.FunctionDef) -> list[str]:
    """Each parameter as text without its annotation, keyword-only ones after a star."""
    arguments = function.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    return ast.unparse(arguments).split(", ")


def without_step(listed: list[str]) -> list[str]:
    """The parameters without the step of numerical differentiation, and without a star that then ends the list."""
    kept = [parameter for parameter in listed if parameter not in NUMERICAL]
    return kept[:-1] if kept[-1:] == ["*"] else kept


def differences(functional: str, reference: str) -> list[str]:
    """What one twin's source has and the other's lacks, by name."""
    left, right = public_functions(functional, triples=False), public_functions(reference, triples=True)
    names = [function.name for function in left], [function.name for function in right]
    if set(names[0]) != set(names[1]):
        return [f"only one twin has {sorted(set(names[0]) ^ set(names[1]))}"]
    if names[0] != names[1]:
        return [f"the order differs: {names[0]} against {names[1]}"]
    found = []
    for a, b in zip(left, right, strict=True):
        if parameters(a) != without_step(parameters(b)):
            found.append(f"{a.name}: parameters {parameters(a)} against {parameters(b)}")
        sentences = [(ast.get_docstring(f) or "").partition("\n")[0] for f in (a, b)]
        if sentences[0] != sentences[1] or not sentences[0]:
            found.append(f"{a.name}: first sentences {sentences}")
    return found


def test_both_packages_have_the_same_op_files():
    assert op_files("functional_nn") == op_files("reference")


@pytest.mark.parametrize("file", op_files("functional_nn"))
def test_twins_are_declared_alike(file: str):
    sources = [(ROOT / side / f"{file}.py").read_text() for side in ("functional_nn", "reference")]
    found = differences(*sources)
    assert not found, f"{file}.py: " + "; ".join(found)


@pytest.mark.parametrize("file", sorted(set(op_files("reference")) - {"calculus"}))
def test_every_reference_op_is_a_triple_in_order(file: str):
    tree = ast.parse((ROOT / "reference" / f"{file}.py").read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    public = [name for name in names if not name.startswith("_") and not name.endswith(("_fwd", "_bwd", "_mask"))]
    for name in public:
        following = [other for other in names[names.index(name) :] if not other.startswith("_")][:3]
        assert following == [name, f"{name}_fwd", f"{name}_bwd"], f"{file}.py: after {name} stand {following[1:]}"


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
def test_the_package_re_exports_its_ops_and_nothing_else(side: str):
    exported = ast.literal_eval(_assigned(ROOT / side / "__init__.py", "__all__"))
    defined = [
        function.name
        for file in op_files(side)
        for function in public_functions((ROOT / side / f"{file}.py").read_text(), triples=side == "reference")
    ]
    assert sorted(exported) == sorted(defined)


def _assigned(path: Path, name: str) -> ast.expr:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return node.value
    raise AssertionError(f"{path} assigns no {name}")


def repeated(functional: str, reference: str) -> list[str]:
    """What both twins' docstrings say word for word, but for the first sentence; and what either lacks."""
    found = []
    pairs = zip(public_functions(functional, triples=False), public_functions(reference, triples=True), strict=True)
    for contract, derivation in ((ast.get_docstring(a) or "", ast.get_docstring(b) or "") for a, b in pairs):
        lines = [set(doc.split("\n")[1:]) - {""} for doc in (contract, derivation)]
        found += [f"in both: {line}" for line in sorted(lines[0] & lines[1])]
        found += [f"the contract lacks {part}" for part in ("Args:", "Returns:", "References:") if part not in contract]
        found += ["the derivation has no link"] if "docs/derivations/" not in derivation else []
    return found


@pytest.mark.parametrize("file", op_files("functional_nn"))
def test_nothing_is_said_twice(file: str):
    found = repeated(*((ROOT / side / f"{file}.py").read_text() for side in ("functional_nn", "reference")))
    assert not found, f"{file}.py: " + "; ".join(found)


@pytest.mark.parametrize("file", sorted(set(op_files("reference")) - {"calculus"}))
def test_every_triple_names_its_residuals(file: str):
    functions = public_functions((ROOT / "reference" / f"{file}.py").read_text(), triples=True)
    silent = [f.name for f in functions if "Residuals: " not in (ast.get_docstring(f) or "")]
    assert not [name for name in silent if not name.endswith("_mask")], f"{file}.py: {silent}"


TWIN = 'def f(x, *, axis=-1):\n    """One sentence."""\n\n\ndef g(x):\n    """Another."""\n'


def test_equal_twins_have_no_differences():
    assert differences(TWIN, TWIN + "\n\ndef g_fwd(x): ...\n\n\ndef g_bwd(residuals, cotangent): ...\n") == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def g", "def h", "only one twin has ['g', 'h']"),
        ("axis=-1", "axis=0", "axis=0"),
        ("(x, *, axis=-1)", "(x, axis=-1)", "parameters"),
        ("(x, *, axis=-1)", "(x, *, axis=-1, h=0.1)", "h=0.1"),
        ("def f(x,", "def f(y,", "'y'"),
        ("One sentence", "A sentence", "first sentences"),
        ('"""Another."""', "pass", "first sentences"),
    ],
)
def test_a_difference_is_seen(old: str, new: str, says: str):
    found = "; ".join(differences(TWIN, TWIN.replace(old, new)))
    assert says in found


def test_a_repetition_is_seen():
    contract = 'def f(x):\n    """One sentence.\n\n    Args: x. Returns: x.\n    References: none.\n    """\n'
    derivation = 'def f(x):\n    """One sentence.\n\n    y = x. Derivation: docs/derivations/linear.md.\n    """\n'
    assert repeated(contract, derivation) == []
    assert repeated(contract, contract) == [
        "in both: Args: x. Returns: x.",
        "in both: References: none.",
        "the derivation has no link",
    ]
    assert repeated(derivation, derivation)[1] == "the contract lacks Args:"


def test_a_difference_of_order_is_seen():
    swapped = TWIN.split("\n\n\n")[1] + "\n\n" + TWIN.split("\n\n\n")[0]
    assert "order differs" in differences(TWIN, swapped)[0]
