"""Recipes by name: whole configurations, of which each flag changes one choice. A new recipe is a new row.

docs/recipes.md says how good each is, how long it takes, and how its choices were made.
"""

from functional_nn.training.config import PresetName, TrainConfig

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
}
