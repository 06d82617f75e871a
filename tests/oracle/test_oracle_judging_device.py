"""A task's device: one that is not there is refused; on one that is, arrays lie in memory as they did on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.cheats import RIGHT

from functional_nn import cli
from reference.oracle.subjects.frameworks import from_torch
from reference.oracle.subjects.placed import missing, placed
from reference.oracle.subjects.subject import Subject

TASK = 'op = "softmax"\nframework = "{}"\ndevice = "{}"\nlargest = 1\nchecks = 1\n'


@pytest.mark.parametrize(
    ("framework", "device", "words"),
    [
        ("numpy", "cuda", "device must be cpu where the framework is numpy; got cuda"),
        ("jax", "typo", "device must be there; got typo: Unknown backend"),
    ],
)
def test_a_device_that_is_not_there_gets_one_sentence(
    tmp_path: Path, capfd: Any, framework: str, device: str, words: str
):
    pytest.importorskip(framework)
    (tmp_path / "task.toml").write_text(TASK.format(framework, device))
    (tmp_path / "kernel.py").write_text(RIGHT)
    assert cli.main(["judge", str(tmp_path / "task.toml"), str(tmp_path / "kernel.py")]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"functional-nn judge: {words}")


def test_a_device_that_holds_no_numbers_is_none():
    torch = pytest.importorskip("torch")
    assert torch.zeros(1, device="meta").shape == (1,)
    assert "meta" in missing("torch", "meta")
    assert missing("torch", "cpu") == ""


def test_code_in_numpy_runs_on_the_cpu(tmp_path: Path, capfd: Any):
    (tmp_path / "task.toml").write_text(TASK.format("numpy", "cpu"))
    (tmp_path / "kernel.py").write_text(RIGHT)
    assert cli.main(["judge", str(tmp_path / "task.toml"), str(tmp_path / "kernel.py")]) == 0


def test_arrays_keep_their_strides_and_get_what_was_written():
    torch = pytest.importorskip("torch")
    seen: list[tuple[int, ...]] = []

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            seen.append((*x.stride(), x.storage_offset()))
            return 2 * x

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            seen.append(upstream.stride())
            found = 2 * upstream
            upstream.zero_()
            return found

    subject = placed(from_torch(Double), "cpu")
    x = np.arange(13.0)[1:].reshape(3, 4)[:, ::2]
    upstream = np.ndarray((3, 2), np.float64, np.ones(1), strides=(0, 0))
    out, pullback = subject.vjp(x)
    np.testing.assert_array_equal(out, 2 * x)
    np.testing.assert_array_equal(pullback(upstream)[0], np.full((3, 2), 2.0))
    assert seen == [(4, 2, 1), (0, 0)]
    assert upstream[0, 0] == 0


def test_a_device_of_jax():
    jax = pytest.importorskip("jax")
    at: list[Any] = []

    def forward(x: Any) -> Any:
        at.append(jax.numpy.zeros(1).device)
        return x

    assert missing("jax", "cpu") == ""
    subject = Subject("same", forward, lambda x: (forward(x), forward), style="jax")
    _, pullback = placed(subject, "cpu").vjp(np.ones(2))
    pullback(np.ones(2))
    assert at == [jax.devices("cpu")[0]] * 2
