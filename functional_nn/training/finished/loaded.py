"""The network of a finished run, as it was learned: to predict with, and to export."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from functional_nn.training.choices.config import KINDS, Kind
from functional_nn.training.choices.saved import CONFIG, choices, read_description
from functional_nn.training.choices.values import from_lists, in_short, is_a
from functional_nn.training.data.examples import sizes_given
from functional_nn.training.endings import BadInput
from functional_nn.training.kept.weights import WEIGHTS, read_weights
from functional_nn.training.setup import Network, build
from functional_nn.training.step.state import named_leaves, unflatten


def _is_shape(shape: Any) -> bool:
    return is_a(shape, tuple[int, int, int]) and min(shape) > 0 and shape[-1] in (1, 3)


def _are_names(names: Any) -> bool:
    return is_a(names, tuple[str, ...]) and bool(names) and all(map(str.isprintable, names))


def _is_alphabet(places: Any) -> bool:
    return is_a(places, tuple[int, ...]) and bool(places) and list(places) == sorted(set(places) & set(range(256)))


def _is_length(number: Any) -> bool:
    return type(number) is int and 0 < number < 1000


# What config.json must say of the data of each kind, and what is legal there.
FACTS: dict[Kind, dict[str, Callable[[Any], bool]]] = {
    "images": {"image_shape": _is_shape, "class_names": _are_names},
    "text": {"alphabet": _is_alphabet},
    "questions": {"alphabet": _is_alphabet, "question_length": _is_length, "answer_length": _is_length},
}


@dataclass(frozen=True)
class Finished:
    """A network with its weights, and the facts of its data: `image_shape` and `class_names`, or `alphabet`.

    Of questions also their lengths.
    """

    network: Network
    params: Any
    model_state: Any
    kind: Kind
    context: int | None
    """How many tokens a network of text read at once."""
    facts: Mapping[str, Any]

    def logits(self, x: Any) -> jax.Array:
        """One row an image, or one a token."""
        return self.network.apply(self.params, self.model_state, x, train=False)[0]


def load_finished(run: Path) -> Finished:
    """Read a run folder; BadInput where it is none, is not finished, or its weights are of another network."""
    about = read_description(run, str(run))
    chosen = choices(about, str(run))
    if not (run / WEIGHTS).is_file():
        raise BadInput(f"{run} is not finished, it has no {WEIGHTS}; go on with: functional-nn train --resume {run}")
    kind = KINDS[chosen.dataset]
    facts = {name: from_lists(about.get(name)) for name in FACTS[kind]}
    for name, legal in FACTS[kind].items():
        if not legal(facts[name]):
            raise BadInput(f"{run}: {CONFIG} is damaged ({name} cannot be {in_short(json.dumps(facts[name]))})")
    arrays = read_weights(run / WEIGHTS)
    network = build(chosen.model, sizes_given(facts), chosen.sizes)
    params, model_state = jax.eval_shape(lambda: network.init(jax.random.key(0)))
    stored = {name.removeprefix("state."): array for name, array in arrays.items() if name.startswith("state.")}
    learned = {name: array for name, array in arrays.items() if not name.startswith("state.")}
    params, model_state = _fitted(run, learned, params), _fitted(run, stored, model_state)
    return Finished(network, params, model_state, kind, chosen.sizes.get("context"), facts)


def _fitted(run: Path, arrays: dict[str, np.ndarray], like: Any) -> Any:
    there = {name: array.shape for name, array in arrays.items()}
    here = {name: leaf.shape for name, leaf in named_leaves(like).items()}
    if there != here:
        name = next(name for name in [*here, *there] if there.get(name) != here.get(name))
        got, wanted = there.get(name, "missing"), here.get(name, "missing")
        raise BadInput(f"{run / WEIGHTS} is of another network: {name} is {got} there and {wanted} here")
    return unflatten(arrays, like)
