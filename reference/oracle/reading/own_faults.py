"""What a backward raises on any inputs: it is not written yet, or it uses a name or an attribute that nothing sets."""

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType

from reference.oracle.reading.around import trees_around
from reference.oracle.reading.source import tree_of


def is_own(error: BaseException | None) -> bool:
    """Whether an error is the code's own, whatever it was given."""
    if isinstance(error, NotImplementedError):
        return True
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        frame = _last_frame(error)
        return frame is not None and not any(map(_is_lacking, _imported_whole(frame)))
    return isinstance(error, AttributeError) and _is_set_by_nothing(error.obj, error.name)


def _last_frame(error: BaseException) -> FrameType | None:
    traceback, frame = error.__traceback__, None
    while traceback is not None:
        traceback, frame = traceback.tb_next, traceback.tb_frame
    return frame


def _imported_whole(frame: FrameType) -> Iterator[str]:
    """The modules of which a file imports everything: they may have brought the name."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[frame.f_globals["__name__"]]))
    except (OSError, TypeError, KeyError, SyntaxError):
        yield ""
        return
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    yield from (node.module or "" for node in imports if any(alias.name == "*" for alias in node.names))


def _is_lacking(module: str) -> bool:
    """Whether a module was not found on this machine, so that nobody knows what it would have brought."""
    known = [held for name, held in sys.modules.items() if name == module or name.endswith(f".{module}")]
    return not any(isinstance(vars(held).get("__file__"), str) for held in known if isinstance(held, ModuleType))


def _is_set_by_nothing(owner: object, attribute: str | None) -> bool:
    """Whether no file of the same code sets this attribute of an object whose class has no way to make it up."""
    kind = type(owner)
    methods = filter(inspect.isroutine, vars(kind).values())
    if attribute is None or hasattr(kind, "__getattr__") or not any(map(tree_of, methods)):
        return False
    modules = (sys.modules.get(base.__module__) for base in kind.__mro__ if base is not object)
    files = {vars(module).get("__file__") for module in modules if module is not None}
    around = [trees_around(Path(file)) for file in files if file]
    trees = [tree for found in around for _, tree in found or ()]
    return None not in around and not any(_sets(node, attribute) for tree in trees for node in ast.walk(tree))


def _sets(node: ast.AST, attribute: str) -> bool:
    """Whether a piece of code sets this attribute of something, or one whose name it does not tell."""
    name = getattr(node, "attr", getattr(node, "id", None))
    stored = isinstance(getattr(node, "ctx", None), ast.Store) and name == attribute
    return stored or name in ("setattr", "__setattr__", "__dict__", "vars")
