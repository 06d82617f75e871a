"""One trial of a reading: forward and backward called once on copies, and what that shows."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.reading.calls import Way
from reference.oracle.reading.own_faults import is_own
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import parameters
from reference.oracle.reading.torched import holds_tensors
from reference.oracle.reading.vocabulary import DATA, part_of, plain
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies, quiet

OF_OUTPUT = "The derivative is a function of the output: right where it is called with y = f(x), as in y * (1 - y)."


OURS = str(Path(__file__).parents[2])
STAGES = ("constructor", "forward", "backward")


class DidNotRun(Exception):
    """The constructor, the forward or the backward raised on these inputs; `where` says which."""

    def __init__(self, where: str, said: str):
        super().__init__(said)
        self.where = where
        self.scene: Scene | None = None


@dataclass(frozen=True)
class Written:
    """A reading as Python: statements before it, the expressions of both calls, and that of the output."""

    # Before the function, and first thing in it.
    before: tuple[str, ...]
    setup: tuple[str, ...]
    forward: str
    output: str
    backward: str


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
    written: Written | None = None
    # So many of the primals are handed over; the rest are parameters that an object holds.
    inputs: int = 0
    # Parameters for which no gradient was found.
    lacking: tuple[str, ...] = ()
    # Nothing but their places says what some arguments of the backward are.
    guessed: bool = False
    # Its inputs were found by trying: nothing says that they are what was meant.
    searched: bool = False
    # Arguments without a gradient on which the output does not depend.
    idle: tuple[str, ...] = ()
    # The backward raises what it would on any inputs.
    faulty: bool = False
    # What the constructor of an object was given.
    made: Mapping[str, Any] | None = None


def lines_run(error: BaseException | None) -> tuple[int, ...]:
    """The line, and the place in it, that each function of the user's had reached when an error was raised."""
    traceback, lines = error.__traceback__ if error else None, []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(OURS):
            lines += [traceback.tb_lineno, traceback.tb_lasti]
        traceback = traceback.tb_next
    return tuple(lines)


