"""What is asked of a submission beside its numbers: does it remember, does it answer at all, how long does it take."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from reference.oracle.judging.breaches import Breach
from reference.oracle.judging.child import Child
from reference.oracle.judging.inputs import Answered, answered
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject

# Two answers to one question differ by less than this share of their size, however coarse the dtype.
SAME = 2.0**-4
TIMED = 5


def remembers(before: Sequence[Answered], fresh: Sequence[Answered]) -> Breach | None:
    """Whether a process that was asked much answers as one that was asked the same in another order."""
    for one, other in zip(before, fresh, strict=True):
        old, new = one.parts, other.parts
        forms = len(old) == len(new) and all(a.shape == b.shape for a, b in zip(old, new, strict=True))
        if not forms or not all(map(_alike, old, new)):
            return Breach("cached_answer", "a new process answers otherwise than the one that had been asked before")
    return None


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    finite = np.isfinite(one) & np.isfinite(other)
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return False
    one, other = (np.where(finite, values, 0.0) for values in (one, other))
    gap, size = np.linalg.norm(one - other), np.linalg.norm(other)
    return bool(gap <= SAME * size)


def disguised(first: Answered, second: Answered) -> Iterator[Breach]:
    """What wrong answers to two inputs with nothing in common are in truth."""
    for place, (one, other) in enumerate(zip(first.parts, second.parts, strict=False)):
        what = "the output" if place < len(trees.leaves(first.out)) else "a gradient"
        if one.size and np.array_equal(one, other, equal_nan=True):
            alone = np.array_equal(one, np.full_like(one, one.flat[0]), equal_nan=True)
            alike = f"all {one.flat[0]:g}" if alone else "the same"
            yield Breach("constant_answer", f"{what} is {alike}, whatever goes in")
        elif given := _given(first, one):
            yield Breach("copied_answer", f"{what} is a copy of {given}")


def _given(answer: Answered, part: np.ndarray) -> str:
    """Which of the arrays that went in this one is."""
    went_in = [(f"argument {place}", primal) for place, primal in enumerate(answer.primals)]
    went_in += [("the cotangent", leaf) for leaf in trees.arrays(answer.cotangent)]
    same = (name for name, array in went_in if np.array_equal(np.asarray(array, np.float64), part))
    return next(same, "") if part.size > 1 else ""


@dataclass(frozen=True)
class Times:
    """Medians in seconds, seen from outside of the submission's process; transport: the same arrays there and back."""

    forward: float
    backward: float
    transport: float
    calls: int
    shapes: tuple[tuple[int, ...], ...]


def timed(child: Child, subject: Subject, draw: Callable[[int], tuple[Any, ...]]) -> Times:
    """Calls on values that were never seen before, one input a call."""
    forward, backward, transport = [], [], []
    shapes: tuple[tuple[int, ...], ...] = ()
    for number in range(TIMED + 1):  # the first one may compile
        primals = draw(number)
        shapes = tuple(map(np.shape, primals))
        transport.append(_seconds(partial(child.ask, ask="echo", arrays=list(primals))))
        forward.append(_seconds(partial(subject.forward, *primals)))
        both = _seconds(partial(answered, subject, primals, number))
        backward.append(max(both - forward[-1], 0.0))
    return Times(*(median(times[1:]) for times in (forward, backward, transport)), calls=TIMED, shapes=shapes)


def _seconds(call: Callable[[], Any]) -> float:
    clock = time.perf_counter()
    call()
    return time.perf_counter() - clock
