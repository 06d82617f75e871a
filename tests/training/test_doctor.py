"""`functional-nn doctor`: what a run would run on, and what to mend."""

from pathlib import Path

import pytest

from functional_nn import _libraries, cli
from functional_nn.cpu import onednn
from functional_nn.training.machine import doctor


class TestDoctor:
    def test_it_names_versions_devices_and_precision(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["doctor"]) == 0
        out = capsys.readouterr().out
        for word in ("python", "jaxlib", "optax", "devices", "cpu:0", "matrix products", "highest"):
            assert word in out

    def test_it_says_what_computes_convolutions(self, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
        tried = {
            ("1", None): "oneDNN on the CPU",
            ("1", "no compiler"): "XLA alone: no compiler",
            ("xla", None): "XLA alone: FUNCTIONAL_NN_FAST=xla",
        }
        for (mode, away), words in tried.items():
            monkeypatch.setattr(_libraries, "MODE", mode)
            monkeypatch.setattr(_libraries, "WANTED", mode == "1")
            monkeypatch.setattr(onednn, "unusable", lambda away=away: away)
            assert cli.main(["doctor"]) == 0
            assert f"convolutions     {words}\n" in capsys.readouterr().out

    def test_it_says_what_multiplies_bfloat16(self, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
        monkeypatch.setattr(_libraries, "WANTED", True)
        monkeypatch.setattr(onednn, "unusable", lambda: None)
        for loops, words in {True: "oneDNN on the CPU", False: "XLA alone: for bfloat16 oneDNN has plain"}.items():
            monkeypatch.setattr(onednn, "takes", lambda *_, loops=loops, **__: loops)
            assert cli.main(["doctor"]) == 0
            assert f"dense, bfloat16  {words}" in capsys.readouterr().out

    def test_it_says_what_the_c_files_compute(self, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
        monkeypatch.setattr(_libraries, "WANTED", True)
        for away, words in {None: "a C file, compiled for this CPU", "none": "XLA alone: none"}.items():
            for calls in doctor.c_files().values():
                monkeypatch.setattr(calls, "unusable", lambda away=away: away)
            assert cli.main(["doctor"]) == 0
            out = capsys.readouterr().out
            computed = ("activations", "attention", "batch norm", "layer norm", "softmax", "pooling")
            assert all(f"{name:<16} {words}\n" in out for name in computed)

    def test_an_idle_gpu_is_a_warning(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        driver = tmp_path / "version"
        driver.touch()
        monkeypatch.setattr(doctor, "DRIVER_FILES", {str(driver): "cuda13"})
        assert doctor.advice("cpu") == [
            f"warning: an accelerator is visible ({driver}) but JAX uses the cpu; "
            "mend it with: pip install 'functional_nn[cuda13]'"
        ]
        assert doctor.idle_accelerator("cpu") == doctor.advice("cpu")[-1], "training says it too"
        assert doctor.advice("gpu") == ["all is well: training runs on gpu"]

    def test_nothing_visible_is_no_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "DRIVER_FILES", {})
        monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
        assert doctor.advice("cpu") == ["all is well: training runs on cpu"]

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "versions", lambda: {"tyro": "1", "rich": "1"})
        missing = "flatbuffers, matplotlib, orbax-checkpoint, pillow, pooch, safetensors, scikit-learn, tensorboardX"
        assert doctor.advice("gpu")[0].startswith(f"warning: train needs {missing}: pip install")
