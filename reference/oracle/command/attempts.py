"""From something found in a file to a subject with inputs: the file's own examples, or the first scene that runs."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference import oracle
from reference.oracle.command.discover import Found
from reference.oracle.command.makers import parameters, required, settled_with, subject_of
from reference.oracle.command.scenes import SCENE_OF_OP, Scene, alike, part_of, recognized, scenes
from reference.oracle.specs import SPECS
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies, quiet

SETTINGS = ("stride", "pad", "rate", "window_h", "window_w", "window", "conv_param", "pool_param", "bn_param")


class _DidNotRun(Exception):
    """The constructor or the forward raised on these inputs."""


class NoInputs(Exception):
    """No inputs were found on which the forward runs; the message says what was tried."""


@dataclass(frozen=True)
class Attempt:
    """A subject, the inputs to judge it on, and where they came from."""

    subject: Subject
    primals: tuple[Any, ...]
    how: str
    op: str | None = None
    statics: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] | None = None
    # The op was guessed from the name: where the arguments do not fit it, it is no such op.
    guessed: bool = False


def attempt(
    found: Found, examples: Any = None, *, op: str | None = None, statics: Any = None, seed: int = 0
) -> Attempt:
    """The subject and inputs for something found in a file.

    Args:
        found: what to judge.
        examples: the file's `EXAMPLES[name]`, or None: the inputs, or a dict with "inputs", "init", "op", "statics".
        op: judge as this op; "none" for no op; None to go by the name.
        statics: the op's statics, where op is given.
        seed: draws the inputs.

    Raises:
        NoInputs: nothing that was tried ran.
    """
    if examples is not None:
        return _from_examples(found, examples, op, statics)
    by_name, likely = recognized(found.name)
    judged_as = None if op == "none" else op or by_name
    likely = SCENE_OF_OP.get(op, op) if op in SPECS else likely
    complaints: list[str] = []
    for scene in _ordered(found, likely, seed):
        try:
            made = _in_scene(found, scene)
        except _DidNotRun as error:
            complaints.append(str(error))
            continue
        if made:
            fits = judged_as if op or scene.name == likely else None
            given = statics if statics is not None else scene.statics if fits else {}
            why = "going by the name" if scene.name == likely else "the first shapes that ran"
            how = f"random, {scene.shapes or f'of shapes that suit {scene.name}'} ({why})"
            subject, inputs = made
            return Attempt(subject, tuple(inputs.values()), how, fits, dict(given), tuple(inputs), op is None)
    raise NoInputs(_nothing_ran(found, complaints))


def _nothing_ran(found: Found, complaints: list[str]) -> str:
    reason = f" The forward raised {complaints[0]}." if complaints else " Its arguments have names that say nothing."
    return f"no inputs were found for {found.name}.{reason} {how_to_give(found.name)}"


def how_to_give(name: str) -> str:
    """How a file brings its own inputs."""
    return f"Give some in the file: EXAMPLES = {{{name!r}: (x, ...)}}"


def _ordered(found: Found, likely: str | None, seed: int) -> Iterator[Scene]:
    every = scenes(seed)
    if likely in SPECS and likely not in SCENE_OF_OP.values():
        yield _op_scene(found, likely, seed)
    yield from (scene for scene in every if scene.name == likely)
    yield from (scene for scene in every if scene.name != likely)
    yield alike(required(_forward_of(found)), seed)


def _op_scene(found: Found, op: str, seed: int) -> Scene:
    """The op's own example inputs, by the parts of its arguments and in the order of the forward's."""
    case = next((case for case in SPECS[op].cases if not case.statics), SPECS[op].cases[0])
    inputs = oracle.example_inputs(op, case.id, seed=seed)
    by_part = {part_of(name) or name: value for name, value in zip(inputs.names, inputs, strict=True)}
    in_order = dict(zip(required(_forward_of(found)), inputs, strict=False))
    settings = {"shift": by_part.get("bias"), **by_part, **in_order}
    return Scene(op, {part: value for part, value in settings.items() if value is not None}, dict(inputs.statics))


def _forward_of(found: Found) -> Callable[..., Any]:
    part = found.parts[0]
    if found.style == "layer":
        return _unbound(part.forward)
    if found.style == "network":
        return _unbound(part.loss)
    if found.style == "torch":
        return functools.partial(_unbound(part.forward), None)
    return part.forward if isinstance(part, Subject) else part


def _unbound(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method without its first parameter, for its signature alone."""
    return functools.partial(method, None) if "self" in inspect.signature(method).parameters else method


