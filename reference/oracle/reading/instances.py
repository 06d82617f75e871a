"""Readings of classes: an object made, set up as its class asks, and spoken to."""

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any

import numpy as np

from reference import oracle
from reference._checks import is_floating
from reference.oracle.reading.adapters import bound_reading
from reference.oracle.reading.calls import Way, guessed, upstreams, ways
from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import filled
from reference.oracle.reading.held import with_parameters
from reference.oracle.reading.objects import Spoken
from reference.oracle.reading.optimizer import GradientDescent, equip
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import init_of, method_of, parameters, required, undecorated
from reference.oracle.reading.spoken_to import is_looped_over
from reference.oracle.reading.standing_in import fill
from reference.oracle.reading.trial import (
    OF_OUTPUT,
    DidNotRun,
    Reading,
    arrays_in,
    constants_of,
    first_cotangent,
    fit,
    is_slope,
    lines_run,
    of_arrays,
    require_finite,
    require_floating,
    settled,
    trying,
    unless_its_own_fault,
    upstream_of,
)
from reference.oracle.reading.vocabulary import RESETS, SETUPS, part_of
from reference.oracle.reading.words import call, object_calls, written_object
from reference.oracle.subjects import parameters as kept
from reference.oracle.subjects.layers import GENERATORS, seeded
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies

# So many parameters with gradients are those of several layers.
NETWORK = 3
# What a network of layers keeps them in.
CONTENTS = ("layers", "modules", "blocks", "networks")


