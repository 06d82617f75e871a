"""The table of contents: which page stands under which heading of the sidebar."""

from collections.abc import Sequence
from pathlib import Path

# In the order in which a reader needs them; a page that stands nowhere here comes last.
GROUPS = {
    "Train": ("docs/training", "docs/recipes", "docs/several_machines", "docs/speed"),
    "Judge backpropagation": (
        *("docs/oracle", "docs/command", "docs/causes", "docs/replay", "docs/kernels", "docs/judge"),
        *("docs/kill_matrix", "docs/judges", "docs/oracle_at_scale", "docs/public_code", "docs/public_mistakes"),
    ),
    "Understand": ("study", "docs/derivations/index", "docs/benchmarks/index"),
    "Contribute": ("CONTRIBUTING", "docs/architecture", "docs/conventions", "docs/adding_an_op", "SECURITY"),
}
API, REST = "Look up", "More"
FOLDERS = {"docs/derivations": "Derivations", "docs/benchmarks": "Benchmarks"}
STUDY = """# The study site

Pages in Japanese and English put derivation, NumPy and JAX side by side, line by line, with values that both sides
computed, exercises and a glossary.

<p><a href="study/index.html"><strong>Open the study site</strong></a></p>
"""


def write(into: Path, pages: Sequence[str], api: Sequence[str], study: bool = True) -> None:
    """The pages that hold nothing but links, and the table at the end of the first page."""
    if study:
        (into / "study.md").write_text(STUDY, encoding="utf-8")
    for folder, title in FOLDERS.items():
        within = [Path(page).name for page in pages if Path(page).parent.as_posix() == folder]
        (into / folder).mkdir(parents=True, exist_ok=True)
        (into / folder / "index.md").write_text(f"# {title}\n\n{_table(within, '', 'maxdepth: 1')}", encoding="utf-8")
    named = {page for group in GROUPS.values() for page in group}
    alone = [page for page in pages if page != "index" and Path(page).parent.as_posix() not in FOLDERS]
    made = {*alone, *(f"{folder}/index" for folder in FOLDERS), *(["study"] if study else [])}
    groups = {title: [page for page in group if page in made] for title, group in GROUPS.items()}
    groups |= {API: list(api), REST: [page for page in alone if page not in named]}
    with (into / "index.md").open("a", encoding="utf-8") as home:
        home.writelines(f"\n{_table(group, f'caption: {title}', 'hidden:')}" for title, group in groups.items())


def _table(pages: Sequence[str], *options: str) -> str:
    lines = ["```{toctree}", *(f":{option}" for option in options if option), "", *pages, "```"]
    return "\n".join(lines) + "\n"
