"""What came back from a backward, by argument: tuples in any order and nesting, dicts, pairs with the parameter."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.reading.vocabulary import DATA, part_of, plain
from reference.oracle.subjects import trees
from reference.oracle.subjects.returned import as_gradient

# More entries than this are not tried in every order.
ORDERS = 6


def arranged(
    returned: Any, names: Sequence[str], primals: Sequence[Any], hints: Sequence[str] = ()
) -> dict[str, Any] | None:
    """The gradients by argument; None where what came back cannot be brought into any order.

    Args:
        returned: an array, tuples and lists of them, dicts, pairs of a parameter and its gradient.
        names: of the arguments.
        primals: their values.
        hints: the names in the return statement, where they are known.
    """
    found = _arranged(returned, names, primals, hints)
    values = dict(zip(names, primals, strict=True))
    return {name: like(values[name], leaf) for name, leaf in found.items()} if found else found


def like(primal: Any, gradient: Any) -> Any:
    """The gradient in its argument's shape where the two differ by axes of length 1 alone, as an update broadcasts."""
    shape, own = np.shape(primal), np.shape(gradient)
    apart = isinstance(gradient, np.ndarray) and shape != own
    return gradient.reshape(shape) if apart and _without_ones(shape) == _without_ones(own) else gradient


def _as_one(rows: list[Any], primal: Any) -> np.ndarray | None:
    """A list of rows as the array that it stands for, where that has the shape of the argument."""
    try:
        array = np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.shape == np.shape(primal) else None


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [length for length in shape if length != 1]


def _arranged(
    returned: Any, names: Sequence[str], primals: Sequence[Any], hints: Sequence[str]
) -> dict[str, Any] | None:
    if len(names) == 1 and isinstance(returned, list) and _as_one(returned, primals[0]) is not None:
        return {names[0]: _as_one(returned, primals[0])}
    entries = [(key, as_gradient(leaf)) for key, leaf in _entries(returned, names, primals)]
    leaves = [leaf for key, leaf in entries if key is None]
    if len(leaves) < len(entries):
        named = _by_name([(key, leaf) for key, leaf in entries if key is not None], names)
        others = {name: primal for name, primal in zip(names, primals, strict=True) if name not in named}
        rest = _by_shape(leaves, tuple(others), tuple(others.values())) if leaves else {}
        return {**(rest or {}), **named} or None
    if len(hints) == len(leaves):
        named = _by_name(list(zip(hints, leaves, strict=True)), names)
        if len(named) == len(leaves) and _fits(named, names, primals):
            return named
    return _by_shape(leaves, names, primals)


def argument_of(key: str, names: Sequence[str]) -> str | None:
    """The argument whose gradient a name stands for: W, dW, grad_W, W_grad, dLdW."""
    word, known = plain(key), {plain(name): name for name in names}
    if key in names:
        return key
    bare = re.sub(r"^(d(e|j|l|loss|cost)?_?d|dl|d|grad|gradient|g|delta|nabla|del)_?", "", key, flags=re.IGNORECASE)
    bare = re.sub(r"_?(grads?|gradients?|prime|ct)$", "", bare, flags=re.IGNORECASE)
    exact = next((name for name in names if bare.lower() == name.lower()), None)
    return exact or known.get(plain(bare)) or known.get(word)


def _entries(returned: Any, names: Sequence[str], primals: Sequence[Any]) -> Iterator[tuple[str | None, Any]]:
    if isinstance(returned, Mapping):
        for key, value in returned.items():
            yield from ((str(key), leaf) for _, leaf in _entries(value, names, primals))
    elif isinstance(returned, tuple | list):
        if (whose := _pair_of(returned, names, primals)) is not None:
            yield whose, returned[1]
        elif returned and all(isinstance(item, int | float) for item in returned) and isinstance(returned, list):
            yield None, returned
        else:
            for item in returned:
                yield from _entries(item, names, primals)
    else:
        yield None, returned


def _pair_of(returned: Sequence[Any], names: Sequence[str], primals: Sequence[Any]) -> str | None:
    """The argument that comes first in a pair (parameter, gradient)."""
    if len(returned) != 2 or not all(isinstance(item, np.ndarray) for item in returned):
        return None
    equal = (n for n, p in zip(names, primals, strict=True) if returned[0] is p or _same(returned[0], p))
    return next(equal, None)


def _same(left: np.ndarray, right: Any) -> bool:
    return isinstance(right, np.ndarray) and left.size > 1 and trees.same(left, right)


def _by_name(entries: Sequence[tuple[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, leaf in entries:
        name = argument_of(key, names)
        if name is not None and name not in found:
            found[name] = leaf
    return found


def _fits(gradients: Mapping[str, Any], names: Sequence[str], primals: Sequence[Any]) -> bool:
    pairs = (
        (np.shape(leaf), np.shape(primals[names.index(name)])) for name, leaf in gradients.items() if leaf is not None
    )
    return all(own == shape or _without_ones(own) == _without_ones(shape) for own, shape in pairs)


def _by_shape(leaves: Sequence[Any], names: Sequence[str], primals: Sequence[Any]) -> dict[str, Any] | None:
    """In the order of the arguments where the shapes allow it, else in the one order that they allow."""
    while len(leaves) > len(names) and leaves[-1] is None:
        leaves = leaves[:-1]
    places = range(len(names))
    if len(leaves) > len(names):
        arrays = [leaf for leaf in leaves if leaf is not None]
        return _by_shape(arrays, names, primals) if len(arrays) < len(leaves) else None
    if len(leaves) < len(names):  # what is data gets nothing before everything else has got its gradient
        places = sorted(places, key=lambda place: (part_of(names[place]) in DATA, place))
    plainly = {names[place]: leaf for place, leaf in zip(places, leaves, strict=False)}
    if _fits(plainly, names, primals) or len(names) > ORDERS:
        return plainly
    for order in [*itertools.combinations(places, len(leaves)), *itertools.permutations(places, len(leaves))]:
        gradients = {names[place]: leaf for place, leaf in zip(order, leaves, strict=True)}
        if _fits(gradients, names, primals):
            return gradients
    arrays = [leaf for leaf in leaves if np.ndim(leaf)]  # the loss may stand beside its gradients
    return _by_shape(arrays, names, primals) if 0 < len(arrays) < len(leaves) else plainly
