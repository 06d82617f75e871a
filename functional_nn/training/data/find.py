"""The data set that a configuration names: fetched, read, and divided as it says."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from functional_nn.training.choices.config import KINDS, Kind, TrainConfig
from functional_nn.training.data import images, questions, text
from functional_nn.training.data.examples import Dataset, hold_out
from functional_nn.training.data.places import download, downloads
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.processes import by_first, is_first, together

# Fixed: --seed changes what is learned, never what teaches and what judges.
HOLD_OUT_SEED = 1
LEARN_FROM_SEED = 2
LOADERS: dict[Kind, Callable[[TrainConfig], Dataset]] = {
    "images": lambda config: images.load(config.dataset, config.data_dir),
    "text": lambda config: text.load(config.data_dir, config.sizes["context"]),
    "questions": lambda config: questions.load(config.dataset),
}


def find_data(config: TrainConfig) -> Dataset:
    """The data set, fetched first when asked to.

    With --hold-out some of the examples that would teach judge instead, and of the rest --learn-from takes so many.
    """
    if config.download:
        by_first(fetch := partial(download, config.dataset, config.data_dir or downloads(config.dataset), print))
        together(lambda: None if is_first() else fetch())  # on a machine with a disk of its own
    dataset = LOADERS[KINDS[config.dataset]](config)
    if config.hold_out:
        _require_part("--hold-out must be below", config.hold_out, dataset, len(dataset.train) - 1)
        train, held_out = hold_out(dataset.train, config.hold_out, HOLD_OUT_SEED)
        dataset = replace(dataset, train=train, test=held_out, glance=None)
    if config.learn_from:
        _require_part("--learn-from must be at most", config.learn_from, dataset, len(dataset.train))
        _, few = hold_out(dataset.train, config.learn_from, LEARN_FROM_SEED)
        dataset = replace(dataset, train=few)
    return dataset


def _require_part(rule: str, count: int, dataset: Dataset, most: int) -> None:
    if count > most:
        raise BadInput(f"{rule} {len(dataset.train)}, all {dataset.task.examples}; got {count}")
