"""Recipes by name: whole configurations, of which each flag changes one choice. A new recipe is a new row."""

from functional_nn.training.config import PresetName, TrainConfig

PRESETS: dict[PresetName, TrainConfig] = {
    "digits": TrainConfig(),
}
