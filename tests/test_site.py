"""The study site's generator: what it shows is the real code, and what is wrong with a page stops it, with the line."""

import importlib
import inspect
import re
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import reference.activations

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "tests" / "study_fixture"
MODULES = ("code", "excerpt", "formulas", "glossary", "links", "prose", "refusal", "reports", "serve", "site", "source")


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def study() -> SimpleNamespace:
    """The generator's modules."""
    return SimpleNamespace(**{name: importlib.import_module(f"study.{name}") for name in MODULES})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small docs/study that a test may spoil."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "study"))


@pytest.fixture
def order(study: SimpleNamespace, folder: Path, tmp_path: Path) -> SimpleNamespace:
    return study.site.Order(folder, tmp_path / "site", folder)


@pytest.fixture
def page(study: SimpleNamespace, order: SimpleNamespace) -> str:
    """The HTML of the fixture's page on softmax."""
    study.site.build(order)
    return (order.output / "softmax.html").read_text(encoding="utf-8")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("&#39;", "'").replace("&gt;", ">")


# What a page shows


def test_the_lines_are_those_of_the_code(page: str):
    source = inspect.getsource(reference.activations.softmax_bwd)
    shown = text_of(page)
    for line in source.splitlines():
        assert re.sub(r"\s+", " ", line.strip()) in shown, f"the page does not show this line of softmax_bwd: {line}"
    assert '"""' not in shown, "a docstring is shown"


@pytest.mark.parametrize(
    ("line", "shapes"),
    [
        ("_, raised, rest = exponentials(x, axis)", "raised (2, 3), rest (2, 1)"),
        ("return raised / (1 + rest)", "(2, 3)"),
        ("def softmax_bwd(residuals, cotangent):", "residuals (2, 3), …, cotangent (2, 3)"),
    ],
    ids=["numpy-tuple", "jax-return", "numpy-arguments"],
)
def test_shapes_stand_at_the_line_ends(page: str, line: str, shapes: str):
    assert f"{line} # {shapes}" in text_of(page)


def test_values_come_from_both_sides_with_their_difference(page: str):
    results = page.partition('id="values"')[2]
    assert results.count("[[0.018211, 0.245192, 0.736597]") == 2, "softmax of the example is not shown on both sides"
    differences = [float(number) for number in re.findall(r'<span class="number">([^<]+)</span>', results)]
    assert len(differences) == 2
    assert all(0 <= difference <= 1e-12 for difference in differences)


def test_a_mistake_shows_its_line_the_right_one_and_the_report(page: str):
    mistakes = text_of(page.partition('id="mistakes"')[2])
    assert "return p * (1 - p) * dout" in mistakes
    assert "return (like(cotangent, out * (cotangent - np.sum(out * cotangent, axis, keepdims=True))),)" in mistakes
    assert "only the diagonal of the Jacobian" in mistakes or "diagonal_only" in mistakes


def test_a_symbol_is_marked_in_formulas_in_code_and_in_the_list(page: str):
    for where in (
        r'<mi data-symbol="x">x</mi>',
        r'<span data-symbol="x">x</span>',
        r'<button type="button" data-symbol="x"',
    ):
        assert where in page, f"nothing is marked as {where}"
    assert '<mover data-symbol="cotangent">' in page, "a letter with a bar is marked as a whole"


def test_every_sentence_has_its_partner(page: str):
    parts = re.findall(r'<(\w+)(?: [^<>]*)? lang="(ja|en)"', page.partition("<body")[2])
    assert len(parts) > 40
    assert [language for _, language in parts if language == "ja"] == [
        "ja" for _, language in parts if language == "en"
    ], "one language has more sentences than the other"


def test_markup_becomes_html(page: str):
    assert "<ruby>指数<rp>(</rp><rt>しすう</rt><rp>)</rp></ruby>" in page
    assert '<a href="sigmoid.html">シグモイド関数</a>' in page
    assert '<a class="term" href="glossary.html#term-softmax">' in page


def test_the_search_index_knows_names_readings_and_text(study: SimpleNamespace, order: SimpleNamespace):
    study.site.build(order)
    index = (order.output / "search-index.js").read_text(encoding="utf-8")
    assert index.startswith("window.STUDY_INDEX = [")
    for word in (
        "softmax.html",
        "ソフトマックス関数",
        "そふとまっくすかんすう",
        "exponentials",
        "glossary.html#term-softmax",
    ):
        assert word in index, f"the search index does not know {word}"


