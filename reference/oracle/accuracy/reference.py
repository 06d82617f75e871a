"""What a kernel is held against: an op of the reference or a function, with its gradients, in float64."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.numerics import precision
from reference.oracle.questions.forward import widened
from reference.oracle.recording.adjoint import of_forward, of_pair
from reference.oracle.recording.frameworks.as_numpy import as_numpy
from reference.oracle.recording.program import Program
from reference.oracle.specs import SPECS
from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import from_jax, from_torch
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import quiet

# Entries of a function's arguments by which it is differentiated where it cannot be recorded.
MEASURED = 20_000
# Two answers of one function in float64 differ by less, as a share of the largest entry.
SAME = 1e-9

Answer = tuple[np.ndarray, tuple[Any, ...]]


@dataclass(frozen=True)
class OfOp:
    """An op's hand-written triple; factor: the kernel returns so many times the sum of its values, one an example."""

    name: str
    statics: dict[str, Any]
    factor: float | None = None

    @property
    def label(self) -> str:
        """What it is called in a report."""
        return f"reference.{self.name}"

    def answer(self, primals: tuple[Any, ...], cotangent: np.ndarray) -> Answer:
        """The output as a vector, and the gradient of every argument for this cotangent of it."""
        spec = SPECS[self.name]
        with quiet(None):
            out, residuals = spec.reference("_fwd")(*map(widened, primals), **self.statics)
            values = trees.vector(out)
            found = spec.reference("_bwd")(residuals, trees.like(out, self._upstream(cotangent, values.size)))
        gradients = (*found, *(None,) * (len(primals) - len(found)))[: len(primals)]
        if self.factor is not None:
            return np.array([self.factor * values.sum()]), gradients
        return values[: cotangent.size], gradients

    def _upstream(self, cotangent: np.ndarray, size: int) -> np.ndarray:
        """The cotangent of the op's own values; outputs that the kernel does not return have none."""
        if self.factor is not None:
            return np.full(size, self.factor * float(cotangent[0]))
        return np.pad(cotangent, (0, size - cotangent.size))

    def forward(self, *primals: Any) -> Any:
        """The op's output as the kernel returns it."""
        out = SPECS[self.name].reference("_fwd")(*primals, **self.statics)[0]
        return self.factor * np.sum(out) if self.factor is not None else trees.leaves(out)[0]

    def program(self, primals: tuple[Any, ...], names: Sequence[str], cotangent: np.ndarray) -> Program | None:
        """The triple as steps; None where the kernel returns more than its first output."""
        spec = SPECS[self.name]
        first = np.asarray(trees.leaves(spec.reference()(*map(widened, primals), **self.statics))[0])
        if any(primal is None for primal in primals) or (self.factor is None and first.size != cotangent.size):
            return None
        upstream = self._upstream(cotangent, first.size).reshape(first.shape)
        forward = partial(spec.reference("_fwd"), **self.statics)
        return of_pair(forward, spec.reference("_bwd"), tuple(map(widened, primals)), names, upstream)

    def output(self, values: np.ndarray) -> np.ndarray:
        """The kernel's output as a vector, of the program's."""
        return np.ravel(values) if self.factor is None else np.array([self.factor * np.sum(values)])


