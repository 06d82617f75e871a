"""Arrays that remember the steps they come from, and NumPy's functions on them."""

import sys
from collections.abc import Callable, Mapping
from functools import cache, reduce
from types import CodeType, FrameType
from typing import Any

import numpy as np

from reference.oracle.recording.tape import Step, Tape, TooLong

# Code that a step runs through on its way from the user's line: that one is what is shown.
OURS = ("reference.oracle.recording", "reference.oracle.diagnosis")
UNDERNEATH = ("numpy", *OURS, "reference.oracle.command.importing")


class Recorded(np.ndarray):
    """An array whose value came about in a recorded step; without a step it is a constant."""

    tape: Tape
    step: Step | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.tape = getattr(source, "tape", None)  # pyright: ignore[reportAttributeAccessIssue]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **how: Any) -> Any:
        tape_of(inputs, self).count(self.size)
        made = UFUNCS.get(method, _unrecorded)(ufunc, *inputs, **how)
        if not out:
            return made
        (target,) = out
        np.copyto(bare(target), bare(made), casting="unsafe")
        if isinstance(target, Recorded):
            target.step = made.step if isinstance(made, Recorded) else None
        return target

    def __array_function__(self, func: Any, types: Any, args: Any, how: Any) -> Any:
        tape_of(args, self).count(self.size)
        function = FUNCTIONS.get(func.__name__)
        return function(*args, **how) if function else func(*bare(args), **bare(how))

    def __getitem__(self, key: Any) -> Any:
        return FUNCTIONS["getitem"](self, key)

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __setitem__(self, key: Any, value: Any) -> None:
        tape_of((), self).count()
        before: Any = self.step if self.step is not None else plain(self).copy()
        plain(self)[bare(key)] = bare(value)
        more = added_to(before, key, value)
        name, value = ("setitem", value) if more is None else ("added_at", remembering(self.tape, more))
        self.step = FUNCTIONS[name](self, before, key, value)


def added_to(before: Any, key: Any, value: Any) -> Step | None:
    """What is added to a part of an array that is assigned the sum of itself and this: array[key] += value."""
    step = step_of(value)
    if step is None or step.name != "add" or not isinstance(more := step.args[1], Step):
        return None
    part = step.args[0]
    if isinstance(part, Step):
        same = part.name == "getitem" and part.args[0] is before and repr(part.args[1]) == repr(bare(key))
    elif same := isinstance(before, np.ndarray) and np.shape(part) == step.value.shape:
        before[bare(key)] = part  # a constant at this place, whatever has been written there since
    return more if same else None


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args, **how: getattr(np, name)(self, *args, **how)


def _reshape(self: Any, *shape: Any, **how: Any) -> Any:
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **how)


def _transpose(self: Any, *axes: Any) -> Any:
    return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)


# Methods that NumPy does not send through its functions.
METHODS: dict[str, Any] = {name: _method(name) for name in (
    "sum", "mean", "var", "std", "max", "min", "prod", "cumsum", "clip", "ravel", "swapaxes", "squeeze", "repeat",
    "take", "copy", "diagonal", "dot", "argmax", "argmin", "argsort", "round",
)}  # fmt: skip
METHODS |= {"reshape": _reshape, "transpose": _transpose, "T": property(_transpose)}
METHODS["flatten"] = lambda self, *order: np.ravel(self)
METHODS["__deepcopy__"] = lambda self, memo: FUNCTIONS["copy"](self)
METHODS["astype"] = lambda self, dtype, **how: FUNCTIONS["astype"](self, dtype)


def _looked_at(name: str) -> Callable[..., Any]:
    """A look at the numbers themselves, which counts although nothing is recorded: loops end by such."""

    def look(self: Recorded, *args: Any) -> Any:
        self.tape.count()
        return getattr(plain(self), name)(*args)

    return look


METHODS |= {name: _looked_at(name) for name in ("__float__", "__int__", "__bool__", "__index__", "item", "tolist")}
for _name, _function in METHODS.items():
    setattr(Recorded, _name, _function)


def plain(array: Any) -> np.ndarray:
    """The same memory, without memory of its past."""
    return array.view(np.ndarray) if isinstance(array, Recorded) else np.asarray(array)