def test_a_right_line_is_not_the_wrong_one(study: SimpleNamespace):
    corpus = ROOT / "tests" / "mistakes"
    functions = [
        function
        for name in ("regularisation.py", "controls/sequences.py")
        for function in study.excerpt.functions_in(corpus / name)
    ]
    wrong = study.reports._first("return dx, dW + 2 * dout * REG * W, db + 2", iter(functions), "the corpus")
    right = study.reports._first("return dx, dW + 2 * dout * REG * W, db", iter(functions), "the corpus", wrong)
    assert right.text == "return dx, dW + 2 * dout * REG * W, db"


@pytest.mark.parametrize(
    ("latex", "spaces"),
    [(r"t \log p", 2), (r"\log p", 1), (r"- \log(p)", 0), (r"\log_2 x", 1), ("x y", 0)],
    ids=["both-sides", "after", "beside-operators", "with-index", "letters"],
)
def test_names_of_functions_stand_apart(study: SimpleNamespace, latex: str, spaces: int):
    assert str(study.formulas.formula(latex, {})).count("<mspace") == spaces


def test_formulas_side_by_side_come_apart(study: SimpleNamespace):
    assert study.formulas.apart(r"a = b, \qquad c = \text{a \qquad b}") == ["a = b,", r"c = \text{a \qquad b}"]


def test_an_excerpt_follows_the_code_to_where_it_is_defined(study: SimpleNamespace):
    found = study.excerpt.find("functional_nn.softmax")
    assert found.file == ROOT / "functional_nn" / "activations.py"
    assert found.lines[found.first - 1] == '@jit_op("axis")'
    whole = "\n".join(line for piece in study.excerpt.pieces(found, ()) for line in piece.lines)
    assert whole.startswith('@jit_op("axis")\ndef softmax(')
    assert "Turns scores" not in whole


def test_a_fragment_takes_the_lines_that_continue_it(study: SimpleNamespace):
    function = study.excerpt.find("reference.calculus.gradient_descent")
    source = ROOT.joinpath("reference", "calculus.py").read_text(encoding="utf-8").splitlines()
    loop = next(n for n, line in enumerate(source, 1) if n > function.first and line.lstrip().startswith("for "))
    assert study.excerpt.pick(function, "for ") == (loop, loop), "a loop counts up to its body"
    spans = study.excerpt.spans(study.excerpt.find("functional_nn.activations.elu"))
    assert all(first <= last for first, last in spans)


def test_hiragana_katakana_and_width_are_one(study: SimpleNamespace):
    assert study.glossary.folded(study.glossary.hiragana("ソフトマックス")) == "そふとまっくす"
    assert study.glossary.folded("ＳＯＦＴＭＡＸ ") == "softmax"


PAGES = sorted((ROOT / "docs" / "study" / "pages").glob("*.toml"))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_the_lines_that_a_page_names_stand_in_the_code(study: SimpleNamespace, file: Path):
    page = importlib.import_module("study.page").load_page(file, ROOT)
    gone = []
    for step in page.steps:
        for excerpt in (side for side in (step.numpy, step.jax) if side):
            try:
                study.excerpt.pieces(study.excerpt.find(excerpt.function), excerpt.lines)
            except study.refusal.Refusal as refused:
                gone.append(page.source.sentence(excerpt.path, "the page no longer fits the code", refused))
    assert not gone, "\n".join(gone)


# What stops a build


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"the fixture {file} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


