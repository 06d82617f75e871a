"""The repository's own pages, gathered where Sphinx reads them, with every link leading to something of the site."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from scripts.documents.api import Module
from scripts.study.refusal import Problems

HOME = "README.md"  # the site's first page
TOP = (HOME, "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
NO_PAGES = ("study/pages",)
# Code, where brackets are no links; and a link or picture, its place and its anchor.
CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def sources(root: Path) -> list[Path]:
    """Every page in Markdown, in the order of the table of contents."""
    return [*(root / name for name in TOP if (root / name).is_file()), *sorted((root / "docs").rglob("*.md"))]


def gather(root: Path, into: Path, modules: Iterable[Module], problems: Problems) -> list[str]:
    """Copy the pages, and what they link to; their names, for the table of contents."""
    leads = {root / f"{module.name.replace('.', '/')}.py": f"/{module.page}.rst" for module in modules}
    leads |= {root / side / "models": f"/api/{side}/index.rst" for side in ("functional_nn", "reference")}
    leads |= {root / "docs" / "derivations": "/docs/derivations/index.md", root / HOME: "/index.md"}
    names = []
    for page in sources(root):
        text = page.read_text(encoding="utf-8")
        place = Path("index.md") if page == root / HOME else page.relative_to(root)
        pieces = CODE.split(text)
        pieces[::2] = [_linked(piece, page, root, into, leads, problems) for piece in pieces[::2]]
        (into / place).parent.mkdir(parents=True, exist_ok=True)
        title = "" if text.startswith("# ") else f"# {page.stem}\n\n"  # Sphinx wants one; measured pages have none
        (into / place).write_text(title + "".join(pieces), encoding="utf-8")
        names.append(place.with_suffix("").as_posix())
    return names


def _linked(text: str, page: Path, root: Path, into: Path, leads: dict[Path, str], problems: Problems) -> str:
    """The text with links to code leading to its page, and to other files leading to copies of them."""

    def led(match: re.Match[str]) -> str:
        place, anchor = match[1], match[2] or ""
        if "://" in place:
            return match[0]
        target = Path(os.path.normpath(page.parent / place))
        if target in leads:
            return f"]({leads[target]}{anchor})"
        if not target.is_file():
            problems.note(f"{page.relative_to(root)}: a link must lead to a file; got {place}")
        elif target not in sources(root):
            copy = into / target.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, copy)
        return match[0]

    return LINK.sub(led, text)
