"""The vocabulary of causes: few names, each with all that defines it, and the names of earlier versions understood."""

import ast
import re
from pathlib import Path

import pytest

from functional_nn import cli
from reference import oracle
from reference.oracle.causes import TABLE, current

ORACLE = Path(oracle.__file__).parent
NAMES = [*oracle.CAUSES, *oracle.RENAMED]


def test_there_are_at_most_seventy():
    assert len(oracle.CAUSES) <= 70


@pytest.mark.parametrize("name", oracle.CAUSES)
def test_each_is_defined(name):
    entry = TABLE[name]
    assert all(entry[field].strip() for field in ("says", "repair", "edit", "rule"))
    assert entry["says"].count(". ") == 0, "it is said in one sentence"


def test_an_earlier_name_has_one_heir_and_is_no_name_of_today():
    old = [name for entry in TABLE.values() for name in entry["old"]]
    assert len(old) == len(set(old)) == 110
    assert not set(oracle.RENAMED) & set(oracle.CAUSES)
    assert {current(name) for name in NAMES} == set(oracle.CAUSES)


def test_every_role_that_is_listed_is_given_and_no_other():
    listed = {role for entry in TABLE.values() for role in entry.get("roles", ())}
    code = [ast.parse(path.read_text("utf-8")) for path in sorted(ORACLE.rglob("*.py"))]
    nodes = [node for tree in code for node in ast.walk(tree)]
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    given = {
        node.value.value
        for node in nodes
        if isinstance(node, ast.keyword) and node.arg == "role" and isinstance(node.value, ast.Constant)
    }
    assert listed <= written
    assert given <= listed


@pytest.mark.parametrize("name", NAMES)
def test_the_command_explains_names_of_today_and_of_earlier_versions(name, capsys):
    assert cli.main(["explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(current(name))
    assert name in out.splitlines()[0]
    assert " ".join(TABLE[current(name)]["repair"].split()) in " ".join(out.split())


def test_the_command_lists_all(capsys):
    assert cli.main(["explain"]) == 0
    begun = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert begun == list(oracle.CAUSES)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_cause_is_explained_in_japanese(name, capsys):
    assert cli.main(["explain", name, "--language", "ja"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading == name
    assert [line.split(":")[0].strip() for line in lines if not line.startswith("    ")][:2] == ["見えること", "直し方"]
    told = " ".join(line for line in lines if not line.strip().startswith("見つかった場所"))
    assert not re.search(r"[A-Za-z]+ [A-Za-z]+ [A-Za-z]+ [A-Za-z]+ [A-Za-z]+", told), f"English is left: {told}"


def test_an_unknown_language_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain", "raises", "--language", "fr"])
    assert ended.value.code == 2
    assert "a language is one of en, ja; got fr" in capsys.readouterr().err


def test_a_word_that_is_no_cause_is_refused(capsys):
    assert cli.main(["explain", "scaled_by_bacth"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "functional-nn explain: there is no cause scaled_by_bacth; did you mean scaled_by_batch?\n",
    )
