"""Several runs in one folder, a folder each: the same run with several seeds, or the parts of an experiment."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.saved import CONFIG, of_the_run, require_same, saved_config
from functional_nn.training.data.task import task_of
from functional_nn.training.endings import Interrupted, InterruptedTwice, heeding_signals
from functional_nn.training.kept.folder import create, default_output, write_json
from functional_nn.training.machine.processes import by_first, everyones_numbers

SUMMARY = "summary.json"
Outcome = TypeVar("Outcome")


def train_parts(
    folder: Path, parts: Mapping[str, TrainConfig], train: Callable[[TrainConfig], Outcome], again: str
) -> dict[str, Outcome]:
    """Train each part in the folder of its name, and go on with those that were begun.

    `again` is the command that goes on with all of them: what a part that is interrupted would say is of itself alone.
    """
    outcomes = {}
    with heeding_signals() as stop:
        for name, config in parts.items():
            if asked := max(number for (number,) in everyones_numbers((stop.signal or 0,))):
                raise Interrupted(f"interrupted after {len(outcomes)} of {len(parts)} runs; go on with: {again}", asked)
            try:
                outcomes[name] = _train_part(folder / name, config, train)
            except Interrupted as error:
                error.args = (str(error).replace(f"functional-nn train --resume {folder / name}", again),)
                raise
            except KeyboardInterrupt:
                raise InterruptedTwice(f"interrupted twice; go on with: {again}", stop.signal) from None
    return outcomes


def _train_part(part: Path, config: TrainConfig, train: Callable[[TrainConfig], Outcome]) -> Outcome:
    begun = part if by_first((part / CONFIG).is_file) else None
    return train(replace(config, output=part, resume=begun))


@heeding_signals()
def train_many(config: TrainConfig, score_of: Callable[[TrainConfig], float]) -> tuple[Path, list[float]]:
    """Train with each seed in a folder of its own, `seed-0` and so on."""
    folder = Path(by_first(lambda: str(_begun(config))))
    seeds = range(config.seed, config.seed + config.seeds)
    parts = {f"seed-{seed}": replace(config, seed=seed, seeds=1) for seed in seeds}
    scores = list(train_parts(folder, parts, score_of, f"functional-nn train --resume {folder}").values())
    by_first(lambda: write_json(folder / SUMMARY, summary(config, scores)))
    return folder, scores


def _begun(config: TrainConfig) -> Path:
    """The folder of all the seeds, new or gone on with."""
    if config.resume is not None:
        require_same(config, saved_config(config.resume), config.resume)
        return config.resume
    folder = config.output or default_output(config.dataset, config.model)
    create(folder, of_the_run(replace(config, output=folder)))
    return folder


def summary(config: TrainConfig, scores: Sequence[float]) -> dict[str, Any]:
    """The score of each seed, their mean and their standard deviation (of the sample)."""
    spread = statistics.stdev(scores) if len(scores) > 1 else math.nan
    seeds = {str(config.seed + index): score for index, score in enumerate(scores)}
    name = task_of(config.dataset).score.plural
    return {name: seeds, "mean": statistics.fmean(scores), "standard_deviation": spread}


def table(config: TrainConfig, scores: Sequence[float]) -> list[str]:
    """A line for each seed, and one for all."""
    score, result = task_of(config.dataset).score, summary(config, scores)
    lines = [f"seed {seed:<8} {score.written(value, 6)}" for seed, value in result[score.plural].items()]
    spread = f"{score.scale * result['standard_deviation']:.{score.digits}f}"
    return [*lines, f"mean          {score.written(result['mean'], 6)}, standard deviation {spread}"]