def trying(where: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The result of anybody's code; DidNotRun whatever it raises."""
    try:
        with quiet(0):
            return function(*arguments, **named)
    except DidNotRun:
        raise
    except (Exception, SystemExit) as error:  # anybody's code may raise anything
        raise DidNotRun(where, f"{type(error).__name__}: {error}") from error


def unless_its_own_fault(backward: Callable[..., Any], *arguments: Any) -> tuple[Any, bool]:
    """What a backward returns, and False; None, and True, where it raises what it would on any inputs."""
    try:
        return trying("backward", backward, *arguments), False
    except DidNotRun as complaint:
        if not is_own(complaint.__cause__):
            raise
        return None, True


def runs(reading: Reading) -> bool:
    """Whether forward and backward run on its primals and give finite numbers."""
    try:
        subject, primals = reading.subject, reading.primals
        if subject.bind is not None:
            subject, held = trying("forward", subject.bind, *copies(primals))
            primals = (*primals, *held.values())
        called_once(subject, primals)
    except DidNotRun:
        return False
    return True


def called_once(subject: Subject, primals: tuple[Any, ...]) -> tuple[Any, Any]:
    """The output, and what comes back."""
    out, pullback = trying("forward", subject.vjp, *copies(primals))
    require_finite(out)
    return out, trying("backward", pullback, first_cotangent(out))


def floating(reading: Reading) -> list[np.ndarray]:
    """The inputs that may have a gradient."""
    given = [np.asarray(primal) for primal in reading.primals[: reading.inputs]]
    return [primal for primal in given if is_floating(primal.dtype)]


def shapes_collide(reading: Reading) -> bool:
    """Whether two floating inputs have one shape, so that a gradient could be taken for that of the other."""
    shapes = [primal.shape for primal in floating(reading)]
    return len(set(shapes)) < len(shapes)


def shows_something(reading: Reading) -> bool:
    """Whether some gradient is not zero: a right and a wrong backward may have nothing to say of the same inputs."""
    try:
        _, back = called_once(reading.subject, copies(reading.primals))
    except DidNotRun:
        return False
    return any(np.any(np.asarray(leaf)) for leaf in trees.leaves(back) if leaf is not None)


def arrays_in(given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arguments that are arrays."""
    return {name: value for name, value in given.items() if isinstance(value, np.ndarray)}


def settled(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are none: numbers, texts, dicts."""
    return {name: value for name, value in given.items() if not isinstance(value, np.ndarray)}


def require_finite(out: Any) -> None:
    """DidNotRun where an output is no finite floating number."""
    of_arrays("forward", out)
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


def require_floating(primals: tuple[Any, ...]) -> None:
    """DidNotRun where nothing that is given or held could have a gradient."""
    if not any(is_floating(np.asarray(primal).dtype) for primal in primals):
        raise DidNotRun("forward", "it was given integers alone, which have no gradient")


def of_arrays(where: str, value: Any) -> Any:
    """The same; DidNotRun where arrays went in and tensors come out: such code is read on tensors."""
    if holds_tensors(value):
        raise DidNotRun(where, "it works on tensors")
    return value


def first_cotangent(out: Any) -> Any:
    """A cotangent for a first trial: signed, of the output's structure."""
    size = trees.vector(out).size
    return trees.like(out, 1.0 - 0.25 * (np.arange(size) % 3))


def fit(gradients: Mapping[str, Any], names: tuple[str, ...], primals: tuple[Any, ...]) -> bool:
    """Whether every gradient has the shape of its argument."""
    shapes = dict(zip(names, map(np.shape, primals), strict=True))
    return all(g is None or np.shape(g) == shapes[name] for name, g in gradients.items())


def forgets_a_sum(reading: Reading) -> bool:
    """Whether gradients fit but for some that keep the axis of the examples, which others are summed over.

    With one example alone these would fit, too: but code that sums is written for more.
    """
    try:
        _, back = called_once(reading.subject, reading.primals)
    except DidNotRun:
        return False
    given = [np.shape(primal) for primal in reading.primals]
    if not isinstance(back, tuple | list) or len(back) != len(given) or not given[0] or given[0][0] < 2:
        return False
    pairs = [(shape, np.shape(came)) for shape, came in zip(given, back, strict=True) if came is not None]
    rest = [(shape, came) for shape, came in pairs if shape != came]
    kept = all(len(came) > len(shape) and came[0] == given[0][0] and came[len(came) - len(shape) :] == shape
               for shape, came in rest)  # fmt: skip
    return bool(rest) and kept and any(shape == came and shape[:1] != given[0][:1] for shape, came in pairs)


def is_slope(out: Any, names: tuple[str, ...], primals: tuple[Any, ...], came: Any) -> bool:
    """Whether what came back is f'(x): one factor an entry of the output, or one number for all of them."""
    one = isinstance(came, np.ndarray) or np.isscalar(came)
    as_input = np.shape(out) == np.shape(primals[names.index(predictions(names))])
    return one and np.size(out) > 1 and as_input and np.shape(came) in (np.shape(out), ())


def predictions(names: tuple[str, ...]) -> str:
    """The argument that a loss is differentiated by: the predictions, else the first that is no target."""
    inputs = [name for name in names if part_of(name) not in DATA]
    named = [name for name in inputs if part_of(name) == "predictions"]
    return (named or inputs or list(names))[0]


def constants_of(
    names: tuple[str, ...], primals: tuple[Any, ...], gradients: Mapping[str, Any], out: Any
) -> tuple[str, ...]:
    """Floating arguments that are data: nothing came back for them, and nobody would expect it.

    Targets and masks; and whatever has no gradient where only one came back.
    """
    back = [name for name in names if gradients.get(name) is not None]
    if not back:  # a backward that is not written yet
        return ()
    lacking = [n for n, p in zip(names, primals, strict=True) if n not in back and is_floating(np.asarray(p).dtype)]
    numbered = {plain(name) for name in back}  # x1 beside x0 is as much an input
    lacking = [name for name in lacking if plain(name) not in numbered]
    return tuple(name for name in lacking if part_of(name) in DATA or len(back) <= 1 or trees.vector(out).size == 1)


def upstream_of(way: Way, slope: bool, backward: Callable[..., Any]) -> str:
    """What a Subject says of the cotangent that its backward takes."""
    handed = [name for name, source in way.items() if source.kind == "cotangent"]
    if not handed:
        return "free" if slope else "one"
    defaults = {p.name: p.default for p in parameters(backward)}
    return "free" if defaults.get(handed[0], inspect.Parameter.empty) is inspect.Parameter.empty else "last"
