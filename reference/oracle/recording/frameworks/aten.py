"""A PyTorch forward by the operations that it runs: noted while they run, and run again as NumPy calls."""

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.operations import OPERATIONS
from reference.oracle.recording.frameworks.parts import Unknown, assigned, run_at
from reference.oracle.recording.recorded import began
from reference.oracle.recording.tape import At
from reference.oracle.subjects import trees

# A tensor by its memory: where it begins, its shape, and its strides along axes that are longer than one.
Memory = tuple[int, tuple[int, ...], tuple[int, ...]]
MOST = 4000
# Arguments that say how tensors are kept, not what is in them.
KEEPING = ("layout", "device", "pin_memory", "memory_format", "non_blocking", "generator")


@dataclass(frozen=True)
class Ref:
    """The value of this number."""

    number: int


@dataclass(frozen=True)
class Operation:
    """One operation: its arguments, and the numbers of the values that it gives."""

    function: Callable[..., Any]
    args: tuple
    how: dict[str, Any]
    outs: tuple[int, ...]
    at: At
    several: bool = False


@dataclass
class Notes:
    """All operations, and which value every tensor's memory holds."""

    torch: Any
    # The inputs, no two of them alike: the forward may be handed copies.
    inputs: dict[int, np.ndarray]
    operations: list[Operation] = field(default_factory=list)
    constants: dict[int, np.ndarray] = field(default_factory=dict)
    held: dict[Memory, int] = field(default_factory=dict)
    # Tensors by their storage; kept, so that no memory is used twice.
    tensors: dict[int, list[Any]] = field(default_factory=dict)
    count: int = 0

    def new(self) -> int:
        """One more number."""
        self.count += 1
        return self.count - 1

    def keep(self, tensor: Any, number: int) -> None:
        """A tensor holds this value."""
        memory = memory_of(tensor)
        if memory not in self.held:
            self.tensors.setdefault(tensor.untyped_storage().data_ptr(), []).append(tensor)
        self.held[memory] = number

    def noted(self, tree: Any) -> Any:
        """Arguments with numbers in the place of tensors, and NumPy's types in the place of the framework's."""
        if isinstance(tree, self.torch.Tensor):
            if memory_of(tree) not in self.held:
                self.keep(tree, self.handed(tree.detach().cpu().numpy()))
            return Ref(self.held[memory_of(tree)])
        if isinstance(tree, tuple | list):
            return type(tree)(self.noted(item) for item in tree)
        return as_numpy_type(tree) if isinstance(tree, self.torch.dtype) else tree

    def handed(self, array: np.ndarray) -> int:
        """The number of the input that an array is a copy of, or of a constant."""
        for number, primal in self.inputs.items():
            if primal.dtype == array.dtype and np.array_equal(primal, array):
                return number
        return self.constant(array)

    def constant(self, array: np.ndarray) -> int:
        """The number of a value that stays what it is."""
        number = self.new()
        self.constants[number] = array.copy()
        return number

    def returned(self, array: Any) -> Ref:
        """The value that an output is, or is a copy of: of several alike the last."""
        array = np.asarray(array)
        if (memory := memory_of(array)) in self.held:
            return Ref(self.held[memory])
        tensors = [one for group in self.tensors.values() for one in group if tuple(one.shape) == array.shape]
        alike = [self.held[memory_of(one)] for one in tensors if np.array_equal(one.detach().numpy(), array)]
        return Ref(max(alike))

    def run(self, func: Any, args: tuple, how: dict[str, Any]) -> Any:
        """Run an operation, and note it."""
        name, overload = func._schema.name.removeprefix("aten::"), func._overloadname
        if len(self.operations) > MOST:
            raise Unknown("too many operations")
        writes = name.endswith("_") or overload == "out"
        plain = name.removesuffix("_")
        function = OPERATIONS.get(f"{plain}.{overload}") or OPERATIONS.get(plain)
        kept = {key: value for key, value in how.items() if key not in KEEPING and key != "out"}
        noted, named = self.noted(args), {key: self.noted(value) for key, value in kept.items()}
        result = func(*args, **how)
        if function is None and writes:
            raise Unknown(name)
        if function is None:
            self.unknown(name, (noted, named), result)
        elif writes:
            self.write(how.get("out", args[0]), function, noted, named, calls())
        else:
            self.note(function, noted, named, result, calls())
        return result

    def unknown(self, name: str, arguments: Any, result: Any) -> None:
        """An operation without a translation, which is one of constants; or what it gives is a number, no tensor.

        Whether such a number matters, the comparison at other inputs shows.
        """
        made = [one for one in trees.leaves(result) if isinstance(one, self.torch.Tensor)]
        refs = [one for one in trees.leaves(arguments) if isinstance(one, Ref)]
        if made and any(ref.number not in self.constants for ref in refs):
            raise Unknown(name)
        for tensor in made:
            self.keep(tensor, self.constant(tensor.detach().cpu().numpy()))

    def note(self, function: Any, args: Any, how: dict[str, Any], result: Any, at: At) -> None:
        """An operation that makes new tensors, or other views."""
        several = isinstance(result, tuple | list)
        made = list(result) if several else [result]
        if not all(isinstance(one, self.torch.Tensor) for one in made):
            return
        outs = tuple(self.new() for _ in made)
        self.operations.append(Operation(function, args, how, outs, at, several))
        for tensor, number in zip(made, outs, strict=True):
            self.keep(tensor, number)

    def write(self, target: Any, function: Any, args: Any, how: dict[str, Any], at: At) -> None:
        """An operation that changes a tensor: all that share the memory hold other values from now on."""
        number, shape, dtype = self.new(), tuple(target.shape), as_numpy_type(target.dtype)

        def changed(*args: Any, **how: Any) -> Any:
            made = function(*args, **how)
            made = np.broadcast_to(made, shape) if np.shape(made) != shape else made
            return made if not isinstance(made, np.ndarray) or made.dtype.kind == dtype.kind else made.astype(dtype)

        self.operations.append(Operation(changed, args, how, (number,), at))
        mine = places_of(target)
        for other in list(self.tensors.get(target.untyped_storage().data_ptr(), ())):
            if memory_of(other) != memory_of(target):
                common, there, here = np.intersect1d(places_of(other), mine, return_indices=True)
                if common.size:
                    args = (Ref(self.held[memory_of(other)]), there, Ref(number), here)
                    self.keep(other, self.new())
                    self.operations.append(Operation(partly, args, {}, (self.held[memory_of(other)],), at))
        self.keep(target, number)


