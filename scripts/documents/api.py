"""A page for every module of the API: what its docstrings say, and its twin in the other package."""

import ast
from dataclasses import dataclass
from pathlib import Path

# What is no part of the API beside the ops: the command line.
NOT_SHOWN = ("cli",)
ORACLE = "reference.oracle"
SAYS = {
    "functional_nn": "In the examples ``jnp`` is ``jax.numpy``, what they call is imported from its module, and arrays"
    " are shown as after ``numpy.set_printoptions(precision=2, suppress=True)``.",
    "reference": "What an op takes, returns and refuses stands with its twin in :doc:`/api/functional_nn/index`.",
}


@dataclass(frozen=True)
class Module:
    """A module of the API, and the names that it shows, in their order."""

    name: str
    members: tuple[str, ...]

    @property
    def page(self) -> str:
        """Where its page stands, without its ending."""
        return f"api/{self.name.replace('.', '/')}"


def modules(root: Path) -> list[Module]:
    """Every module with a page, read from the files."""
    found = [
        Module(".".join((side, *file.relative_to(root / side).with_suffix("").parts)), _defined(file))
        for side in SAYS
        for folder in (root / side, root / side / "models")
        for file in sorted(folder.glob("[a-z]*.py"))
        if file.stem not in NOT_SHOWN
    ]
    return [*found, Module(ORACLE, _exported(root / "reference" / "oracle" / "__init__.py"))]


def _defined(file: Path) -> tuple[str, ...]:
    """The public functions and classes of a file."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return tuple(name for name in names if not name.startswith("_"))


def _exported(file: Path) -> tuple[str, ...]:
    """What stands in __all__, functions first, but for data, which is imported in capitals."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = [name for name in ast.literal_eval(node.value) if not name.isupper()]
            return tuple(sorted(names, key=lambda name: not name[0].islower()))
    raise ValueError(f"{file} must assign __all__")


def write(root: Path, into: Path) -> list[str]:
    """All pages of the API; their names, for the table of contents."""
    shown = modules(root)
    texts = {module.page: _page(root, module, shown) for module in shown}
    texts |= {f"api/{side}/index": _index(side, shown) for side in SAYS}
    for page, text in texts.items():
        file = into / f"{page}.rst"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return [*(f"api/{side}/index" for side in SAYS), f"api/{ORACLE.replace('.', '/')}"]


def _page(root: Path, module: Module, shown: list[Module]) -> str:
    options = [f"   :members: {', '.join(module.members)}", "   :undoc-members:"]
    options += ["   :imported-members:"] if module.name == ORACLE else []
    lines = [*_title(module.name), f".. automodule:: {module.name}", *options, "", *_beside(root, module, shown), ""]
    return "\n".join(lines)


def _beside(root: Path, module: Module, shown: list[Module]) -> list[str]:
    """Links to the twin and to the derivation."""
    side, _, rest = module.name.partition(".")
    twin = f"{'reference' if side == 'functional_nn' else 'functional_nn'}.{rest}"
    links = [f":doc:`{twin} </{other.page}>`" for other in shown if other.name == twin]
    family = "models" if rest.startswith("models.") else rest
    if (root / "docs" / "derivations" / f"{family}.md").is_file():
        links.append(f":doc:`its derivation </docs/derivations/{family}>`")
    return [".. seealso::", "", f"   {', '.join(links)}", ""] if links else []


def _index(side: str, shown: list[Module]) -> str:
    """The package, and under the name of each module a table of what it holds."""
    own = [module for module in shown if module.name.startswith(f"{side}.") and module.name != ORACLE]
    lines = [*_title(side), f".. automodule:: {side}", "   :no-members:", "", SAYS[side], "", ".. toctree::"]
    lines += ["   :hidden:", "", *(f"   {module.name.partition('.')[2]} </{module.page}>" for module in own), ""]
    for module in own:
        public = [name for name in module.members if not name.endswith(("_fwd", "_bwd"))]
        lines += [f".. rubric:: :doc:`/{module.page}`", "", ".. autosummary::", "   :nosignatures:", ""]
        lines += [*(f"   ~{module.name.partition('.')[2]}.{name}" for name in public), ""]
    return "\n".join(lines)


def _title(text: str) -> list[str]:
    shown = text.replace("_", "\\_")
    return [shown, "=" * len(shown), ""]
