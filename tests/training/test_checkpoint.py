"""Checkpoints: whole or not there, known to be whole, kept by count and by time, and never of another model."""

import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.endings import BadInput
from functional_nn.training.kept import checkpoint
from functional_nn.training.kept.checkpoint import Saved, surplus
from functional_nn.training.kept.keeper import Keeper

ARRAYS = {"a.kernel": jnp.arange(6.0).reshape(2, 3), "a.bias": jnp.ones(3, jnp.float32), "step": jnp.int32(7)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path, 7, ARRAYS, {"rows": [{"loss": 0.1}]})
    return checkpoint.save(tmp_path, 12, ARRAYS, {"rows": [{"loss": 1 / 3}]})


def test_what_was_saved_comes_back_bit_for_bit(saved: Path) -> None:
    arrays, facts = checkpoint.load(saved, ARRAYS)
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    assert (facts["step"], facts["rows"]) == (12, [{"loss": 1 / 3}])
    assert checkpoint.newest_whole(saved.parent) == (saved, [])


def test_every_byte_of_every_file_matters(saved: Path) -> None:
    files = sorted(path for path in saved.rglob("*") if path.is_file())
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        for at in {0, len(content) // 2, len(content) - 1} if content else ():
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert checkpoint.damage(saved), f"byte {at} of {path.name}"
        path.unlink()
        assert checkpoint.damage(saved), f"{path.name} is gone"
        path.write_bytes(content)
    assert checkpoint.damage(saved) is None


def test_a_damaged_one_is_named_and_the_newest_whole_one_taken(saved: Path) -> None:
    facts = saved / "facts.json"
    facts.write_text(facts.read_text().replace("0.3", "0.4"))
    newest, damaged = checkpoint.newest_whole(saved.parent)
    assert newest is not None
    assert newest == saved.parent / "00000007"
    assert damaged == [f"checkpoint {saved} is damaged (facts.json is not as it was written)"]
    (saved.parent / "00000007" / "SHA256SUMS").unlink()
    assert checkpoint.newest_whole(saved.parent)[0] is None


def test_a_checkpoint_of_another_model_is_not_loaded(saved: Path) -> None:
    wrong_shape = {**ARRAYS, "a.kernel": jnp.zeros((2, 4))}
    with pytest.raises(
        BadInput, match=r"00000012 is of another model: a.kernel is float64 \[2, 3\] there and float64 \[2"
    ):
        checkpoint.load(saved, wrong_shape)
    with pytest.raises(BadInput, match=r"a.bias is float32 .* there and bfloat16"):
        checkpoint.load(saved, {**ARRAYS, "a.bias": jnp.ones(3, jnp.bfloat16)})
    with pytest.raises(BadInput, match=r"b.bias is missing there and float64"):
        checkpoint.load(saved, {**ARRAYS, "b.bias": jnp.zeros(1)})


def test_a_step_can_be_saved_again(saved: Path) -> None:
    checkpoint.save(saved.parent, 12, {**ARRAYS, "step": jnp.int32(9)}, {})
    assert int(checkpoint.load(saved, ARRAYS)[0]["step"]) == 9
    assert sorted(path.name for path in saved.parent.iterdir()) == ["00000007", "00000012"]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), ValueError("Error writing: disk full\nmore")]
)
def test_a_full_disk_is_a_sentence_and_leaves_the_earlier_ones(
    saved: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = checkpoint._write_arrays

    def half(path: Path, arrays: checkpoint.Arrays) -> None:
        honest(path, arrays)
        raise error

    monkeypatch.setattr(checkpoint, "_write_arrays", half)
    reason = "No space left on device" if isinstance(error, OSError) else "Error writing: disk full"
    with pytest.raises(BadInput, match=rf"^the checkpoint of step 20 cannot be written to {saved.parent}: {reason}$"):
        checkpoint.save(saved.parent, 20, ARRAYS, {})
    assert sorted(path.name for path in saved.parent.iterdir()) == ["00000007", "00000012"]
    assert checkpoint.newest_whole(saved.parent) == (saved, [])


def test_what_a_kill_leaves_is_not_taken_for_a_checkpoint(saved: Path) -> None:
    left = saved.parent / ".00000020.partial"
    saved.rename(left)
    assert checkpoint.newest_whole(saved.parent)[0] == saved.parent / "00000007"
    checkpoint.clean(saved.parent)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["00000007"]


def test_a_save_is_due_as_soon_as_its_step_is_passed(tmp_path: Path) -> None:
    kept = Keeper(TrainConfig(save_every=3), tmp_path)
    assert [step for step in range(1, 6) if kept.due(step)] == [3, 4, 5]
    kept.saved_steps = 4
    assert [step for step in range(5, 9) if kept.due(step)] == [6, 7, 8]


@pytest.mark.parametrize(
    ("keep", "every", "kept"),
    [(1, None, [90]), (3, None, [70, 80, 90]), (99, None, [*range(0, 100, 10)]), (2, 30.0, [0, 30, 60, 80, 90])],
)
def test_they_are_kept_by_count_and_by_time(keep: int, every: float | None, kept: list[int]) -> None:
    saved = [Saved(step, float(step)) for step in range(0, 100, 10)]
    too_many = surplus(saved, keep, every)
    assert [one.step for one in saved if one not in too_many] == kept


def test_too_many_are_removed_by_their_age(saved: Path) -> None:
    for step in (20, 30, 40):
        checkpoint.save(saved.parent, step, {"step": jnp.int32(step)}, {})
    for age, path in enumerate(sorted(saved.parent.iterdir(), reverse=True)):
        moment = 1e9 - 60.0 * age
        os.utime(path / "SHA256SUMS", (moment, moment))
    checkpoint.prune(saved.parent, keep=1, keep_every=100.0)
    assert sorted(int(path.name) for path in saved.parent.iterdir()) == [7, 20, 40]
