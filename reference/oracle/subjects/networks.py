"""Whole networks: params in a dict, loss(x, targets), gradient(x, targets) by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.oracle.subjects.layers import TRAINING_FLAGS, Layer, living, training
from reference.oracle.subjects.parameters import Pair
from reference.oracle.subjects.subject import Pullback, Subject, parameter_names
from reference.oracle.subjects.vjp import copies


def from_network(network: Any) -> Subject:
    """The subject of a network with params, loss(x, targets) and gradient(x, targets) -> gradients by name."""
    for name in ("loss", "gradient"):
        if not callable(getattr(network, name, None)):
            raise TypeError(f"oracle.from_network: network must have a method {name}; got a {type(network).__name__}")
    if not isinstance(getattr(network, "params", None), Mapping):
        raise TypeError(f"oracle.from_network: network.params must be a dict; got {type(network).__name__}")

    def bind(*inputs: Any) -> tuple[Subject, dict[str, Any]]:
        pairs = [Pair(name, (("attribute", "params"), ("item", name)), ()) for name in network.params]
        bound = _Network(network, tuple(pairs), len(inputs))
        names = _loss_names(network, len(inputs))
        held = {pair.name: np.asarray(network.params[pair.name]) for pair in pairs}
        lasting = _Living(network, tuple(pairs), len(inputs), living(bound))
        subject = replace(unbound, forward=bound.forward, vjp=bound.vjp, names=(*names, *held), constants=names,
                          bind=None)  # fmt: skip
        shared = replace(subject, forward=lasting.forward, vjp=lasting.vjp)
        return replace(subject, shared=lambda: shared), held

    plain = _Network(network, (), 2)
    source = getattr(type(network), "gradient", network.gradient)
    unbound = Subject(type(network).__name__, plain.forward, plain.vjp, _loss_names(network, 2), source, "network",
                      bind=bind, upstream="one")  # fmt: skip
    return unbound


def _loss_names(network: Any, count: int) -> tuple[str, ...]:
    names = tuple(name for name in parameter_names(network.loss) or () if name not in TRAINING_FLAGS)[:count]
    return names + tuple(f"input_{position}" for position in range(len(names), count))


@dataclass(frozen=True)
class _Network(Layer):
    """A whole network: the loss is its forward, the dict of gradients its backward."""

    def forward(self, *primals: Any) -> Any:
        held = self.holding(primals[self.inputs :])
        return held.loss(*primals[: self.inputs], **training(held.loss, True))

    def vjp(self, *primals: Any) -> tuple[Any, Pullback]:
        """The loss, and the gradients by name; both draw the same random numbers, as one training step does."""
        held = self.holding(primals[self.inputs :])
        drawn = np.random.get_state()  # noqa: NPY002 - the generator that textbooks draw from
        out = held.loss(*primals[: self.inputs], **training(held.loss, True))

        def pullback(_: Any) -> tuple[Any, ...]:
            again = self.holding(primals[self.inputs :])
            np.random.set_state(drawn)  # noqa: NPY002 - the generator that textbooks draw from
            gradients = again.gradient(*primals[: self.inputs], **training(again.gradient, True))
            # Copies: a dict that the network keeps is meant to be overwritten by its next gradient.
            return (None,) * self.inputs + copies(tuple(gradients.get(pair.name) for pair in self.pairs))

        return out, Pullback(pullback)


@dataclass(frozen=True)
class _Living(_Network):
    """A network that lives through all calls."""

    object_with: Callable[[tuple[Any, ...]], Any] = lambda values: None

    def holding(self, values: tuple[Any, ...]) -> Any:
        return self.object_with(values)
