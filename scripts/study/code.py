"""Python as HTML: a line a block, names that stand for a symbol marked, shapes at the line ends."""

from collections.abc import Iterator, Mapping

from markupsafe import Markup, escape
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES, Token, _TokenType

# Of Pygments' classes, those that the style sheet colours.
COLOURED = ("k", "nf", "nc", "nd", "nb", "s", "m", "c")
LONG_WORD = 34  # characters without a space: such a line may also break behind a bracket
_lexer = PythonLexer(stripnl=False, ensurenl=False)


def code_lines(code: str, marks: Mapping[str, str], shapes: Mapping[int, str] | None = None) -> Markup:
    """The lines of some code; `marks` is name to mark, `shapes` what stands at the end of line n (from 0)."""
    ends = shapes or {}
    lines = [_line(number, tokens, marks, ends.get(number, "")) for number, tokens in enumerate(_tokens_by_line(code))]
    return Markup("").join(lines)


def _tokens_by_line(code: str) -> Iterator[list[tuple[_TokenType, str]]]:
    line: list[tuple[_TokenType, str]] = []
    for kind, text in _lexer.get_tokens(code):
        first, *rest = text.split("\n")
        line.append((kind, first))
        for part in rest:
            yield line
            line = [(kind, part)]
    yield line


def _line(number: int, tokens: list[tuple[_TokenType, str]], marks: Mapping[str, str], shape: str) -> Markup:
    text = "".join(text for _, text in tokens)
    indent = len(text) - len(text.lstrip())
    body = Markup("").join(_token(kind, part, marks) for kind, part in _without(indent, tokens))
    if max(map(len, text.split()), default=0) > LONG_WORD:
        body = Markup(str(body).replace("(", "(<wbr>"))
    if indent:
        body = Markup('<span class="indent">{}</span>{}').format(" " * indent, body)
    comment = Markup('<span class="shape">  # {}</span>').format(shape) if shape else ""
    return Markup('<span class="line" style="--indent:{}">{}{}\n</span>').format(indent, body, comment)


def _without(count: int, tokens: list[tuple[_TokenType, str]]) -> Iterator[tuple[_TokenType, str]]:
    """The tokens of a line, less its first characters, which are space."""
    for kind, text in tokens:
        if text[count:]:
            yield kind, text[count:]
        count = max(count - len(text), 0)


def _token(kind: _TokenType, text: str, marks: Mapping[str, str]) -> Markup:
    if kind in Token.Name and text in marks:
        return Markup('<span data-symbol="{}">{}</span>').format(marks[text], text)
    short = STANDARD_TYPES.get(kind, "")
    name = next((known for known in COLOURED if short.startswith(known)), "")
    return Markup('<span class="{}">{}</span>').format(name, text) if name else escape(text)
