"""When a run is saved, what of it, and how it is found again."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.data.task import task_of
from functional_nn.training.endings import BadInput, Diverged
from functional_nn.training.kept import checkpoint
from functional_nn.training.machine.processes import by_first, together
from functional_nn.training.step.state import Totals, TrainState, named_leaves, unflatten

FOLDER = "checkpoints"
SECONDS_BETWEEN = 60.0  # where --save-every says nothing

Row = dict[str, Any]
FIGURES: dict[str, Any] = dict.fromkeys(
    ("learning_rate", "train_loss", "train_accuracy", "test_loss", "test_accuracy"), float
)
FIGURES |= {"epoch": int, "step": int, "milliseconds_per_step": float}
FACTS = {"rows": tuple[dict, ...], "seen": tuple[float, float, float]}


class Reached(NamedTuple):
    """All that is needed to go on: the state, steps done, a row of each judged epoch, the sums of the one under way."""

    state: TrainState
    steps: int = 0
    rows: tuple[Row, ...] = ()
    seen: Totals = Totals()


class Keeper:
    """Saves a run now and then, keeps as many checkpoints as the configuration says, and finds the newest again."""

    def __init__(self, config: TrainConfig, run: Path) -> None:
        self.folder, self.config = run / FOLDER, config
        self.newest: Path | None = None
        self.saved_steps, self.saved_at = 0, time.monotonic()

    def find(self, start: TrainState, say: Callable[[str], None]) -> Reached:
        """What the newest whole checkpoint holds, or the start where none was saved; damaged ones are named."""
        newest, damaged = by_first(self._look)
        self.newest = Path(newest) if newest else None
        for sentence in damaged:
            say(sentence)
        if self.newest is None:
            if damaged:
                raise BadInput(f"--resume {self.folder.parent}: no checkpoint is whole; {'; '.join(damaged)}")
            return Reached(start)
        path = self.newest
        task = task_of(self.config.dataset)
        figures = FIGURES | dict.fromkeys((task.pace, f"train_{task.score.name}", f"test_{task.score.name}"), float)
        arrays, facts = together(lambda: _load(path, start, figures))
        state = unflatten(arrays, start._replace(key=jax.random.key_data(start.key)))
        key = jax.random.wrap_key_data(state.key, impl=jax.random.key_impl(start.key))
        self.saved_steps = facts["step"]
        return Reached(state._replace(key=key), facts["step"], tuple(facts["rows"]), Totals(*facts["seen"]))

    def _look(self) -> tuple[str, list[str]]:
        checkpoint.clean(self.folder)
        newest, damaged = checkpoint.newest_whole(self.folder)
        return str(newest or ""), damaged

    def due(self, steps: int) -> bool:
        """Whether it is time to save after so many steps."""
        every = self.config.save_every
        if every is None:
            return time.monotonic() - self.saved_at >= SECONDS_BETWEEN
        return steps // every > self.saved_steps // every

    def save(self, reached: Reached) -> None:
        """Write a checkpoint, unless the state is not finite, and remove those that are too many."""
        if not bool(_all_finite(reached.state)):
            raise Diverged(f"the parameters were no longer finite after step {reached.steps}")
        facts = {"rows": reached.rows, "seen": reached.seen}
        self.newest = checkpoint.save(self.folder, reached.steps, _arrays(reached.state), facts)
        minutes = self.config.keep_every
        seconds = None if minutes is None else 60.0 * minutes
        by_first(lambda: checkpoint.prune(self.folder, self.config.keep, seconds))
        self.saved_steps, self.saved_at = reached.steps, time.monotonic()


def _load(path: Path, start: TrainState, figures: dict[str, Any]) -> tuple[dict[str, jax.Array], dict[str, Any]]:
    arrays, facts = checkpoint.load(path, _arrays(start))
    checkpoint.require_facts(path, facts, FACTS)
    for row in facts["rows"]:
        checkpoint.require_facts(path, row, figures)
    return arrays, facts


def _arrays(state: TrainState) -> dict[str, jax.Array]:
    """Every array of a state by name; a random key as the numbers it is made of."""
    return named_leaves(state._replace(key=jax.random.key_data(state.key)))


@jax.jit
def _all_finite(state: TrainState) -> jax.Array:
    learned = jax.tree.leaves((state.params, state.model_state, state.average))
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in learned]).all()
