"""Whether a gradient is written by hand: a backward is watched once, and what it leans on is named in a grade."""

import contextlib
import hashlib
import itertools
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies, quiet

HOUSE = Path(__file__).resolve().parents[3]
ORACLE, OURS = str(HOUSE / "reference" / "oracle"), tuple(str(HOUSE / name) for name in ("reference", "functional_nn"))
LIBRARIES = (
    *OURS,
    *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    "<frozen",
)
# Modules of automatic differentiation, and the functions of them that differentiate.
AUTOMATIC = {
    "jax._src.interpreters.ad": ("jax", ("jvp", "vjp", "linearize", "backward_pass")),
    "jax._src.api": ("jax", ("vjp", "jvp", "linearize", "value_and_grad_f", "grad_f")),
    "torch.autograd": ("torch.autograd", ("grad", "backward")),
    "torch.nn.grad": ("torch.nn.grad", ()),
    "autograd.core": ("autograd", ("make_vjp", "backward_pass")),
    "tensorflow.python.eager.backprop": ("tensorflow", ("gradient",)),
}
# So near to an output of before is that of inputs moved by a step of numerical differentiation.
STEP, FEWEST = 1e-2, 4


def not_by_hand(name: str) -> str:
    """How the sentence about an argument begins whose gradient is not written by hand."""
    return f"The gradient of {name} is not by hand"


def leanings(subject: Subject, primals: tuple[Any, ...]) -> tuple[str, ...]:
    """A sentence for each argument whose gradient is another's work, or a numerical differentiation."""
    with quiet(0), contextlib.suppress(Exception, SystemExit):  # judged elsewhere
        if subject.bind is not None:
            subject, held = subject.bind(*copies(primals))
            primals = (*primals, *held.values())
        _forget_traces()
        watch = _watched(subject, primals)
        names = subject.names or ()
        sizes = {n: np.size(p) for n, p in zip(names, primals, strict=False) if is_floating(np.asarray(p).dtype)}
        if borrowed := sorted(watch.borrowed, key=lambda name: not name.endswith("_bwd")):
            return tuple(f"{not_by_hand(name)}: by {borrowed[0]}." for name in sizes)
        for code, calls in watch.repeated(min(sizes.values(), default=0)):
            said = f"by numerical differentiation: {code.co_qualname} runs {calls} times on inputs that hardly differ"
            return tuple(f"{not_by_hand(name)}: {said}." for name in _differentiated(calls, sizes))
    return ()


def _forget_traces() -> None:
    """What JAX has compiled runs without being seen."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


def _watched(subject: Subject, primals: tuple[Any, ...]) -> "_Watch":
    watch = _Watch()
    with watch.watching(backward=subject.upstream == "one"):
        out, pullback = subject.vjp(*copies(primals))
    cotangent = trees.like(out, np.ones(trees.vector(out).size))
    with watch.watching(backward=True):
        pullback(cotangent)
    return watch


def _differentiated(calls: int, sizes: dict[str, int]) -> Sequence[str]:
    """The arguments whose entries make up the calls, by two differences or one; all, where that does not tell."""
    some = [tuple(names) for count in range(1, len(sizes) + 1) for names in itertools.combinations(sizes, count)]
    for times, beside in ((2, 0), (1, 0), (2, 1), (1, 1)):
        fits = [names for names in some if times * sum(map(sizes.__getitem__, names)) + beside == calls]
        if len(fits) == 1:
            return fits[0]
    return tuple(sizes)


@dataclass
class _Watch:
    """What the calls of a backward show."""

    borrowed: list[str] = field(default_factory=list)
    first: dict[CodeType, np.ndarray] = field(default_factory=dict)
    near: dict[CodeType, list[bytes]] = field(default_factory=dict)
    backward: bool = False

    @contextlib.contextmanager
    def watching(self, *, backward: bool) -> Iterator[None]:
        """See every call and return while this lasts."""
        self.backward = backward
        before = sys.getprofile()
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)

    def repeated(self, entries: int) -> Iterator[tuple[CodeType, int]]:
        """Functions of the file that ran once for each entry, with outputs that hardly differ; and how often."""
        for code, outputs in self.near.items():
            if len(outputs) >= max(entries, FEWEST) and len(set(outputs)) >= FEWEST:
                yield code, len(outputs)

    def _see(self, frame: FrameType, event: str, value: Any) -> None:
        with contextlib.suppress(Exception):
            if event == "call" and self.backward:
                self._called(frame)
            elif event == "return" and is_of_file(frame.f_code.co_filename):
                self._returned(frame.f_code, value)

    def _called(self, frame: FrameType) -> None:
        module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        package, _, rest = module.partition(".")
        if package in ("reference", "functional_nn") and not rest.startswith(("oracle", "_")) and name[0] not in "_<":
            self.borrowed.append(f"{package}.{name}")
        whose, functions = AUTOMATIC.get(module, ("", ()))
        if whose and (not functions or name in functions) and _asked_by_file(frame):
            self.borrowed.append(f"{whose}.{name}" if whose != "jax" else "jax's automatic differentiation")

    def _returned(self, code: CodeType, value: Any) -> None:
        value = value[0] if isinstance(value, tuple) and value else value
        out = np.asarray(value)
        if out.dtype.kind not in "fc" or not out.size:
            return
        first = self.first.setdefault(code, np.array(out))
        if self.backward and first.shape == out.shape and np.max(np.abs(out - first)) <= STEP * np.max(np.abs(first)):
            self.near.setdefault(code, []).append(hashlib.blake2b(out.tobytes(), digest_size=8).digest())


def is_of_file(filename: str) -> bool:
    """Whether code is of those who are judged: of no library, and not of this house."""
    return not filename.startswith(LIBRARIES)


def _asked_by_file(frame: FrameType | None) -> bool:
    """Whether the file asked for this call; the oracle's own adapters differentiate too."""
    while frame is not None and not frame.f_code.co_filename.startswith(ORACLE):
        if is_of_file(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False
