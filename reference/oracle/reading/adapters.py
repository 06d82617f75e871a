"""Readings of what is a subject already, or becomes one by an adapter of the oracle."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reference import oracle
from reference.oracle.reading.collected import arranged
from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import filled
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.torched import narrowed, numbers_as_tensors
from reference.oracle.reading.trial import (
    DidNotRun,
    Reading,
    arrays_in,
    called_once,
    constants_of,
    fit,
    settled,
    trying,
)
from reference.oracle.reading.words import call
from reference.oracle.subjects.frameworks import from_torch_settled
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies


def of_subject(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    """The way to call a subject, a vjp, a JAX rule or a torch Function in a scene."""
    given = filled(found.forward, scene, loss=found.is_loss)
    if not given:
        return

    yield functools.partial(_reshaped_reading if found.style == "torch" else adapted_reading, found, given)
    if found.style == "torch" and (tensors := numbers_as_tensors(given)):
        yield functools.partial(adapted_reading, found, tensors)


def adapted_reading(found: Found, given: Mapping[str, Any]) -> Reading:
    """What an adapter makes a subject of, called on these arguments."""
    part = found.parts[0]
    arrays = arrays_in(given)
    known = part if found.style == "subject" else None
    made = known or trying("constructor", adapted, found.style, found.parts, list(given), settled(given))
    return bound_reading(found, made, arrays, call(part, given))


def _reshaped_reading(found: Found, given: Mapping[str, Any]) -> Reading:
    """The reading, with an argument in the shape that its gradient has where PyTorch says that the two differ."""
    for _ in given:
        try:
            return adapted_reading(found, given)
        except DidNotRun as complaint:
            told = re.search(r"invalid gradient at index (\d+) - got \[([\d, ]*)\] but expected shape", str(complaint))
            name = list(given)[int(told[1])] if told and int(told[1]) < len(given) else ""
            if not told or not isinstance(given.get(name), np.ndarray):
                raise
            shape = tuple(int(size) for size in told[2].split(",") if size.strip())
            given = {**given, name: np.resize(given[name], shape)}
    return adapted_reading(found, given)


def adapted(style: str, parts: tuple[Any, ...], order: list[str], fixed: Mapping[str, Any]) -> Subject:
    """The subject that the adapter of a style makes, with the fixed arguments filled in."""
    if style == "torch":
        return from_torch_settled(parts[0], order, fixed)
    make = getattr(oracle, f"from_{style}")
    if not fixed:
        return make(*parts)
    arrays = tuple(name for name in order if name not in fixed)

    def filled_in(*primals: Any) -> Any:
        given = {**fixed, **dict(zip(arrays, primals, strict=True))}
        return parts[0](*(given[name] for name in order))

    made = make(filled_in)
    return replace(made, name=getattr(parts[0], "__name__", made.name), names=arrays)


def bound_reading(found: Found, subject: Subject, inputs: Mapping[str, Any], calls: str) -> Reading:
    """Run it once: the forward, the backward, and whether the shapes fit."""
    given = tuple(inputs.values())
    bound, primals = subject, given
    if subject.bind is not None:
        bound, held = trying("forward", subject.bind, *copies(given))
        primals = (*given, *held.values())
    try:
        out, came = called_once(bound, primals)
    except DidNotRun:
        if found.style != "torch":
            raise
        out, came = called_once(bound, narrowed(primals))
    names = tuple(bound.names or inputs)[: len(primals)]
    if len(names) < len(primals):
        names += tuple(f"argument_{place}" for place in range(len(names), len(primals)))
    gradients = arranged(came, names, primals) or {}
    if found.style == "torch":
        bound = replace(bound, constants=constants_of(names, primals, gradients, out))
        subject = replace(subject, constants=bound.constants)
    return Reading(subject, given, tuple(inputs), calls, fit(gradients, names, primals), inputs=len(given))
