"""Arrays that remember the steps they come from, and NumPy's functions on them."""

import sys
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any

import numpy as np

from reference.oracle.tracing.alterations import added_at, key_at, number_at
from reference.oracle.tracing.graph import Graph, Kind, Node, Place, TooLong
from reference.oracle.tracing.pointwise import PARTIALS

# Code that a step runs through on its way from the user's line: that one is what is shown.
UNDERNEATH = ("numpy", "reference.oracle.tracing", "reference.oracle.command.importing")


class Recorded(np.ndarray):
    """An array whose value came about in a recorded step; without a node it is a constant."""

    graph: Graph
    node: Node | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.graph = getattr(source, "graph", None)  # pyright: ignore[reportAttributeAccessIssue]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **how: Any) -> Any:
        self.graph.count(self.size)
        made = UFUNCS.get(method, _unrecorded)(ufunc, *inputs, **how)
        if not out:
            return made
        (target,) = out
        np.copyto(bare(target), bare(made), casting="unsafe")
        if isinstance(target, Recorded):
            target.node = made.node if isinstance(made, Recorded) else None
        return target

    def __array_function__(self, func: Any, types: Any, args: Any, how: Any) -> Any:
        self.graph.count(self.size)
        function = FUNCTIONS.get(func.__name__)
        return function(*args, **how) if function else func(*bare(args), **bare(how))

    def __getitem__(self, key: Any) -> Any:
        self.graph.count()
        return FUNCTIONS["getitem"](self, key_at((user_line(), self.shape), bare(key)))

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.graph.count()
        key = key_at((user_line(), self.shape), bare(key))
        plain(self)[key] = bare(value)
        self.node = FUNCTIONS["setitem"](self, key, value)


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *args, **how: getattr(np, name)(self, *args, **how)


def _reshape(self: Any, *shape: Any, **how: Any) -> Any:
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **how)


def _transpose(self: Any, *axes: Any) -> Any:
    return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)


def _astype(self: Any, dtype: Any, **how: Any) -> Any:
    """The same values; only floating ones stay recorded."""
    return np.copy(self) if np.dtype(dtype).kind == "f" else plain(self).astype(dtype, **how)


# Methods that NumPy does not send through its functions.
METHODS: dict[str, Any] = {name: _method(name) for name in (
    "sum", "mean", "var", "std", "max", "min", "prod", "cumsum", "clip", "ravel", "swapaxes", "squeeze", "repeat",
    "take", "copy", "diagonal", "dot",
)}  # fmt: skip
METHODS |= {"reshape": _reshape, "transpose": _transpose, "astype": _astype, "T": property(_transpose)}
METHODS["flatten"] = lambda self, *order: np.ravel(self)


def _looked_at(name: str) -> Callable[..., Any]:
    """A look at the numbers themselves, which counts although nothing is recorded: loops end by such."""

    def look(self: Recorded, *args: Any) -> Any:
        self.graph.count()
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


def node_of(value: Any) -> Node | None:
    """The step that a value came from, where it was recorded."""
    return value.node if isinstance(value, Recorded) and value.graph.recording else None


def graph_of(*values: Any) -> Graph:
    """The graph that the first recorded value belongs to."""
    return next(value.graph for value in values if isinstance(value, Recorded) and value.graph is not None)


def step(graph: Graph, kind: Kind, name: str, value: Any, parents: list[Node], pulls: list, **more: Any) -> Recorded:
    """Record one step and return its value."""
    graph.count(np.size(value))
    place, code, line = _place()
    parts = (np.array(value, np.float64), tuple(parents), tuple(pulls))
    node = Node(kind, name, *parts, place=place, code=code, line=line, **more)
    node.turn = graph.visits.get((place, name), 0)
    graph.visits[place, name] = node.turn + 1
    graph.nodes.append(node)
    return remembering(graph, value, node)


def remembering(graph: Graph, value: Any, node: Node | None) -> Recorded:
    """A copy of a value as a recorded array."""
    array = array_of(graph, np.array(value))
    array.node = node
    return array


