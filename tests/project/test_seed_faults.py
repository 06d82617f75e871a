"""The planter of mistakes works: faults fit the code, it tells caught from survived, and it restores the file."""

import sys
from pathlib import Path
from queue import Queue

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
seed_faults = pytest.importorskip("seed_faults")
sys.path.pop(0)

FAULTS = seed_faults.read_faults(ROOT / "tests" / "faults.toml")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.function}: {fault.before} -> {fault.after}")
def test_a_fault_fits_the_code(fault):
    source = (ROOT / fault.file).read_text()
    assert seed_faults.planted(source, fault) != source
    assert all((ROOT / "tests" / word).is_file() for word in fault.tests if word.endswith(".py"))


def test_there_are_at_least_sixty_in_both_packages():
    assert len(FAULTS) >= 60
    assert {fault.file.split("/")[0] for fault in FAULTS} == {"functional_nn", "reference"}
    assert {"sign", "axis", "factor", "off-by-one", "dropped term", "wrong residual", "wrong static"} <= {
        fault.kind for fault in FAULTS
    }


def project(folder: Path, assertion: str) -> Path:
    (folder / "tests").mkdir()
    (folder / "doubling.py").write_text("def double(x):\n    return 2 * x\n")
    (folder / "tests" / "test_code.py").write_text(
        f"import importlib.util\nspec = importlib.util.spec_from_file_location('code_under_test', 'doubling.py')\n"
        f"code = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(code)\n"
        f"def test_double():\n    assert {assertion}\n"
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("assertion", "outcome"), [("code.double(3) == 6", "caught"), ("True", "SURVIVED")])
def test_a_fault_is_caught_or_survives_and_the_file_is_restored(tmp_path: Path, assertion: str, outcome: str):
    tree = project(tmp_path, assertion)
    trees: Queue = Queue()
    trees.put(tree)
    fault = seed_faults.Fault("factor", "doubling.py", "double", "2 * x", "3 * x", ("test_code.py",))
    assert seed_faults.try_fault(fault, trees, 60)[0] == outcome
    assert (tree / "doubling.py").read_text() == "def double(x):\n    return 2 * x\n"


def test_a_fault_that_does_not_fit_is_named(tmp_path: Path):
    tree = project(tmp_path, "True")
    trees: Queue = Queue()
    trees.put(tree)
    fault = seed_faults.Fault("factor", "doubling.py", "double", "4 * x", "3 * x", ("test_code.py",))
    outcome, why = seed_faults.try_fault(fault, trees, 60)
    assert outcome == "misfit"
    assert "'4 * x' 0 times" in why


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture):
    assert seed_faults.main(["--only", "nothing like this"]) == 2
    assert "contains 'nothing like this'" in capsys.readouterr().err
