"""Several devices and several processes learn what one does; what cannot be laid out is refused."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.small_runs import DATASET, SMALL, one_batch
from helpers.small_texts import TEXT, text_words
from jax.sharding import PartitionSpec as P

from functional_nn import cli
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.legal import asked_shape, require_equal_parts, validate
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.processes import by_first, everyones_numbers, together
from functional_nn.training.run import epoch
from functional_nn.training.step.sharding import split_largest
from functional_nn.training.step.state import Totals
from functional_nn.training.step.step import Report

TESTS = Path(__file__).parents[1]
# Sums of 16 float32 numbers in another order differ by a few units of 6e-8, and 12 steps of adamw, which divides by the
# size of a gradient, carry that on. Measured after 8: at most 2e-7. A batch that is cut wrongly changes a loss by 1e-2.
ROUNDING = 5e-6
SMALL_WORDS = [
    "--model",
    "mlp",
    "--hidden",
    "32",
    "--batch-size",
    "16",
    "--epochs",
    "3",
    "--save-every",
    "5",
    "--keep",
    "9",
]
TEXT_WORDS = text_words("text", "--accumulate", "2")[1:]
LAYOUTS = {
    "one": ["--devices", "1"],
    "two": ["--devices", "2"],
    "four": ["--devices", "4"],
    "eight": ["--mesh", "data=8"],
    "eight split": ["--mesh", "fsdp=8"],
}


def start(folder: Path, report: str, runs: list[Any], devices: int, **surroundings: str) -> subprocess.Popen[str]:
    """A process with so many CPU devices that makes these runs."""
    environment = os.environ | {
        "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_PLATFORMS": "cpu",
        **surroundings,
    }
    words = [sys.executable, str(TESTS / "helpers" / "small_process.py"), report, json.dumps(runs)]
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=-1, stderr=-2, text=True)


def finish(processes: list[subprocess.Popen[str]], folder: Path, reports: list[str]) -> list[Any]:
    """What came of the runs of each process."""
    try:
        said = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, words in zip(processes, said, strict=True):
        assert process.returncode == 0, f"a process ended with {process.returncode}:\n{words}"
    return [json.loads((folder / report).read_text()) for report in reports]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def laid_out(folder: Path) -> dict[str, Any]:
    """One run a layout, then one that is ended on 4 devices and gone on with on 2: all in one process of 8 devices."""
    runs: list[Any] = [([*SMALL_WORDS, *words, "--output", name], None) for name, words in LAYOUTS.items()]
    runs += [([*SMALL_WORDS, "--devices", "4", "--output", "moved"], (0, 6))]
    runs += [(["--resume", "moved", "--devices", "2"], None)]
    runs += [([*SMALL_WORDS, "--devices", "3", "--output", "three"], None)]
    (folder / "text").write_text(TEXT)
    runs += [([*TEXT_WORDS, "--devices", "1", "--output", "text-1"], None)]
    (came,) = finish([start(folder, "report", runs, 8)], folder, ["report"])
    return dict(zip([*LAYOUTS, "ended", "gone on with", "three", "text"], came, strict=True))


@pytest.fixture(scope="module")
def pair(folder: Path) -> list[Any]:
    """Two processes of 2 devices, started as by SLURM: SIGTERM to the second ends a run, it goes on, one is refused."""
    runs = [
        ([*SMALL_WORDS, "--mesh", "data=2,fsdp=2", "--accumulate", "2", "--output", "pair"], (1, 6)),
        (["--resume", "pair"], None),
        ([*SMALL_WORDS, "--devices", "3"], None),
        ([*TEXT_WORDS, "--mesh", "data=2,fsdp=2", "--output", "text-4"], (1, 3)),
        (["--resume", "text-4"], None),
    ]
    (folder / "text").write_text(TEXT)
    slurm = {"SLURM_JOB_ID": "1", "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    slurm["JAX_COORDINATOR_PORT"] = str(free_port())
    processes, reports = [], ["report-0", "report-1"]
    for number, report in enumerate(reports):
        which = {"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)}
        processes.append(start(folder, report, runs, 2, **slurm, **which))
    return finish(processes, folder, reports)


def assert_learned_alike(name: str, got: dict[str, Any], expected: dict[str, Any]) -> None:
    assert got["status"] == 0, f"{name}: {got['said']}"
    worst = max(abs(a - b) for a, b in zip(got["losses"], expected["losses"], strict=True))
    assert worst <= ROUNDING, (
        f"{name}: a loss is {worst:.1e} from that of one device, at most {ROUNDING:.0e} is rounding"
    )
    assert got["judged"] == expected["judged"], f"{name}: (images judged, correct) are {got['judged']}"
    assert got["predictions"] == expected["predictions"]


@pytest.mark.slow
class TestDevices:
    def test_every_test_image_is_judged_once(self, laid_out: dict[str, Any]) -> None:
        for name in LAYOUTS:
            assert laid_out[name]["judged"][0] == len(DATASET.test), name
            assert len(laid_out[name]["predictions"]) == len(DATASET.test), name

    @pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "one"])
    def test_they_learn_what_one_learns(self, name: str, laid_out: dict[str, Any]) -> None:
        assert_learned_alike(name, laid_out[name], laid_out["one"])

    def test_large_arrays_are_split_and_no_others(self, laid_out: dict[str, Any]) -> None:
        assert laid_out["eight"]["split"] == []
        large = ["opt_state.0.mu.dense1.kernel", "opt_state.0.nu.dense1.kernel", "params.dense1.kernel"]
        assert laid_out["eight split"]["split"] == large

    def test_a_run_of_four_devices_goes_on_with_two(self, laid_out: dict[str, Any]) -> None:
        assert laid_out["ended"]["status"] == 143
        assert "interrupted after 7 of 12 steps" in laid_out["ended"]["said"]
        assert_learned_alike("gone on with", laid_out["gone on with"], laid_out["one"])

    def test_a_batch_that_cannot_be_split_is_refused(self, laid_out: dict[str, Any], folder: Path) -> None:
        assert laid_out["three"]["status"] == 2
        sentence = "--batch-size must be the same number of images for each of 3 devices; got 16, 15 would do\n"
        assert laid_out["three"]["said"] == f"functional-nn train: {sentence}"
        assert not (folder / "three").exists()


@pytest.mark.slow
class TestProcesses:
    def test_a_signal_to_one_ends_both_after_the_same_step(self, pair: list[Any], folder: Path) -> None:
        first, second = (came[0] for came in pair)
        assert (first["status"], second["status"]) == (143, 143), first["said"] + second["said"]
        assert "interrupted after 8 of 12 steps" in first["said"], first["said"]
        assert second["said"] == "", "only the first process speaks"
        steps = sorted(path.name for path in (folder / "pair" / "checkpoints").iterdir())
        assert steps == ["00000005", "00000008", "00000010", "00000012"], "the signal saved no checkpoint of its own"

    def test_they_learn_what_one_device_learns(self, pair: list[Any], laid_out: dict[str, Any]) -> None:
        for number, came in enumerate(pair):
            assert_learned_alike(f"process {number}", came[1], laid_out["one"])
        assert pair[0][1]["split"] == laid_out["eight split"]["split"]

    def test_of_text_too(self, pair: list[Any], laid_out: dict[str, Any]) -> None:
        assert pair[0][3]["status"] == 143
        assert "interrupted after 4 of 6 steps" in pair[0][3]["said"]
        for number, came in enumerate(pair):
            assert_learned_alike(f"process {number}", came[4], laid_out["text"])

    def test_the_rows_are_written_once(self, pair: list[Any], folder: Path) -> None:
        lines = (folder / "pair" / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]
        saved = json.loads((folder / "pair" / "config.json").read_text())
        assert saved["topology"] == {"data": 2, "fsdp": 2, "processes": 2}
        assert not {"coordinator", "process_id", "process_count"} & saved.keys()

    def test_what_cannot_be_is_refused_by_all_and_said_by_one(self, pair: list[Any]) -> None:
        first, second = (came[2] for came in pair)
        assert (first["status"], second["status"]) == (2, 2)
        assert "each of 2 processes needs as many devices as the others; got 3 devices" in first["said"]
        assert second["said"] == ""


class TestLayout:
    @pytest.mark.parametrize(
        ("shape", "parts", "expected"),
        [
            ((64, 32), 4, P("fsdp")),
            ((30, 64), 4, P(None, "fsdp")),
            ((5, 5, 32, 64), 2, P(None, None, None, "fsdp")),
            ((64, 32), 1, P()),
            ((63, 33), 2, P()),
            ((100,), 2, P()),
        ],
        ids=str,
    )
    def test_an_array_is_split_on_its_largest_axis_that_divides(self, shape: Any, parts: int, expected: P) -> None:
        assert split_largest(shape, parts) == expected

    def test_a_process_alone_agrees_with_itself(self) -> None:
        assert everyones_numbers((3, True)) == [[3, True]]
        assert by_first(lambda: "word") == together(lambda: "word") == "word"

    def test_few_steps_are_in_flight(self) -> None:
        """More than 32 can deadlock several CPU devices in jax 0.10."""
        flying, most = [0], [0]
        state: Any = None
        report = Report(Totals(*np.ones((3, 1))), jnp.ones(1), jnp.ones(1, bool))

        def call(state: Any, batches: Any) -> Any:
            flying[0] += 1
            most[0] = max(most[0], flying[0])
            return state, report

        def after(*what: Any) -> None:
            flying[0] = 0

        watch: Any = SimpleNamespace(before=lambda *what: None, wants=lambda step: False, after=after)
        batches = [one_batch(DATASET.train)] * 100
        epoch.learn(call, state, batches, range(100), watch, Totals(), lambda batch: batch)
        assert most[0] == epoch.STEPS_IN_FLIGHT <= 32


class TestRefusal:
    @pytest.mark.parametrize(
        ("choices", "sentence"),
        [
            ({"mesh": "4x2"}, "--mesh must be like data=4,fsdp=2, numbers of devices along the axes; got '4x2'"),
            ({"mesh": "data=2,data=2"}, "--mesh must be like data=4,fsdp=2"),
            ({"mesh": "model=2"}, "--mesh must be like data=4,fsdp=2"),
            ({"mesh": "data=0"}, "--mesh must be like data=4,fsdp=2"),
            ({"mesh": "data=2,fsdp=2", "devices": 2}, "--mesh data=2,fsdp=2 is of 4 devices; got --devices 2"),
            ({"devices": -1}, "--devices must lie between 0 and 1000000; got -1"),
            ({"process_id": 1}, "--process-id and --process-count need --coordinator HOST:PORT, where process 0 runs"),
            ({"process_count": 2}, "--process-id and --process-count need --coordinator HOST:PORT"),
            ({"coordinator": "here:1"}, "--coordinator needs --process-id, which of the processes this is, and --pr"),
            (
                {"coordinator": "here:1", "process_id": 2, "process_count": 2},
                "--process-id must be at least 0 and below --process-count; got --process-id 2, --process-count 2",
            ),
            (
                {"coordinator": "here", "process_id": 0, "process_count": 2},
                "--coordinator must be HOST:PORT, node1:8476 for example; got 'here'",
            ),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_a_sentence(self, choices: dict[str, Any], sentence: str) -> None:
        with pytest.raises(BadInput) as error:
            validate(replace(TrainConfig(), **choices))
        assert str(error.value).startswith(sentence)

    def test_parts_of_a_batch_must_be_equal_too(self) -> None:
        with pytest.raises(BadInput, match="for each of 4 devices, each 2 parts; got 12, 16 would do"):
            require_equal_parts(replace(SMALL, batch_size=12, accumulate=2), 4)

    def test_an_axis_that_is_not_named_has_one_device(self) -> None:
        assert asked_shape(TrainConfig(mesh="fsdp=8")) == (1, 8)
        assert asked_shape(TrainConfig()) is None

    @pytest.mark.slow
    def test_more_devices_than_there_are_leave_nothing(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert cli.main(["train", "--devices", "4096"]) == 2
        err = capsys.readouterr().err
        assert "devices can be asked for, as many as there are" in err
        assert err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []
