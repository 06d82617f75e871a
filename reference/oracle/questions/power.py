"""What a check could not have noticed on its input: one sentence for each blind spot.

A check passes for two reasons: the code is right, or the input could not have shown the mistake. These sentences
tell the second apart. They are warnings; where an argument's gradient was zero all over, the engine withholds the
"pass" altogether.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.opspec import Regime
from reference.oracle.specs import SPECS
from reference.oracle.subjects.subject import Subject

Named = Mapping[str, np.ndarray]


def power(
    subject: Subject,
    names: Sequence[str],
    primals: Sequence[Any],
    cotangent: Any,
    op: str | None = None,
    statics: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """The blind spots of checking `subject` on these primals with this cotangent (None: not known)."""
    every = dict(zip(names, primals, strict=True))
    named = {name: np.asarray(value) for name, value in every.items() if value is not None}
    outs = _arrays(_quietly(subject.forward, *primals))
    sentences = [
        *_unused(subject, every, named, outs),
        *_batch(named, outs),
        *(_upstream(_arrays(cotangent), outs) if subject.upstream != "one" else ()),
        *(sentence for name, value in named.items() for sentence in _argument(name, value, op, outs)),
        *(SPECS[op].blind_spots(op, statics or {}, named) if op else ()),
    ]
    return tuple(dict.fromkeys(sentences))


def regimes_left_out(op: str | None, primals: Sequence[Any]) -> tuple[str, ...]:
    """A sentence on what inputs of this op may have and this one has not, where released code was wrong just there."""
    if op is None or not SPECS[op].regimes:
        return ()
    argument_names = max((tuple(case.arguments) for case in SPECS[op].cases), key=len)
    pairs = zip(argument_names, primals, strict=False)
    named = {name: np.asarray(value) for name, value in pairs if value is not None}
    absent = dict.fromkeys(regime.words for regime in SPECS[op].regimes if regime.words and _left_out(regime, named))
    listed = list(absent)
    said = f"{', '.join(listed[:-1])} or {listed[-1]}" if len(listed) > 1 else "".join(listed)
    return (f"This input has no {said}: `oracle.sweep` visits such inputs.",) if listed else ()


def _left_out(regime: Regime, named: Named) -> bool:
    """Whether an input of these arguments could lie in a regime, and this one does not."""
    with np.errstate(all="ignore"), suppress(Exception):  # a subject's arguments need not be the op's
        return not regime.met(named) and bool(regime.changed(named, np.random.default_rng(0)))
    return False


def _quietly(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value on copies, or None where it raises: the engine reports that, not this page."""
    copies = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        with np.errstate(all="ignore"):
            return function(*copies)
    except Exception:
        return None


def _arrays(value: Any) -> list[np.ndarray]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [array for item in value.values() for array in _arrays(item)]
    if isinstance(value, tuple | list):
        return [array for item in value for array in _arrays(item)]
    array = np.asarray(value)
    return [array] if array.dtype != object else []


def _floats(named: Named) -> dict[str, np.ndarray]:
    return {name: value for name, value in named.items() if is_floating(value.dtype) and value.size}


def _unused(subject: Subject, every: Mapping[str, Any], named: Named, outs: list[np.ndarray]) -> Iterator[str]:
    """Arguments that the output does not depend on here: whatever multiplies the zero gradient goes unseen."""
    rng = np.random.default_rng(7919)
    for name, value in _floats(named).items():
        scale = 1e-3 * (1 + np.abs(value.astype(np.float64)))
        moved = (value + scale * rng.choice((-1.0, 1.0), size=value.shape)).astype(value.dtype)
        arguments = [moved if other == name else array for other, array in every.items()]
        after = _arrays(_quietly(subject.forward, *arguments))
        if outs and len(after) == len(outs) and all(map(np.array_equal, outs, after)):
            yield f"{unused(name)}, so a backward that returns zeros for it would pass."


def unused(name: str) -> str:
    """How the sentence about an argument begins on which the output does not depend."""
    return f"The output does not depend on {name} here"