def _filled(function: Callable[..., Any], scene: Scene) -> dict[str, Any] | None:
    """A value for every required parameter and every setting that the scene has; None where one is lacking."""
    values: dict[str, Any] = {}
    parts = {p.name: p.name if p.name in scene.values else part_of(p.name) for p in parameters(function)}
    if "targets" in parts.values() and "x" not in parts.values():  # y beside t is no target but a prediction
        parts = {name: "x" if part == "other" else part for name, part in parts.items()}
    for parameter in parameters(function):
        part = parts[parameter.name]
        known = part in scene.values
        if known and (parameter.default is parameter.empty or part in SETTINGS):
            value = scene.values[part]
            values[parameter.name] = np.array(value) if isinstance(value, np.ndarray) else value
        elif parameter.default is parameter.empty:
            return None
    return values


def _in_scene(found: Found, scene: Scene) -> tuple[Subject, dict[str, Any]] | None:
    """The subject and its inputs by name, once its forward has run; None where the scene lacks an argument."""
    inputs = _filled(_forward_of(found), scene)
    made = {} if found.style not in ("layer", "network") else _filled(_init(found), scene)
    if inputs is None or made is None or not inputs:
        return None
    if found.style in ("layer", "network"):
        subject = _of_object(found, lambda: _trying(found.parts[0], **made))
    else:
        subject, inputs = _of_functions(found, inputs)
    _trying(run_once, subject, tuple(inputs.values()))
    return subject, inputs


def _trying(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except (Exception, SystemExit) as error:  # anybody's code may raise anything
        raise _DidNotRun(f"{type(error).__name__}: {error}") from error


def _init(found: Found) -> Callable[..., Any]:
    init = found.parts[0].__init__
    return (lambda: None) if init is object.__init__ else functools.partial(init, None)


def _of_object(found: Found, make: Callable[[], Any]) -> Subject:
    np.random.seed(0)  # noqa: NPY002 - the generator that textbook constructors draw their weights from
    return oracle.from_network(make()) if found.style == "network" else oracle.from_layer(make())


def _of_functions(found: Found, inputs: Mapping[str, Any]) -> tuple[Subject, dict[str, Any]]:
    """The subject of arrays alone: numbers, dicts and flags among the arguments are filled in."""
    settled = {place: value for place, value in enumerate(inputs.values()) if not isinstance(value, np.ndarray)}
    arrays = {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)}
    parts = found.parts
    if settled:
        forward = settled_with(parts[0], settled, 0)
        parts = (forward, settled_with(parts[1], settled, 1) if found.style == "forward_backward" else parts[-1])
    return subject_of(found.style, parts), arrays


def run_once(subject: Subject, primals: tuple[Any, ...]) -> None:
    """Raise unless the forward runs on copies of these inputs and gives finite floating numbers."""
    with quiet(None):
        if subject.bind is not None:
            subject, held = subject.bind(*copies(primals))
            primals = (*primals, *held.values())
        out = trees.vector(subject.forward(*copies(primals)))
    if not out.size or not np.all(np.isfinite(out)):
        raise ValueError("the output holds no floating numbers" if not out.size else "the output is not finite")


def _from_examples(found: Found, examples: Any, op: str | None, statics: Any) -> Attempt:
    given = dict(examples) if isinstance(examples, Mapping) else {"inputs": examples}
    init, inputs = given.get("init", ()), given.get("inputs", ())
    primals = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if found.style in ("layer", "network"):
        made = (
            functools.partial(found.parts[0], **init)
            if isinstance(init, Mapping)
            else functools.partial(found.parts[0], *init)
        )
        subject = _of_object(found, made)
    else:
        subject = subject_of(found.style, found.parts)
    judged_as = None if (named := op or given.get("op")) == "none" else named
    chosen = statics if statics is not None else given.get("statics", {})
    return Attempt(subject, primals, "the file's own EXAMPLES", judged_as, dict(chosen))
