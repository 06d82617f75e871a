"""Which update rule, and how large its steps are over the run."""

from collections.abc import Callable
from typing import Any

import jax
import optax
from optax.contrib import MuonDimensionNumbers, muon

from functional_nn.training.choices.config import OptimizerName, TrainConfig

MOMENTUM = 0.9
# Within muon, the share of its learning rate with which adam moves biases and scales.
ADAM_SHARE = 0.25

Schedule = Callable[..., jax.Array]  # the number of the step -> its learning rate


def kernels(params: Any) -> Any:
    """True for kernels, False for biases and the scales of normalizations: small weights of those simplify nothing."""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1] == jax.tree_util.DictKey("kernel"), params)


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