def _batch(named: Named, outs: list[np.ndarray]) -> Iterator[str]:
    """A first axis of size 1 or 2, where something is summed over it (a parameter without it, or a scalar loss)."""
    first = next((value for value in _floats(named).values() if value.ndim), None)
    shapes = [value.shape for value in named.values()] + [out.shape for out in outs]
    if first is None or all(shape == first.shape for shape in shapes):
        return
    if first.shape[0] == 1:
        yield (
            "The first axis has size 1: dividing by the batch size, or taking a mean over it for a sum, or mixing up"
            " its rows, would not show. Use a batch of 3 or more."
        )
    if first.shape[0] == 2:
        yield "A batch of 2 makes 1/N and 1/2 the same number, so one could be named for the other. Use 3 or more."


def _upstream(upstream: list[np.ndarray], outs: list[np.ndarray]) -> Iterator[str]:
    whole = [not is_floating(out.dtype) for out in outs] if len(outs) == len(upstream) else [False] * len(upstream)
    for cotangent, of_whole_numbers in zip(upstream, whole, strict=True):
        if of_whole_numbers or not is_floating(cotangent.dtype) or not cotangent.size:
            continue
        if np.all(cotangent == 1):
            yield "The upstream gradient is 1 everywhere: a backward that ignores it would pass."
        elif cotangent.size > 1 and np.all(cotangent == cotangent.flat[0]):
            yield "The upstream gradient is constant: a backward that permutes or averages it would pass."
        if not np.any(cotangent):
            yield "The upstream gradient is zero, so every linear backward passes."


def _argument(name: str, value: np.ndarray, op: str | None, outs: list[np.ndarray]) -> Iterator[str]:
    if not value.size:
        yield f"{name} is empty, so nothing of its gradient was seen."
    elif value.dtype.kind == "b":
        if value.all() or not value.any():
            yield f"{name} is {bool(value.flat[0])} everywhere: a backward that leaves the mask out would pass."
    elif value.dtype.kind in "iu":
        looked_up = any(out.ndim > value.ndim for out in outs)
        if looked_up and value.size > 1 and len(np.unique(value)) == value.size:
            yield f"{name} holds no value twice: contributions lost where an index repeats would not show."
    elif is_floating(value.dtype):
        yield from _values(name, value, op)
        yield from _shape(name, value)


def _values(name: str, value: np.ndarray, op: str | None) -> Iterator[str]:
    if np.all(value == 1):
        yield f"{name} is 1 everywhere: a missing factor {name} would not show."
    elif value.size > 1 and value.flat[0] != 0 and np.all(value == value.flat[0]):
        yield f"{name} is constant: entries of it in the wrong order would not show."
    elif value.size > 1 and (np.all(value > 0) or np.all(value < 0)) and op and SPECS[op].kinks:
        yield f"{name} has one sign only: the other side of {op} was not visited."


def _shape(name: str, value: np.ndarray) -> Iterator[str]:
    shape = value.shape
    if value.size == 1:
        yield f"{name} has a single entry: a shift, a permutation or a sum over its entries would not show."
        return
    if value.ndim == 2 and shape[0] == shape[1] and np.array_equal(value, value.T):
        yield f"{name} is symmetric: {name} and its transpose are the same, so one used for the other would pass."
    elif len(twice := [size for size in dict.fromkeys(shape) if size > 1 and shape.count(size) > 1]) > 0:
        axes = " and ".join(str(axis) for axis, size in enumerate(shape) if size == twice[0])
        yield f"Axes {axes} of {name} both have size {twice[0]}: swapped, they give the right shape."
    if value.ndim > 1 and (ones := [axis for axis, size in enumerate(shape) if axis and size == 1]):
        axes = f"Axis {ones[0]}" if len(ones) == 1 else f"Axes {', '.join(map(str, ones))}"
        yield f"{axes} of {name} of size 1: a sum or an index along it that is wrong would not show."
