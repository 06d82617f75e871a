"""A report as plain text: the sentence that matters first, then the figures, the reasons and the limits."""

from collections.abc import Iterable

from reference.oracle.rendering.columns import columns, filled, padded
from reference.oracle.rendering.language import Say, english
from reference.oracle.rendering.numbers import apart, number
from reference.oracle.report import Accuracy, ArgumentReport, Finding, Report

SAID = {"pass": "right", "fail": "WRONG", "cannot tell": "cannot tell"}
KINDS = {"best": "as accurate as can be", "right": "right", "less": "less accurate than plain", "wrong": "wrong"}
COLUMNS = ("argument", "verdict", "error", "noise floor", "wrong entries", "worst at", "got", "expected")


def render_text(report: Report, width: int = 80, say: Say = english) -> str:
    """The whole report in lines of at most `width` columns; the first says what matters most."""
    blocks = (
        wrapped(say(headline(report)), width, rest="  "),
        wrapped(by_line(circumstances(report), say), width),
        "\n".join(argument_table(report.arguments, width, say)),
        "\n\n".join(_finding(number, finding, width, say) for number, finding in enumerate(report.findings, 1)),
        _bullets("Against the reference in float64:", tuple(map(accurate, report.accuracy)), width, say),
        _bullets("Right, though it may look unusual:", report.acquittals, width, say),
        _bullets("What this check could not have noticed:", report.power, width, say),
    )
    return "\n\n".join(block for block in blocks if block)


def by_line(text: str, say: Say) -> str:
    """A text in another language, line by line."""
    return "\n".join(map(say, text.split("\n")))


def accurate(accuracy: Accuracy) -> str:
    """How accurate one array is, in a sentence."""
    both = f"{accuracy.ulp:.2g} ulp off, a plain computation {accuracy.plain_ulp:.2g} ulp"
    return f"{accuracy.name}: {KINDS[accuracy.kind]} ({both}: {accuracy.factor:.2g} times)."


def headline(report: Report) -> str:
    """One sentence: the verdict and its reason."""
    but = "right, but " if report.verdict == "pass" and any(found.strict for found in report.findings) else ""
    return f"{report.verdict}: {but}{_reason(report)}"


def _reason(report: Report) -> str:
    if report.findings:
        first, more = report.findings[0], len(report.findings) - 1
        line = f"; line {first.line}" if first.line else ""
        return first.message.rstrip(".") + line + (f" (and {more} more)" if more else "")
    verdicts = {name: [a.name for a in report.arguments if a.verdict == name] for name in SAID}
    if wrong := verdicts["fail"]:
        return f"{_gradients(wrong)} wrong, and no known mistake explains how"
    if unknown := verdicts["cannot tell"]:
        return f"{_gradients(unknown)} not tested by this input"
    if not verdicts["pass"]:
        return "there was nothing to judge" if report.verdict != "pass" else "nothing is wrong"
    return f"{_gradients(verdicts['pass'])} right"


def _gradients(names: list[str]) -> str:
    listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"the gradient of {listed} is" if len(names) == 1 else f"the gradients of {listed} are"


def circumstances(report: Report) -> str:
    """What was judged, as what, on which input, at what cost."""
    statics = ", ".join(f"{name}={value!r}" for name, value in report.statics.items())
    judged_as = f", judged as {report.op}" + (f" with {statics}" if statics else "") if report.op else ""
    cost = f"{report.forward_evaluations} forward and {report.backward_evaluations} backward calls"
    cost += f", {report.small_evaluations} more on a smaller input" if report.small_evaluations else ""
    lines = [f"{report.subject}{judged_as}; seed {report.seed}, mode {report.mode}, {cost}."]
    shapes = [
        f"{a.name} {shown_shape(a.shape)} {a.dtype or ''}".rstrip() for a in report.arguments if a.shape is not None
    ]
    if report.inputs:
        lines.append(f"Inputs: {report.inputs}.")
    if shapes:
        lines.append(f"Shapes: {', '.join(shapes)}.")
    return "\n".join(lines)


def shown_shape(shape: Iterable[int]) -> str:
    return str(tuple(int(size) for size in shape))


