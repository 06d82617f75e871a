"""From something found in a file to the ways in which it may be called, each tried once on copies of its inputs."""

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference import oracle
from reference._checks import is_floating
from reference.oracle.reading.calls import Ran, Source, Way, guessed, upstreams, ways
from reference.oracle.reading.collected import arranged
from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import GradientDescent, filled
from reference.oracle.reading.influence import arrays_of
from reference.oracle.reading.objects import Spoken, with_parameters
from reference.oracle.reading.scenes import Scene
from reference.oracle.reading.source import method_of, parameters, required, returned_names, without_first
from reference.oracle.reading.torched import holds_tensors, narrowed, numbers_as_tensors, on_tensors, plain_arrays
from reference.oracle.reading.vocabulary import DATA, RESETS, SETUPS, part_of
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Pullback, Subject
from reference.oracle.subjects.vjp import copies, quiet

OF_OUTPUT = "The derivative is a function of the output: right where it is called with y = f(x), as in y * (1 - y)."


class DidNotRun(Exception):
    """The constructor, the forward or the backward raised on these inputs; `where` says which."""

    def __init__(self, where: str, said: str):
        super().__init__(said)
        self.where = where


@dataclass(frozen=True)
class Reading:
    """A subject on inputs that it ran on, and how it was called."""

    subject: Subject
    primals: tuple[Any, ...]
    names: tuple[str, ...]
    # The calls, as they would be written.
    calls: str
    # Every gradient that came back has the shape of its argument.
    fits: bool = True
    notes: tuple[str, ...] = ()
    written: "Written | None" = None
    # So many of the primals are handed over; the rest are parameters that an object holds.
    inputs: int = 0
    # Parameters for which no gradient was found.
    lacking: tuple[str, ...] = ()
    # Nothing but their places says what some arguments of the backward are.
    guessed: bool = False


@dataclass(frozen=True)
class Written:
    """A reading as Python: statements before it, and the expressions of both calls, of the output and of the gradients."""

    setup: tuple[str, ...]
    forward: str
    output: str
    backward: str


def readings(found: Found, scene: Scene, complaints: list[DidNotRun]) -> Iterator[Reading]:
    """Every way in which the thing runs on this scene; why the others do not is added to the complaints."""
    makers: Mapping[str, Callable[..., Iterator[Callable[[], Reading]]]] = {
        "object": _of_object,
        "network": _of_network,
        "pair": _of_pair,
        "value_and_gradient": _of_value_and_gradient,
    }
    make = makers.get(found.style, _of_subject)
    yield from _on_arrays_or_tensors(found, lambda one: make(one, scene), complaints)


def _on_arrays_or_tensors(
    found: Found, trials: Callable[[Found], Iterator[Callable[[], Reading]]], complaints: list[DidNotRun]
) -> Iterator[Reading]:
    """The readings on arrays; where none runs, those on tensors."""
    ran = False
    for reading in _running(trials(found), complaints):
        ran = True
        yield reading
    for other in () if ran else on_tensors(found):
        for reading in () if ran else list(_running(trials(other), complaints)):
            yield replace(reading, written=None)
            ran = True


def _running(trials: Iterator[Callable[[], Reading]], complaints: list[DidNotRun]) -> Iterator[Reading]:
    for trial in trials:
        try:
            yield trial()
        except DidNotRun as complaint:
            complaints.append(complaint)