SOFTMAX, SIGMOID, GLOSSARY, INDEX = "pages/softmax.toml", "pages/sigmoid.toml", "glossary.toml", "index.toml"
QUESTION = ', en = "What is the probability of one of two?"}'
PICTURE = '\n[[pictures]]\nname = "nowhere"\nalt = {ja = "図", en = "A picture"}\n'
WIDGET = '\n[[widgets]]\nname = "nowhere"\ncaption = {ja = "図", en = "A picture"}\n'
REFUSALS = {
    "term-without-page": (GLOSSARY, 'page = "softmax"', 'page = "nowhere"', "a term must have its page; got 'nowhere'"),
    "index-without-page": (INDEX, '"sigmoid"]', '"sigmoid", "nowhere"]', "a term must have its page; got 'nowhere'"),
    "page-not-in-index": (INDEX, ', "sigmoid"]', "]", "a page must stand once in the index; got 'sigmoid' 0 times"),
    "row-without-page": (
        INDEX,
        "[[groups]]",
        "rows = 1\n[[groups]]",
        "every row of the seed must have its page; got no page for row 1",
    ),
    "page-untranslated": (SIGMOID, QUESTION, "}", "question must be translated: en is missing"),
    "prose-untranslated": (SOFTMAX, ', en = "Take exponentials."', "", "derivation must be translated: en is missing"),
    "prose-empty": (SOFTMAX, 'ja = "確率"', 'ja = " "', "label must be translated: ja is missing"),
    "link": (SIGMOID, "[[softmax]]の", "[[nowhere]]の", "a link must lead to a page; got [[nowhere]]"),
    "anchor": (
        SIGMOID,
        "[[softmax]]の",
        "[[softmax#nowhere]]の",
        "a link must lead to an anchor of its page; got [[softmax#nowhere]]",
    ),
    "next": (SIGMOID, 'kind = "row"', 'kind = "row"\nnext = "nowhere"', "a link must lead to a page; got 'nowhere'"),
    "formula-command": (
        SOFTMAX,
        r"e^{x_i - \max x}",
        r"\nosuch{x}",
        "a formula must convert to MathML; got '\\\\nosuch{x}'",
    ),
    "formula-braces": (SOFTMAX, r"e^{x_i - \max x}", r"\frac{x", "a formula must convert to MathML; got '\\\\frac{x'"),
    "formula-inline": (SOFTMAX, "$y$ は", r"$\\nosuch$ は", "a formula must convert to MathML; got '\\\\nosuch'"),
    "value-differs": (
        SOFTMAX,
        '"fnn.softmax(x)"',
        '"fnn.softmax(x) + 1e-9"',
        "both sides must agree to 1e-12; got a difference of 1e-09",
    ),
    "value-shape": (
        SOFTMAX,
        '"fnn.softmax(x)"',
        '"fnn.softmax(x)[0]"',
        "both sides must have the same shape; got [(2, 3)] and [(3,)]",
    ),
    "value-raises": (
        SOFTMAX,
        '"ref.softmax(x)"',
        '"ref.softmix(x)"',
        "a value must be computable on the side of numpy; got AttributeError",
    ),
    "claim": (
        SOFTMAX,
        "numpy.sum(-1), 1)",
        "numpy.sum(-1), 2)",
        "a claim must be true; got 'np.allclose(numpy.sum(-1), 2)'",
    ),
    "example": (
        SOFTMAX,
        "x = array([[0.3",
        "x = nothing([[0.3",
        "the example must run on the side of numpy; got NameError",
    ),
    "function": (
        SOFTMAX,
        "activations.softmax_fwd",
        "activations.softmix_fwd",
        "a function must stand in the code; got 'reference.activations.softmix_fwd'",
    ),
    "function-side": (
        SOFTMAX,
        "reference.activations.softmax_bwd",
        "functional_nn.softmax",
        "the side of numpy shows functions of reference; got 'functional_nn.softmax'",
    ),
    "fragment": (
        SOFTMAX,
        '"return raised"',
        '"return nothing"',
        "a fragment must begin one line of functional_nn.activations._softmax; got 'return nothing', "
        "which begins no line",
    ),
    "fragment-twice": (SOFTMAX, '"return raised"', '"return"', "which begins 3 lines"),
    "picture": (
        SOFTMAX,
        "\n[[sources]]",
        PICTURE + "\n[[sources]]",
        "a picture must be registered in PICTURES; got 'nowhere'",
    ),
    "widget": (
        SOFTMAX,
        "\n[[sources]]",
        WIDGET + "\n[[sources]]",
        "a widget must have its file in static/widgets; got 'nowhere'",
    ),
    "case": (
        SOFTMAX,
        "softmax_diagonal_only",
        "softmax_nothing",
        "a case must stand in tests/mistakes; got 'softmax/softmax_nothing'",
    ),
    "wrong-line": (
        SOFTMAX,
        'wrong = "return p * (1 - p)"',
        'wrong = "return q"',
        "the line must stand in the code of softmax/softmax_diagonal_only; got 'return q'",
    ),
    "right-line": (
        SOFTMAX,
        'right = "return (like',
        'right = "return (dislike',
        "the line must stand in the correct versions",
    ),
    "symbol-without-formula": (
        SOFTMAX,
        'x = "x"',
        'x = "x", axis = "a"',
        "a symbol must stand in a formula of the page; got axis = 'a'",
    ),
    "symbol-without-code": (
        SOFTMAX,
        'x = "x"',
        'x = "x", nothing = "j"',
        "a symbol must stand in its code; got nothing = 'j'",
    ),
    "symbol-of-two-letters": (
        SOFTMAX,
        'x = "x"',
        'x = "x", axis = "x y"',
        "a symbol must be one letter, with marks or indices; got 'x y'",
    ),
    "seed": (
        SOFTMAX,
        "確率に変換する式",
        "確率に変換する公式",
        "the seed must say this word for word (seed.txt); got 'この出力を確率に変換する公式'",
    ),
    "reading": (SOFTMAX, "{指数|しすう}", "{指数|shisuu}", "a reading must be kana over kanji; got {指数|shisuu}"),
    "key": (SIGMOID, "question =", "qestion =", "'qestion' (did you mean 'question'?)"),
    "kind": (SIGMOID, 'kind = "row"', 'kind = "line"', "kind must be one of row, family; got 'line'"),
    "slug": (
        SIGMOID,
        'slug = "sigmoid"',
        'slug = "logistic"',
        "the slug must be the file's name, 'sigmoid'; got 'logistic'",
    ),
    "needed": (SIGMOID, 'reading = "シグモイドかんすう"', "", "the key 'reading' is needed; got nothing"),
    "toml": (SIGMOID, 'kind = "row"', "kind = row", "a page must be valid TOML; got Invalid value"),
    "note": (
        SOFTMAX,
        'note = {ja = "自動微分です。", en = "Automatic differentiation."}',
        "",
        "a step without code on a side needs a note that says why; got no jax",
    ),
    "exercise": (
        SIGMOID,
        'kind = "row"',
        'kind = "row"\nexercise = "nowhere"',
        "an exercise must have its file; got no exercises/nowhere.py",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_wrong_stops_the_build_with_its_line(study, order, folder, file, old, new, message):
    spoil(folder, file, old, new)
    with pytest.raises(study.refusal.Refusal) as refused:
        study.site.check(order)
    told = [line for line in str(refused.value).splitlines() if message in line]
    assert told, f"nothing says {message!r}; the build said:\n{refused.value}"
    place = re.match(rf"{file}:(\d+): ", told[0])
    assert place, f"the sentence does not begin with {file} and a line: {told[0]}"
    spoiled = (folder / file).read_text(encoding="utf-8").splitlines()
    expected = [n for n, line in enumerate(spoiled, 1) if (new.strip().splitlines() or [""])[0] in line]
    assert file == INDEX or not new.strip() or int(place[1]) in range(min(expected) - 1, max(expected) + 2), (
        f"{told[0]}: what was spoiled stands on line {expected}"
    )


def test_everything_wrong_is_named_at_once(study, order, folder):
    spoil(folder, SOFTMAX, '"return raised"', '"return nothing"')
    spoil(folder, SOFTMAX, "numpy.sum(-1), 1)", "numpy.sum(-1), 2)")
    spoil(folder, SIGMOID, "[[softmax]]の", "[[nowhere]]の")
    with pytest.raises(study.refusal.Refusal) as refused:
        study.site.check(order)
    assert len(str(refused.value).splitlines()) == 3, str(refused.value)


def test_a_link_out_of_the_folder_and_an_id_used_twice_are_seen(study, tmp_path):
    page = '<a href="../x.html">x</a><i id="a"></i><i id="a"></i><img src="https://x.org/x.png"><a href="#b">b</a>'
    (tmp_path / "index.html").write_text(page)
    told = study.links.broken_links(tmp_path)
    for wanted in ("'../x.html'", "got 'a'", "'https://x.org/x.png'", "'#b'"):
        assert any(wanted in sentence for sentence in told), f"nothing says {wanted}: {told}"


# The command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    module = importlib.import_module("build_site")
    monkeypatch.setattr(module, "prepare", lambda: None)  # the tests have set JAX up already
    return SimpleNamespace(main=module.main, module=module)


def test_the_command_builds_and_says_what(command, folder, tmp_path, capsys):
    assert command.main(["--pages", str(folder), "--output", str(tmp_path / "site")]) == 0
    assert re.fullmatch(r"2 pages, 0\.\d MB, \d+ s, in .*site\n", capsys.readouterr().out)
    assert (tmp_path / "site" / "index.html").is_file()


def test_one_page_alone_is_built_though_another_is_wrong(command, folder, tmp_path):
    spoil(folder, SIGMOID, "[[softmax]]の", "[[nowhere]]の")
    assert command.main(["--pages", str(folder), "--output", str(tmp_path / "site"), "--only", "softmax"]) == 0
    assert (tmp_path / "site" / "softmax.html").is_file()


def test_a_failed_build_leaves_the_old_site_whole(command, folder, tmp_path, capsys):
    words = ["--pages", str(folder), "--output", str(tmp_path / "site")]
    assert command.main(words) == 0
    before = {file: file.read_bytes() for file in (tmp_path / "site").rglob("*") if file.is_file()}
    spoil(folder, SOFTMAX, '"return raised"', '"return nothing"')
    assert command.main(words) == 2
    assert {file: file.read_bytes() for file in (tmp_path / "site").rglob("*") if file.is_file()} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["site", "study"], "a temporary folder was left"


def test_control_c_ends_in_a_sentence(command, study, folder, tmp_path, capsys, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study.site, "compute", interrupted)
    assert command.main(["--pages", str(folder), "--output", str(tmp_path / "site")]) == 130
    assert capsys.readouterr().err == "build_site: stopped; what was there before is still there\n"
    assert [file.name for file in tmp_path.iterdir()] == ["study"]


def foreign(tmp_path: Path) -> list[str]:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear reader")
    return ["--output", str(tmp_path / "letters")]


def a_file(tmp_path: Path) -> list[str]:
    (tmp_path / "letter").write_text("Dear reader")
    return ["--output", str(tmp_path / "letter")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (foreign, "--output must be new, empty or a site built before; got"),
        (a_file, "--output must be a folder; got"),
        (lambda _: ["--only", "softmix"], "--only must name a page of study/pages; got 'softmix'"),
        (lambda _: ["--outptu", "x"], "build_site: unrecognized arguments: --outptu x"),
        (lambda _: ["--serve", "many"], "build_site: argument --serve: invalid int value: 'many'"),
        (lambda _: ["--check", "--serve"], "build_site: --check keeps nothing"),
        (lambda tmp: ["--pages", str(tmp / "nowhere")], "nowhere/pages: there must be pages; got none"),
    ],
    ids=["foreign-folder", "file", "only", "typo", "port", "check-and-serve", "no-pages"],
)
def test_bad_input_ends_in_one_sentence(
    command, folder, tmp_path, capsys, words: Callable[[Path], list[str]], message: str
):
    flags = ["--pages", str(folder), "--output", str(tmp_path / "site"), *words(tmp_path)]
    try:
        status = command.main(flags)
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr().err
    assert status == 2
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "site").exists()


def test_a_missing_extra_is_named(command, folder, tmp_path, capsys, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] in ("study", "latex2mathml")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "latex2mathml", None)
    assert command.main(["--pages", str(folder), "--output", str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err
    assert said == "build_site: latex2mathml is missing; install the extra docs: pip install -e '.[docs]'\n"


@contextmanager
def served(study: SimpleNamespace, folder: Path) -> Iterator[str]:
    with study.serve.server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_site_is_served_on_this_machine_alone(study, tmp_path):
    (tmp_path / "index.html").write_text("Hello")
    with served(study, tmp_path) as address:
        assert urllib.request.urlopen(address + "/index.html", timeout=10).read() == b"Hello"


def test_a_taken_port_ends_in_a_sentence(study, tmp_path):
    (tmp_path / "index.html").write_text("Hello")
    with study.serve.server(tmp_path, 0) as server, pytest.raises(study.refusal.Refusal, match="needs a free port"):
        study.serve.server(tmp_path, server.server_port)
