"""Where the CPU learns from texts or questions, each core is a device with its part of the batch."""

import os
from typing import Any

import jax
import pytest

from functional_nn import _libraries
from functional_nn.cpu import attention
from functional_nn.training.choices.presets import PRESETS
from functional_nn.training.machine import cores


@pytest.fixture
def devices_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a run with these choices tells JAX of its CPU, on a machine with so many cores."""

    def told(there: int, preset: Any, **choices: Any) -> list[int]:
        counts: list[int] = []
        monkeypatch.delenv("JAX_NUM_CPU_DEVICES", raising=False)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(there)), raising=False)
        monkeypatch.setattr(jax.config, "update", lambda name, count: counts.append(count))
        cores.divide_cores(PRESETS[preset].__class__(**vars(PRESETS[preset]) | choices))
        return counts

    return told


@pytest.mark.parametrize(
    ("there", "choices", "told"),
    [
        (2, {}, [2]),
        (6, {}, [4]),
        (64, {}, [8]),
        (4, {"accumulate": 4}, [2]),
        (1, {}, []),
        (2, {"devices": 1}, []),
        (2, {"mesh": "data=2"}, []),
    ],
    ids=lambda value: str(value).replace(" ", ""),
)
def test_a_batch_of_eight_texts_is_divided_equally(
    devices_of: Any, there: int, choices: dict[str, Any], told: list[int]
) -> None:
    assert devices_of(there, "text", context=128, **choices) == told


def test_questions_are_divided_and_images_are_not(devices_of: Any) -> None:
    assert devices_of(2, "dates") == [2]
    assert devices_of(2, "fashion-mnist") == []


def test_a_long_context_is_left_to_all_cores_where_they_share_its_attention(
    devices_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: str | None = None
    monkeypatch.setattr(_libraries, "WANTED", True)
    monkeypatch.setattr(attention, "unusable", lambda: there)
    assert devices_of(2, "text") == devices_of(2, "text", context=256) == []
    assert devices_of(2, "text", context=128) == [2]
    assert devices_of(2, "text", context=512, model="lstm_lm", heads=None, key_heads=None, tied=None) == [2]
    there = "no C compiler is on the PATH"
    assert devices_of(2, "text", context=512) == [2]


def test_whoever_chose_devices_keeps_them(devices_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
    assert devices_of(2, "text", context=128) == []


def test_a_process_in_which_jax_runs_already_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAX_NUM_CPU_DEVICES", raising=False)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    before = jax.device_count()
    cores.divide_cores(PRESETS["text"])
    assert jax.device_count() == before