def array_of(graph: Graph, array: np.ndarray) -> Recorded:
    """The same memory as an array without a past, into which the forward may write."""
    recorded = array.view(Recorded)
    recorded.graph = graph
    return recorded


def _place() -> tuple[Place, CodeType | None, int]:
    """The calls from the trace down to this step, and the user's code and line."""
    calls, code, line, frame = [], None, 0, sys._getframe(2)
    while frame is not None and not frame.f_code.co_name.startswith("traced_call"):
        if code is None and not within(frame, *UNDERNEATH):
            code, line = frame.f_code, frame.f_lineno
        calls.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(reversed(calls)), code, line


def within(frame: FrameType, *packages: str) -> bool:
    """Whether a call is made by the code of one of these packages."""
    return f"{frame.f_globals.get('__name__', '')}.".startswith(tuple(f"{package}." for package in packages))


def user_line() -> tuple[CodeType | None, int]:
    """The code and line of the user's that a step is taken in."""
    return _place()[1:]


def _call(ufunc: Any, *inputs: Any, **how: Any) -> Any:
    inputs = tuple(map(number_at, inputs))
    if ufunc.__name__ == "add":
        inputs = tuple(item if node_of(item) else added_at(user_line(), bare(item)) for item in inputs)
    values = bare(inputs)
    if ufunc.__name__ == "matmul":
        return FUNCTIONS["matmul"](*inputs)
    value = ufunc(*values, **bare(how))
    rules = PARTIALS.get(ufunc.__name__)
    if rules is None or "where" in how or not any(map(node_of, inputs)):
        return value
    return pointwise(ufunc, ufunc.__name__, inputs, value, rules)


def pointwise(function: Callable[..., Any], name: str, inputs: tuple, value: Any, rules: tuple) -> Recorded:
    """The step of a function that takes its arguments entry by entry."""
    values = [np.asarray(v, np.float64) for v in bare(inputs)]
    recorded = [position for position, item in enumerate(inputs) if node_of(item)]
    with np.errstate(all="ignore"):
        partials = tuple(plain(rules[position](np.asarray(value, np.float64), *values)) for position in recorded)

    def again(*others: np.ndarray) -> np.ndarray:
        replaced = dict(zip(recorded, others, strict=True))
        return function(*(replaced.get(position, item) for position, item in enumerate(values)))

    parents = [node for item in inputs if (node := node_of(item))]
    pulls = [lambda ct, partial=partial: ct * partial for partial in partials]
    graph = graph_of(*inputs)
    more = {"partials": partials, "again": again, "positions": tuple(recorded)}
    return step(graph, "pointwise", name, value, parents, pulls, **more)


def _reduce(ufunc: Any, array: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False, **how: Any) -> Any:
    name = {"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"}.get(ufunc.__name__)
    if name is None or how:
        return ufunc.reduce(bare(array), axis=axis, keepdims=keepdims, **bare(how))
    return FUNCTIONS[name](array, axis=axis, keepdims=keepdims)


def _at(ufunc: Any, array: Any, key: Any, value: Any = None) -> None:
    """Into a recorded array: as a sum of the array and the scattered value."""
    key = bare(key)
    ufunc.at(plain(array), key, *(() if value is None else (bare(value),)))
    if not isinstance(array, Recorded) or ufunc.__name__ not in ("add", "subtract"):
        return
    factor = 1.0 if ufunc.__name__ == "add" else -1.0
    pairs = [(node_of(array), lambda ct: ct), (node_of(value), lambda ct: factor * ct[key])]
    parents, pulls = [n for n, _ in pairs if n], [pull for n, pull in pairs if n]
    if parents:
        array.node = step(array.graph, "moved", "scatter", plain(array), parents, pulls).node


def _outer(ufunc: Any, a: Any, b: Any, **how: Any) -> Any:
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **how)


def _unrecorded(ufunc: Any, *inputs: Any, **how: Any) -> Any:
    raise TooLong


UFUNCS: Mapping[str, Callable[..., Any]] = {"__call__": _call, "reduce": _reduce, "at": _at, "outer": _outer}
# NumPy's functions on recorded arrays, by name; filled in by the modules beside this one.
FUNCTIONS: dict[str, Callable[..., Any]] = {}
