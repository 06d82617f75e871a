"""A picture: drawn by matplotlib without a screen, returned as SVG text whose colours and fonts the page decides.

One drawing serves every reader. Colours stand in it as CSS custom properties, so the page's scheme, dark or light,
reaches them. Text stands in it as text, so the Japanese picture is the English one with each text exchanged.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

INK, MUTED, LINE, PAPER = "#22272e", "#5b6571", "#cfd4da", "#ffffff"
BLUE, ORANGE, GREEN, RED, PURPLE, TEAL = "#1a63ad", "#b04a00", "#2b7a3b", "#b3263c", "#6b47ad", "#0b7480"
PROPERTIES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    PAPER: "--paper",
    BLUE: "--series-1",
    ORANGE: "--series-2",
    GREEN: "--series-3",
    RED: "--series-4",
    PURPLE: "--series-5",
    TEAL: "--series-6",
}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "functional_nn",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, TEAL]),
    "axes.unicode_minus": True,
    "font.size": 11,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 2,
}

# Drawn a little smaller than shown, so that letters are still read where a phone shows the picture smaller.
SHARE = 0.88
# The height of the smallest letters in CSS pixels, on any screen.
LEAST = 8

Say = Callable[[str, str], str]
Draw = Callable[[Figure, Say], None]


@dataclass(frozen=True)
class Picture:
    """A drawing and its size in CSS pixels; called with "ja" or "en" it gives SVG text, alike at every call."""

    draw: Draw
    width: float
    height: float

    def __call__(self, language: str) -> str:
        """The SVG in one language."""
        name = self.draw.__name__
        if language not in ("ja", "en"):
            raise ValueError(f"{name}: language must be ja or en; got {language!r}")
        svg, japanese = _drawn(self)
        return _for_the_page(svg if language == "en" else _exchanged(name, svg, japanese))


def picture(width: float, height: float) -> Callable[[Draw], Picture]:
    """Turn a function of a figure, and of `say(ja, en)` for every text that differs between the languages, into one."""
    return lambda draw: Picture(draw, width, height)


@cache
def _drawn(picture: Picture) -> tuple[str, dict[str, str]]:
    """The SVG in English, and the Japanese for each of its texts."""
    japanese: dict[str, str] = {}

    def say(ja: str, en: str) -> str:
        if japanese.setdefault(en, ja) != ja:
            raise ValueError(f"{en!r}: one text needs one translation; got {ja!r} and {japanese[en]!r}")
        return en

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(SHARE * picture.width / 72, SHARE * picture.height / 72), layout="constrained")
        picture.draw(figure, say)
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue(), japanese


def _exchanged(name: str, svg: str, japanese: dict[str, str]) -> str:
    """The picture with Japanese text in place of English; text that is nowhere in it is an error."""
    for en, ja in japanese.items():
        before, after = f">{escape(en)}</text>", f">{escape(ja)}</text>"
        if before not in svg:
            raise ValueError(f"{name}: a translated text must stand in the picture, on one line; got {en!r}")
        svg = svg.replace(before, after)
        if len(ja) == 1:  # one character on its side is hard to read, and needs no more room upright
            svg = re.sub(rf' transform="rotate\(-90[^"]*"([^<>]*{after})', r"\1", svg)
    return svg


def _for_the_page(svg: str) -> str:
    """What may stand inline in a page: no header, no ids but those that are referred to, the page's colours."""
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0]
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font: ((?:italic |oblique |bold |\d+ )*)([\d.]+px) [^;\"]*|font-family: [^;\"]*;? ?", _font, body)
    body = re.sub("|".join(PROPERTIES), lambda found: f"var({PROPERTIES[found[0]]}, {found[0]})", body)
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{3,}", _hundredths, tag[0]), body)
    body = re.sub(r"\s*\n\s*", "\n", body).replace("<defs>\n</defs>\n", "").replace("\nz\n", "z").replace("\nL", "L")
    # The style sheet lets a picture grow and shrink between these: its smallest letters stay LEAST pixels high.
    smallest = min((float(size) for size in re.findall(r"font-size: ([\d.]+)px", body)), default=math.inf)
    sizes = f"--width: {float(width) / SHARE:.0f}px; --least: {math.ceil(float(width) * LEAST / smallest)}px"
    box = f'viewBox="0 0 {width} {height}" style="{sizes}; stroke-linejoin: round"'
    start = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="picture" '
    return f"{start}{box}>{body.strip()}\n"


def _hundredths(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")


def _font(found: re.Match[str]) -> str:
    """Size and style as drawn; the family is the page's."""
    if found[2] is None:
        return ""
    style = {"italic ": "font-style: italic; ", "bold ": "font-weight: bold; ", "700 ": "font-weight: bold; "}
    return f"{style.get(found[1], '')}font-size: {found[2]}"
