"""Which update rule, and how large its steps are over the run."""

from collections.abc import Callable

import jax
import optax

from functional_nn.training.config import OptimizerName

WARMUP_SHARE = 0.1
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-2

Schedule = Callable[..., jax.Array]  # the number of the step -> its learning rate

RULES: dict[OptimizerName, Callable[[Schedule], optax.GradientTransformation]] = {
    "sgd": optax.sgd,
    "momentum": lambda rate: optax.sgd(rate, momentum=MOMENTUM),
    "nesterov": lambda rate: optax.sgd(rate, momentum=MOMENTUM, nesterov=True),
    "adagrad": optax.adagrad,
    "rmsprop": optax.rmsprop,
    "adam": optax.adam,
    "adamw": lambda rate: optax.adamw(rate, weight_decay=WEIGHT_DECAY),
}


def schedule(peak: float, steps: int) -> Schedule:
    """The learning rate of every step: up along a line from almost nothing, then down along a cosine to nothing."""
    warmup = max(1, round(WARMUP_SHARE * steps))
    return jax.jit(optax.warmup_cosine_decay_schedule(peak / (warmup + 1), peak, warmup, max(steps, warmup + 1)))


def make_optimizer(name: OptimizerName, rate: Schedule) -> optax.GradientTransformation:
    """The optax rule of this name, with the learning rate taken from a schedule."""
    return RULES[name](rate)
