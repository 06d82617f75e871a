"""Readings of functions: a forward and a backward, or a loss that returns its gradients."""

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.reading.calls import Ran, Way, call_with, guessed, upstreams, ways
from reference.oracle.reading.collected import argument_of, arranged
from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import filled
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import place_of_loss, returned_names, undecorated
from reference.oracle.reading.trial import (
    OF_OUTPUT,
    DidNotRun,
    Reading,
    arrays_in,
    constants_of,
    first_cotangent,
    fit,
    is_slope,
    of_arrays,
    predictions,
    require_finite,
    require_floating,
    settled,
    trying,
    unless_its_own_fault,
    upstream_of,
)
from reference.oracle.reading.vocabulary import DATA, part_of
from reference.oracle.reading.words import backward_call, call, written
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Pullback, Subject
from reference.oracle.subjects.vjp import copies


@dataclass(frozen=True)
class Pair:
    """A forward and a backward function, and where the arguments of both come from."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    given: Mapping[str, Any]
    way: Way
    names: tuple[str, ...]
    # The backward gives f'(x) by this argument, and no product with a cotangent; "" where it gives gradients.
    slope_by: str = ""

    def run(self, *primals: Any) -> Ran:
        """Call the forward."""
        given = {**copy.deepcopy(settled(self.given)), **dict(zip(self.names, primals, strict=True))}
        returned = self.forward(**given)
        count = upstreams(self.way)
        output = returned
        if isinstance(returned, tuple) and count < len(returned):
            output = returned[place_of_loss(self.forward)] if count <= 1 else returned[:count]
        return Ran(given, returned, output)

    def came(self, ran: Ran, cotangent: Any) -> Any:
        """What the backward returns."""
        count = upstreams(self.way)
        cotangents = cotangent if count > 1 else (cotangent,)
        return call_with(self.backward, {name: ran.value(s, cotangents, max(count, 1)) for name, s in self.way.items()})

    def gradients(self, came: Any, primals: tuple[Any, ...]) -> dict[str, Any]:
        """What came back, by argument."""
        return arranged(came, self.names, primals, returned_names(self.backward)) or {}

    def vjp(self, *primals: Any) -> tuple[Any, Pullback]:
        """The output, and a function from its cotangent to one gradient an argument."""
        ran = self.run(*primals)

        def pull(cotangent: Any) -> tuple[Any, ...]:
            came = self.came(ran, cotangent)
            product = {self.slope_by: np.asarray(cotangent) * came} if self.slope_by else None
            back = self.gradients(came, primals) if product is None else product
            return tuple(back.get(name) for name in self.names)

        saved = ran.returned if any(s.kind in ("cache", "returned") for s in self.way.values()) else None
        return ran.output, Pullback(pull, saved)


def of_pair(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    """The ways to call a forward and a backward function in a scene."""
    forward, backward = found.parts
    given = filled(forward, scene, loss=found.is_loss)
    if not given or not arrays_in(given):
        return
    for way in ways(backward, forward, list(given), scene.values):
        yield functools.partial(pair_reading, found, given, way)


def _idle(pair: Pair, primals: tuple[Any, ...], gradients: Mapping[str, Any]) -> tuple[str, ...]:
    """The arguments without a gradient that the output does not depend on: those of another output."""

    def output_at(place: int) -> np.ndarray:
        moved = [1.5 * primal + 0.3 if here == place else primal for here, primal in enumerate(copies(primals))]
        return trees.vector(trying("forward", pair.run, *moved).output)

    places = [place for place, name in enumerate(pair.names) if gradients.get(name) is None]
    floating = [place for place in places if is_floating(np.asarray(primals[place]).dtype)]
    if not gradients or not floating:
        return ()
    with contextlib.suppress(DidNotRun):
        here = trees.vector(trying("forward", pair.run, *copies(primals)).output)
        return tuple(pair.names[place] for place in floating if np.array_equal(output_at(place), here))
    return ()


def pair_reading(found: Found, given: Mapping[str, Any], way: Way) -> Reading:
    """A pair of functions, called in one way on these arguments."""
    inputs = arrays_in(given)
    names, primals = tuple(inputs), tuple(inputs.values())
    require_floating(primals)
    pair = Pair(found.parts[0], found.parts[1], given, way, names)
    ran = trying("forward", pair.run, *copies(primals))
    require_finite(ran.output)
    came, faulty = unless_its_own_fault(pair.came, ran, first_cotangent(ran.output))
    of_arrays("backward", came)
    slope = not upstreams(way) and is_slope(ran.output, names, primals, came)
    if slope:
        pair = replace(pair, slope_by=_by_which(names, way, returned_names(pair.backward)))
    gradients = {pair.slope_by: first_cotangent(ran.output) * came} if slope else pair.gradients(came, primals)
    if came is not None and not gradients:
        raise DidNotRun("backward", "what comes back fits no argument")
    style = "cache" if any(source.kind == "cache" for source in way.values()) else "forward_backward"
    idle = _idle(pair, primals, gradients)
    constants = (*constants_of(names, primals, gradients, ran.output), *idle)
    subject = Subject(found.name, lambda *p: pair.run(*p).output, pair.vjp, names, undecorated(pair.backward), style,
                      constants=constants,
                      upstream=upstream_of(way, slope, pair.backward))  # fmt: skip
    notes = (OF_OUTPUT,) if slope and any(source.kind == "output" for source in way.values()) else ()
    calls = f"{call(pair.forward, given)}, then {backward_call(pair.backward, way)}"
    as_python = written((), (), pair.forward.__name__, pair.backward.__name__, given, way, slope)
    fits = fit(gradients, names, primals)
    # A gradient that takes no cotangent is that of a number, or of one an example.
    unclear = guessed(way) or (subject.upstream == "one" and np.ndim(ran.output) > 1)
    return Reading(subject, primals, names, calls, fits, notes, as_python, len(names), guessed=unclear,
                   idle=idle, faulty=faulty)  # fmt: skip


def _by_which(names: tuple[str, ...], way: Way, returned: Sequence[str]) -> str:
    """The argument that a derivative is taken by: as its name says, the one that it is given, the predictions."""
    if len(returned) == 1 and (said := argument_of(returned[0], names)):
        return said
    if len(names) > 1:
        return predictions(names)
    given = [source.key for source in way.values() if source.kind == "primal" and part_of(source.key) not in DATA]
    return [*given, *names][0]


def of_value_and_gradient(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    """The way to call a loss that returns its gradients behind its value."""
    (function,) = found.parts
    given = filled(function, scene, loss=True)
    if given and arrays_in(given):
        yield functools.partial(value_reading, found, function, given)


def value_reading(found: Found, function: Callable[..., Any], given: Mapping[str, Any]) -> Reading:
    """A function that returns its loss and its gradients, called on these arguments."""
    inputs = arrays_in(given)
    names, primals = tuple(inputs), tuple(inputs.values())
    require_floating(primals)
    hints = returned_names(function)[1:]

    def run(*primals: Any) -> Any:
        return function(**copy.deepcopy(settled(given)), **dict(zip(names, primals, strict=True)))

    def vjp(*primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        loss, *came = run(*primals)
        back = arranged(came, names, primals, hints) or {}
        return loss, lambda cotangent: tuple(back.get(name) for name in names)

    loss, *came = trying("forward", run, *copies(primals))
    require_finite(loss)
    gradients = arranged(came, names, primals, hints)
    if not gradients or all(value is None for value in gradients.values()):
        raise DidNotRun("backward", "nothing that it returns behind its value is a gradient of an argument")
    subject = Subject(found.name, lambda *p: run(*p)[0], vjp, names, function, "vjp",
                      constants=constants_of(names, primals, gradients, loss), upstream="one")  # fmt: skip
    calls = f"loss, gradients = {call(function, given)}"
    return Reading(subject, primals, names, calls, fit(gradients, names, primals), inputs=len(names))
