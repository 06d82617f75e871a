"""What a run leaves on the disk and on the terminal."""

import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from helpers.small_runs import DATASET, prepared
from safetensors.numpy import load_file

from functional_nn.training.data.task import TASKS
from functional_nn.training.endings import BadInput
from functional_nn.training.kept import folder as run_folder
from functional_nn.training.kept.folder import claimed, create, default_output, discard, whole_file
from functional_nn.training.kept.keeper import Reached
from functional_nn.training.machine.memory import keep_compiled_programs
from functional_nn.training.report import results
from functional_nn.training.report.display import open_display
from functional_nn.training.step.state import Learned, Totals


class TestRunFolder:
    def test_it_appears_with_its_configuration_in_it(self, tmp_path: Path) -> None:
        made = create(tmp_path / "a" / "b" / "run", {"seed": 1})
        assert json.loads((tmp_path / "a" / "b" / "run" / "config.json").read_text()) == {"seed": 1}
        assert made == [tmp_path / "a" / "b", tmp_path / "a"]
        assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["run"]

    def test_what_is_discarded_takes_the_parents_that_were_made_and_no_other(self, tmp_path: Path) -> None:
        for kept in ([], [tmp_path / "a"]):
            for folder in kept:
                folder.mkdir()
            discard(tmp_path / "a" / "b" / "run", create(tmp_path / "a" / "b" / "run", {}))
            assert list(tmp_path.iterdir()) == kept

    def test_runs_of_one_second_have_names_of_their_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(run_folder.time, "strftime", lambda form: "20260101-000000")
        names = []
        for _ in range(3):
            names.append(default_output("digits", "mlp"))
            names[-1].mkdir(parents=True)
        stem = Path("runs/digits-mlp-20260101-000000")
        assert names == [stem, Path(f"{stem}-1"), Path(f"{stem}-2")]

    def test_a_file_is_whole_or_as_it_was(self, tmp_path: Path) -> None:
        def fail_in_the_middle() -> None:
            with whole_file(tmp_path / "file") as partial:
                partial.write_text("half")
                raise ZeroDivisionError

        (tmp_path / "file").write_text("before")
        with pytest.raises(ZeroDivisionError):
            fail_in_the_middle()
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "before")]

    def test_one_process_at_a_time(self, tmp_path: Path) -> None:
        create(tmp_path / "run", {})
        first, second = claimed(tmp_path / "run"), claimed(tmp_path / "run")
        with first, pytest.raises(BadInput, match="run is being trained by another process"):
            second.__enter__()
        with claimed(tmp_path / "run"):
            pass


def test_the_average_of_the_weights_is_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("draw_curves", "draw_confusion", "draw_mistakes", "draw_filters", "draw_histograms"):
        monkeypatch.setattr(results, name, lambda *what: None)
    monkeypatch.setattr(results, "weights_and_activations", lambda job, state: ({}, {}))
    job, state = prepared(average=0.9)
    above = jax.tree.map(lambda leaf: leaf + 1, state.params)
    state = state._replace(average=Learned(above, state.model_state))
    results.write_results(job, tmp_path, Reached(state), Totals(0.0, 0.0, 1.0), DATASET.test.labels)
    kept = load_file(tmp_path / "model.safetensors")["dense1.kernel"]
    np.testing.assert_array_equal(kept, np.asarray(state.params["dense1"]["kernel"]) + 1)


ROW = {"epoch": 7, "train_loss": 0.25, "train_accuracy": 0.5, "test_accuracy": 1.0, "images_per_second": 1234.5}


class TestDisplay:
    @pytest.mark.parametrize(("epochs", "lines"), [(1, 1), (9, 9), (10, 10), (30, 10), (101, 10)])
    def test_plain_lines_are_at_most_ten_and_include_the_last(self, epochs: int, lines: int) -> None:
        stream = StringIO()
        with open_display(epochs, epochs, TASKS["images"], stream) as display:
            for number in range(1, epochs + 1):
                display.advance(number, 1, Totals(1.0, 1.0, 2.0), 10.0)
                display.end_epoch({**ROW, "epoch": number})
        shown = stream.getvalue().splitlines()
        assert len(shown) == lines
        assert shown[-1].split()[1] == f"{epochs}/{epochs}"
        assert "loss 0.2500  train  50.00 %  test 100.00 %     1,234 images/s" in shown[-1]
        assert max(map(len, shown)) <= 80

    def test_a_terminal_gets_a_bar_with_the_figures_of_the_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = StringIO()
        monkeypatch.setattr(stream, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("TERM", "xterm")
        with open_display(9, 9, TASKS["images"], stream) as display:
            display.advance(7, 1, Totals(1.0, 1.0, 2.0), 1234.5)
            display.end_epoch(ROW)
        text = stream.getvalue()
        for part in ("epoch 7/9", "loss 0.5000", "train  50.00 %", "1,234 images/s", "━", "test 100.00 %"):
            assert part in text


class TestCache:
    def updates(self, monkeypatch: pytest.MonkeyPatch, home: Path, chosen: str | None) -> dict[str, Any]:
        updates: dict[str, Any] = {}
        config = SimpleNamespace(jax_compilation_cache_dir=chosen, update=updates.__setitem__)
        monkeypatch.setenv("XDG_CACHE_HOME", str(home))
        monkeypatch.setattr(jax, "config", config)
        keep_compiled_programs()
        return updates

    def test_it_lies_in_the_cache_of_the_user(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        folder = Path(self.updates(monkeypatch, tmp_path, None)["jax_compilation_cache_dir"])
        assert folder.is_dir()
        assert folder.parent == tmp_path / "functional_nn"

    def test_a_place_that_was_chosen_stays(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert self.updates(monkeypatch, tmp_path, "mine") == {}

    def test_a_place_that_cannot_be_made_is_no_error(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert self.updates(monkeypatch, tmp_path / "file", None) == {}
