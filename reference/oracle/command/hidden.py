"""Inputs for a grade that the file cannot know: its EXAMPLES say what arrays look like, their values are drawn anew."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.command.byhand import leanings
from reference.oracle.reading.discover import Found
from reference.oracle.reading.judge import CannotTell, NothingRan, judge
from reference.oracle.reading.names import OPS, recognized
from reference.oracle.reading.request import Request
from reference.oracle.reading.trial import Reading, runs
from reference.oracle.report import Report
from reference.oracle.subjects.subject import Subject

Draw = Callable[[np.ndarray], Any]
ANEW = "values drawn anew, in the shapes of the file's EXAMPLES"
IN_RANGE = "values drawn anew, in the shapes and ranges of the file's EXAMPLES, as its forward takes no others"
SCALED = "the file's own EXAMPLES, each array times a number of ours, as its forward takes no other values"


def judge_hidden(found: Found, request: Request) -> Report:
    """The report to grade: on values that the file cannot know, for its parameters too where that runs.

    Raises:
        CannotTell: the forward runs on the file's own values alone, or no reading is certain.
    """
    leaning: dict[str, None] = {}
    try:
        return _judged(found, replace(request, redrawn=partial(_to_grade, request.seed, leaning)))
    except CannotTell as unsure:
        raise CannotTell(" ".join((str(unsure), *leaning)), unsure.code) from unsure


def _judged(found: Found, request: Request) -> Report:
    if request.examples is None:
        return judge(found, request)
    any_real = bool({recognized(found.name)[0], request.op} & set(OPS))
    for redrawn, words in hidden(request.examples, request.seed, any_real=any_real):
        with contextlib.suppress(NothingRan):
            return replace(judge(found, replace(request, examples=redrawn)), inputs=words)
    judge(found, request)  # says so where nothing runs on the file's own values either
    raise CannotTell(f"the forward of {found.name} runs on the file's own EXAMPLES alone: there is nothing to grade")


def _to_grade(seed: int, leaning: dict[str, None], reading: Reading) -> Reading:
    """With parameters that the file cannot know, and with a note of each gradient that is not written by hand."""
    reading = _with_other_parameters(seed, reading)
    notes = leanings(reading.subject, reading.primals)
    leaning.update(dict.fromkeys(notes))
    return replace(reading, notes=(*reading.notes, *notes))


def _with_other_parameters(seed: int, reading: Reading) -> Reading:
    """The same with other values for the parameters that the constructor chose, where the forward takes them."""
    rng = np.random.default_rng([seed, 49979687])
    draw = partial(_drawn, rng=rng, floats=_anywhere)
    bind = reading.subject.bind
    if bind is None:
        held = (draw(np.asarray(value)) for value in reading.primals[reading.inputs :])
        others = replace(reading, primals=(*reading.primals[: reading.inputs], *held))
    else:

        def bind_others(*inputs: Any) -> tuple[Subject, dict[str, Any]]:
            bound, kept = bind(*inputs)
            return bound, {name: draw(np.asarray(value)) for name, value in kept.items()}

        others = replace(reading, subject=replace(reading.subject, bind=bind_others))
    return others if runs(others) else reading


def hidden(examples: Any, seed: int, *, any_real: bool = False) -> Iterator[tuple[dict[str, Any], str]]:
    """The examples with other values, the freest first, and in words how much of them is still the file's.

    Shapes, dtypes, whole numbers and what the constructor takes besides arrays stay. So do kinds of arrays (zeros and
    ones, rows that sum to 1, values between 0 and 1), unless `any_real` says that every real number may stand there.
    """
    given = dict(examples) if isinstance(examples, Mapping) else {"inputs": examples}
    shapes = [np.shape(array) for array in _arrays(given.get("inputs")) if is_floating(array.dtype)]
    ways = ((ANEW, _anywhere, shapes), (ANEW, _anywhere, ()), (IN_RANGE, _within, ()), (SCALED, _scaled, ()))
    for words, floats, scores in ways:
        rng = np.random.default_rng([seed, 86028121])
        kinds: list[str] | None = None if any_real else []
        draw = partial(_drawn, rng=rng, floats=floats, kinds=kinds, scores=scores)
        redrawn = {part: _mapped(draw, given[part], part == "inputs") for part in ("inputs", "init") if part in given}
        yield {**given, **redrawn}, words + (f" ({', '.join(dict.fromkeys(kinds))})" if kinds else "")


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
    drawn = isinstance(tree, np.ndarray) or (numbers and (isinstance(tree, float) or hasattr(tree, "__array__")))
    return draw(np.asarray(tree)) if drawn else tree


def _drawn(
    array: np.ndarray, *, rng: np.random.Generator, floats: Any, kinds: list[str] | None = None, scores: Any = ()
) -> Any:
    """Other values of the same shape and dtype; what holds no numbers, or not only finite ones, stays."""
    if array.dtype.kind == "b":
        return rng.random(array.shape) < np.clip(array.mean() if array.size else 0.5, 0.3, 0.7)
    if array.dtype.kind in "iu" and array.size:
        return rng.integers(array.min(), _largest(array, scores), array.shape, endpoint=True).astype(array.dtype)
    if not is_floating(array.dtype) or not array.size or not np.isfinite(array).all():
        return array
    kind, drawn = (None, None) if kinds is None else _of_a_kind(array.astype(np.float64), rng)
    if kinds is not None and kind:
        kinds.append(kind)
    return np.asarray(drawn if kind else floats(array.astype(np.float64), rng)).astype(array.dtype)


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


def _anywhere(array: np.ndarray, rng: np.random.Generator) -> Any:
    """Both signs, as large as the example where that is neither tiny nor huge."""
    size = np.sqrt(np.mean(array**2)) or 1.0
    return rng.normal(size=array.shape) * np.clip(size, 0.01, 10)


def _within(array: np.ndarray, rng: np.random.Generator) -> Any:
    return rng.uniform(array.min(), array.max(), size=array.shape) if array.size > 1 else _scaled(array, rng)


def _scaled(array: np.ndarray, rng: np.random.Generator) -> Any:
    return array * rng.uniform(0.5, 1.5)