def bare(tree: Any) -> Any:
    """Arguments with plain arrays in the place of recorded ones."""
    if isinstance(tree, Recorded):
        return plain(tree)
    if isinstance(tree, tuple | list):
        return type(tree)(bare(item) for item in tree)
    return {key: bare(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def noted(tree: Any) -> Any:
    """Arguments with steps in the place of recorded arrays, and copies of others that may be written into."""
    if isinstance(tree, Recorded):
        step = step_of(tree)
        return plain(tree).copy() if step is None else step
    if isinstance(tree, tuple | list):
        return type(tree)(noted(item) for item in tree)
    if isinstance(tree, np.ndarray):
        return tree.copy()
    return {key: noted(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def step_of(value: Any) -> Step | None:
    """The step that a value came from, where it was recorded."""
    return value.step if isinstance(value, Recorded) and value.tape.recording else None


def live(tree: Any) -> bool:
    """Whether any of nested arguments has a past."""
    if isinstance(tree, tuple | list):
        return any(map(live, tree))
    return live(tuple(tree.values())) if isinstance(tree, dict) else step_of(tree) is not None


def tape_of(tree: Any, otherwise: Any = None) -> Tape:
    """The tape that the first recorded value among nested arguments belongs to."""
    for item in _items(tree):
        if isinstance(item, Recorded) and item.tape is not None:
            return item.tape
    return otherwise.tape


def _items(tree: Any) -> Any:
    if isinstance(tree, tuple | list):
        for item in tree:
            yield from _items(item)
    elif isinstance(tree, dict):
        yield from _items(tuple(tree.values()))
    else:
        yield tree


def record(function: Callable[..., Any], name: str, args: tuple, how: Mapping[str, Any] | None = None) -> Any:
    """Run a function once, as a step; a plain value where none of the arguments has a past."""
    how = how or {}
    value = function(*bare(args), **bare(dict(how)))
    if not live((args, dict(how))):
        return value
    tape = tape_of((args, dict(how)))
    tape.count(np.size(value))
    place, code, line, instruction = _place(tape)
    step = Step(
        name,
        np.array(value),
        function,
        noted(args),
        noted(dict(how)),
        tape.part,
        place,
        0,
        code,
        line,
        instruction,
        tape.of,
        tape.via,
    )
    return remembering(tape, tape.note(step))


def remembering(tape: Tape, step: Step) -> Recorded:
    """A copy of a step's value that remembers the step."""
    array = array_of(tape, np.array(step.value))
    array.step = step
    return array


def array_of(tape: Tape, array: np.ndarray) -> Recorded:
    """The same memory as an array without a past, into which the program may write."""
    recorded = array.view(Recorded)
    recorded.tape = tape
    return recorded


def _place(tape: Tape) -> tuple[Any, CodeType | None, int, int | None]:
    """The calls from the beginning of the record down to this step, and the user's code, line and instruction."""
    calls, code, line, own, frame = [], None, 0, None, sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "recorded_call":
        if code is None and not within(frame, *UNDERNEATH):
            code, line, own = frame.f_code, frame.f_lineno, frame.f_lasti // 2
        calls.append((frame.f_code, began(frame.f_code, frame.f_lasti)))
        frame = frame.f_back
    if tape.of is not None:
        of = tape.of
        return (of.place, of.name, tape.slot, tuple(calls)), of.code, of.line, of.instruction
    calls = calls if tape.slot is None else [("slot", tape.slot), *calls]
    if tape.at is not None:
        return (*tape.at.calls, *reversed(calls)), tape.at.code, tape.at.line, None
    return tuple(reversed(calls)), code, line, own


def began(code: CodeType, instruction: int) -> int:
    """Where the expression begins that an instruction is part of."""
    return _beginnings(code)[instruction // 2]


@cache
def _beginnings(code: CodeType) -> list[int]:
    """Where the expression of every instruction begins: a call that Python has sped up is left at another one."""
    found: list[int] = []
    last = None
    for number, position in enumerate(code.co_positions()):
        found.append(found[-1] if position == last else number)
        last = position
    return found


def within(frame: FrameType, *packages: str) -> bool:
    """Whether a call is made by the code of one of these packages."""
    return f"{frame.f_globals.get('__name__', '')}.".startswith(tuple(f"{package}." for package in packages))


def _call(ufunc: Any, *inputs: Any, **how: Any) -> Any:
    if ufunc.__name__ == "matmul":
        return FUNCTIONS["matmul"](*inputs)
    if how or ufunc.nout > 1:
        return ufunc(*bare(inputs), **bare(how))
    if ufunc.__name__ in ("multiply", "divide") and tape_of(inputs).regroups is not False:
        return FUNCTIONS["regrouped"](ufunc, *inputs)
    return record(ufunc, ufunc.__name__, inputs)


def _reduce(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False, **how: Any) -> Any:
    if ufunc is np.logaddexp and not how and not keepdims:
        return reduce(np.logaddexp, np.moveaxis(array, axis, 0))
    name = {"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"}.get(ufunc.__name__)
    if name is None or how:
        return ufunc.reduce(bare(array), axis=axis, keepdims=keepdims, **bare(how))
    return FUNCTIONS[name](array, axis=axis, keepdims=keepdims)


def _at(ufunc: Any, array: Any, key: Any, value: Any = 0) -> None:
    """Into a recorded array, adding up: a step of its own."""
    before = array.step if isinstance(array, Recorded) and array.step is not None else plain(array).copy()
    ufunc.at(plain(array), bare(key), *(() if ufunc.nin == 1 else (bare(value),)))
    if isinstance(array, Recorded) and ufunc.__name__ in ("add", "subtract"):
        array.step = FUNCTIONS["added_at"](array, before, key, value if ufunc.__name__ == "add" else -value)


def _outer(ufunc: Any, a: Any, b: Any, **how: Any) -> Any:
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **how)


def _unrecorded(ufunc: Any, *inputs: Any, **how: Any) -> Any:
    raise TooLong


UFUNCS: Mapping[str, Callable[..., Any]] = {"__call__": _call, "reduce": _reduce, "at": _at, "outer": _outer}
# NumPy's functions on recorded arrays, by name; filled in by the modules beside this one.
FUNCTIONS: dict[str, Callable[..., Any]] = {}
