"""A module in Cython that nobody has built, read as Python where that is what it is but for types."""

import ast
import builtins
import re
import tokenize
from collections.abc import Iterator, Sequence
from tokenize import TokenInfo

from reference.oracle.command.importing.python_2 import as_python_3
from reference.oracle.command.importing.tokens import Edit, between, closing, edited, split, statements

DEFINING = {"cdef", "cpdef", "def"}
WHOLE = {"Py_ssize_t", "bint", "char", "int", "long", "short", "signed", "size_t", "ssize_t", "unsigned"}
NO_PYTHON = {":", "class", "enum", "extern", "packed", "struct", "union"}
DIVIDES_TRULY = re.compile(r"#\s*cython:.*language_level\s*=\s*3|from\s+__future__\s+import.*\bdivision\b")


class NoPython(Exception):
    """More than types sets the text apart from Python."""


def as_python(text: str) -> str:
    """The text without types and C declarations, line by line.

    Raises:
        NoPython: there is more to it: structs, pointers, casts, C functions of elsewhere.
    """
    try:
        python = as_python_3(edited(text, _edits(text)))
        tree = ast.parse(python)
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        raise NoPython(str(error)) from error
    if unknown := _unknown(tree):
        raise NoPython(f"{min(unknown)} is no name of Python")
    return python


def whole_names(text: str) -> frozenset[str]:
    """The names that are whole numbers of C wherever they are declared; none where the text asks for true division."""
    declared: dict[bool, set[str]] = {True: set(), False: set()}
    for name, types in (found for tokens in statements(text) for found in _types(tokens)):
        declared[bool(types) and types <= WHOLE].add(name)
    return frozenset() if DIVIDES_TRULY.search(text) else frozenset(declared[True] - declared[False])


def _types(tokens: list[TokenInfo]) -> Iterator[tuple[str, set[str]]]:
    """Every name that is declared in a definition, with the words of its type."""
    if tokens[0].string not in DEFINING:
        return
    if tokens[-1].string == ":":
        opening = [token.string for token in tokens].index("(")
        arguments = split(tokens[opening + 1 : closing(tokens, opening)])
        targets = [split(argument, "=")[0] for argument in arguments if argument]
        yield from ((target[-1].string, {token.string for token in target[:-1]}) for target in targets)
    else:
        targets = [split(part, "=")[0] for part in split(tokens[1:])]
        types = {token.string for token in targets[0][:-1]}
        yield from ((target[-1].string, types) for target in targets)


def _unknown(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    known = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins)) | {"xrange"}
    known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    known |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    known |= {alias.asname or alias.name.split(".")[0] for node in nodes for alias in getattr(node, "names", [])
              if isinstance(alias, ast.alias)}  # fmt: skip
    return {node.id for node in names} - known


def _edits(text: str) -> Iterator[Edit]:
    block = None  # the column of a fused type, whose members stand further in
    for tokens in statements(text):
        begin, column = tokens[0].start, tokens[0].start[1]
        block = None if block is not None and column <= block else block
        words = [token.string for token in tokens]
        if words[:2] == ["ctypedef", "fused"]:
            block = column
            yield Edit(begin, tokens[-1].end, "if True:")
        elif block is not None or words[0] in ("ctypedef", "cimport") or words[:2] == ["import", "cython"]:
            yield Edit(begin, tokens[-1].end, "pass")
        elif words[:2] == ["@", "cython"]:
            yield Edit(begin, tokens[-1].end)
        elif words[0] == "from" and "cimport" in words:
            yield Edit(begin, tokens[-1].end, _of_c(words))
        elif words == ["with", "nogil", ":"]:
            yield Edit(begin, tokens[-1].end, "if True:")
        elif words[0] in DEFINING:
            yield from _definition(text, tokens)


def _of_c(words: Sequence[str]) -> str:
    """The mathematics of C is that of Python; other headers bring types."""
    after = words[words.index("cimport") + 1 :]
    return f"from math import {' '.join(after)}" if words[1:4] == ["libc", ".", "math"] else "pass"


def _definition(text: str, tokens: list[TokenInfo]) -> Iterator[Edit]:
    if len(tokens) < 2 or tokens[1].string in NO_PYTHON:
        raise NoPython(f"line {tokens[0].start[0]} defines what Python has not")
    if tokens[-1].string == ":":
        yield from _function(tokens)
    else:
        values = [_declared(text, part, not index) for index, part in enumerate(split(tokens[1:]))]
        yield Edit(tokens[0].start, tokens[-1].end, "; ".join(filter(None, values)) or "pass")


def _declared(text: str, part: list[TokenInfo], first: bool) -> str:
    """`name = value` of `int name = value`, and nothing of a name alone; the types stand before the first name."""
    target, *value = split(part, "=")
    name = _name(target, typed=first)
    return between(text, name.start, part[-1].end) if value else ""


def _function(tokens: list[TokenInfo]) -> Iterator[Edit]:
    opening = next((index for index, token in enumerate(tokens) if token.string == "("), 0)
    if not opening:
        raise NoPython(f"line {tokens[0].start[0]} defines what Python has not")
    end = closing(tokens, opening)
    yield Edit(tokens[0].start, tokens[opening - 1].start, "def ")
    for argument in split(tokens[opening + 1 : end]):
        if argument and argument[0].string not in ("*", "**"):
            yield from _untyped(split(argument, "=")[0])
    yield Edit(tokens[end].end, tokens[-1].start)


def _untyped(argument: list[TokenInfo]) -> Iterator[Edit]:
    if [token.string for token in argument[-2:]] in (["not", "None"], ["or", "None"]):
        yield Edit(argument[-2].start, argument[-1].end)
        argument = argument[:-2]
    yield Edit(argument[0].start, _name(argument).start)


def _name(tokens: list[TokenInfo], typed: bool = False) -> TokenInfo:
    """The name that a declaration ends in; before it stand words, dots and brackets, or it is of C's own kind."""
    outside = _outside(tokens)
    plain = all(token.type == tokenize.NAME or token.string == "." for token in outside)
    if not plain or not outside or outside[-1] is not tokens[-1] or (typed and len(outside) < 2):
        raise NoPython("a type is no plain one")
    return tokens[-1]


def _outside(tokens: list[TokenInfo]) -> list[TokenInfo]:
    """The tokens that stand in no square brackets."""
    outside, index = [], 0
    while index < len(tokens):
        if tokens[index].string == "[":
            index = closing(tokens, index)
        else:
            outside.append(tokens[index])
        index += 1
    return outside
