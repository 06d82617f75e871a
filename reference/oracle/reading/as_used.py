"""Readings on what the author of the code uses it with: objects made as there, inputs like those given there."""

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reference.oracle.reading.certainty import AS_USED, Tried
from reference.oracle.reading.composed import composed
from reference.oracle.reading.discover import Found
from reference.oracle.reading.judged import judged
from reference.oracle.reading.readings import given_reading
from reference.oracle.reading.redrawn import redrawn
from reference.oracle.reading.request import Request
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import required
from reference.oracle.reading.trial import DidNotRun, Reading
from reference.oracle.reading.uses.found_in import Use, uses

# So many readings of one use that run are judged.
MOST = 2
OnScenes = Callable[[Found, Request, list[DidNotRun]], Iterator[Tried]]


def tried_as_used(
    used: Iterable[tuple[Found, Use]], request: Request, complaints: list[DidNotRun], on_scenes: OnScenes
) -> Iterator[Tried]:
    """The readings that run as on the lines that use it: on inputs like those there, else on inputs of ours."""
    for one, use in used:
        any_ran = False
        for tried in _on_its_inputs(one, use, request, complaints):
            any_ran = True
            yield _said(one, tried, use)
        if not any_ran and use.thing is not None:
            yield from (_said(one, tried, use) for tried in on_scenes(one, request, complaints))


def made_as_used(found: Found) -> Iterator[tuple[Found, Use]]:
    """The same thing, its object made as on a line that uses it."""
    for use in uses(found):
        methods = [part for part in found.parts[1:] if isinstance(part, str)]
        if use.thing is not None and not all(hasattr(use.thing, method) for method in methods):
            continue  # of a class of that name that is another
        with contextlib.suppress(Exception):  # a class may refuse to have others derived from it
            yield found if use.thing is None else replace(found, parts=(_made(found, use), *found.parts[1:])), use


def _made(found: Found, use: Use) -> type:
    """A class whose constructor takes nothing, and gives the object of a use."""
    owner: Any = type(use.thing)

    def new(cls: type) -> Any:
        thing = copy.deepcopy(use.thing)
        with contextlib.suppress(TypeError):  # of another layout: what derives from it adds nothing then
            thing.__class__ = cls
        return thing

    def init(self: Any) -> None:
        pass

    def reduce(self: Any, protocol: Any) -> Any:  # a copy is made of itself, and not once more of the use
        made: Any = owner.__reduce_ex__(self, protocol)
        return (owner.__new__, *made[1:]) if getattr(made[0], "__name__", "") == "__newobj__" else made

    names = {part: getattr(owner, part) for part in ("__module__", "__qualname__", "__doc__")}
    return type(owner)(  # pyright: ignore[reportCallIssue] - its metaclass
        owner.__name__, (owner,), {**names, "__new__": new, "__init__": init, "__reduce_ex__": reduce}
    )


def takes(found: Found, examples: Any) -> bool:
    """Whether inputs that somebody brings are those of a network together with its loss."""
    inputs = examples.get("inputs", ()) if isinstance(examples, Mapping) else examples
    return isinstance(inputs, tuple | list) and len(inputs) == len(required(found.forward))


def _on_its_inputs(one: Found, use: Use, request: Request, complaints: list[DidNotRun]) -> Iterator[Tried]:
    """The readings on other values of the shapes that its author gives it."""
    scene = Scene(use.place, {}, shapes=f"like those on {use.place}")
    for examples, _ in redrawn({"inputs": use.inputs}, request.seed) if use.inputs is not None else ():
        whole = next((other for other in composed(one) if takes(other, examples)), one)
        ran = list(given_reading(whole, examples, complaints))
        yield from (judged(whole, reading, request, scene) for reading in ran[:MOST])
        if ran:
            return


def _said(found: Found, tried: Tried, use: Use) -> Tried:
    meaning = AS_USED if found.is_loss else tried.meaning
    return replace(tried, reading=_as_made(tried.reading, use), used=True, meaning=meaning)


def _as_made(reading: Reading, use: Use) -> Reading:
    """The reading, said to be of an object made like this."""
    name = use.written.partition("(")[0].rpartition(".")[2]
    calls = reading.calls.replace(f"{name}()", use.written, 1) if use.written else reading.calls
    return replace(reading, calls=calls, made=use.made if use.written else reading.made,
                   written=None if use.written else reading.written)  # fmt: skip
