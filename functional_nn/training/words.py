"""A configuration in words, for the person at the terminal. Imports no JAX."""

import textwrap
from dataclasses import fields

from functional_nn.training.config import TrainConfig
from functional_nn.training.sizes import written
from functional_nn.training.validate import flag_of

WIDTH = 100
TOGETHER = "\u00a0"  # a flag and its value stay on one line


def in_words(config: TrainConfig) -> str:
    """Every choice as the flag that makes it, the one of the preset or another."""
    settled = config.settled
    words = [_choice(field.name, getattr(settled, field.name)) for field in fields(settled)]
    lines = textwrap.fill(" ".join(word for word in words if word), WIDTH, break_on_hyphens=False)
    return lines.replace(TOGETHER, " ")


def _choice(name: str, value: object) -> str:
    if isinstance(value, bool):
        return flag_of(name) if value else ""
    return "" if value is None else f"{flag_of(name)}{TOGETHER}{written(value)}"
