"""Calling the subject: on copies, counted, quietly, with whatever it raises turned into a finding."""

import os
import random
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.causes import REPAIRS
from reference.oracle.report import Blame, Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.returned import aligned
from reference.oracle.subjects.subject import Subject


class Fault(Exception):
    """The subject did something after which no gradient can be judged."""

    def __init__(self, finding: Finding):
        super().__init__(finding.message)
        self.finding = finding


def finding(cause: str, message: str, evidence: str, *, argument: str | None = None, **more: Any) -> Finding:
    """A finding whose repair is the one that the vocabulary gives for its cause."""
    return Finding(cause, argument, message, evidence, more.pop("fix", REPAIRS[cause]), **more)


@dataclass
class Trial:
    """A subject on its primals, and every call that was made of it."""

    subject: Subject
    names: tuple[str, ...]
    # Private copies: the subject only ever sees copies of these.
    primals: tuple[Any, ...]
    seed: int = 0
    forwards: int = 0
    backwards: int = 0
    # Calls on smaller inputs, made in search of the cause alone.
    aside: int = 0
    # The forward draws from a global generator, which is then put into the same state before each call.
    draws: bool = False
    # The primals on which the forward is measured: in float64 wherever the subject computes in what it is given.
    measured: tuple[Any, ...] = ()
    # The cotangent to judge with, in the structure of the output; None draws one.
    cotangent: Any = None

    def __post_init__(self) -> None:
        self.measured = self.primals

    @property
    def differentiable(self) -> tuple[int, ...]:
        """The positions of the arguments that carry a gradient."""
        return tuple(
            position
            for position, (name, primal) in enumerate(zip(self.names, self.primals, strict=True))
            if primal is not None and is_floating(primal.dtype) and name not in self.subject.constants
        )

    def forward(self, primals: tuple[Any, ...] | None = None) -> Any:
        """The output as the subject returns it; a Fault where it raises."""
        self.forwards += 1
        with self._calling("forward", 0):
            return self.subject.forward(*copies(self.primals if primals is None else primals))

    def vjp(self, primals: tuple[Any, ...] | None = None, handed: tuple[Any, ...] | None = None) -> tuple[Any, Any]:
        """(out, pullback) as the subject returns them; handed are the copies it gets, where the caller watches them."""
        self.forwards += 1
        with self._calling("forward", 0):
            return self.subject.vjp(*(handed or copies(self.primals if primals is None else primals)))

    def pull(self, pullback: Callable[[Any], Any], cotangent: Any) -> tuple[Any, ...]:
        """What the pullback returns, one entry an argument; the cotangent is handed over as it is."""
        self.backwards += 1
        with self._calling("backward", self.backwards):
            returned = pullback(cotangent)
        gradients, complaint = aligned(returned, self.names, self.differentiable)
        if complaint:
            said = f"the arguments are {', '.join(self.names)}"
            raise Fault(finding("wrong_shape", complaint, said, role="number"))
        return gradients

    def value(self, primals: tuple[Any, ...], size: int) -> np.ndarray:
        """The output as a vector; NaN throughout where the subject refuses these primals."""
        try:
            found = trees.vector(self.forward(primals))
        except Fault:
            return np.full(size, np.nan)
        return found if found.size == size else np.full(size, np.nan)

    def replaced(self, position: int, value: np.ndarray) -> tuple[Any, ...]:
        """The measured primals with one of them replaced."""
        return (*self.measured[:position], value, *self.measured[position + 1 :])

    def answering(self) -> Subject:
        """The subject as others may call it: counted, quiet, on copies, with one entry an argument in every answer."""

        def vjp(*primals: Any) -> tuple[Any, Callable[[Any], Any]]:
            out, pullback = self.vjp(primals)
            return out, lambda cotangent: self.pull(pullback, trees.mapped(_copied, cotangent))

        return replace(self.subject, forward=lambda *primals: self.forward(primals), vjp=vjp, bind=None, shared=None)

    @contextmanager
    def _calling(self, part: Blame, call: int) -> Iterator[None]:
        with quiet(self.seed + call if self.draws else None):
            try:
                yield
            except (Exception, SystemExit) as error:  # anybody's code may raise anything
                raise Fault(_raised(part, error)) from error


@contextmanager
def quiet(seed: int | None) -> Iterator[None]:
    """No warning, no floating-point message; the global generators seeded where a seed is given."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if seed is not None:
            random.seed(seed)
            np.random.seed((seed + 0x0DAC1E) % 2**32)  # noqa: NPY002 - the generator that subjects draw from
        yield


def generator_state() -> tuple[Any, Any]:
    """The state of Python's and NumPy's global generators."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002 - the generator that subjects draw from


def drawn_since(state: tuple[Any, Any]) -> bool:
    """Whether a global generator was asked for a number since it was in this state."""
    (python, numpy), (python_now, numpy_now) = state, generator_state()
    return python != python_now or numpy[2:] != numpy_now[2:] or not np.array_equal(numpy[1], numpy_now[1])


@contextmanager
def generators_restored() -> Iterator[None]:
    """Whatever the subject draws, the caller's global generators stay where they were."""
    python, numpy = generator_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002 - the generator that subjects draw from


def copies(primals: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies that the subject may do with as it likes."""
    return tuple(map(_copied, primals))


def _copied(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception may be broken itself
        return ""


def _raised(part: Blame, error: BaseException) -> Finding:
    here = os.path.dirname(__file__)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(here)]
    where = f"line {frames[-1].lineno}, in {frames[-1].name}: {frames[-1].line}" if frames else "in the call itself"
    line = frames[-1].lineno if frames else None
    if hasattr(error, "elsewhere"):  # it was raised in another process, which says where
        line = getattr(error, "elsewhere", None)
        where = f"line {line} of the file" if line else "outside of the file"
    words = _words(error)
    said = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return finding("raises", f"the {part} raises {said}", where, blame=part, line=line)
