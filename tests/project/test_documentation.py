"""The documentation as a site: docstrings become readable markup, nothing public lacks a page, links lead on."""

from pathlib import Path

import pytest

import functional_nn
import reference
from reference import oracle
from scripts.documents import api, contents, pages
from scripts.documents.docstrings import as_rst, inline
from scripts.documents.site import build, styles_from_elsewhere
from scripts.study.links import broken_links
from scripts.study.refusal import Problems, Refusal

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = {
    "a sentence": ("The height |x|\n    of a_b.", ["The height \\|x\\| of a\\_b."]),
    "code": ("From `init`, or `f`s.", ["From \\ ``init``\\ , or \\ ``f``\\ s."]),
    "fields in a line": ("Args: x, any shape. Returns: y.", [":Arguments: x, any shape.", ":Returns: y."]),
    "fields with items": (
        "Args:\n    x: (batch,\n        width).\n    *rest: more.",
        [":Arguments:", "    - **x**: (batch, width).", "    - **\\*rest**: more."],
    ),
    "a field of sentences": ("Returns:\n    One thing\n    and another.", [":Returns: One thing and another."]),
    "a page": ("References: docs/derivations/losses.md.", [
        ":References: :doc:`docs/derivations/losses.md </docs/derivations/losses>`.",
    ]),
    "an example": (">>> 1 + 1\n2", [">>> 1 + 1", "2"]),
    "a formula apart": ("    a = b\n    c = d", ["::", "", "    a = b", "    c = d"]),
    "a list": ("- one\n- two", ["- one", "- two"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_a_docstring_becomes_markup(name: str):
    text, expected = WRITTEN[name]
    assert [line for line in as_rst(text.splitlines()) if line] == [line for line in expected if line]


def test_parts_stay_apart():
    assert as_rst(["One.", "", "Two.", "", ">>> 1", "1"]) == ["One.", "", "", "Two.", "", "", ">>> 1", "1", ""]


def test_what_is_no_code_has_no_markup():
    assert inline("*args, **kwargs and x_") == "\\*args, \\*\\*kwargs and x\\_"


SHOWN = {module.name: module.members for module in api.modules(ROOT)}


@pytest.mark.parametrize("package", [functional_nn, reference], ids=lambda package: package.__name__)
def test_every_op_has_a_place_on_a_page(package):
    for op in package.__all__:
        assert op in SHOWN[getattr(package, op).__module__], f"{package.__name__}.{op} stands on no page"


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
def test_every_model_has_a_page(side: str):
    models = {file.stem for file in (ROOT / side / "models").glob("[a-z]*.py")}
    assert models == {name.rpartition(".")[2] for name in SHOWN if name.startswith(f"{side}.models.")}
    assert {"init", "apply"} <= set(SHOWN[f"{side}.models.mlp"])


def test_every_function_of_the_oracle_stands_on_its_page():
    assert set(oracle.__all__) - set(SHOWN["reference.oracle"]) == {"CAUSES", "RENAMED"}


def test_every_page_stands_in_the_table_of_contents(tmp_path: Path):
    problems = Problems()
    found = pages.gather(ROOT, tmp_path, api.modules(ROOT), problems)
    contents.write(tmp_path, found, api.write(ROOT, tmp_path))
    assert problems == []
    tables = [tmp_path / "index.md", *(tmp_path / folder / "index.md" for folder in contents.FOLDERS)]
    listed = {line for table in tables for line in table.read_text("utf-8").splitlines()}
    assert not [name for name in found if name != "index" and name not in listed and Path(name).name not in listed]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small one, with a page that can be changed."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Home\n\n[a page](docs/page.md), `[no](link)`\n")
    (tmp_path / "docs" / "page.md").write_text("# Page\n")
    (tmp_path / "data.csv").write_text("1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("[home](../README.md#top)", "[home](/index.md#top)"),
        ("[data](../data.csv)", "[data](../data.csv)"),
        ("[op](../functional_nn/losses.py)", "[op](/api/functional_nn/losses.rst)"),
        ("[web](https://example.org/a)", "[web](https://example.org/a)"),
    ],
)
def test_a_link_leads_to_something_of_the_site(repository: Path, text: str, led: str):
    (repository / "docs" / "page.md").write_text(text)
    problems, made = Problems(), repository / "made"
    pages.gather(repository, made, [api.Module("functional_nn.losses", ())], problems)
    assert problems == []
    assert (made / "docs" / "page.md").read_text() == f"# page\n\n{led}"
    assert (made / "data.csv").exists() == ("data.csv" in text)


def test_a_link_that_leads_nowhere_is_named(repository: Path):
    (repository / "docs" / "page.md").write_text("[gone](gone.md)")
    problems = Problems()
    pages.gather(repository, repository / "made", [], problems)
    assert problems == ["docs/page.md: a link must lead to a file; got gone.md"]


def test_what_is_loaded_from_elsewhere_is_named(tmp_path: Path):
    (tmp_path / "own.css").write_text("a {background: url(own.png)}")
    (tmp_path / "other.css").write_text('@import "https://example.org/a.css"; b {src: url(//example.org/b.woff)}')
    said = "a style loads only files of the site; got"
    assert styles_from_elsewhere(tmp_path) == [
        f"other.css: {said} https://example.org/a.css", f"other.css: {said} //example.org/b.woff",
    ]  # fmt: skip
    (tmp_path / "page.html").write_text('<script src="own.css?v=1"></script><script src="http://example.org/c.js">')
    assert [line.rpartition("got ")[2] for line in broken_links(tmp_path)] == ["'http://example.org/c.js'"]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path):
    built = build(ROOT, tmp_path / "site", study=False)
    assert built.pages > 80
    page = (tmp_path / "site" / "api" / "functional_nn" / "losses.html").read_text("utf-8")
    assert 'id="functional_nn.losses.softmax_cross_entropy"' in page
    assert "&gt;&gt;&gt; " in page


@pytest.mark.slow
def test_a_page_that_cannot_be_read_stops_the_build(repository: Path):
    (repository / "reference" / "oracle").mkdir(parents=True)
    (repository / "reference" / "oracle" / "__init__.py").write_text('__all__ = ["check"]\n')
    (repository / "docs" / "page.md").write_text("# Page\n\n[nowhere](#nowhere)\n\n$\\unknown{x}$\n")
    with pytest.raises(Refusal) as refused:
        build(repository, repository / "site", study=False)
    assert "nowhere" in str(refused.value)
    assert "must convert to MathML" in str(refused.value)
    assert not (repository / "site").exists()
