"""Take the README's pictures anew: a report of the oracle, a training run, a page of the study site.

    python scripts/take_pictures.py [--output FOLDER]

Needs the extra `test`, and chromium with chromedriver for the page.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = "functional-nn check tests/textbook/broken.py:BatchNormalizationForgetsGamma"
RUN = "functional-nn train --preset digits --output runs/digits"
PAGE, SECTION = "softmax", "steps"
LINE, MARGIN, CHARACTER = 18, 16, 7.85  # pixels of a line, around the text, and of a character of 13 pixels
COLOURS = {
    r"^\$ .*": "#8fbcff",
    r"^fail:.*|WRONG": "#ff8f8f",
    r"  right |^test accuracy.*": "#9bdc9b",
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures", metavar="FOLDER")
    folder = parser.parse_args(argv).output.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.svg").write_text(terminal(REPORT, said(REPORT, ROOT)), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        (folder / "run.svg").write_text(terminal(RUN, said(RUN, Path(scratch))), encoding="utf-8")
        smaller(Path(scratch) / "runs" / "digits" / "curves.png", folder / "curves.png")
        smaller(page(Path(scratch)), folder / "page.png")
    return 0


def said(command: str, folder: Path) -> str:
    """What a command prints, run in a folder; a check of wrong code ends with 1."""
    words = [sys.executable, "-m", "functional_nn.cli", *command.split()[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        raise SystemExit(f"take_pictures: {command}: exit {run.returncode}\n{run.stderr}")
    return run.stdout


def terminal(command: str, output: str) -> str:
    """A picture of a terminal, as SVG."""
    lines = [f"$ {command}", *output.rstrip().splitlines()]
    width = round(max(map(len, lines)) * CHARACTER) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    text = "\n".join(f'<tspan x="{MARGIN}" dy="{LINE}">{coloured(line) or " "}</tspan>' for line in lines)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<rect width="100%" height="100%" rx="8" fill="#1e2430"/>
<text y="{MARGIN - 5}" fill="#d8dee9" font-size="13" xml:space="preserve"
 font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace">
{text}
</text>
</svg>
"""


def coloured(line: str) -> str:
    """The line with the words of one kind in their colour."""
    for pattern, colour in COLOURS.items():
        if re.search(pattern, line):
            parts = re.split(f"({pattern})", line, maxsplit=1)
            return "".join(_part(part, colour if place == 1 else "") for place, part in enumerate(parts))
    return escape(line)


def _part(text: str, colour: str) -> str:
    return f'<tspan fill="{colour}">{escape(text)}</tspan>' if colour else escape(text)


def page(scratch: Path) -> Path:
    """A section of a page of the site, in English, as a browser shows it."""
    build = [sys.executable, str(ROOT / "scripts" / "build_site.py"), "--only", PAGE, "--output", str(scratch / "site")]
    subprocess.run(build, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    picture = scratch / "page.png"
    with_chromium(scratch / "site" / f"{PAGE}.html", picture)
    return picture


def with_chromium(file: Path, picture: Path) -> None:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _found("chromium")
    flags: Iterable[str] = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en")
    for flag in (*flags, "--disable-background-networking", "--window-size=1280,1500"):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=_found("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.get(file.as_uri())
        section = f"document.getElementById('{SECTION}')"
        driver.execute_script(f"window.scrollTo({{top: {section}.offsetTop - 20, behavior: 'instant'}})")
        driver.save_screenshot(str(picture))
        steps = f"[...{section}.querySelectorAll('.steps > .step')].map((step) => step.getBoundingClientRect().bottom)"
        end = driver.execute_script(f"return Math.max(...{steps}.filter((bottom) => bottom < window.innerHeight))")
        cut(picture, round(end))
    finally:
        driver.quit()


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SystemExit(f"take_pictures: {program} is not installed")
    return path


def cut(picture: Path, height: int) -> None:
    """Leave out what is below, so that the picture ends with a whole step."""
    from PIL import Image

    with Image.open(picture) as whole:
        whole.crop((0, 0, whole.width, height)).save(picture)


def smaller(source: Path, target: Path) -> None:
    """The picture in 64 colours, a third of the bytes."""
    from PIL import Image

    Image.open(source).convert("RGB").quantize(64).save(target, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
