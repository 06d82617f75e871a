"""`check --grade FOLDER --students FOLDER`: a row and a page for each student, also for those who spoilt theirs."""

import csv
import re
from pathlib import Path

import pytest

from reference.oracle.command import cli

RIGHT = "def cube(x):\n    return x**3\n\n\ndef cube_derivative(x):\n    return 3 * x**2\n"
WRONG = RIGHT.replace("3 * x**2", "x**2")


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    folder = tmp_path / "submissions"
    files = {
        "ann/power.py": RIGHT,
        "ann/notes.txt": "Dear teacher",
        "bob/power.py": WRONG,
        "=1+1/power.py": RIGHT,
        "dora.py": RIGHT,
        "emil/power.py": "def cube_derivative(x:\n",
        "fay/readme.py": "x = 1\n",
        ".git/power.py": WRONG,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_row_and_a_page_for_each_student(submissions, tmp_path, capfd):
    out = tmp_path / "graded"
    assert cli.main(["--grade", str(submissions), "--students", str(out), "--seed", "1"]) == 1
    said = capfd.readouterr().out
    assert said.endswith(f"The points of 6 students are in {out / 'points.csv'}, with a page for each beside it.\n")
    with open(out / "points.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: (row["points"], row["of"], row["wrong"], row["not judged"]) for name, row in rows.items()} == {
        "ann": ("2", "2", "0", "0"),
        "bob": ("1", "2", "1", "0"),
        "'=1+1": ("2", "2", "0", "0"),
        "dora": ("2", "2", "0", "0"),
        "emil": ("0", "0", "0", "1"),
        "fay": ("0", "0", "0", "0"),
    }
    # One column for one part, whatever its file is called and whether it came in a folder.
    assert list(rows["fay"])[5:] == ["cube gradient of x", "cube no side effects"]
    assert {name: row["cube gradient of x"] for name, row in rows.items()} == {
        "ann": "1",
        "bob": "0",
        "'=1+1": "1",
        "dora": "1",
        "emil": "",
        "fay": "",
    }
    pages = {file.stem: file.read_text("utf-8") for file in out.glob("*.html")}
    assert set(pages) == {"=1+1", "ann", "bob", "dora", "emil", "fay"}
    assert "<h1>ann: 2 of 2 points</h1>" in pages["ann"]
    assert "<h1>bob: 1 of 2 points</h1>" in pages["bob"]
    assert "Where x is wrong" in pages["bob"], "no picture of the errors"
    assert "SyntaxError in line 1" in pages["emil"]
    assert "There is nothing to judge in it." in pages["fay"]
    assert "ann/" not in pages["bob"], "a student sees another's name"


def test_only_a_part_that_a_student_has_twice_is_told_apart_by_its_file(tmp_path, capfd):
    folder, out = tmp_path / "submissions", tmp_path / "graded"
    square = RIGHT.replace("cube", "square").replace("x**3", "x**2").replace("3 * x**2", "2 * x")
    files = {
        "ann/one.py": RIGHT,
        "ann/two.py": WRONG,
        "ann/three.py": square,
        "bob/four.py": RIGHT + square,
        "eve.py": RIGHT,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    assert cli.main(["--grade", str(folder), "--students", str(out), "--seed", "1"]) == 1
    capfd.readouterr()
    with open(out / "points.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    gradients = [name for name in rows["ann"] if name.endswith("gradient of x")]
    assert {name: {column: row[column] for column in gradients if row[column]} for name, row in rows.items()} == {
        "ann": {"one.py:cube gradient of x": "1", "two.py:cube gradient of x": "0", "square gradient of x": "1"},
        "bob": {"cube gradient of x": "1", "square gradient of x": "1"},
        "eve": {"cube gradient of x": "1"},
    }
    assert (rows["ann"]["points"], rows["ann"]["of"]) == ("5", "6")


def test_the_pages_are_in_japanese_where_that_is_asked_for(submissions, tmp_path, capfd):
    out = tmp_path / "graded"
    flags = ["--grade", str(submissions), "--students", str(out), "--seed", "1", "--language", "ja"]
    assert cli.main(flags) == 1
    assert capfd.readouterr().out.endswith(
        f"6 人の点数は {out / 'points.csv'} にあります。1人ずつのページも同じフォルダにあります。\n"
    )
    pages = {file.stem: file.read_text("utf-8") for file in out.glob("*.html")}
    assert all('<html lang="ja">' in page for page in pages.values())
    assert "<h1>bob：2 点中 1 点</h1>" in pages["bob"]
    assert "<td>power.py:cube x の勾配</td><td>0/1</td>" in pages["bob"]
    assert "副作用がないこと</td><td>1/1</td>" in pages["bob"]
    assert "判定できるものがありません。" in pages["fay"]
    english = [" of ", "gradient of", "no side effects", "nothing to judge", "could not be judged", "cannot tell"]
    for name, page in pages.items():
        text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
        assert not [words for words in english if words in text], f"{name}: {text}"
    # Programs read the table, in any language.
    assert (out / "points.csv").read_text("utf-8-sig").startswith("student,points,of,wrong,not judged,")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{0}", "--students", "out"], "--students needs --grade and one folder"),
        (["{0}/dora.py", "--grade", "--students", "out"], "--students needs --grade and one folder"),
        (["{0}", "{0}", "--grade", "--students", "out"], "--students needs --grade and one folder"),
        (["{0}", "--grade", "--students", "{0}/dora.py"], "--students must be a folder; got"),
        (["{0}/.git/empty", "--grade", "--students", "out"], "must hold a file or a folder for each student; got none"),
    ],
)
def test_bad_flags_end_in_one_sentence(submissions, capfd, monkeypatch, words, message):
    (submissions / ".git" / "empty").mkdir()
    monkeypatch.chdir(submissions.parent)
    assert cli.main([word.format(submissions) for word in words]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (submissions.parent / "out").exists()


def test_two_submissions_of_one_name_are_refused(submissions, tmp_path, capfd):
    (submissions / "dora").mkdir()
    assert cli.main(["--grade", str(submissions), "--students", str(tmp_path / "out")]) == 2
    assert "every submission must have a name of its own; got" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
