"""From something found in a file to the ways in which it may be called, each tried once on copies of its inputs."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.reading.adapters import adapted_reading, of_subject
from reference.oracle.reading.boxed import on_boxes
from reference.oracle.reading.calls import ways
from reference.oracle.reading.discover import Found
from reference.oracle.reading.functions import of_pair, of_value_and_gradient, pair_reading, value_reading
from reference.oracle.reading.instances import given_object, of_network, of_object
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import init_of, parameters
from reference.oracle.reading.torched import on_tensors, plain_arrays
from reference.oracle.reading.trial import DidNotRun, Reading


def readings(found: Found, scene: Scene, complaints: list[DidNotRun]) -> Iterator[Reading]:
    """Every way in which the thing runs on this scene; why the others do not is added to the complaints."""
    makers: Mapping[str, Callable[..., Iterator[Callable[[], Reading]]]] = {
        "object": of_object,
        "network": of_network,
        "pair": of_pair,
        "value_and_gradient": of_value_and_gradient,
    }
    make = makers.get(found.style, of_subject)
    for reading in _on_arrays_or_others(found, lambda one: make(one, scene), complaints):
        if settled := found.settle(reading) if found.settle else reading:
            yield settled


def _on_arrays_or_others(
    found: Found, trials: Callable[[Found], Iterator[Callable[[], Reading]]], complaints: list[DidNotRun]
) -> Iterator[Reading]:
    """The readings on arrays; where none runs, those on tensors, or on the boxes of a framework."""
    ran = False
    for reading in _running(trials(found), complaints):
        ran = True
        yield reading
    for other in () if ran else (*on_tensors(found), *on_boxes(found)):
        for reading in () if ran else list(_running(trials(other), complaints)):
            yield replace(reading, written=None)
            ran = True


def _running(trials: Iterator[Callable[[], Reading]], complaints: list[DidNotRun]) -> Iterator[Reading]:
    for trial in trials:
        try:
            yield trial()
        except DidNotRun as complaint:
            complaints.append(complaint)


def given_reading(found: Found, examples: Any, complaints: list[DidNotRun]) -> Iterator[Reading]:
    """The readings on the file's own inputs."""
    brought = dict(examples) if isinstance(examples, Mapping) else {"inputs": examples}
    inputs = brought.get("inputs", ())
    primals = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    names = [p.name for p in parameters(found.forward)]
    names += [f"argument_{place}" for place in range(len(names), len(primals))]
    given = {
        name: np.asarray(v) if isinstance(v, float | np.generic) else plain_arrays(v)
        for name, v in zip(names, primals, strict=False)
    }
    init = brought.get("init", ())
    if found.style in ("object", "network"):
        taken = [p.name for p in parameters(init_of(found.parts[0]))]
        made = dict(init) if isinstance(init, Mapping) else dict(zip(taken, init, strict=False))
    else:
        made = {}
    yield from _on_arrays_or_others(found, lambda one: _given_trials(one, made, given), complaints)


def _given_trials(found: Found, made: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Callable[[], Reading]]:
    if found.style in ("object", "network"):
        yield from given_object(found, made, given)
    elif found.style == "pair":
        for way in ways(found.parts[1], found.parts[0], list(given), {}):
            yield functools.partial(pair_reading, found, given, way)
    elif found.style == "value_and_gradient":
        yield functools.partial(value_reading, found, found.parts[0], given)
    else:
        yield functools.partial(adapted_reading, found, given)
