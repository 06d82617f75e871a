"""The submission as a subject of the oracle: every call is a question to its process."""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference.oracle.judging.breaches import Breach, Ended
from reference.oracle.judging.child import Child
from reference.oracle.recording.makers import unwritten_value
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Pullback, Subject


class Raised(Exception):
    """What the submission raised, in its words; elsewhere: the line of its file, or None."""

    elsewhere: int | None = None


def subject_of(child: Child, said: dict[str, Any]) -> Subject:
    """The subject whose forward and backward run in the process; said: what it said when it was loaded."""

    def forward(*primals: Any) -> Any:
        answer = _answer(child, ask="forward", arrays=_arrays(primals))
        with _understood():
            _written(primals, answer["changed"])
            return answer["out"]

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        answer = _answer(child, ask="vjp", arrays=_arrays(primals))
        with _understood():
            _written(primals, answer["changed"])
            pullback = Pullback(_pullback(child, answer["number"], primals))
            weakref.finalize(pullback, child.forget.append, answer["number"])
            return answer["out"], pullback

    with _understood():
        names = tuple(map(str, said["names"])) if said["names"] else None
        return Subject(str(said["name"]), forward, vjp, names, None, str(said["style"]))


@contextmanager
def _understood() -> Iterator[None]:
    """Whatever is not in an answer is nobody's fault but that of the process that sent it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Ended(Breach("garbled", "the submission's process sent an answer to another question")) from error


def _pullback(child: Child, number: int, primals: Sequence[Any]) -> Callable[[Any], Any]:
    def pull(cotangent: Any) -> Any:
        answer = _answer(child, ask="pull", number=number, cotangent=cotangent)
        with _understood():
            _written(primals, answer["changed"])
            _written(trees.leaves(cotangent), answer["changed_cotangent"])
            return answer["out"]

    return pull


def _answer(child: Child, **question: Any) -> dict[str, Any]:
    answer = child.ask(**question, unwritten=unwritten_value())
    if "raises" in answer:
        kind, _, words = str(answer["raises"]).partition(": ")
        line = answer.get("line")
        held = {"elsewhere": line if isinstance(line, int) else None}
        raise type(kind if kind.isidentifier() else "Exception", (Raised,), held)(words)
    return answer


def _arrays(primals: Sequence[Any]) -> list[Any]:
    """The primals; a TypeError for what only looks like an array, and cannot be sent as numbers."""
    for primal in primals:
        if type(primal) is not np.ndarray and primal is not None and not isinstance(primal, np.generic | float | int):
            raise TypeError(f"the submission takes arrays; got a {type(primal).__name__}")
    return list(primals)


def _written(arrays: Sequence[Any], changed: Sequence[Any]) -> None:
    """What the submission wrote into its copies stands in ours, so that it is seen as in code that runs here."""
    for place, values in changed:
        array = arrays[place]
        if array.flags.writeable and values.shape == array.shape:
            array[...] = values
