"""Documents are true: every command in them runs, every function they show stands in the code, every link leads on."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[Path, str]]:
    """Every fenced block of a language, with its page."""
    return [(page, body) for page in PAGES for kind, body in FENCE.findall(page.read_text()) if kind == language]


def commands() -> list[tuple[Path, str]]:
    """Every line of every shell block, without its comment."""
    lines = [
        (page, line.split("  #")[0].strip())
        for page, body in blocks("sh")
        for line in body.replace("\\\n", "").splitlines()
    ]
    return sorted({(page, line) for page, line in lines if line and not line.startswith("#")})


def inline_make_commands() -> list[tuple[Path, str]]:
    return [(page, command) for page in PAGES for command in re.findall(r"`(make [a-z-]+)", page.read_text())]


def name(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value)[:60]


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """make as from a shell, also where make itself runs these tests."""
    from_outside = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "ARGS", "PYTHON", "VENV", "WORKERS")
    environment = {key: value for key, value in os.environ.items() if key not in from_outside}
    return subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def is_install(command: str) -> bool:
    return "-m venv" in command or "pip install" in command


MAKE = sorted(set(inline_make_commands()) | {c for c in commands() if c[1].startswith("make ")})
INSTALL = [c for c in commands() if is_install(c[1])]
RUN = [c for c in commands() if not is_install(c[1]) and not c[1].startswith("make ") and "pytest" not in c[1]]


@pytest.mark.parametrize(("page", "command"), MAKE, ids=name)
def test_make_knows_the_target(page: Path, command: str):
    run = make(*shlex.split(command)[1:], "--dry-run")
    assert run.returncode == 0, f"{page.name}: {command}: {run.stderr}"


@pytest.mark.parametrize(("page", "command"), INSTALL, ids=name)
def test_an_installation_names_extras_that_exist(page: Path, command: str):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for listed in re.findall(r"\[([\w,]+)\]", command):
        missing = set(listed.split(",")) - set(extras)
        assert not missing, f"{page.name}: {command}: pyproject.toml has no extra {missing}"


def test_the_lines_without_make_are_those_of_the_makefile():
    readme = (ROOT / "README.md").read_text()
    for target in ("train", "test"):
        dry = make("--dry-run", "--always-make", target).stdout
        last = dry.strip().splitlines()[-1].strip()
        assert f"\n{last}\n" in readme, f"README.md does not show the line that `make {target}` runs: {last}"


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a clone, in which a command may write what it likes."""
    folder = tmp_path_factory.mktemp("clone")
    for entry in ROOT.iterdir():
        if entry.name not in ("runs", "dist", "build", "site") and not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    binaries = folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    here = f'#!/bin/sh\nexec "{sys.executable}" '
    for tool, words in {"python": '"$@"', "functional-nn": '-m functional_nn.cli "$@"'}.items():
        (binaries / tool).write_text(here + words + "\n")
        (binaries / tool).chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command"), RUN, ids=name)
def test_a_command_runs(page: Path, command: str, playground: Path):
    path = f"{playground / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, shell=True, cwd=playground, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    # 1 is what a check says of wrong code, and pages show wrong code.
    allowed = (0, 1) if " check" in command else (0,)
    assert run.returncode in allowed, f"{page.name}: {command}: exit {run.returncode}\n{run.stdout}{run.stderr}"
    assert "Traceback" not in run.stderr, f"{page.name}: {command}: {run.stderr}"


SHOWN = re.compile(r"(functional-nn \w+|python scripts/\w+\.py)([^#\n]*)")
# Commands that are shown and not run from the page: they need a cluster, a data set, hours, or a run of the reader's.
INDENTED = [
    (page, match[1], match[2])
    for page in PAGES
    for line in re.findall(r"^    (\S.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    if (match := SHOWN.search(line))
]


@cache
def said_of_help(program: str) -> str:
    first, *words = program.split()
    words = ["-m", "functional_nn.cli", *words] if first == "functional-nn" else words
    run = subprocess.run([sys.executable, *words, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{program} --help: {run.stderr}"
    return run.stdout


@pytest.mark.parametrize(("page", "program", "words"), INDENTED, ids=name)
def test_a_command_that_is_only_shown_has_its_flags(page: Path, program: str, words: str):
    unknown = [flag for flag in re.findall(r"(?<!\S)--[a-z-]+", words) if flag not in said_of_help(program)]
    assert not unknown, f"{page.name}: {program}{words}: no flag {unknown}"


# The oracle's pages are one long session: tests/oracle/test_oracle_docs.py runs it and compares what it prints. So does
# tests/oracle/test_kernels_page.py, where Triton is installed.
PYTHON = [(page, code) for page, code in blocks("python") if page.stem not in ("oracle", "command", "kernels")]


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=name)
def test_python_in_a_page_runs_or_stands_in_the_code(page: Path, code: str, tmp_path: Path, monkeypatch):
    if page.stem == "adding_an_op" or page.parent.name == "derivations":
        sources = "".join(path.read_text() for side in ("reference", "functional_nn") for path in _python(side))
        squeezed = re.sub(r"\s+", "", sources)
        for piece in re.split(r"\n\n\n", code.strip()):
            assert re.sub(r"\s+", "", piece) in squeezed, f"{page.name}: this does not stand in the code:\n{piece}"
        return
    monkeypatch.chdir(tmp_path)
    exec(compile(code, page.name, "exec"), {"__name__": page.stem})


def _python(side: str) -> list[Path]:
    return sorted((ROOT / side).rglob("*.py"))


LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())]


@pytest.mark.parametrize(("page", "link"), [pair for pair in LINKS if "://" not in pair[1]], ids=name)
def test_a_link_leads_to_a_file(page: Path, link: str):
    assert (page.parent / link).exists(), f"{page.name} links to {link}, which does not exist"


@pytest.mark.parametrize(
    "page",
    [
        ROOT / "docs" / "derivations" / f"{family}.md"
        for family in (
            "activations",
            "losses",
            "linear",
            "convolution",
            "pooling",
            "normalization",
            "regularization",
            "dot_product",
            "recurrent",
            "calculus",
            "gating",
            "positional",
            "sequence_losses",
        )
    ],
    ids=name,
)
def test_every_op_of_a_family_has_its_derivation(page: Path):
    text = page.read_text()
    source = (ROOT / "reference" / f"{page.stem}.py").read_text()
    ops = [op for op in re.findall(r"^def ([a-z]\w*)\(", source, re.MULTILINE) if not op.endswith(("_fwd", "_bwd"))]
    missing = [op for op in ops if op not in text]
    assert ops, f"no ops found in reference/{page.stem}.py"
    assert not missing, f"{page.name} derives nothing for {missing}"
