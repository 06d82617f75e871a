"""What a run needs before it begins: the choices and what follows from them."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
import optax

from functional_nn.training.augment import Augmentation
from functional_nn.training.config import TrainConfig
from functional_nn.training.data import Dataset, hold_out, load, steps_per_epoch
from functional_nn.training.doctor import versions
from functional_nn.training.download import download
from functional_nn.training.errors import BadInput
from functional_nn.training.network import Network, build
from functional_nn.training.optimizers import Schedule, make_optimizer, schedule
from functional_nn.training.places import downloads
from functional_nn.training.precision import first_loss_scale
from functional_nn.training.processes import by_first, is_first, together
from functional_nn.training.resume import of_the_run
from functional_nn.training.sharding import Layout, chosen_layout
from functional_nn.training.state import TrainState, create_state, parameter_count
from functional_nn.training.step import StepRules
from functional_nn.training.topology import require_equal_parts

# Fixed, as the split of the digits is: --seed changes what is learned, never what teaches and what judges.
HOLD_OUT_SEED = 1
LEARN_FROM_SEED = 2


@dataclass(frozen=True)
class Job:
    """The choices, the data set, the devices, and the functions that the choices name."""

    config: TrainConfig
    layout: Layout
    dataset: Dataset
    network: Network
    rate: Schedule
    optimizer: optax.GradientTransformation
    rules: StepRules

    @property
    def steps_per_epoch(self) -> int:
        """How many steps it takes to see every training image."""
        return steps_per_epoch(len(self.dataset.train), self.config.batch_size)

    @property
    def steps(self) -> int:
        """How many steps the whole run takes."""
        return self.config.epochs * self.steps_per_epoch


def find_data(config: TrainConfig) -> Dataset:
    """The data set, fetched first when asked to.

    With --hold-out some of the images that would teach judge instead, and of the rest --learn-from takes so many.
    """
    if config.download:
        by_first(fetch := partial(download, config.dataset, config.data_dir or downloads(config.dataset), print))
        together(lambda: None if is_first() else fetch())  # on a machine with a disk of its own
    dataset = load(config.dataset, config.data_dir)
    if config.hold_out:
        if config.hold_out >= len(dataset.train):
            raise BadInput(f"--hold-out must be below {len(dataset.train)}, all images; got {config.hold_out}")
        train, held_out = hold_out(dataset.train, config.hold_out, HOLD_OUT_SEED)
        dataset = replace(dataset, train=train, test=held_out)
    if config.learn_from:
        if config.learn_from > len(dataset.train):
            raise BadInput(f"--learn-from must be at most {len(dataset.train)}, all images; got {config.learn_from}")
        _, few = hold_out(dataset.train, config.learn_from, LEARN_FROM_SEED)
        dataset = replace(dataset, train=few)
    return dataset


def prepare(config: TrainConfig, dataset: Dataset) -> Job:
    """Build what the configuration names, for this data set."""
    if config.batch_size > len(dataset.train):
        raise BadInput(f"--batch-size must be at most {len(dataset.train)}, all images; got {config.batch_size}")
    layout = chosen_layout(config)
    require_equal_parts(config, layout.devices)
    network = build(config.model, dataset.train.images.shape[1:], len(dataset.class_names), config.sizes)
    steps = config.epochs * steps_per_epoch(len(dataset.train), config.batch_size)
    rate = schedule(config.peak_learning_rate, steps, config.warmup)
    augmentation = Augmentation(config.shift, config.flip, config.cutout)
    rules = StepRules(config.label_smoothing, augmentation, config.accumulate, config.precision, config.average)
    return Job(config, layout, dataset, network, rate, make_optimizer(config, rate), rules)


def first_state(job: Job) -> TrainState:
    """The state before the first step, from the seed alone."""

    @jax.jit  # one program instead of one for every small operation
    def create(seed: int) -> TrainState:
        init_key, step_key = jax.random.split(jax.random.key(seed))
        params, model_state = job.network.init(init_key)
        scale = first_loss_scale(job.config.precision)
        averaged = job.config.average > 0
        state = create_state(params, model_state, job.optimizer, step_key, averaged=averaged, loss_scale=scale)
        return job.layout.keep(state)

    return create(np.uint32(job.config.seed))


def describe(job: Job) -> dict[str, Any]:
    """What config.json holds: every choice, and what was found on this machine."""
    shapes = jax.eval_shape(lambda: first_state(job))
    found = {
        "image_shape": job.dataset.train.images.shape[1:],
        "class_names": job.dataset.class_names,
        "train_size": len(job.dataset.train),
        "test_size": len(job.dataset.test),
        "parameters": parameter_count(shapes.params),
        "platform": jax.default_backend(),
        "topology": {**job.layout.mesh.shape, "processes": jax.process_count()},
        "versions": versions(),
    }
    return of_the_run(job.config) | found