def trying(where: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The result of anybody's code; DidNotRun whatever it raises."""
    try:
        with quiet(0):
            return function(*arguments, **named)
    except DidNotRun:
        raise
    except (Exception, SystemExit) as error:  # anybody's code may raise anything
        raise DidNotRun(where, f"{type(error).__name__}: {error}") from error


# -- functions ---------------------------------------------------------------------------------------------------------


def _of_pair(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    forward, backward = found.parts
    given = filled(forward, scene, loss=found.is_loss)
    if not given or not any(isinstance(value, np.ndarray) for value in given.values()):
        return
    for way in ways(backward, forward, list(given), scene.values):
        yield functools.partial(_pair_reading, found, given, way)


@dataclass(frozen=True)
class Pair:
    """A forward and a backward function, and where the arguments of both come from."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    given: Mapping[str, Any]
    way: Way
    names: tuple[str, ...]

    def run(self, *primals: Any) -> Ran:
        """Call the forward."""
        given = {**copy.deepcopy(_settled(self.given)), **dict(zip(self.names, primals, strict=True))}
        returned = self.forward(**given)
        count = upstreams(self.way)
        output = returned
        if isinstance(returned, tuple) and count < len(returned):
            output = returned[0] if count <= 1 else returned[:count]
        return Ran(given, returned, output)

    def came(self, ran: Ran, cotangent: Any) -> Any:
        """What the backward returns."""
        count = upstreams(self.way)
        cotangents = cotangent if count > 1 else (cotangent,)
        return self.backward(**{name: ran.value(s, cotangents, max(count, 1)) for name, s in self.way.items()})

    def gradients(self, came: Any, primals: tuple[Any, ...]) -> dict[str, Any]:
        """What came back, by argument."""
        return arranged(came, self.names, primals, returned_names(self.backward)) or {}


def _settled(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if not isinstance(value, np.ndarray)}


def _pair_reading(found: Found, given: Mapping[str, Any], way: Way) -> Reading:
    names = tuple(name for name, value in given.items() if isinstance(value, np.ndarray))
    primals = tuple(given[name] for name in names)
    pair = Pair(*found.parts, given, way, names)
    mine = copies(primals)
    ran = trying("forward", pair.run, *mine)
    _finite(ran.output)
    cotangent = _ones(ran.output)
    came = _of_arrays("backward", trying("backward", pair.came, ran, cotangent))
    gradients = pair.gradients(came, primals)
    slope = not upstreams(way) and _is_slope(ran.output, gradients, names, primals, came)
    if slope:
        whose = next((s.key for s in way.values() if s.kind == "primal" and part_of(s.key) not in DATA), names[0])
        whose = _predictions(names) if len(names) > 1 else whose
        gradients = {whose: came}

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        ran = pair.run(*primals)

        def pull(cotangent: Any) -> tuple[Any, ...]:
            came = pair.came(ran, cotangent)
            back = {whose: np.asarray(cotangent) * came} if slope else pair.gradients(came, primals)
            return tuple(back.get(name) for name in names)

        saved = ran.returned if any(s.kind in ("cache", "returned") for s in way.values()) else None
        return ran.output, Pullback(pull, saved)

    upstream = _upstream(way, slope, pair.backward)
    style = "cache" if any(s.kind == "cache" for s in way.values()) else "forward_backward"
    subject = Subject(found.name, lambda *p: pair.run(*p).output, vjp, names, pair.backward, style,
                      constants=_constants(names, primals, gradients, ran.output), upstream=upstream)  # fmt: skip
    notes = (OF_OUTPUT,) if slope and any(s.kind == "output" for s in way.values()) else ()
    calls = f"{_call(pair.forward, given)}, then {_backward_call(pair.backward, way)}"
    written = _written((), pair.forward.__name__, pair.backward.__name__, given, way, slope)
    fits = _fit(gradients, names, primals)
    return Reading(subject, primals, names, calls, fits, notes, written, len(names), guessed=guessed(way))


def _of_value_and_gradient(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    (function,) = found.parts
    given = filled(function, scene, loss=True)
    if given and any(isinstance(value, np.ndarray) for value in given.values()):
        yield functools.partial(_value_reading, found, function, given)


def _value_reading(found: Found, function: Callable[..., Any], given: Mapping[str, Any]) -> Reading:
    names = tuple(name for name, value in given.items() if isinstance(value, np.ndarray))
    primals = tuple(given[name] for name in names)
    hints = returned_names(function)[1:]

    def run(*primals: Any) -> Any:
        return function(**copy.deepcopy(_settled(given)), **dict(zip(names, primals, strict=True)))

    def vjp(*primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        loss, *came = run(*primals)
        back = arranged(came, names, primals, hints) or {}
        return loss, lambda cotangent: tuple(back.get(name) for name in names)

    loss, *came = trying("forward", run, *copies(primals))
    _finite(loss)
    gradients = arranged(came, names, primals, hints)
    if not gradients or all(value is None for value in gradients.values()):
        raise DidNotRun("backward", "nothing that it returns behind its value is a gradient of an argument")
    subject = Subject(found.name, lambda *p: run(*p)[0], vjp, names, function, "vjp",
                      constants=_constants(names, primals, gradients, loss), upstream="one")  # fmt: skip
    calls = f"loss, gradients = {_call(function, given)}"
    return Reading(subject, primals, names, calls, _fit(gradients, names, primals), inputs=len(names))


# -- objects -----------------------------------------------------------------------------------------------------------


def _of_object(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    owner, forward_name, backward_name = found.parts
    forward = method_of(owner, forward_name)
    made = filled(init_of(owner), scene, constructor=True)
    if made is None:
        return
    given = filled(forward, scene, loss=found.is_loss)
    if not given or not any(isinstance(value, np.ndarray) for value in given.values()):
        return
    made_object: list[Any] = []

    def layer() -> Any:
        if not made_object:
            np.random.seed(0)  # noqa: NPY002 - the generator that constructors draw their weights from
            made_object.append(trying("constructor", _prepared, owner, made, given))
        return made_object[0]

    for way in _ways_of(owner, forward, backward_name, given, scene.values):
        yield functools.partial(_object_reading_of, found, layer, made, given, way)


def _object_reading_of(
    found: Found, layer: Callable[[], Any], made: Any, given: Mapping[str, Any], way: Way
) -> Reading:
    return _object_reading(found, layer(), made, given, way)


def _prepared(owner: type, made: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """An object, set up as its class asks: with the shape of its input, with an optimizer, or with nothing."""
    layer = owner(**copy.deepcopy(dict(made)))
    shape = next(np.shape(value) for value in given.values() if isinstance(value, np.ndarray))
    for name in SETUPS:
        method = getattr(layer, name, None)
        if inspect.ismethod(method) and len(wanted := required(method)) <= 1:
            optimizer = [part_of(one) for one in wanted] == ["optimizer"]
            choices = [GradientDescent()] if optimizer else [shape[1:], shape, shape[-1]]
            _first_that_works(method, [(choice,) for choice in choices] if wanted else [()])
    return layer


def _first_that_works(method: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> None:
    for given in arguments:
        with contextlib.suppress(Exception):  # a method may raise anything at an argument that it was not meant for
            method(*given)
            return


def _ways_of(
    owner: Any, forward: Any, backward_name: str | None, given: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[Way]:
    if backward_name is None:
        return [{}]
    return ways(method_of(owner, backward_name), forward, list(given), settings)


def init_of(owner: type) -> Callable[..., Any]:
    return (lambda: None) if owner.__init__ is object.__init__ else without_first(owner.__init__)


def _object_reading(found: Found, layer: Any, made: Any, given: Mapping[str, Any], way: Way) -> Reading:
    owner, forward_name, backward_name = found.parts
    names = tuple(name for name, value in given.items() if isinstance(value, np.ndarray))
    inputs = tuple(given[name] for name in names)
    plain = Spoken(_copied(layer), (), len(names), names, forward_name, backward_name, _settled(given), way)
    held = copy.deepcopy(_of_arrays("constructor", layer))
    ran = trying("forward", plain.run, held, copies(inputs))
    _finite(ran.output)
    _of_arrays("backward", trying("backward", plain.came, held, ran, _ones(ran.output)))
    _of_arrays("backward", held)
    spoken, lacking = trying("backward", with_parameters, plain, copies(inputs), _ones(ran.output))
    primals = (*inputs, *(np.asarray(oracle_read(spoken, pair)) for pair in spoken.pairs))
    slope = False
    if backward_name is not None and not upstreams(way):
        came = trying("backward", spoken.came, copy.deepcopy(held), ran, None)
        slope = _is_slope(ran.output, {}, spoken.names, primals, came)
        spoken = replace(spoken, slope=slope)
    out, pullback = trying("backward", spoken.vjp, *copies(primals))
    back = dict(zip(spoken.names, trying("backward", pullback, _ones(out)), strict=True))
    if not any(value is not None for value in back.values()):
        raise DidNotRun("backward", "no gradient was found in what it returns or keeps")
    constants = _constants(spoken.names, primals, back, out)
    method = getattr(owner, backward_name or forward_name)
    upstream = (
        "one" if backward_name is None else _upstream(way, slope, method_of(owner, backward_name or forward_name))
    )
    lasting = spoken.living()
    subject = Subject(found.name, spoken.forward, spoken.vjp, spoken.names, method, "layer", constants=constants,
                      upstream=upstream, draws=_draws(layer))  # fmt: skip
    resets = [
        name for name in dir(owner) if any(word in name.lower() for word in RESETS) and callable(getattr(owner, name))
    ]
    if not spoken.stepped and not resets:
        evaluates = "training" in " ".join(_flags(owner, forward_name))
        shared = replace(subject, forward=lasting.forward, vjp=lasting.vjp,
                         evaluate=lasting.evaluate if evaluates else None)  # fmt: skip
        subject = replace(subject, shared=lambda: shared)
    return Reading(subject, primals, spoken.names, _object_calls(found, made, given, way),
                   _fit(back, spoken.names, primals), _object_notes(spoken, lacking, slope, way, resets),
                   _written_object(found, made, given, way, slope), len(names), lacking, guessed(way))  # fmt: skip


def oracle_read(spoken: Spoken, pair: Any) -> Any:
    """The value of a parameter."""
    from reference.oracle.subjects import parameters as kept

    return kept.read(spoken.layer, pair.parameter)


def _flags(owner: type, method: str) -> list[str]:
    return [part_of(p.name) or "" for p in parameters(method_of(owner, method))]


def _draws(layer: Any) -> bool:
    from reference.oracle.subjects.layers import GENERATORS

    return any(isinstance(value, GENERATORS) for value in getattr(layer, "__dict__", {}).values())


def _copied(layer: Any) -> Any:
    try:
        return copy.deepcopy(layer)
    except Exception as error:
        raise DidNotRun("constructor", f"copy.deepcopy refuses a {type(layer).__name__}: {error}") from error


def _object_notes(
    spoken: Spoken, lacking: tuple[str, ...], slope: bool, way: Way, resets: list[str]
) -> tuple[str, ...]:
    notes = (
        [f"What it keeps from call to call is cleared by {resets[0]}: each call was judged on a fresh copy."]
        if resets
        else []
    )
    if slope and any(s.kind == "output" for s in way.values()):
        notes.append(OF_OUTPUT)
    if spoken.stepped:
        notes.append(f"The backward moves {', '.join(spoken.stepped)} itself: the gradient was read off that step.")
    if lacking:
        notes.append(
            f"No gradient of {', '.join(lacking)} was found in what the backward returns or keeps: not judged."
        )
    return tuple(notes)


def _of_network(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    owner = found.parts[0]
    made = filled(init_of(owner), scene, constructor=True)
    given = filled(method_of(owner, "loss"), scene, loss=True)
    if made is None or not given:
        return

    yield functools.partial(_network_reading, found, made, given)


def _network_reading(found: Found, made: Mapping[str, Any], given: Mapping[str, Any]) -> Reading:
    owner, _, gradient = found.parts
    np.random.seed(0)  # noqa: NPY002 - the generator that textbook constructors draw their weights from
    network = trying("constructor", owner, **copy.deepcopy(dict(made)))
    if gradient != "gradient" or not isinstance(getattr(network, "params", None), Mapping):
        way = ways(method_of(owner, gradient), method_of(owner, "loss"), list(given), {})[0]
        return _object_reading(found, network, made, given, way)
    subject = trying("constructor", oracle.from_network, network)
    inputs = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    return _bound_reading(found, subject, inputs, f"{_call(owner, made)}, then loss and gradient of the same batch")


# -- what is a subject already, or becomes one by an adapter -----------------------------------------------------------


def _of_subject(found: Found, scene: Scene) -> Iterator[Callable[[], Reading]]:
    given = filled(found.forward, scene, loss=found.is_loss)
    if not given:
        return

    yield functools.partial(_adapted_reading, found, given)
    if found.style == "torch" and (tensors := numbers_as_tensors(given)):
        yield functools.partial(_adapted_reading, found, tensors)


def _adapted_reading(found: Found, given: Mapping[str, Any]) -> Reading:
    part, settled = found.parts[0], _settled(given)
    arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    known = part if found.style == "subject" else None
    made = known or trying("constructor", adapted, found.style, found.parts, list(given), settled)
    return _bound_reading(found, made, arrays, _call(part, given))


def adapted(style: str, parts: tuple[Any, ...], order: list[str], settled: Mapping[str, Any]) -> Subject:
    """The subject that the adapter of a style makes, with the settled arguments filled in."""
    make = getattr(oracle, f"from_{style}")
    if not settled:
        return make(*parts)
    arrays = tuple(name for name in order if name not in settled)

    def call(function: Callable[..., Any]) -> Callable[..., Any]:
        def filled_in(*primals: Any) -> Any:
            given = {**settled, **dict(zip(arrays, primals, strict=True))}
            return function(*(given[name] for name in order))

        return filled_in

    inner = parts[0].apply if style == "torch" else parts[0]
    made = make(call(inner))
    source = parts[0].backward if style == "torch" else made.source
    return replace(made, name=getattr(parts[0], "__name__", made.name), names=arrays, source=source)


def _bound_reading(found: Found, subject: Subject, inputs: Mapping[str, Any], calls: str) -> Reading:
    """Run it once: the forward, the backward, and whether the shapes fit."""
    given = tuple(inputs.values())
    bound, primals = subject, given
    if subject.bind is not None:
        bound, held = trying("forward", subject.bind, *copies(given))
        primals = (*given, *held.values())
    try:
        out, came = _called(bound, primals)
    except DidNotRun:
        if found.style != "torch":
            raise
        out, came = _called(bound, narrowed(primals))
    names = tuple(bound.names or inputs)[: len(primals)]
    if len(names) < len(primals):
        names += tuple(f"argument_{place}" for place in range(len(names), len(primals)))
    gradients = arranged(came, names, primals) or {}
    if found.style == "torch":
        bound = replace(bound, constants=_constants(names, primals, gradients, out))
        subject = replace(subject, constants=bound.constants)
    return Reading(subject, given, tuple(inputs), calls, _fit(gradients, names, primals), inputs=len(given))


def runs(reading: Reading) -> bool:
    """Whether forward and backward run on its primals and give finite numbers."""
    try:
        subject, primals = reading.subject, reading.primals
        if subject.bind is not None:
            subject, held = trying("forward", subject.bind, *copies(primals))
            primals = (*primals, *held.values())
        _called(subject, primals)
    except DidNotRun:
        return False
    return True


def _called(subject: Subject, primals: tuple[Any, ...]) -> tuple[Any, Any]:
    """The output, and what comes back."""
    out, pullback = trying("forward", subject.vjp, *copies(primals))
    _finite(out)
    return out, trying("backward", pullback, _ones(out))


# -- what a trial shows ------------------------------------------------------------------------------------------------


def _finite(out: Any) -> None:
    """DidNotRun where an output is no finite floating number."""
    _of_arrays("forward", out)
    if any(leaf is None for leaf in trees.leaves(out)):
        raise DidNotRun("forward", "None came back: it may be unfinished")
    try:
        values = trees.vector(out)
    except (TypeError, ValueError) as error:
        raise DidNotRun("forward", f"the forward returns a {type(out).__name__}") from error
    if not values.size:
        raise DidNotRun("forward", "the output holds no floating numbers")
    if not np.all(np.isfinite(values)):
        raise DidNotRun("forward", "the output is not finite")


def _of_arrays(where: str, value: Any) -> Any:
    """The same; DidNotRun where arrays went in and tensors come out: such code is read on tensors."""
    if holds_tensors(value):
        raise DidNotRun(where, "it works on tensors")
    return value


def _ones(out: Any) -> Any:
    """A cotangent for a first trial: signed, of the output's structure."""
    size = trees.vector(out).size
    return trees.like(out, 1.0 - 0.25 * (np.arange(size) % 3))


def _fit(gradients: Mapping[str, Any], names: tuple[str, ...], primals: tuple[Any, ...]) -> bool:
    shapes = dict(zip(names, map(np.shape, primals), strict=True))
    return all(g is None or np.shape(g) == shapes[name] for name, g in gradients.items())


def _is_slope(out: Any, gradients: Any, names: Any, primals: Any, came: Any) -> bool:
    """Whether what came back is f'(x), one factor an entry of the output."""
    one = isinstance(came, np.ndarray) or np.isscalar(came)
    return one and np.size(out) > 1 and np.shape(came) == np.shape(out) == np.shape(primals[_place(names)])


def _place(names: tuple[str, ...]) -> int:
    return names.index(_predictions(names))


def _predictions(names: tuple[str, ...]) -> str:
    """The argument that a loss is differentiated by: the predictions, else the first that is no target."""
    inputs = [name for name in names if part_of(name) not in DATA]
    named = [name for name in inputs if part_of(name) == "predictions"]
    return (named or inputs or list(names))[0]


def _constants(
    names: tuple[str, ...], primals: tuple[Any, ...], gradients: Mapping[str, Any], out: Any
) -> tuple[str, ...]:
    """Floating arguments that are data: nothing came back for them, and nobody would expect it.

    Targets and masks; and whatever has no gradient where only one came back.
    """
    back = [name for name in names if gradients.get(name) is not None]
    if not back:  # a backward that is not written yet
        return ()
    lacking = [n for n, p in zip(names, primals, strict=True) if n not in back and is_floating(np.asarray(p).dtype)]
    return tuple(name for name in lacking if part_of(name) in DATA or len(back) <= 1 or np.size(out) == 1)


def _upstream(way: Way, slope: bool, backward: Callable[..., Any]) -> str:
    handed = [name for name, source in way.items() if source.kind == "cotangent"]
    if not handed:
        return "free" if slope else "one"
    defaults = {p.name: p.default for p in parameters(backward)}
    return "free" if defaults[handed[0]] is inspect.Parameter.empty else "last"


# -- words -------------------------------------------------------------------------------------------------------------


def _call(function: Callable[..., Any], given: Mapping[str, Any]) -> str:
    return f"{getattr(function, '__name__', 'call')}({', '.join(given)})"


def _backward_call(backward: Callable[..., Any], way: Way) -> str:
    return f"{getattr(backward, '__name__', 'backward')}({', '.join(_said(n, s) for n, s in way.items())})"


def _said(name: str, source: Source) -> str:
    words = {
        "cotangent": "the cotangent",
        "cache": "what the forward saved",
        "output": "the output",
        "primal": str(source.key),
        "returned": f"result {source.key} of the forward",
        "value": repr(source.key),
    }[source.kind]
    return name if words == name else f"{name} = {words}"


def _object_calls(found: Found, made: Mapping[str, Any], given: Mapping[str, Any], way: Way) -> str:
    owner, forward_name, backward_name = found.parts
    first = f"{owner.__name__}({', '.join(made)}).{forward_name}({', '.join(given)})"
    if backward_name is None:
        return f"{first} -> (value, gradients)"
    return f"{first}, then {backward_name}({', '.join(_said(n, s) for n, s in way.items())})"


def _written(
    setup: tuple[str, ...], forward: str, backward: str | None, given: Mapping[str, Any], way: Way, slope: bool
) -> Written | None:
    """The reading as Python; None where something that is handed over cannot be written."""
    from reference.oracle.reading.settle import called, said

    arguments = {name: name if isinstance(value, np.ndarray) else repr(value) for name, value in given.items()}
    if any("<" in text for text in arguments.values()) or "<lambda>" in (forward, backward):
        return None
    count = upstreams(way)
    output = "returned[0] if isinstance(returned, tuple) else returned" if count <= 1 else f"returned[:{count}]"
    if backward is None:
        return Written(setup, called(forward, arguments), "returned[0]", "returned[1]")
    call = called(backward, {name: said(source, count) for name, source in way.items()})
    return Written(setup, called(forward, arguments), output, f"cotangent * {call}" if slope else call)


def _written_object(
    found: Found, made: Mapping[str, Any], given: Mapping[str, Any], way: Way, slope: bool
) -> Written | None:
    from reference.oracle.reading.settle import called, value

    owner, forward_name, backward_name = found.parts
    setup = called(owner.__name__, {name: value(argument) for name, argument in made.items()})
    if "<" in setup:
        return None
    back = f"layer.{backward_name}" if backward_name else None
    return _written((f"layer = {setup}",), f"layer.{forward_name}", back, given, way, slope)


# -- inputs that the file brings ---------------------------------------------------------------------------------------


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
    yield from _on_arrays_or_tensors(found, lambda one: _given_trials(one, made, given), complaints)


def _given_trials(found: Found, made: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Callable[[], Reading]]:
    if found.style in ("object", "network"):
        yield from _given_object(found, made, given)
    elif found.style == "pair":
        for way in ways(found.parts[1], found.parts[0], list(given), {}):
            yield functools.partial(_pair_reading, found, given, way)
    elif found.style == "value_and_gradient":
        yield functools.partial(_value_reading, found, found.parts[0], given)
    else:
        yield functools.partial(_adapted_reading, found, given)


def _given_object(found: Found, made: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Callable[[], Reading]]:
    owner, forward_name, backward_name = found.parts

    def layer() -> Any:
        np.random.seed(0)  # noqa: NPY002 - the generator that constructors draw their weights from
        return trying("constructor", _prepared, owner, made, given)

    if found.style == "network":
        yield functools.partial(_network_reading, found, made, given)
        return
    for way in _ways_of(owner, method_of(owner, forward_name), backward_name, given, {}):
        yield functools.partial(_object_reading_of, found, layer, made, given, way)


def held_arrays(found: Found, scene: Scene) -> list[np.ndarray]:
    """The floating arrays of an object made in a scene; none where it cannot be made, or is no object."""
    objects = found.style in ("object", "network")
    if not objects or (made := filled(init_of(found.parts[0]), scene, constructor=True)) is None:
        return []
    for owner in (found.parts[0], *(one.parts[0] for one in on_tensors(found))):
        with contextlib.suppress(DidNotRun):
            layer = trying("constructor", owner, **copy.deepcopy(made))
            if not holds_tensors(layer):
                return [array for _, array in arrays_of(layer)]
    return []


def shapes_of(found: Found) -> list[tuple[int, ...]]:
    """The shapes that a constructor has as defaults: input_dim=(1, 28, 28)."""
    defaults = [p.default for p in parameters(init_of(found.parts[0]))]
    tuples = [tuple(value) for value in defaults if isinstance(value, tuple | list) and len(value) > 1]
    return [shape for shape in tuples if all(isinstance(length, int) for length in shape)]
