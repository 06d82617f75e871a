"""A question that small networks answer which learn within the experiment: no run is kept, only what was measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from functional_nn.training.setup import schedule

# Numbers, texts and lists of them by name, as JSON holds them.
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """A question and how it is answered.

    `measure(seed)` lets networks learn and gives the figures, `draw(figures, path)` draws the picture, `table(figures)`
    gives the lines that are printed.
    """

    question: str
    measure: Callable[[int], Figures]
    draw: Callable[[Figures, Path], None]
    table: Callable[[Figures], Sequence[str]]


def learn(
    params: Any, loss: Callable[[Any, jax.Array], jax.Array], batches: np.ndarray, rate: float
) -> tuple[Any, list[float]]:
    """Adam on each batch once, its rate rising to this peak and falling to 0; the parameters, and the loss a step."""
    steps = len(batches)
    rule = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adam(schedule(rate, steps, 0.1)),
    )

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, memory: Any, batch: jax.Array) -> tuple[Any, Any, jax.Array]:
        value, slopes = jax.value_and_grad(loss)(params, batch)
        updates, memory = rule.update(slopes, memory, params)
        return optax.apply_updates(params, updates), memory, value

    params, memory, losses = jax.tree.map(jnp.copy, params), rule.init(params), []
    for batch in batches:
        params, memory, value = step(params, memory, batch)
        losses.append(value)
    return params, [float(value) for value in losses]
