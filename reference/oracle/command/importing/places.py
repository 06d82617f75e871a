"""Where a file stands: the root of its repository, its package, and the folders that its imports are found in."""

import ast
import importlib.machinery
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VERSION_CONTROL = (".git", ".hg", ".svn")
MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "environment.yml", "LICENSE*", "README*")
LEVELS = 10
ENVIRONMENTS = {"node_modules", "site-packages", "dist-packages", "venv", "env", "virtualenv", "build", "dist"}
# What the judge and the packages that it uses import, at any time: no file of a learner's stands in for these.
PROTECTED = sys.stdlib_module_names | {
    "functional_nn", "jax", "jaxlib", "matplotlib", "numpy", "reference", "rich", "scipy", "torch"
}  # fmt: skip


class Package(NamedTuple):
    """The parts of the dotted name of a file's module, and the folder of its outermost package."""

    parts: tuple[str, ...]
    top: Path


class Import(NamedTuple):
    """An absolute import: the module, and the names that are taken from it."""

    module: str
    names: tuple[str, ...]


def root_of(path: Path) -> Path:
    """The root of the repository: by version control, else the outermost near folder that looks like a project."""
    above = [folder for folder in list(path.parents)[:LEVELS] if folder not in (Path.home(), Path(path.anchor))]
    for folder in above:
        if any((folder / name).exists() for name in VERSION_CONTROL):
            return folder
    projects = [folder for folder in above if _is_project(folder)]
    return projects[-1] if projects else _outermost_package(path).parent


def _is_project(folder: Path) -> bool:
    return any(next(folder.glob(marker), None) for marker in MARKERS)


def _outermost_package(path: Path) -> Path:
    """The file's folder, or the outermost folder around it that is a package."""
    folder = path.parent
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


def is_ours(path: Path, root: Path) -> bool:
    """Whether a file belongs to the repository and not to an environment inside it."""
    return path.is_relative_to(root) and not any(
        part in ENVIRONMENTS or part.startswith(".") for part in path.relative_to(root).parts
    )


def package_of(path: Path, tree: ast.AST, homes: dict[str, Path]) -> Package | None:
    """The package that the file belongs to, as its imports say; None for a script."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder, level = path.parent, _level(tree)
    siblings = any(home == path.parent for home in homes.values())
    if not level and siblings and path.stem != "__init__":
        return None
    while (folder / "__init__.py").exists() or len(parts) < level + (path.stem != "__init__"):
        parts, folder = [folder.name, *parts], folder.parent
        if folder == folder.parent:
            break
    if len(parts) > (path.stem != "__init__"):
        return Package(tuple(parts), folder / parts[0])
    for top, home in homes.items():
        if path.is_relative_to(home / top):
            return Package(path.relative_to(home).with_suffix("").parts, home / top)
    return None


def _level(tree: ast.AST) -> int:
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def absolute_imports(tree: ast.AST) -> Iterator[Import]:
    """Every absolute import in the text, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield Import(node.module, tuple(alias.name for alias in node.names))


def homes_of(path: Path, tree: ast.AST, root: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """The folder that holds each module which the file imports from its repository; and why for some it is unclear."""
    homes: dict[str, Path] = {}
    unclear: dict[str, str] = {}
    wanted = sorted(set(absolute_imports(tree)), key=lambda found: -found.module.count("."))
    for module, _ in wanted:
        top = module.split(".")[0]
        if top in PROTECTED or top in homes:
            continue
        found = list(dict.fromkeys(_holding(path, module, root) or _holding(path, top, root)))
        if len(found) == 1 and not (_installed(top) and _gives_way(found[0], top)):
            homes[top] = found[0]
        elif len(found) > 1:
            listed = " and ".join(str(folder.relative_to(root)) for folder in found[:2])
            unclear[top] = f"several folders hold a module {module} ({listed})"
    return homes, unclear


def _holding(path: Path, module: str, root: Path) -> list[Path]:
    """The nearest folder on the way to the root that holds the module; else the folders beside that way which do."""
    way = [folder for folder in path.parents if folder.is_relative_to(root)]
    if nearest := next((folder for folder in way if _holds(folder, module)), None):
        return [nearest]
    for folder in way:
        if beside := [inner for inner in _folders(folder) if _holds(inner, module)]:
            return beside
    return []


def _folders(folder: Path) -> list[Path]:
    inner = (entry for entry in folder.iterdir() if entry.name not in ENVIRONMENTS and entry.name[0] not in "._")
    return sorted(entry for entry in inner if entry.is_dir())


def _holds(folder: Path, module: str) -> bool:
    place = folder.joinpath(*module.split("."))
    return (
        any(place.with_name(place.name + suffix).is_file() for suffix in (".py", ".pyx"))
        or (place / "__init__.py").is_file()
        or any(place.with_name(place.name + suffix).is_file() for suffix in importlib.machinery.EXTENSION_SUFFIXES)
        or _is_namespace(place)
    )


def _is_namespace(place: Path) -> bool:
    return (
        place.is_dir()
        and not (place / "__init__.py").is_file()
        and any(next(place.glob(pattern), None) for pattern in ("*.py", "*/*.py"))
    )


def _gives_way(home: Path, top: str) -> bool:
    """Whether an installed package of this name goes first: before a bare folder, and before a member of a package."""
    return _is_namespace(home / top) or (home / "__init__.py").exists()


def _installed(name: str) -> bool:
    try:
        return importlib.machinery.PathFinder.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def safe_name(name: str) -> str:
    """A name that takes no other module's place."""
    cleaned = re.sub(r"\W", "_", name)
    return f"{cleaned}_" if cleaned in PROTECTED or cleaned in sys.modules else cleaned
