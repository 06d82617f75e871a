"""What a public repository has: workflows that run what is there, forms that can be filled in, a citation."""

import os
import re
import shlex
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from functional_nn.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(file for file in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if file.stem != "config")
# The folders of a clone; a word of a command that begins with one names something that must be there.
FOLDERS = tuple(f"{entry.name}/" for entry in ROOT.iterdir() if entry.is_dir() and not entry.name.startswith(".venv"))
PINNED = re.compile(r"[\w-]+/[\w-]+@v\d+")
USED = re.compile(r"\$\{\{\s*matrix\.(\w+)\s*\}\}|\bmatrix\.(\w+) ==")


def faults(text: str) -> list[str]:
    """A sentence for everything that is wrong with a workflow."""
    flow = yaml.safe_load(text)
    # YAML 1.1 reads the key `on` as true.
    found = [f"the workflow needs {key}" for key in ("name", True, "permissions", "jobs") if key not in flow]
    for name, job in flow.get("jobs", {}).items():
        found += [f"{name}: {fault}" for fault in _job(job, set(flow["jobs"]))]
    return found


def _job(job: dict[str, Any], jobs: set[str]) -> list[str]:
    found = [f"a job needs {key}" for key in ("runs-on", "timeout-minutes", "steps") if key not in job]
    matrix = job.get("strategy", {}).get("matrix", {})
    found += [
        f"there is no matrix.{name}" for pair in USED.findall(str(job)) for name in pair if name and name not in matrix
    ]
    needs = job.get("needs", [])
    found += [
        f"there is no job {other}" for other in ([needs] if isinstance(needs, str) else needs) if other not in jobs
    ]
    for step in job.get("steps", []):
        if ("uses" in step) == ("run" in step):
            found.append(f"a step either uses or runs; got {sorted(step)}")
        elif "uses" in step and not PINNED.fullmatch(step["uses"]):
            found.append(f"an action is pinned to a major version; got {step['uses']}")
        elif "run" in step:
            found += _command(step["run"])
    return found


def _command(run: str) -> list[str]:
    """What of a command is not there: a target of make, a file, an extra, a command of ours."""
    words = shlex.split(run)
    found = [f"there is no {word}" for word in words if _names_a_file(word) and not (ROOT / word).exists()]
    if words[0] == "make":
        dry = subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, env=_plain(), capture_output=True, text=True)
        found += [dry.stderr.strip()] if dry.returncode else []
    for before, word in pairwise(words):
        if before.endswith("functional-nn") and word not in COMMANDS:
            found.append(f"functional-nn has no command {word}")
    for listed in re.findall(r"(?:\.|\))\[([\w,]+)\]", run):
        extras = PROJECT["project"]["optional-dependencies"]
        found += [f"there is no extra {extra}" for extra in listed.split(",") if extra not in extras]
    return found


def _names_a_file(word: str) -> bool:
    return word.startswith((*FOLDERS, ".ci/")) and not re.search(r"[*\\]", word)


def _plain() -> dict[str, str]:
    """The environment without what make hands on where it runs these tests."""
    return {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS")}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_names_what_is_there(file: Path):
    assert faults(file.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("make train", "make trian", "trian"),
        (".ci/run", ".ci/ran", "there is no .ci/ran"),
        ("tests/ops", "tests/opps", "there is no tests/opps"),
        ("scripts/train.py", "scripts/trains.py", "there is no scripts/trains.py"),
        ("'.[test]'", "'.[tests]'", "there is no extra tests"),
        ("actions/checkout@v5", "actions/checkout@main", "pinned to a major version"),
        ("        python: [", "        pythons: [", "there is no matrix.python"),
        ("    timeout-minutes: 240\n", "", "a job needs timeout-minutes"),
        ("permissions:\n  contents: read\n", "", "the workflow needs permissions"),
        ("      - run: .ci/run", "      - name: everything", "a step either uses or runs"),
    ],
    ids=lambda words: words.strip().split("\n")[0],
)
def test_a_fault_of_a_workflow_is_seen(old: str, new: str, says: str):
    text = (GITHUB / "workflows" / "ci.yml").read_text("utf-8")
    assert old in text
    assert says in "; ".join(faults(text.replace(old, new)))


def test_a_command_that_is_not_ours_is_seen():
    text = (GITHUB / "workflows" / "wheels.yml").read_text("utf-8")
    assert "functional-nn has no command doktor" in "; ".join(faults(text.replace("-nn doctor", "-nn doktor")))
    assert "there is no job pyre" in "; ".join(faults(text.replace("needs: [compiled, pure]", "needs: [pyre]")))


def test_everything_runs_on_every_python_that_is_promised():
    linux = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]["linux"]
    said = [line.rpartition(" :: ")[2] for line in PROJECT["project"]["classifiers"] if "Python :: 3." in line]
    assert linux["strategy"]["matrix"]["python"] == said
    assert {"run": ".ci/run"} in linux["steps"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_a_form_can_be_filled_in(file: Path):
    form = yaml.safe_load(file.read_text("utf-8"))
    assert {"name", "description", "body"} <= set(form)
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in asked} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert len({field["id"] for field in asked}) == len({field["attributes"]["label"] for field in asked}) == len(asked)
    assert all(field["attributes"]["options"] for field in asked if field["type"] == "dropdown")
    for command in re.findall(r"`functional-nn (\w+)", str(form)):
        assert command in COMMANDS


def test_the_form_for_a_wrong_verdict_asks_for_what_repeats_it():
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "wrong_verdict.yml").read_text("utf-8"))
    needed = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert {"code", "report", "versions"} <= needed
    assert "--json" in str(form)
    assert "functional-nn doctor" in str(form)


def test_the_citation_is_that_of_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = PROJECT["project"]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert all(isinstance(value, str) for key, value in citation.items() if key not in ("authors", "keywords"))
    ours = {key: citation[key] for key in ("title", "version", "license", "abstract", "keywords")}
    said = (project["name"], project["version"], project["license"], project["description"], project["keywords"])
    assert tuple(ours.values()) == said
