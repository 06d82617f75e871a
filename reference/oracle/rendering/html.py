"""A report as one HTML page: no script, no font, no network; light or dark as the reader's system is."""

from collections.abc import Iterable
from html import escape

from reference.oracle.rendering.heatmap import heatmap
from reference.oracle.rendering.language import Say, english, saying
from reference.oracle.rendering.text import (
    COLUMNS,
    argument_cells,
    by_line,
    circumstances,
    finding_lines,
    headline,
)
from reference.oracle.report import ArgumentReport, Finding, Report

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1c; --page: #fdfdfb; --soft: #6a6a66; --line: #d9d9d2; --good: #e4e9e4;
  --bad: #b3261e; --pass: #1d6b35; --unknown: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e1; --page: #171816; --soft: #a3a39c; --line: #3b3c38;
  --good: #2b322c; --bad: #ff8a7d; --pass: #83d39a; --unknown: #f0be66; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.35rem; line-height: 1.35; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
.verdict { font-weight: 700; } .pass { color: var(--pass); } .fail { color: var(--bad); }
.cannot { color: var(--unknown); }
.soft, figcaption, .legend { color: var(--soft); font-size: .9rem; white-space: pre-line; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; } th { color: var(--soft); font-weight: 500; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .3rem 0 0 1.4rem; }
dt { color: var(--soft); } dd { margin: 0; } ol { padding-left: 1.4rem; } ol > li::marker { font-weight: 600; }
ol > li + li { margin-top: .6rem; }
.panels { display: flex; flex-wrap: wrap; gap: .6rem 1rem; } figure { margin: 0; }
rect.good { fill: var(--good); } rect.bad { fill: var(--bad); }
section + section { margin-top: 3.5rem; } .name { font-family: ui-monospace, monospace; margin: 0 0 .2rem; }
"""
PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body>{body}</body></html>
"""


def render_html(report: Report, language: str = "en") -> str:
    """The report as a page of its own."""
    say = saying(language)
    return html_page(say(headline(report)), [report_section(report, say)], language)


def html_page(title: str, sections: Iterable[str], language: str = "en") -> str:
    """Several reports' sections as one page."""
    return PAGE.format(title=escape(title), style=STYLE, body="".join(sections), language=language)


def report_section(report: Report, say: Say = english) -> str:
    """One report, without the page around it."""
    verdict, _, reason = headline(report).partition(": ")
    parts = (
        f'<p class="name">{escape(report.subject)}</p>',
        f'<h1><span class="verdict {verdict.split()[0]}">{say(verdict)}</span>{say(": ")}{escape(say(reason))}</h1>',
        f'<p class="soft">{escape(by_line(circumstances(report), say))}</p>',
        _table(report.arguments, say),
        _findings(report.findings, say),
        "".join(_picture(argument, say) for argument in report.arguments),
        _list("Right, though it may look unusual", report.acquittals, say),
        _list("What this check could not have noticed", report.power, say),
    )
    return f"<section>{''.join(parts)}</section>"


def _table(arguments: Iterable[ArgumentReport], say: Say) -> str:
    rows = "".join(
        _row("td", argument_cells(argument, say), "cannot" if argument.strict else argument.verdict)
        for argument in arguments
    )
    return f'<div class="wide"><table>{_row("th", map(say, COLUMNS))}{rows}</table></div>' if rows else ""


def _row(tag: str, cells: Iterable[str], verdict: str = "") -> str:
    classes = ("", f' class="{verdict.split()[0]}"' if verdict else "")
    marked = (f"<{tag}{classes[place == 1]}>{escape(cell)}</{tag}>" for place, cell in enumerate(cells))
    return f"<tr>{''.join(marked)}</tr>"


def _findings(findings: Iterable[Finding], say: Say) -> str:
    items = "".join(f"<li>{escape(say(finding.message))}{_details(finding, say)}</li>" for finding in findings)
    return f"<h2>{say('Findings')}</h2><ol>{items}</ol>" if items else ""


def _details(finding: Finding, say: Say) -> str:
    lines = (f"<dt>{escape(say(label))}</dt><dd>{escape(say(text))}</dd>" for label, text in finding_lines(finding))
    return f"<dl>{''.join(lines)}</dl>"


def _picture(argument: ArgumentReport, say: Say) -> str:
    drawn = heatmap(argument, say) if argument.verdict != "pass" or argument.strict else ""
    shape = " × ".join(map(str, argument.shape)) if argument.shape else ""
    what = "off" if argument.strict else "wrong"
    where = escape(say(f"Where {argument.name} is {what}"))
    return f"<h2>{where} <small>{shape}</small></h2>{drawn}" if drawn else ""


def _list(title: str, sentences: Iterable[str], say: Say) -> str:
    items = "".join(f"<li>{escape(say(sentence))}</li>" for sentence in sentences)
    return f"<h2>{escape(say(title))}</h2><ul>{items}</ul>" if items else ""
