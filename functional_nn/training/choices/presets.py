"""Recipes by name: whole configurations, of which each flag changes one choice. A new recipe is a new row.

docs/recipes.md says how good each is, how long it takes, and how its choices were made.
"""

import textwrap
from dataclasses import fields

from functional_nn.training.choices.config import PresetName, TrainConfig
from functional_nn.training.choices.values import AUTO, flag_of, written

WIDTH = 100
TOGETHER = "\u00a0"  # a flag and its value stay on one line
PRESETS: dict[PresetName, TrainConfig] = {
    "digits": TrainConfig(),
    "fashion-mnist": TrainConfig(
        preset="fashion-mnist",
        dataset="fashion-mnist",
        model="vgg",
        filters=((32,), (64, 64), (128, 128)),
        epochs=12,
        batch_size=128,
        optimizer="muon",
        warmup=0.2,
        weight_decay=0.0025,
        average=0.999,
        shift=1,
        flip=True,
        cutout=8,
    ),
    "fashion-mnist-fast": TrainConfig(
        preset="fashion-mnist-fast",
        dataset="fashion-mnist",
        epochs=8,
        batch_size=128,
        average=0.99,
        flip=True,
    ),
    "mnist": TrainConfig(
        preset="mnist",
        dataset="mnist",
        epochs=10,
        batch_size=128,
        average=0.99,
        shift=1,
    ),
    "text": TrainConfig(
        preset="text",
        dataset="text",
        model="transformer",
        epochs=8,
        epoch_steps=600,
        batch_size=8,
        optimizer="adamw",
        learning_rate=0.002,
        clip_norm=1.0,
        label_smoothing=0.0,
    ),
    "addition": TrainConfig(
        preset="addition",
        dataset="addition",
        model="seq2seq",
        epochs=12,
        epoch_steps=1000,
        batch_size=128,
        clip_norm=1.0,
        label_smoothing=0.0,
    ),
    "dates": TrainConfig(
        preset="dates",
        dataset="dates",
        model="seq2seq",
        epochs=10,
        epoch_steps=150,
        batch_size=128,
        clip_norm=1.0,
        label_smoothing=0.0,
    ),
}


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
