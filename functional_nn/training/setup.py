"""What follows from the choices before the first step: the network, its update rule, the first state."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np
import optax
from optax.contrib import MuonDimensionNumbers, muon

from functional_nn.models._network import outputs
from functional_nn.training.choices.config import Filters, OptimizerName, TrainConfig
from functional_nn.training.choices.legal import require_equal_parts
from functional_nn.training.choices.presets import in_words
from functional_nn.training.choices.saved import of_the_run
from functional_nn.training.choices.values import numbers_of, written
from functional_nn.training.data.examples import Dataset, sizes_given, steps_per_epoch
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.doctor import idle_accelerator, versions
from functional_nn.training.step.augment import Augmentation
from functional_nn.training.step.precision import first_loss_scale
from functional_nn.training.step.sharding import Layout, chosen_layout
from functional_nn.training.step.state import TrainState, create_state, parameter_count
from functional_nn.training.step.step import StepRules

MOMENTUM = 0.9
# Within muon, the share of its learning rate with which adam moves biases and scales.
ADAM_SHARE = 0.25

Schedule = Callable[..., jax.Array]  # the number of the step -> its learning rate


@dataclass(frozen=True)
class Network:
    """A model and its configuration: apply(params, state, x, *, train, key) -> (logits, state) is the model's own."""

    name: str
    config: Any
    apply: Callable[..., tuple[jax.Array, Any]]
    _model: Any

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Random parameters and the first state of the layers."""
        return self._model.init(key, self.config)

    def outputs(self, params: Any, x: jax.Array) -> dict[str, jax.Array]:
        """The output of every layer, by its name: without dropout, and normalized by the batch itself."""
        if hasattr(self._model, "outputs"):
            return self._model.outputs(params, self.config, x)
        complete = getattr(self._model, "with_head", lambda params, config: params)
        return outputs(self._model.layers(self.config), complete(params, self.config), x)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers in the order in which they are applied."""
        known = getattr(self._model, "LAYERS", None)
        return known or tuple(name for name, _ in self._model.layers(self.config))

    @property
    def classes(self) -> int:
        """How many labels there are to choose from."""
        return self.config.vocabulary if hasattr(self.config, "vocabulary") else self.config.classes

    def dropout_masks(self, key: jax.Array, batch: int, *length: int) -> Any:
        """The masks that `apply` draws from this key in training; of sequences with their length."""
        return self._model.dropout_masks(key, self.config, batch, *length)


def build(name: str, given: Mapping[str, Any], sizes: Mapping[str, Any] | None = None) -> Network:
    """The model of this name, of the sizes that its data give, and of these others or its own."""
    model = importlib.import_module(f"functional_nn.models.{name}")
    form, known = FORMS.get(name, {}), {field.name for field in fields(model.Config)}
    chosen: dict[str, Any] = {}
    for size, value in (sizes or {}).items():
        if size in known:
            taken = form.get(size, _as_it_is)(value)
            chosen |= taken if isinstance(taken, dict) else {size: taken}
    try:
        config = model.Config(**given, **chosen)
    except ValueError as error:
        data = "on these images" if "input_shape" in given else "like this"
        raise BadInput(f"--model {name} cannot be used {data}: {error}") from error
    return Network(name, config, model.apply, model)


def _as_it_is(value: Any) -> Any:
    return value


def _only_number(value: Any) -> int:
    (number,) = numbers_of(value)
    return number


def _by_stage(filters: Filters) -> dict[str, Any]:
    """How many blocks each stage has, and the filters that all of them have."""
    if any(len(set(stage)) > 1 for stage in filters):
        got = written(filters)
        raise BadInput(f"--filters must be the same number for all blocks of a stage of --model resnet; got {got}")
    return {"blocks": tuple(map(len, filters)), "filters": tuple(stage[0] for stage in filters)}


# How a model takes the sizes of a configuration, where it does not take them as they are; or several settings from one.
FORMS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "simple_convnet": {"filters": _only_number, "hidden": _only_number},
    "deep_convnet": {"filters": numbers_of, "hidden": _only_number},
    "resnet": {"filters": _by_stage},
    "transformer": {"hidden": _only_number},
    "lstm_lm": {"hidden": _only_number},
    "seq2seq": {"hidden": _only_number},
}


def kernels(params: Any) -> Any:
    """True for kernels, False for biases, scales and tables of embeddings: small weights of those simplify nothing."""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key in ("kernel", "recurrent_kernel"), params)


def _muon(rate: Schedule, decay: float) -> optax.GradientTransformation:
    return muon(
        rate,
        weight_decay=decay,
        adam_learning_rate=lambda step: ADAM_SHARE * rate(step),
        muon_weight_dimension_numbers=_matrices,
    )


