"""`oracle.record`: a module, a Function or a JAX function, whose calls are kept in a folder while it trains."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from reference.oracle.recorder.in_jax import recording
from reference.oracle.recorder.in_numpy import is_layer, record_layer
from reference.oracle.recorder.in_torch import record_torch
from reference.oracle.recorder.keeper import Keeper, keeper_of


def record(
    target: Any, folder: str | os.PathLike[str], *, every: int = 1, limit: int = 64, bytes: int = 2**30
) -> "Recorded":
    """Keep calls of a target in files while it trains: its arguments, and the cotangents that came back to it.

    What is kept is spread evenly over the whole training: where a further file would be one too many, every second
    one is removed and `every` doubles. Nothing that goes wrong in this ends the training: recording stops with one
    RuntimeWarning. Results are the same as without, and the target is left as it was at the end.

    Args:
        target: a torch.nn.Module, a torch.autograd.Function (all its calls count, however they reach it), an object
            with forward and backward, or a function of JAX arrays. All but the last are used on as they are; of a JAX
            function what is returned is called in its place, under jit, grad, vmap and scan too.
        folder: where the files go, one safetensors file a call; it is made where it is missing.
        every: every so many calls one is kept, from the first on; only calls that are differentiated count.
        limit: the most files.
        bytes: the most bytes of all files together.

    Returns:
        A Recorded: called as the target is, closed by close() or by the end of a `with`. Its `step`, where it is
        set, is written into the files.

    Raises:
        TypeError, ValueError: the target is none of these, a number is below 1, the folder holds recordings.
        OSError: the folder cannot be made.
    """
    way = _way(target)
    if way is None:
        kinds = "a torch.nn.Module, a torch.autograd.Function, a function of JAX arrays or a layer object"
        raise TypeError(f"oracle.record: target must be {kinds}; got a {type(target).__name__}")
    return way(owner_of(target), keeper_of(folder, every, limit, bytes))


def owner_of(target: Any) -> Any:
    """The Function whose `apply` was given; else what was given."""
    torch, owner = sys.modules.get("torch"), getattr(target, "__self__", None)
    return owner if torch and _is_function(torch, owner) else target


class Recorded:
    """A target whose calls are recorded, until it is closed. Everything else it has is the target's."""

    def __init__(self, target: Any, keeper: Keeper, call: Callable[..., Any], close: Callable[[], Any]):
        self._target, self._keeper, self._call, self._close = target, keeper, call, close
        self.__name__ = getattr(target, "__name__", type(target).__name__)

    def __call__(self, *arguments: Any, **by_name: Any) -> Any:
        """What the target gives."""
        return self._call(*arguments, **by_name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def step(self) -> int | None:
        """The step of the training, where somebody has said it."""
        return self._keeper.step

    @step.setter
    def step(self, value: int) -> None:
        self._keeper.step = value

    def close(self) -> None:
        """End the recording, after what is under way; the target is left as it was."""
        close, self._close = self._close, lambda: None
        close()
        self._keeper.end(self.__name__)


def _way(target: Any) -> Callable[[Any, Keeper], Recorded] | None:
    torch = sys.modules.get("torch")  # whoever has such a target has imported it
    owner = owner_of(target)
    if torch and (isinstance(target, torch.nn.Module) or _is_function(torch, owner)):
        return lambda target, keeper: Recorded(target, keeper, _called(target), record_torch(target, keeper))
    if is_layer(target):
        return lambda target, keeper: Recorded(target, keeper, _called(target), record_layer(target, keeper))
    if "jax" in sys.modules and callable(target) and not isinstance(target, type):
        return lambda target, keeper: Recorded(target, keeper, recording(target, keeper), _barrier)
    return None


def _is_function(torch: Any, owner: Any) -> bool:
    return isinstance(owner, type) and issubclass(owner, torch.autograd.Function)


def _called(target: Any) -> Callable[..., Any]:
    if isinstance(target, type):
        return target.apply
    return target if callable(target) else lambda *inputs, **by_name: target.forward(*inputs, **by_name)


def _barrier() -> None:
    importlib.import_module("jax").effects_barrier()
