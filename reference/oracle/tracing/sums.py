"""Sums, products and what is made of them, on recorded arrays."""

from typing import Any

import numpy as np

from reference.oracle.tracing.recorded import FUNCTIONS, bare, graph_of, node_of, step

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def total(array: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **how: Any) -> Any:
    """np.sum."""
    value = np.sum(bare(array), axis=axis, keepdims=keepdims)
    if (node := node_of(array)) is None:
        return value
    shape = node.value.shape
    kept = np.sum(node.value, axis=axis, keepdims=True).shape
    pull = lambda ct: np.broadcast_to(ct.reshape(kept), shape)  # noqa: E731 - as short as what it stands beside
    return step(array.graph, "summed", "sum", value, [node], [pull])


def count(array: Any, axis: Any) -> int:
    """How many entries a sum over these axes adds."""
    axes = range(np.ndim(array)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([np.shape(array)[a] for a in axes], dtype=int))


def mean(array: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **how: Any) -> Any:
    """np.mean."""
    return total(array, axis, keepdims=keepdims) / count(array, axis)


def variance(
    array: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False, **how: Any
) -> Any:
    """np.var."""
    centered = array - mean(array, axis, keepdims=True)
    return total(centered * centered, axis, keepdims=keepdims) / (count(array, axis) - ddof)


def deviation(*args: Any, **how: Any) -> Any:
    """np.std."""
    return np.sqrt(variance(*args, **how))


def norm(array: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The Euclidean norm; any other is not recorded."""
    if ord not in (None, 2, "fro"):
        return np.linalg.norm(bare(array), ord, axis, keepdims)
    return np.sqrt(total(array * array, axis, keepdims=keepdims))


def running(array: Any, axis: Any = None, **how: Any) -> Any:
    """np.cumsum."""
    value = np.cumsum(bare(array), axis=axis)
    if (node := node_of(array)) is None:
        return value
    shape, along = node.value.shape, 0 if axis is None else axis

    def pull(ct: np.ndarray) -> np.ndarray:
        return np.flip(np.cumsum(np.flip(ct, along), along), along).reshape(shape)

    return step(array.graph, "summed", "cumsum", value, [node], [pull])


def product_of(array: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """np.prod of entries that are not zero."""
    value = np.prod(bare(array), axis=axis, keepdims=keepdims)
    if (node := node_of(array)) is None:
        return value
    whole = np.prod(node.value, axis=axis, keepdims=True)
    pull = lambda ct: ct.reshape(whole.shape) * whole / node.value  # noqa: E731
    return step(array.graph, "summed", "prod", value, [node], [pull])


def einsum(subscripts: str, *operands: Any, **how: Any) -> Any:
    """np.einsum in letters."""
    value = np.einsum(subscripts, *bare(operands))
    inputs, output = spelled(subscripts, operands)
    if any(len(set(letters)) < len(letters) for letters in inputs):
        return value
    return contracted(inputs, output, operands, value)


def contracted(inputs: list[str], output: str, operands: tuple, value: Any, name: str = "einsum") -> Any:
    """A sum of products over named axes."""
    recorded = [position for position, operand in enumerate(operands) if node_of(operand)]
    if not recorded:
        return value
    values = [np.asarray(item, np.float64) for item in bare(operands)]
    sizes = {
        axis: n for letters, v in zip(inputs, values, strict=True) for axis, n in zip(letters, v.shape, strict=True)
    }
    parents = [operands[position].node for position in recorded]

    def contract(position: int, ct: np.ndarray, operands: tuple[np.ndarray, ...]) -> np.ndarray:
        return _pull(inputs, output, operands, sizes, position, ct)

    pulls = [lambda ct, position=position: contract(position, ct, tuple(values)) for position in recorded]
    more = {"operands": tuple(values), "contract": contract, "positions": tuple(recorded)}
    more["letters"] = (*inputs, output)
    return step(graph_of(*operands), "product", name, value, parents, pulls, **more)


def _pull(
    inputs: list[str], output: str, values: tuple[np.ndarray, ...], sizes: dict[str, int], position: int, ct: np.ndarray
) -> np.ndarray:
    rest = [i for i in range(len(values)) if i != position]
    missing = "".join(sorted(set(inputs[position]) - set(output).union(*(inputs[i] for i in rest))))
    letters = ",".join([output, *(inputs[i] for i in rest), missing]) + "->" + inputs[position]
    return np.einsum(letters, ct, *(values[i] for i in rest), np.ones([sizes[axis] for axis in missing]))


def spelled(subscripts: str, operands: tuple) -> tuple[list[str], str]:
    """Subscripts in full: with an output, and letters for dots."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    hidden = [
        np.ndim(o) - len(s.replace("...", "")) if "..." in s else 0 for s, o in zip(inputs, operands, strict=True)
    ]
    dots = LETTERS[: max(hidden)]
    inputs = [s.replace("...", dots[len(dots) - n :]) for s, n in zip(inputs, hidden, strict=True)]
    once = "".join(sorted(c for c in set("".join(inputs)) if "".join(inputs).count(c) == 1 and c not in dots))
    return inputs, right.replace("...", dots) if arrow else dots + once


