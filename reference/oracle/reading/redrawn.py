"""Other values for inputs that somebody else chose: of the same shapes, dtypes and kinds."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from reference._checks import is_floating

Draw = Callable[[np.ndarray], Any]
ANEW = "values drawn anew, in the shapes of the file's EXAMPLES"
IN_RANGE = "values drawn anew, in the shapes and ranges of the file's EXAMPLES, as its forward takes no others"
SCALED = "the file's own EXAMPLES, each array times a number of ours, as its forward takes no other values"


def redrawn(examples: Any, seed: int, *, any_real: bool = False) -> Iterator[tuple[dict[str, Any], str]]:
    """The examples with other values, the freest first, and in words how much of them is still the file's.

    Shapes, dtypes, whole numbers and what the constructor takes besides arrays stay. So do kinds of arrays (zeros and
    ones, rows that sum to 1, values between 0 and 1), unless `any_real` says that every real number may stand there.
    """
    given = dict(examples) if isinstance(examples, Mapping) else {"inputs": examples}
    shapes = [np.shape(array) for array in _arrays(given.get("inputs")) if is_floating(array.dtype)]
    ways = ((ANEW, anywhere, shapes), (ANEW, anywhere, ()), (IN_RANGE, _within, ()), (SCALED, _scaled, ()))
    for words, floats, scores in ways:
        rng = np.random.default_rng([seed, 86028121])
        kinds: list[str] | None = None if any_real else []
        draw = partial(drawn, rng=rng, floats=floats, kinds=kinds, scores=scores)
        other = {part: _mapped(draw, given[part], part == "inputs") for part in ("inputs", "init") if part in given}
        yield {**given, **other}, words + (f" ({', '.join(dict.fromkeys(kinds))})" if kinds else "")


def _arrays(tree: Any) -> list[np.ndarray]:
    if isinstance(tree, Mapping | tuple | list):
        return [array for value in (tree.values() if isinstance(tree, Mapping) else tree) for array in _arrays(value)]
    return [np.asarray(tree)] if hasattr(tree, "__array__") else []


def _mapped(draw: Draw, tree: Any, numbers: bool) -> Any:
    """The same structure with every array drawn; a float too, where it is an input and no setting."""
    if isinstance(tree, Mapping):
        return {name: _mapped(draw, value, numbers) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_mapped(draw, value, numbers) for value in tree]
    if isinstance(tree, tuple):
        return tuple(_mapped(draw, value, numbers) for value in tree)
    is_drawn = isinstance(tree, np.ndarray) or (numbers and (isinstance(tree, float) or hasattr(tree, "__array__")))
    return draw(np.asarray(tree)) if is_drawn else tree


def drawn(
    array: np.ndarray, *, rng: np.random.Generator, floats: Any, kinds: list[str] | None = None, scores: Any = ()
) -> Any:
    """Other values of the same shape and dtype; what holds no numbers, or not only finite ones, stays."""
    if array.dtype.kind == "b":
        return rng.random(array.shape) < np.clip(array.mean() if array.size else 0.5, 0.3, 0.7)
    if array.dtype.kind in "iu" and array.size:
        return rng.integers(array.min(), _largest(array, scores), array.shape, endpoint=True).astype(array.dtype)
    if not is_floating(array.dtype) or not array.size or not np.isfinite(array).all():
        return array
    kind, other = (None, None) if kinds is None else _of_a_kind(array.astype(np.float64), rng)
    if kinds is not None and kind:
        kinds.append(kind)
    return np.asarray(other if kind else floats(array.astype(np.float64), rng)).astype(array.dtype)


def _largest(whole: np.ndarray, scores: Any) -> int:
    """The largest whole number to draw: the last class where one score for each stands beside, else the example's."""
    classes = [shape[-1] for shape in scores if shape[:-1] == whole.shape and shape and whole.min() >= 0]
    return max(int(whole.max()), max(classes, default=0) - 1)


def _of_a_kind(array: np.ndarray, rng: np.random.Generator) -> tuple[str, Any] | tuple[None, None]:
    """Another array of the same kind, where the values say that it is one."""
    rows = array.ndim > 0 and array.shape[-1] > 1 and np.allclose(array.sum(-1), 1, atol=1e-4) and array.min() >= 0
    binary = np.isin(array, (0, 1)).all()
    if rows and binary:
        return "rows of zeros with a one", np.eye(array.shape[-1])[rng.integers(array.shape[-1], size=array.shape[:-1])]
    if rows:
        return "rows that sum to 1", rng.dirichlet(np.full(array.shape[-1], 2.0), size=array.shape[:-1])
    if binary and array.size > 1 and array.any() and not array.all():
        return "zeros and ones", rng.random(array.shape) < np.clip(array.mean(), 0.3, 0.7)
    if array.min() >= 0 and array.max() <= 1 and not binary:
        return "values between 0 and 1", rng.uniform(0.05, 0.95, size=array.shape)
    return None, None


def anywhere(array: np.ndarray, rng: np.random.Generator) -> Any:
    """Both signs, as large as the example where that is neither tiny nor huge."""
    size = np.sqrt(np.mean(array**2)) or 1.0
    return rng.normal(size=array.shape) * np.clip(size, 0.01, 10)


def _within(array: np.ndarray, rng: np.random.Generator) -> Any:
    return rng.uniform(array.min(), array.max(), size=array.shape) if array.size > 1 else _scaled(array, rng)


def _scaled(array: np.ndarray, rng: np.random.Generator) -> Any:
    return array * rng.uniform(0.5, 1.5)