def _matrices(params: Any) -> Any:
    """Each kernel as a matrix of its inputs, all axes but the last, and its outputs; None for what adam moves."""

    def axes(is_kernel: bool, param: Any) -> MuonDimensionNumbers | None:
        return MuonDimensionNumbers(tuple(range(param.ndim - 1)), param.ndim - 1) if is_kernel else None

    return jax.tree.map(axes, kernels(params), params)


# Of a learning rate and a decay of kernels; adamw and muon subtract the decay, the others add it to the gradient.
RULES: dict[OptimizerName, Callable[[Schedule, float], optax.GradientTransformation]] = {
    "sgd": lambda rate, decay: _decayed(decay, optax.sgd(rate)),
    "momentum": lambda rate, decay: _decayed(decay, optax.sgd(rate, momentum=MOMENTUM)),
    "nesterov": lambda rate, decay: _decayed(decay, optax.sgd(rate, momentum=MOMENTUM, nesterov=True)),
    "adagrad": lambda rate, decay: _decayed(decay, optax.adagrad(rate)),
    "rmsprop": lambda rate, decay: _decayed(decay, optax.rmsprop(rate)),
    "adam": lambda rate, decay: _decayed(decay, optax.adam(rate)),
    "adamw": lambda rate, decay: optax.adamw(rate, weight_decay=decay, mask=kernels),
    "muon": _muon,
}


def schedule(peak: float, steps: int, warmup_share: float) -> Schedule:
    """The learning rate of every step: up along a line from almost nothing, then down along a cosine to nothing."""
    warmup = max(1, round(warmup_share * steps))
    return jax.jit(optax.warmup_cosine_decay_schedule(peak / (warmup + 1), peak, warmup, max(steps, warmup + 1)))


def make_optimizer(config: TrainConfig, rate: Schedule) -> optax.GradientTransformation:
    """The optax rule that the configuration names, on gradients clipped where it says so."""
    rule = RULES[config.optimizer](rate, config.decay)
    return rule if config.clip_norm is None else optax.chain(optax.clip_by_global_norm(config.clip_norm), rule)


def _decayed(decay: float, rule: optax.GradientTransformation) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(decay, kernels), rule) if decay else rule


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
        """How many steps are taken between two judgments."""
        return steps_per_epoch(len(self.dataset.train), self.config.batch_size, self.config.epoch_steps)

    @property
    def steps(self) -> int:
        """How many steps the whole run takes."""
        return self.config.epochs * self.steps_per_epoch


def prepare(config: TrainConfig, dataset: Dataset) -> Job:
    """Build what the configuration names, for this data set."""
    if config.batch_size > len(dataset.train):
        all_of_them = f"{len(dataset.train)}, all {dataset.task.examples}"
        raise BadInput(f"--batch-size must be at most {all_of_them}; got {config.batch_size}")
    layout = chosen_layout(config)
    require_equal_parts(config, layout.devices)
    network = build(config.model, sizes_given(dataset.facts), config.sizes)
    steps = config.epochs * steps_per_epoch(len(dataset.train), config.batch_size, config.epoch_steps)
    rate = schedule(config.peak_learning_rate, steps, config.warmup)
    augmentation = Augmentation(config.shift, config.flip, config.cutout)
    rules = StepRules(
        config.label_smoothing,
        augmentation,
        config.accumulate,
        config.precision,
        config.average,
        dataset.task.whole,
    )
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
        **job.dataset.facts,
        "digest": job.dataset.digest,
        "train_size": len(job.dataset.train),
        "test_size": len(job.dataset.test),
        "parameters": parameter_count(shapes.params),
        "platform": jax.default_backend(),
        "topology": {**job.layout.mesh.shape, "processes": jax.process_count()},
        "versions": versions(),
    }
    return of_the_run(job.config) | found


def introduction(job: Job, state: TrainState, done: int) -> list[str]:
    """What a run says of itself before it begins, or goes on after so many steps."""
    config, dataset = job.config, job.dataset
    examples = f"{len(dataset.train):,} {dataset.task.examples} to learn, {len(dataset.test):,} to test"
    lines = [
        f"{config.model} ({parameter_count(state.params):,} parameters) on {config.dataset}: {examples}",
        in_words(config),
    ]
    if job.layout.devices > 1:
        lines.append(job.layout.in_words())
    if idle := idle_accelerator(jax.default_backend()):
        lines.append(idle)
    if config.resume is not None:
        lines.append(f"going on after {done:,} of {job.steps:,} steps")
    return lines
