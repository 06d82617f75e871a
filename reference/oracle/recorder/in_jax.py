"""Recording in JAX: the function behind a custom rule, whose backward calls back to this process."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.recorder.call import Call, described
from reference.oracle.recorder.held import Held, held
from reference.oracle.recorder.keeper import Keeper
from reference.oracle.recorder.names import named
from reference.oracle.subjects.subject import name_of, parameter_names

JAX = "jax"


def recording(function: Callable[..., Any], keeper: Keeper) -> Callable[..., Any]:
    """The same function, whose calls are recorded wherever they are differentiated in reverse."""
    jax = importlib.import_module("jax")
    names = parameter_names(function) or ()

    def call(*inputs: Any, **by_name: Any) -> Any:
        arguments = dict(zip(named(names, len(inputs)), inputs, strict=True)) | by_name
        leaves, tree = jax.tree_util.tree_flatten(list(arguments.values()))
        arrays = [leaf for leaf in leaves if is_array(leaf)]

        def filled(given: Sequence[Any]) -> list[Any]:
            left = iter(given)
            return jax.tree_util.tree_unflatten(tree, [next(left) if is_array(leaf) else leaf for leaf in leaves])

        def of_arrays(*given: Any) -> Any:
            parts = filled(given)
            return function(*parts[: len(inputs)], **dict(zip(by_name, parts[len(inputs) :], strict=True)))

        def write(number: Any, given: Sequence[Any], cotangents: Sequence[Any]) -> None:
            values = dict(zip(arguments, filled([np.asarray(one) for one in given]), strict=True))
            about = {"framework": f"jax {jax.__version__}", "device": jax.default_backend(), "positional": len(inputs)}
            _keep(keeper, Call(name_of(function), JAX, int(number), values, {}, (), about), cotangents)

        return _ruled(jax, of_arrays, keeper, write)(*arrays)

    return call


def _ruled(jax: Any, function: Callable[..., Any], keeper: Keeper, write: Callable[..., None]) -> Callable[..., Any]:
    """A function of arrays with a rule of its own: its own pullback, beside which the call is written."""
    ruled = jax.custom_vjp(function)

    def forward(*arrays: Any) -> Any:
        out, pullback = jax.vjp(function, *arrays)
        return out, (pullback, arrays)

    def backward(kept: Any, cotangent: Any) -> Any:
        pullback, arrays = kept
        seen = jax.lax.stop_gradient((arrays, jax.tree_util.tree_leaves(cotangent)))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves(seen)):
            _called_back(jax, keeper, write, seen)
        elif (number := _numbered(keeper)) >= 0:
            write(number, *seen)
        return pullback(cotangent)

    ruled.defvjp(forward, backward)
    return ruled


def _called_back(jax: Any, keeper: Keeper, write: Callable[..., None], seen: Any) -> None:
    """Write from within compiled code. One number says whether the call is kept: the arrays of others stay there."""
    one = jax.ShapeDtypeStruct((), np.int32)
    # With an entry of each array: under vmap, every example then is a call of its own.
    of_each = [leaf.ravel()[0] for leaf in jax.tree_util.tree_leaves(seen) if leaf.size]
    number = jax.experimental.io_callback(lambda *_: np.int32(_numbered(keeper)), one, *of_each)
    jax.lax.cond(number >= 0, lambda: jax.debug.callback(write, number, *seen), lambda: None)


def _numbered(keeper: Keeper) -> int:
    number = keeper.wanted()
    return -1 if number is None else number


def _keep(keeper: Keeper, call: Call, cotangents: Sequence[Any]) -> None:
    """Keep a call whose arguments are not held yet."""
    if call.number < 0:
        return
    try:
        tree, arrays = described(call.arguments, is_array, _held)
        back = tuple(_held(one) for one in cotangents if is_floating(np.dtype(one.dtype)))
        about = {"training step": keeper.step, **call.about}
        keeper.keep(replace(call, arguments=tree, arrays=arrays, cotangents=back, about=about))
    except Exception as error:
        keeper.stop(error)


def _held(array: Any) -> Held:
    """An array in the dtype that JAX computes in; in what order it keeps its entries is its own affair."""
    dtype = importlib.import_module("jax").dtypes.canonicalize_dtype(array.dtype)
    return replace(held(np.asarray(array).astype(dtype, copy=False)), strides=None)


def is_array(value: Any) -> bool:
    """Whether a value is an array of JAX or NumPy, or stands for one while JAX traces."""
    return isinstance(value, np.ndarray | np.generic | importlib.import_module("jax").Array)