def partly(array: Any, there: np.ndarray, value: Any, here: np.ndarray) -> Any:
    """A copy of an array in which some entries are those of another."""
    whole = here.size == np.size(value) and np.array_equal(here, np.arange(here.size))
    if whole and there.size < np.size(array) and (key := block(there, np.shape(array), np.ndim(value))):
        return assigned(array, key, value)
    flat = np.ravel(value)
    flat = flat if whole else flat[here]
    if there.size == np.size(array):
        order = np.argsort(there)
        return np.reshape(flat if np.array_equal(order, np.arange(order.size)) else flat[order], np.shape(array))
    return assigned(array, np.unravel_index(there, np.shape(array)), flat)


def block(there: np.ndarray, shape: tuple[int, ...], rank: int) -> tuple[Any, ...] | None:
    """Places of an array as slices, and numbers for the axes that a part of this rank lacks; None for no block."""
    places = np.unravel_index(there, shape)
    along = [np.unique(one) for one in places]
    grid = np.meshgrid(*along, indexing="ij")
    if any(
        one.size != there.size or not np.array_equal(one.ravel(), own) for one, own in zip(grid, places, strict=True)
    ):
        return None
    key: list[Any] = []
    numbers = len(shape) - rank
    for size, own in zip(shape, along, strict=True):
        steps = set(np.diff(own))
        if len(steps) > 1:
            return None
        first, step = int(own[0]), int(steps.pop()) if steps else 1
        number = own.size == 1 < size and sum(isinstance(one, int) for one in key) < numbers
        key.append(first if number else slice(None) if own.size == size else slice(first, int(own[-1]) + 1, step))
    while key and key[-1] == slice(None):
        key.pop()
    return tuple(key) if sum(isinstance(one, int) for one in key) == numbers else None


