"""Building the whole site: made in a folder beside the old one, which it replaces only when everything is right."""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.documents import api, contents, pages
from scripts.study.links import broken_links
from scripts.study.refusal import Problems, Refusal
from scripts.study.site import MARK, Order, check_output, refuse, swap
from scripts.study.site import build as build_study

CONFIGURATION = Path(__file__).resolve().parent
ELSEWHERE = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]+)""")


@dataclass(frozen=True)
class Built:
    """What was built."""

    pages: int
    bytes: int


def build(root: Path, output: Path, study: bool = True) -> Built:
    """Build the site in output; a Refusal of one line or more where anything is wrong, and the old site stays."""
    check_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as made:
        source, fresh = Path(made) / "source", Path(made) / "site"
        gather(root, source, study)
        to_html(source, fresh)
        (fresh / MARK).write_text("The documentation of functional_nn. Built; a build replaces this folder.\n")
        (fresh / ".nojekyll").touch()  # GitHub Pages would leave out folders that begin with an underscore
        if study:
            build_study(Order(root / "docs" / "study", fresh / "study", root))
        refuse(Problems([*broken_links(fresh), *styles_from_elsewhere(fresh)]))
        swap(fresh, output, Path(made) / "old")
    files = [file for file in output.rglob("*") if file.is_file()]
    return Built(sum(file.suffix == ".html" for file in files), sum(file.stat().st_size for file in files))


def gather(root: Path, source: Path, study: bool = True) -> None:
    """Everything that Sphinx reads, in a folder of its own."""
    problems = Problems()
    found = pages.gather(root, source, api.modules(root), problems)
    refuse(problems)
    contents.write(source, found, api.write(root, source), study)


def to_html(source: Path, fresh: Path) -> None:
    """Run Sphinx, for which every warning is an error: a link that leads nowhere, markup that it cannot read."""
    options = ["--fail-on-warning", "--keep-going", "--quiet", "--builder", "html"]
    folders = ["--conf-dir", str(CONFIGURATION), "--doctree-dir", str(source.with_name("doctrees")), source, fresh]
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, *map(str, folders)], capture_output=True, text=True, check=False
    )
    if run.returncode:
        said = (run.stderr or run.stdout).replace(f"{source}/", "").strip()
        raise Refusal(f"Sphinx must read every page without a warning; got\n{said}")


def styles_from_elsewhere(folder: Path) -> list[str]:
    """A sentence for every font, picture or sheet that a style loads from outside of the site."""
    return [
        f"{file.relative_to(folder)}: a style loads only files of the site; got {found}"
        for file in sorted(folder.rglob("*.css"))
        for found in ELSEWHERE.findall(file.read_text("utf-8"))
    ]
