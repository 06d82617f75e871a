"""LaTeX to MathML, with the symbols that stand for a name in the code marked."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup

from .refusal import Refusal

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
SIGNS = ("−", "-", "+", "±")
BARS = ("|", "‖", "∥")
# A formula of so many characters fits the narrowest column.
SHORT = 26
TOKEN = re.compile(r"\\(?:left|right)(?![a-zA-Z])\s*(?:\\[a-zA-Z]+|\\.|.)|\\[a-zA-Z]+|\\.|\S")
OPENS = {"{", "(", "[", r"\{", r"\begin", r"\lfloor", r"\lceil", r"\lVert", r"\langle"}, r"\left"
CLOSES = {"}", ")", "]", r"\}", r"\end", r"\rfloor", r"\rceil", r"\rVert", r"\rangle"}, r"\right"
RELATIONS = {"=", r"\approx", r"\leftarrow", r"\le", r"\ge"}


def formula(latex: str, signs: Mapping[str, str], display: bool = False, continued: bool = False) -> Markup:
    """A formula, or what continues one, as MathML; `signs` is mark to LaTeX."""
    tree = ElementTree.fromstring(_mathml(latex, "block" if display else "inline"))
    tree.set("alttext", latex)
    operator = tree.find("./mrow/mo[1]") if continued else None
    if operator is not None and operator.text in (*SIGNS, "="):
        operator.set("form", "infix")
    # The longest first: of y and y_i, y_i is the one that is meant where it stands.
    for mark, sign in sorted(signs.items(), key=lambda item: -len(item[1])):
        _mark(tree, mark, shape_of(sign))
    return Markup(ElementTree.tostring(tree, encoding="unicode"))


def apart(latex: str) -> list[str]:
    """The formulas that \\qquad sets side by side, so that a narrow column can put them one under the other."""
    pieces, start = [], 0
    for match in re.finditer(r"\\qquad", latex):
        if _depth(latex[start : match.start()]) == 0:
            pieces.append(latex[start : match.start()])
            start = match.end()
    return [piece.strip() for piece in (*pieces, latex[start:])]


def broken(latex: str) -> list[str]:
    """The parts of a long formula: it may go on in another line after a comma or, between commas that stand far from
    each other, before =, + and -; not in brackets.
    """
    if _short(latex):
        return [latex]
    clauses = _parts(latex, lambda before, _: before == ",")
    return [part for clause in clauses for part in ([clause] if _short(clause) else _parts(clause, _goes_on))]


def _short(latex: str) -> bool:
    return len(as_line(latex)) <= SHORT


def _goes_on(before: str, token: str) -> bool:
    sums = token in "+-" and before not in ("+", "-")
    return before not in RELATIONS and (sums or token in RELATIONS)


def _parts(latex: str, begins: Callable[[str, str], bool]) -> list[str]:
    """The pieces of a formula, each of which begins with a token as asked for, outside of brackets."""
    starts, depth, before = [0], 0, ""
    for match in TOKEN.finditer(latex):
        token = match[0]
        opens, closes = (token in each or token.startswith(word) for each, word in (OPENS, CLOSES))
        depth += 0 if token.endswith("arrow") else opens - closes
        if depth == 0 and before and begins(before, token):
            starts.append(match.start())
        before = token
    return [latex[start:end].strip() for start, end in pairwise([*starts, len(latex)])]


def as_line(latex: str) -> str:
    """The formula in a line of text; as it is where it does not convert, which the page that shows it says."""
    try:
        return " ".join(_line(ElementTree.fromstring(_mathml(latex, "inline"))).split())
    except Refusal:
        return latex


def _line(element: ElementTree.Element) -> str:
    parts = [_line(child) for child in element]
    text = (element.text or "").strip()
    if element.tag == "mfrac":
        return "/".join(map(_bracketed, parts))
    if element.tag == "msqrt":
        return "√" + _bracketed("".join(parts))
    if element.tag in ("msub", "msup") and parts[1] not in ("′", "″"):
        return parts[0] + {"msub": "_", "msup": "^"}[element.tag] + _bracketed(parts[1])
    if element.tag in ("mover", "munder"):
        return parts[0]
    if element.tag == "mo" and text in tuple("+−-=≈←↦·×"):
        return f" {text} "
    return text + "".join(parts) + (" " if element.tag in ("mspace", "mtd", "mtr") else "")


def _bracketed(text: str) -> str:
    return f"({text.strip()})" if " " in text.strip() else text.strip()


@cache
def _mathml(latex: str, display: str) -> str:
    """The MathML of a formula, without its namespace, which HTML does not need."""
    if _depth(latex) != 0:
        raise Refusal(f"a formula must convert to MathML; got {latex!r} (its braces do not match)")
    try:
        text = convert(latex, display=display)
        tree = ElementTree.fromstring(text)
    except Exception as error:  # latex2mathml raises many kinds, one for each thing that it cannot read
        raise Refusal(f"a formula must convert to MathML; got {latex!r} ({type(error).__name__})") from error
    unknown = re.search(r"\\[a-zA-Z]*", "".join(tree.itertext()))
    if unknown or not "".join(tree.itertext()).strip():
        raise Refusal(f"a formula must convert to MathML; got {latex!r}" + (f" ({unknown[0]})" if unknown else ""))
    # The overline is as wide as its letter in more fonts than the macron is.
    tree = ElementTree.fromstring(text.replace(f' xmlns="{NAMESPACE}"', "").replace("&#x000AF;", "‾"))
    _name(tree)
    _sign(tree)
    _space_names(tree)
    return ElementTree.tostring(tree, encoding="unicode")


def _name(element: ElementTree.Element) -> None:
    """max is a name as log is, and no operator: an operator would stand apart from its bracket."""
    for each in element.iter("mo"):
        if len(each.text or "") > 1 and (each.text or "").isalpha():
            each.tag = "mi"


def _sign(element: ElementTree.Element) -> None:
    """A minus that follows no value is a sign and stands close to what it changes; so do bars around a value."""
    before, opened = None, False
    for child in element:
        _sign(child)
        text = (child.text or "").strip() if child.tag == "mo" else ""
        if text in BARS:
            opened = not opened
            child.set("form", "prefix" if opened else "postfix")
        if text in SIGNS and not _is_value(before):
            child.set("form", "prefix")
        before = child


def _is_value(element: ElementTree.Element | None) -> bool:
    """Whether it can stand before a minus that subtracts: a letter, a number, or what closes a bracket."""
    if element is None or element.tag in ("mspace", "mtext"):
        return False
    text = (element.text or "").strip()
    return element.tag != "mo" or text in tuple(")]}⟩⌋⌉!") or (text in BARS and element.get("form") == "postfix")


def _space_names(element: ElementTree.Element) -> None:
    """A thin space between log and what stands beside it, as TeX sets it; operators bring their own."""
    spaced: list[ElementTree.Element] = []
    for child in element:
        _space_names(child)
        pair = (spaced[-1], child) if spaced else ()
        if any(_is_name(one) for one in pair) and not any(one.tag in ("mo", "mspace", "mtext") for one in pair):
            spaced.append(ElementTree.Element("mspace", width="0.167em"))
        spaced.append(child)
    if element.tag in ("math", "mrow", "mtd"):
        element[:] = spaced


def _is_name(element: ElementTree.Element) -> bool:
    """A name of several letters, such as log, or such a name with an index, such as max over j."""
    if element.tag in ("msub", "munder", "msup") and len(element):
        return _is_name(element[0])
    return element.tag == "mi" and len(element.text or "") > 1


def _depth(latex: str) -> int:
    """How many braces are left open; a brace that closes what is not open counts for ever."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return depth
    return depth


def shape_of(symbol: str) -> str:
    """What a symbol looks like as MathML: one element, in a form that can be compared."""
    row = ElementTree.fromstring(_mathml(symbol, "inline"))
    while row.tag in ("math", "mrow") and len(row) == 1:
        row = row[0]
    if row.tag in ("math", "mrow"):
        raise Refusal(f"a symbol must be one letter, with marks or indices; got {symbol!r}")
    return _canonical(row)


def _canonical(element: ElementTree.Element) -> str:
    while element.tag == "mrow" and len(element) == 1:
        element = element[0]
    inner = "".join(_canonical(child) for child in element)
    return f"<{element.tag}>{(element.text or '').strip()}{inner}</{element.tag}>"


def _mark(element: ElementTree.Element, mark: str, shape: str) -> None:
    if element.get("data-symbol"):
        return
    if element.tag not in ("math", "mrow") and _canonical(element) == shape:
        element.set("data-symbol", mark)
        return
    for child in element:
        _mark(child, mark, shape)