@dataclass(frozen=True)
class OfFunction:
    """A function of arrays; its gradient is that of its recorded steps, or measured by differences."""

    function: Callable[..., Any]
    # The same as NumPy calls, which can be recorded; None where there is no such.
    followed: Callable[..., Any] | None
    names: tuple[str, ...]
    label: str

    def answer(self, primals: tuple[Any, ...], cotangent: np.ndarray) -> Answer:
        """The output as a vector, and the gradient of every argument for this cotangent of it."""
        primals = tuple(map(widened, primals))
        out = self._values(primals)
        if out.size != cotangent.size:
            return out, (None,) * len(primals)
        program = self.program(primals, self.names, cotangent)
        if program is not None and program.out is not None and _same(np.ravel(program.out.value), out):
            gradients = program.gradients
            return out, tuple(
                gradients[place].value
                if place in gradients
                else np.zeros(np.shape(primal))
                if _floats(primal)
                else None
                for place, primal in enumerate(primals)
            )
        return out, tuple(self._measured(primals, place, cotangent) for place in range(len(primals)))

    def forward(self, *primals: Any) -> Any:
        """The function's output."""
        return (self.followed or self.function)(*primals)

    def program(self, primals: tuple[Any, ...], names: Sequence[str], cotangent: np.ndarray) -> Program | None:
        """The recorded steps and their way back."""
        if self.followed is None:
            return None
        return of_forward(self.followed, tuple(map(widened, primals)), names, cotangent)

    def output(self, values: np.ndarray) -> np.ndarray:
        """The kernel's output as a vector, of the program's."""
        return np.ravel(values)

    def _values(self, primals: tuple[Any, ...]) -> np.ndarray:
        with quiet(None):
            out = self.function(*(np.array(p) if isinstance(p, np.ndarray) else p for p in primals))
        narrow = [leaf.dtype.name for leaf in map(np.asarray, trees.leaves(out)) if leaf.dtype.kind != "f"
                  or precision.epsilon(leaf.dtype) > precision.EPSILON["float64"]]  # fmt: skip
        if narrow:
            got = f"an output of {narrow[0]} for arguments of float64"
            raise ValueError(f"oracle.check: reference must compute in float64; got {got}")
        return trees.vector(out)

    def _measured(self, primals: tuple[Any, ...], place: int, cotangent: np.ndarray) -> np.ndarray | None:
        """The gradient of one argument by four-point differences of <cotangent, function>."""
        primal = primals[place]
        if not _floats(primal):
            return None
        if sum(np.size(one) for one in primals) > MEASURED:
            rule = f"a reference that cannot be recorded must have at most {MEASURED} entries in its arguments"
            raise ValueError(f"oracle.check: {rule}; got {sum(np.size(one) for one in primals)}")
        found = np.zeros(primal.shape)
        for index in np.ndindex(primal.shape):
            step = 1e-3 * max(1.0, abs(float(primal[index])))
            rises = [self._rise(primals, place, index, k * step, cotangent) for k in (1, 2)]
            found[index] = (8 * rises[0] - rises[1]) / (12 * step)
        return found

    def _rise(self, primals: tuple[Any, ...], place: int, index: Any, step: float, cotangent: np.ndarray) -> float:
        ends = []
        for signed in (step, -step):
            moved = np.array(primals[place])
            moved[index] += signed
            ends.append(self._values((*primals[:place], moved, *primals[place + 1 :])))
        return float(cotangent @ (ends[0] - ends[1]))


Reference = OfOp | OfFunction


def of_callable(given: Any, primals: tuple[Any, ...], names: tuple[str, ...]) -> OfFunction:
    """A function of arrays or tensors, or a subject's forward, as a reference; ValueError where it takes no float64."""
    wide = tuple(map(widened, primals))
    if isinstance(given, Subject):
        return OfFunction(given.forward, _followed(given, wide), names, given.name)
    label = getattr(given, "__name__", type(given).__name__)
    tried = []
    for make in _ways():
        try:
            subject = make(given)
            with quiet(None):
                out = subject.forward(*wide)
        except Exception as error:  # anybody's code, on arrays that it may not expect
            tried.append(f"{type(error).__name__}: {error}")
            continue
        if all(isinstance(leaf, np.ndarray | np.generic | float) for leaf in trees.leaves(out)):
            return OfFunction(subject.forward, _followed(subject, wide), names, label)
    got = tried[0] if tried else "an output that is no array"
    raise ValueError(f"oracle.check: reference must be a function of the primals in float64; got {label}: {got}")


def _ways() -> list[Callable[[Any], Subject]]:
    """As NumPy's, PyTorch's and JAX's, the latter where somebody has imported them."""
    loaded = [make for name, make in (("torch", from_torch), ("jax", from_jax)) if name in sys.modules]
    return [lambda given: Subject("reference", given, given), *loaded]


def _followed(subject: Subject, primals: tuple[Any, ...]) -> Callable[..., Any] | None:
    if subject.style in ("torch", "jax"):
        return as_numpy(replace(subject), primals)
    return subject.forward


def _floats(primal: Any) -> bool:
    return isinstance(primal, np.ndarray) and primal.dtype.kind == "f"


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    scale = float(np.max(np.abs(other), initial=0.0, where=np.isfinite(other)))
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=0, atol=SAME * scale, equal_nan=True))
