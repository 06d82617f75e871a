"""A configuration in words, for the person at the terminal. Imports no JAX."""

import textwrap
from dataclasses import fields

from functional_nn.training.config import TrainConfig
from functional_nn.training.presets import PRESETS
from functional_nn.training.sizes import written
from functional_nn.training.validate import flag_of

WIDTH = 100
AUTO = "auto"  # what stands for None on the command line
TOGETHER = "\u00a0"  # a flag and its value stay on one line


def in_words(config: TrainConfig) -> str:
    """Every choice as the flag that makes it, the one of the preset or another."""
    settled, preset = config.settled, PRESETS[config.preset]
    words = [
        _choice(field.name, getattr(settled, field.name), getattr(preset, field.name)) for field in fields(settled)
    ]
    lines = textwrap.fill(" ".join(word for word in words if word), WIDTH, break_on_hyphens=False)
    return lines.replace(TOGETHER, " ")


def _choice(name: str, value: object, in_preset: object) -> str:
    if isinstance(value, bool):
        return flag_of(name) if value else flag_of(f"no_{name}") if in_preset else ""
    if value is None and in_preset is None:
        return ""
    return f"{flag_of(name)}{TOGETHER}{AUTO if value is None else written(value)}"
