"""The same run with several seeds: how good it is on the average, and how much that depends on chance."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from functional_nn.training.config import TrainConfig
from functional_nn.training.errors import Interrupted
from functional_nn.training.resume import CONFIG, require_same, saved_config
from functional_nn.training.run_folder import create, default_output, write_json

SUMMARY = "summary.json"
OfOne = Callable[[TrainConfig], float]


def train_many(config: TrainConfig, accuracy_of: OfOne) -> tuple[Path, list[float]]:
    """Train with each seed in a folder of its own, `seed-0` and so on, and go on with those that were begun."""
    folder = config.resume or config.output or default_output(config.dataset, config.model)
    if config.resume is not None:
        require_same(config, saved_config(folder), folder)
    else:
        create(folder, asdict(replace(config.settled, output=folder)))
    accuracies = []
    for seed in range(config.seed, config.seed + config.seeds):
        part = folder / f"seed-{seed}"
        begun = part if (part / CONFIG).is_file() else None
        try:
            accuracies.append(accuracy_of(replace(config, seed=seed, seeds=1, output=part, resume=begun)))
        except Interrupted as error:  # all the seeds are to be gone on with, not this one alone
            raise Interrupted(str(error).replace(str(part), str(folder)), error.signal) from None
    write_json(folder / SUMMARY, summary(config, accuracies))
    return folder, accuracies


def summary(config: TrainConfig, accuracies: Sequence[float]) -> dict[str, Any]:
    """The accuracy of each seed, their mean and their standard deviation (of the sample)."""
    spread = statistics.stdev(accuracies) if len(accuracies) > 1 else math.nan
    seeds = {str(config.seed + index): accuracy for index, accuracy in enumerate(accuracies)}
    return {"accuracies": seeds, "mean": statistics.fmean(accuracies), "standard_deviation": spread}
