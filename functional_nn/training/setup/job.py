"""What a run needs before it begins: the choices and what follows from them."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.legal import require_equal_parts
from functional_nn.training.choices.saved import of_the_run
from functional_nn.training.data.examples import Dataset, steps_per_epoch
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.doctor import versions
from functional_nn.training.setup.network import Network, build
from functional_nn.training.setup.optimizers import Schedule, make_optimizer, schedule
from functional_nn.training.step.augment import Augmentation
from functional_nn.training.step.precision import first_loss_scale
from functional_nn.training.step.sharding import Layout, chosen_layout
from functional_nn.training.step.state import TrainState, create_state, parameter_count
from functional_nn.training.step.step import StepRules


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
