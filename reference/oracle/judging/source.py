"""A submission's text, read and not run: calls that it makes by any name that the text shows."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reference.oracle.judging.breaches import Breach
from reference.oracle.judging.child import CLOSED
from reference.oracle.judging.inside.forbidden import holds, words

AUTOMATIC = (
    "torch.autograd.grad", "torch.autograd.backward", "torch.autograd.functional", "torch.func", "jax.grad", "jax.vjp",
    "jax.jvp", "jax.value_and_grad", "jax.linearize", "jax.jacrev", "jax.jacfwd", "autograd",
)  # fmt: skip
# What no kernel needs: who calls, what else lives in the process, who watches.
LOOKING = (
    "gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys._getframe", "sys._current_frames", "sys.setprofile",
    "sys.settrace", "inspect.stack", "inspect.currentframe", "sys.meta_path",
)  # fmt: skip


def readable(path: Path) -> str:
    """The text of a submission; a ValueError where there is none."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"the submission must be a file that can be read; got {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the submission must be a Python file; got {path}: it is no text in UTF-8") from error


def breaches(text: str, forbid: Sequence[str], by_hand: bool) -> Iterator[Breach]:
    """What the code that is used does, as far as the text shows it."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # which is said where it is run
    names = _names(tree)
    for node in _used(tree):
        called = _dotted(node, names)
        if called is None:
            continue
        line = getattr(node, "lineno", None)
        if called.partition(".")[0] in CLOSED or _begins(called, LOOKING):
            yield Breach("reads_the_judge", f"line {line} uses {called}", line)
        elif wanted := next((one for one in forbid if _is(called, one)), None):
            yield Breach("forbidden_call", f"line {line} uses {called}" + _of(wanted, called), line)
        elif by_hand and _begins(called, AUTOMATIC):
            yield Breach("not_by_hand", f"line {line} uses {called}", line)


def _of(wanted: str, called: str) -> str:
    return "" if wanted == called else f", which the task forbids as {wanted}"


def _is(called: str, wanted: str) -> bool:
    """The function itself, or another function of its package whose name says the same."""
    if called == wanted:
        return True
    same_package = called.partition(".")[0] == wanted.partition(".")[0]
    return same_package and holds(words(called), words(wanted))


def _begins(called: str, names: Sequence[str]) -> bool:
    return any(called == name or called.startswith(f"{name}.") for name in names)


def _names(tree: ast.Module) -> dict[str, str]:
    """What every imported name means, and every name that is another name for a dotted one."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and (meant := _chain(node.value, names)):
            names.setdefault(target.id, meant)
    return names


def _dotted(node: ast.AST, names: Mapping[str, str]) -> str | None:
    """The dotted name that a node uses or imports; the longest one only where attributes follow each other."""
    if isinstance(node, ast.Import):
        return next((alias.name for alias in node.names if alias.name.partition(".")[0] in CLOSED), None)
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return node.module if node.module.partition(".")[0] in CLOSED else None
    return _chain(node, names) if isinstance(node, ast.Attribute | ast.Name | ast.Call) else None


def _chain(node: ast.AST, names: Mapping[str, str]) -> str | None:
    """a.b.c, and getattr(a.b, "c"), where a is an imported name."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        before = _chain(node.value, names)
        return f"{before}.{node.attr}" if before else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        before = _chain(node.args[0], names) if node.args else None
        if before and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            return f"{before}.{node.args[1].value}"
    return None


def _used(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node of what runs at the top, and of the functions and classes that this names, and so on."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = {node.name: node for node in tree.body if isinstance(node, kinds)}
    apart = {name for name in defined if name.lower().startswith(("test", "main", "bench", "example", "demo"))}
    top = [node for node in tree.body if not isinstance(node, kinds) and not _is_main(node)]
    waiting: list[ast.AST] = [*top, *(node for name, node in defined.items() if name not in apart)]
    done: set[str] = set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            yield node
            name = node.id if isinstance(node, ast.Name) else None
            if name in apart and name not in done:
                done.add(name)
                waiting.append(defined[name])


def _is_main(node: ast.AST) -> bool:
    """What runs only where the file is started as a program: an author's own test."""
    return isinstance(node, ast.If) and ast.unparse(node.test).replace("'", '"') == '__name__ == "__main__"'