def memory_of(tensor: Any) -> Memory:
    """A tensor, or an array, by its memory."""
    if isinstance(tensor, np.ndarray):
        where, strides = tensor.ctypes.data, [step // tensor.itemsize for step in tensor.strides]
    else:
        where, strides = tensor.data_ptr(), tensor.stride()
    shape = tuple(tensor.shape)
    return where, shape, tuple(step for step, size in zip(strides, shape, strict=True) if size > 1)


def places_of(tensor: Any) -> np.ndarray:
    """The places of a tensor's entries in its storage."""
    found = np.full(tuple(tensor.shape), tensor.storage_offset())
    for axis, (size, step) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        found = found + (np.arange(size) * step).reshape([-1 if i == axis else 1 for i in range(found.ndim)])
    return found.ravel()


def as_numpy_type(dtype: Any) -> np.dtype:
    """NumPy's type of the same name."""
    return np.dtype(str(dtype).removeprefix("torch."))


def calls() -> At:
    """The calls of the user's program down to the operation that runs, and its code and line."""
    frame, found, shown = sys._getframe(1), [], None
    foreign = (str(Path(__file__).parents[2]), str(Path(str(importlib.import_module("torch").__file__)).parent))
    while frame is not None and frame.f_code is not of_torch.__code__:
        if not frame.f_code.co_filename.startswith(foreign):
            shown = shown or (frame.f_code, frame.f_lineno)
            found.append((frame.f_code, began(frame.f_code, frame.f_lasti)))
        frame = frame.f_back
    code, line = shown or (None, 0)
    return At(tuple(reversed(found)), code, line)


def of_torch(vjp: Callable[..., Any], primals: Sequence[np.ndarray], upstream: Sequence[np.ndarray]) -> "Replay":
    """An output and its pullback as NumPy calls, noted at inputs that are all different.

    It raises where an operation is unknown.
    """
    inputs = dict(enumerate(map(np.array, (*primals, *upstream))))
    notes = Notes(importlib.import_module("torch"), inputs, count=len(inputs))
    with _noting(notes):
        out, pullback = vjp(*map(np.array, primals))
        turn, out = len(notes.operations), trees.mapped(notes.returned, out)
        found = trees.mapped(notes.returned, pullback(*map(np.array, upstream)))
    return Replay(notes.operations, turn, notes.constants, out, found)


def _noting(notes: Notes) -> Any:
    mode = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode

    class Noting(mode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return notes.run(func, args, kwargs or {})

    return Noting()


@dataclass(frozen=True)
class Replay:
    """Operations that are run again on other inputs: those of the forward, and from a turn on those of the backward."""

    operations: list[Operation]
    turn: int
    constants: dict[int, np.ndarray]
    out: Any
    found: Any

    def __call__(self, *primals: Any) -> Any:
        """The output for these inputs, and a pullback."""
        values: dict[int, Any] = {number: one[()] for number, one in self.constants.items()}
        values.update(enumerate(primals))
        self.run(self.operations[: self.turn], values)

        def pullback(*upstream: Any) -> Any:
            values.update(enumerate(upstream, len(primals)))
            self.run(self.operations[self.turn :], values)
            return referred(self.found, values)

        return referred(self.out, values), pullback

    def run(self, operations: list[Operation], values: dict[int, Any]) -> None:
        """One operation after the other."""
        for operation in operations:
            args, how = referred(operation.args, values), referred(operation.how, values)
            made = run_at(operation.at, operation.function, args, how)
            values.update(zip(operation.outs, made if operation.several else [made], strict=True))


def referred(tree: Any, values: dict[int, Any]) -> Any:
    """Arguments with values where numbers of them stand."""
    if isinstance(tree, Ref):
        return values[tree.number]
    if isinstance(tree, tuple | list):
        return type(tree)(referred(item, values) for item in tree)
    return {key: referred(item, values) for key, item in tree.items()} if isinstance(tree, dict) else tree