def matmul(a: Any, b: Any, **how: Any) -> Any:
    """a @ b of any number of axes."""
    batch = max(np.ndim(a), np.ndim(b), 2) - 2
    letters = LETTERS[:batch]
    first = letters[batch - (np.ndim(a) - 2) :] + "ij" if np.ndim(a) > 1 else "j"
    second = letters[batch - (np.ndim(b) - 2) :] + "jk" if np.ndim(b) > 1 else "j"
    output = letters + first[-2:-1] * (np.ndim(a) > 1) + second[-1:] * (np.ndim(b) > 1)
    stretched = [_stretched(s, o, letters, (first, a), (second, b)) for s, o in ((first, a), (second, b))]
    return contracted([first, second], output, tuple(stretched), np.matmul(*bare((a, b))), "matmul")


def _stretched(letters: str, operand: Any, batch: str, *both: tuple[str, Any]) -> Any:
    """A batch axis of size one as long as the other operand's."""
    sizes: dict[str, int] = {}
    for names, array in both:
        for axis, size in zip(names, np.shape(array), strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))
    shape = tuple(sizes[axis] for axis in letters)
    return operand if np.shape(operand) == shape else np.broadcast_to(operand, shape)


def dot(a: Any, b: Any, **how: Any) -> Any:
    """np.dot."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return matmul(a, b) if np.ndim(b) <= 2 else tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 2,)))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """np.tensordot."""
    if isinstance(axes, int):
        axes = (tuple(range(np.ndim(a) - axes, np.ndim(a))), tuple(range(axes)))
    mine, others = ((x,) if isinstance(x, int) else tuple(x) for x in axes)
    first, second = LETTERS[: np.ndim(a)], list("abcdefghijklmnop"[: np.ndim(b)])
    mine, others = tuple(x % np.ndim(a) for x in mine), tuple(x % np.ndim(b) for x in others)
    for x, y in zip(mine, others, strict=True):
        second[y] = first[x]
    output = [c for i, c in enumerate(first) if i not in mine] + [c for i, c in enumerate(second) if i not in others]
    value = np.tensordot(bare(a), bare(b), (mine, others))
    return contracted([first, "".join(second)], "".join(output), (a, b), value, "matmul")


def outer(a: Any, b: Any, **how: Any) -> Any:
    """np.outer."""
    return contracted(["i", "j"], "ij", (np.ravel(a), np.ravel(b)), np.outer(*bare((a, b))), "matmul")


def inner(a: Any, b: Any) -> Any:
    """np.inner."""
    return a * b if not np.ndim(a) or not np.ndim(b) else tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 1,)))


def clip(array: Any, low: Any = None, high: Any = None, **how: Any) -> Any:
    """np.clip, as a maximum and a minimum."""
    low, high = low if low is not None else how.get("a_min"), high if high is not None else how.get("a_max")
    array = array if low is None else np.maximum(array, low)
    return array if high is None else np.minimum(array, high)


FUNCTIONS.update(
    sum=total, mean=mean, average=mean, var=variance, std=deviation, norm=norm, cumsum=running, prod=product_of,
    einsum=einsum, matmul=matmul, dot=dot, tensordot=tensordot, outer=outer, inner=inner, vdot=inner, clip=clip,
)  # fmt: skip