def argument_table(arguments: Iterable[ArgumentReport], width: int, say: Say = english) -> list[str]:
    """One row an argument; where the columns do not fit, a wrong entry moves to a line of its own."""
    arguments = tuple(arguments)
    rows = [argument_cells(argument, say) for argument in arguments]
    if not rows:
        return []
    head = tuple(map(say, COLUMNS))
    lines = _aligned([head, *rows])
    if max(map(columns, lines)) <= width:
        return lines
    lines = _aligned([row[:5] for row in (head, *rows)])
    right = say(SAID["pass"])
    worst = [
        wrapped(say(worst_entry(row)), width, first="    ", rest="    ") if row[5] and row[1] != right else ""
        for row in rows
    ]
    paired = zip(lines[1:], worst, strict=True)
    return [line for pair in [(lines[0], ""), *paired] for line in pair if line]


def argument_cells(argument: ArgumentReport, say: Say = english) -> tuple[str, ...]:
    """The cells of one row, in the order of COLUMNS."""
    error = f"{argument.ulp:.3g} ulp" if argument.ulp is not None else number(argument.max_error, digits=2)
    at = shown_index(argument.worst_index) if argument.worst_index is not None else ""
    right = argument.verdict == "pass" and not argument.strict
    values = (number(argument.got), number(argument.expected)) if right else apart(argument.got, argument.expected)
    return (
        argument.name,
        say(said_of(argument)),
        error,
        number(argument.noise_floor, digits=2),
        say(_wrong_entries(argument)),
        at,
        *(values if at else ("", "")),
    )


def said_of(argument: ArgumentReport) -> str:
    """The verdict on one argument in a word or two."""
    return "right, but" if argument.strict and argument.verdict != "cannot tell" else SAID[argument.verdict]


def _wrong_entries(argument: ArgumentReport) -> str:
    """How many entries are wrong; where none is in a gradient that is, its form must be."""
    if said_of(argument) == SAID["fail"] and not argument.wrong_entries:
        return "its form"
    return f"{argument.wrong_entries} of {argument.size}"


def worst_entry(row: tuple[str, ...]) -> str:
    """The last cells of a row as a sentence."""
    return f"worst at {row[5]}: got {row[6]}, expected {row[7]}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lefts = (0, 1, 5)
    return [
        "  ".join(padded(c, w, left=i in lefts) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def shown_index(index: tuple[int, ...] | None) -> str:
    """An index as it is written in code; the empty tuple is the one entry of a 0-d array."""
    return "" if index is None else "[" + (", ".join(str(int(i)) for i in index) or "()") + "]"


def _finding(place: int, finding: Finding, width: int, say: Say) -> str:
    colon = say(": ")
    return "\n".join(
        (
            wrapped(f"{place}. {say(finding.message)}", width, rest="   "),
            *(
                wrapped(f"{say(label)}{colon}{say(text)}", width, first="   ", rest="   ")
                for label, text in finding_lines(finding)
            ),
        )
    )


def finding_lines(finding: Finding) -> list[tuple[str, str]]:
    """The labelled lines under a finding's message; those with nothing to say are left out."""
    lines = (
        ("where", finding_place(finding)),
        ("off by", f"{number(finding.off, 2)} of the largest entry" if finding.argument and finding.off else ""),
        ("evidence", finding.evidence),
        ("repair", finding.fix),
        ("cause", f"{finding.cause} (the {finding.blame} is to blame)" if finding.blame else finding.cause),
    )
    return [(label, text) for label, text in lines if text]


def finding_place(finding: Finding) -> str:
    """The entry and the source line that a finding points to, as far as they are known."""
    entry = f"{finding.argument or 'out'}{shown_index(finding.index)}" if finding.index is not None else ""
    got, expected = apart(finding.got, finding.expected)
    values = (f": got {got}" + (f", expected {expected}" if expected else "")) if got else ""
    line = f"line {finding.line}" if finding.line else ""
    return ", ".join(part for part in (line, entry + values if entry else "") if part)


def _bullets(title: str, sentences: Iterable[str], width: int, say: Say) -> str:
    lines = [wrapped(f"- {say(sentence)}", width, rest="  ") for sentence in sentences]
    return "\n".join([say(title), *lines]) if lines else ""


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> str:
    """Text in lines of at most `width` columns; line breaks in it are kept."""
    lines = text.split("\n")
    indents = [first] + [rest] * (len(lines) - 1)
    return "\n".join(filled(line, width, indent, rest) for line, indent in zip(lines, indents, strict=True))