def of_object(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    """The ways to speak to an object of a class in a scene."""
    owner, forward_name, backward_name = found.parts
    forward = method_of(owner, forward_name)
    made = filled(init_of(owner), scene, constructor=True)
    if made is None:
        return
    made |= found.fixed
    given = filled(forward, scene, loss=found.is_loss)
    if not given or not arrays_in(given):
        return
    made_object: list[Any] = []

    def layer() -> Any:
        if not made_object:
            np.random.seed(0)  # noqa: NPY002 - the generator that constructors draw their weights from
            made_object.append(trying("constructor", prepared, owner, forward_name, made, given))
        return made_object[0]

    for way in ways_of(owner, forward, backward_name, given, scene.values):
        yield functools.partial(_object_reading_of, found, layer, made, given, way)


def _object_reading_of(
    found: Found, layer: Callable[[], Any], made: Any, given: Mapping[str, Any], way: Way
) -> Reading:
    return object_reading(found, layer(), made, given, way)


def prepared(owner: type, forward: str, made: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """An object, set up as its class asks: with the shape of its input, with an optimizer, or with nothing."""
    layer = owner(**copy.deepcopy(dict(made)))
    shape = next(np.shape(value) for value in given.values() if isinstance(value, np.ndarray))
    for name in SETUPS:
        method = getattr(layer, name, None)
        if inspect.ismethod(method) and len(wanted := required(method)) <= 1:
            optimizer = [part_of(one) for one in wanted] == ["optimizer"]
            choices = [GradientDescent()] if optimizer else [shape[1:], shape, shape[-1]]
            layer = _set_up(layer, name, [(choice,) for choice in choices] if wanted else [()], forward, given)
    equip(layer)
    fill(layer, [name for name in CONTENTS if is_looped_over(owner, name)])
    held = getattr(layer, "__dict__", {})
    if any(isinstance(held.get(name), Sized) and not len(held[name]) for name in CONTENTS):
        raise DidNotRun("constructor", f"a {owner.__name__} holds no layers before some are added")
    return seeded(layer)


def _set_up(layer: Any, name: str, choices: Sequence[tuple[Any, ...]], forward: str, given: Mapping[str, Any]) -> Any:
    """The object after a method that it may want: with the arguments behind which its forward runs, else the first.

    Where the method refuses them all, the object as it is: if it can do without.
    """
    worked, refused = [], []
    for choice in choices:
        try:  # a method may raise anything at an argument that it was not meant for
            candidate = copy.deepcopy(layer)
            getattr(candidate, name)(*choice)
            worked.append(candidate)
            if len(choices) > 1:
                getattr(copy.deepcopy(candidate), forward)(**copy.deepcopy(dict(given)))
            return candidate
        except Exception as error:
            refused.append(error)
    if not worked and refused:
        with contextlib.suppress(Exception):
            getattr(copy.deepcopy(layer), forward)(**copy.deepcopy(dict(given)))
            return layer
        raise max(refused, key=lines_run)
    return worked[0] if worked else layer


def ways_of(
    owner: Any, forward: Any, backward_name: str | None, given: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[Way]:
    """The ways to call the backward of an object; one for a forward that returns its gradients."""
    if backward_name is None:
        return [{}]
    return ways(method_of(owner, backward_name), forward, list(given), settings)


def object_reading(found: Found, layer: Any, made: Any, given: Mapping[str, Any], way: Way) -> Reading:
    """An object, spoken to in one way on these arguments."""
    spoken, lacking, slope, faulty = _spoken(found, layer, given, way)
    inputs = arrays_in(given)
    held = (_off_the_start(np.asarray(kept.read(spoken.layer, pair.parameter))) for pair in spoken.pairs)
    primals = (*inputs.values(), *held)
    require_floating(primals)
    out, pullback = trying("backward", spoken.vjp, *copies(primals))
    gradients = (None,) * len(primals) if faulty else trying("backward", pullback, first_cotangent(out))
    back = dict(zip(spoken.names, gradients, strict=True))
    if not faulty and not any(value is not None for value in back.values()):
        raise DidNotRun("backward", "no gradient was found in what it returns or keeps")
    resets = _resets(found.parts[0])
    constants = (*constants_of(spoken.names, primals, back, out), *_of_a_network(back, len(inputs)))
    subject = _subject(found, spoken, constants, resets)
    # A gradient that takes no cotangent is that of a number, or of one an example.
    unclear = guessed(way) or (subject.upstream == "one" and np.ndim(out) > 1)
    return Reading(subject, primals, spoken.names, object_calls(found, made, given, way),
                   fit(back, spoken.names, primals), _object_notes(spoken, lacking, resets),
                   written_object(found, made, given, way, slope),
                   len(inputs), lacking, unclear, faulty=faulty, made=made)  # fmt: skip


def _off_the_start(value: np.ndarray) -> np.ndarray:
    """A parameter away from the ones or zeros that it begins with: they hide what is wrong with how it is used."""
    if not is_floating(value.dtype) or value.size < 2 or np.ptp(value):
        return value
    noise = np.random.default_rng(value.size).normal(size=value.shape)
    return np.asarray(value + 0.25 * noise, value.dtype)


def _of_a_network(gradients: Mapping[str, Any], inputs: int) -> list[str]:
    """The inputs of an object with many parameters whose gradients alone come back: of a network they are data."""
    came = [name for name, gradient in gradients.items() if gradient is not None]
    given = list(gradients)[:inputs]
    return [] if len(came) < NETWORK or set(given) & set(came) else given


def _spoken(found: Found, layer: Any, given: Mapping[str, Any], way: Way) -> tuple[Spoken, tuple[str, ...], bool, bool]:
    """The object with its parameters, those that have no gradient, and whether its backward gives f'(x), or raises."""
    _, forward_name, backward_name = found.parts
    names, inputs = tuple(arrays_in(given)), tuple(arrays_in(given).values())
    plain = Spoken(_copied(layer), (), len(names), names, forward_name, backward_name, settled(given), way)
    held = copy.deepcopy(of_arrays("constructor", layer))
    ran = trying("forward", plain.run, held, copies(inputs))
    require_finite(ran.output)
    cotangent = first_cotangent(ran.output)
    came, faulty = unless_its_own_fault(plain.came, copy.deepcopy(held), ran, cotangent)
    if faulty:
        return plain, (), False, True
    of_arrays("backward", came)
    of_arrays("backward", held)
    spoken, lacking = trying("backward", with_parameters, plain, copies(inputs), cotangent)
    slope = backward_name is not None and not upstreams(way) and is_slope(ran.output, names, inputs, came)
    return replace(spoken, slope=slope), lacking, slope, False


def _subject(found: Found, spoken: Spoken, constants: tuple[str, ...], resets: list[str]) -> Subject:
    owner, forward_name, backward_name = found.parts
    name = backward_name or forward_name
    upstream = upstream_of(spoken.way, spoken.slope, method_of(owner, name)) if backward_name else "one"
    draws = any(isinstance(value, GENERATORS) for value in getattr(spoken.layer, "__dict__", {}).values())
    subject = Subject(found.name, spoken.forward, spoken.vjp, spoken.names, undecorated(getattr(owner, name)), "layer",
                      constants=constants, upstream=upstream, draws=draws)  # fmt: skip
    if spoken.stepped or resets:  # what one call leaves behind is meant for the next
        return subject
    lasting = spoken.living()
    modes = any(part_of(p.name) == "training" for p in parameters(method_of(owner, forward_name)))
    evaluate = lasting.evaluate if modes else None
    shared = replace(subject, forward=lasting.forward, vjp=lasting.vjp, evaluate=evaluate)
    return replace(subject, shared=lambda: shared)


def _resets(owner: type) -> list[str]:
    """The methods that clear what an object keeps from call to call."""
    named = [name for name in dir(owner) if any(word in name.lower() for word in RESETS)]
    return [name for name in named if callable(getattr(owner, name))]


def _object_notes(spoken: Spoken, lacking: tuple[str, ...], resets: list[str]) -> tuple[str, ...]:
    notes = []
    if resets:
        notes.append(
            f"What it keeps from call to call is cleared by {resets[0]}: each call was judged on a fresh copy."
        )
    if spoken.slope and any(source.kind == "output" for source in spoken.way.values()):
        notes.append(OF_OUTPUT)
    if spoken.stepped:
        notes.append(f"The backward moves {', '.join(spoken.stepped)} itself: the gradient was read off that step.")
    if lacking:
        notes.append(f"No gradient of {', '.join(lacking)} was found in what it returns or keeps: not judged.")
    return tuple(notes)


def of_network(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    """The way to speak to a network with a loss and a gradient in a scene."""
    owner = found.parts[0]
    made = filled(init_of(owner), scene, constructor=True)
    given = filled(method_of(owner, "loss"), scene, loss=True)
    if made is None or not given:
        return

    yield functools.partial(network_reading, found, made, given)


def network_reading(found: Found, made: Mapping[str, Any], given: Mapping[str, Any]) -> Reading:
    """A network made of these arguments, on this batch."""
    owner, _, gradient = found.parts
    np.random.seed(0)  # noqa: NPY002 - the generator that textbook constructors draw their weights from
    network = trying("constructor", owner, **copy.deepcopy(dict(made)))
    if gradient != "gradient" or not isinstance(getattr(network, "params", None), Mapping):
        way = ways(method_of(owner, gradient), method_of(owner, "loss"), list(given), {})[0]
        return object_reading(found, network, made, given, way)
    subject = trying("constructor", oracle.from_network, network)
    inputs = arrays_in(given)
    return bound_reading(found, subject, inputs, f"{call(owner, made)}, then loss and gradient of the same batch")


def given_object(found: Found, made: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Callable[[], Reading]]:
    """The ways to speak to an object on the file's own inputs."""
    owner, forward_name, backward_name = found.parts

    def layer() -> Any:
        np.random.seed(0)  # noqa: NPY002 - the generator that constructors draw their weights from
        return trying("constructor", prepared, owner, forward_name, made, given)

    if found.style == "network":
        yield functools.partial(network_reading, found, made, given)
        return
    for way in ways_of(owner, method_of(owner, forward_name), backward_name, given, {}):
        yield functools.partial(_object_reading_of, found, layer, made, given, way)


def _copied(layer: Any) -> Any:
    try:
        return copy.deepcopy(layer)
    except Exception as error:
        raise DidNotRun("constructor", f"copy.deepcopy refuses a {type(layer).__name__}: {error}") from error
