"""The command that builds the study site."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.study_site import SIGMOID, SOFTMAX, small_study, spoil

from scripts import build_site
from scripts.study import making, site
from scripts.study.refusal import Refusal


@pytest.fixture(autouse=True)
def _prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_site, "prepare", lambda: None)  # the tests have set JAX up already


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small docs/study that a test may spoil."""
    return small_study(tmp_path).folder


@pytest.mark.slow
def test_the_command_builds_and_says_what(folder, tmp_path, capsys):
    assert build_site.main(["--pages", str(folder), "--output", str(tmp_path / "site")]) == 0
    assert re.fullmatch(r"2 pages, 0\.\d MB, \d+ s, in .*site\n", capsys.readouterr().out)
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.slow
def test_two_processes_make_the_same_site_as_one(folder, tmp_path, monkeypatch):
    for name, value in {
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(making, "FEW", 2)
    sites = {}
    for workers in (1, 2):
        output = tmp_path / str(workers)
        built = site.build(site.Order(folder, output, folder, workers=workers))
        sites[workers] = {file.relative_to(output): file.read_bytes() for file in output.rglob("*") if file.is_file()}
        assert built.pages == 2
    assert sites[1] == sites[2]


@pytest.mark.slow
def test_what_is_wrong_in_another_process_is_named_all_the_same(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setattr(making, "FEW", 2)
    spoil(folder, SIGMOID, "[[softmax]]の", "[[softmax#nowhere]]の")
    spoil(folder, SOFTMAX, '"return raised"', '"return nothing"')
    with pytest.raises(Refusal) as refused:
        site.build(site.Order(folder, tmp_path / "site", folder, workers=2))
    said = str(refused.value)
    assert "a link must lead to an anchor of its page; got [[softmax#nowhere]]" in said
    assert "a fragment must begin one line of functional_nn._numerics.probabilities; got 'return nothing'" in said


def test_quiet_says_nothing_of_what_went_well(folder, tmp_path, capsys):
    words = ["--pages", str(folder), "--output", str(tmp_path / "site"), "--only", "softmax", "--quiet"]
    assert build_site.main(words) == 0
    assert capsys.readouterr() == ("", "")
    spoil(folder, SOFTMAX, '"return raised"', '"return nothing"')
    assert build_site.main(words) == 2
    assert "got 'return nothing'" in capsys.readouterr().err


def test_one_page_alone_is_built_though_another_is_wrong(folder, tmp_path):
    spoil(folder, SIGMOID, "[[softmax]]の", "[[nowhere]]の")
    assert build_site.main(["--pages", str(folder), "--output", str(tmp_path / "site"), "--only", "softmax"]) == 0
    assert (tmp_path / "site" / "softmax.html").is_file()


def test_a_failed_build_leaves_the_old_site_whole(folder, tmp_path, capsys):
    words = ["--pages", str(folder), "--output", str(tmp_path / "site")]
    assert build_site.main(words) == 0
    before = {file: file.read_bytes() for file in (tmp_path / "site").rglob("*") if file.is_file()}
    spoil(folder, SOFTMAX, '"return raised"', '"return nothing"')
    assert build_site.main(words) == 2
    assert {file: file.read_bytes() for file in (tmp_path / "site").rglob("*") if file.is_file()} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["site", "study"], "a temporary folder was left"


def test_control_c_ends_in_a_sentence(folder, tmp_path, capsys, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "compute", interrupted)
    assert build_site.main(["--pages", str(folder), "--output", str(tmp_path / "site")]) == 130
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
def test_bad_input_ends_in_one_sentence(folder, tmp_path, capsys, words: Callable[[Path], list[str]], message: str):
    flags = ["--pages", str(folder), "--output", str(tmp_path / "site"), *words(tmp_path)]
    try:
        status = build_site.main(flags)
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr().err
    assert status == 2
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "site").exists()


def test_a_missing_extra_is_named(folder, tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("scripts.study", "latex2mathml"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "latex2mathml", None)
    assert build_site.main(["--pages", str(folder), "--output", str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err
    assert said == "build_site: latex2mathml is missing; install the extra docs: pip install -e '.[docs]'\n"
