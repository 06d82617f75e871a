"""One record an op: what its arguments look like, every static value worth trying, where it bends, what it refuses.

The table of these records is `reference/oracle/specs/`. The test suite runs every check on every record, and the
oracle draws its example inputs from them.
"""

import importlib
import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, wraps
from inspect import Parameter, signature
from typing import Any

import numpy as np

from reference.oracle.drawn import DIMENSIONS, Drawn, values


@dataclass(frozen=True)
class Case:
    """One way to call the op: statics, and an argument for each positional parameter, in the op's order.

    Behind these, arrays that the op takes by name.
    """

    id: str
    statics: Mapping[str, Any]
    arguments: Mapping[str, Drawn]


def case(id: str, statics: Mapping[str, Any] | None = None, /, **arguments: str | Drawn) -> Case:
    """A case; an argument given as text is drawn from the normal distribution."""
    drawn = {name: Drawn(value) if isinstance(value, str) else value for name, value in arguments.items()}
    return Case(id, statics or {}, drawn)


@dataclass(frozen=True)
class ErrorCase:
    """A call that both twins refuse: the exception's type, and words that its message must contain."""

    id: str
    error: type[Exception]
    says: str
    statics: Mapping[str, Any]
    arguments: tuple[Any, ...]


def refuses(id: str, error: type[Exception], says: str, statics: Mapping[str, Any] | None = None, /, *arguments: Any):
    """An error case; arguments are given outright (arrays, or anything else that should be refused)."""
    return ErrorCase(id, error, says, statics or {}, arguments)


@dataclass(frozen=True)
class Tolerance:
    """Largest relative differences in float64, and the reason where one is looser than the default."""

    twin: float = 1e-12
    numerical: float = 1e-7
    reason: str = ""


@dataclass(frozen=True)
class Ulp:
    """Bounds on the error against 50 digits, in units in the last place, over the whole normal range.

    The unit is that of the true result, or of the largest term where the result is a sum that cancels. `exponent` is
    for results that go with exp(-e), whose argument e must be rounded: so many units more for each unit of e.
    """

    value: float = 4
    gradient: float = 4
    reason: str = ""
    exponent: float = 0


@dataclass(frozen=True)
class Acquittal:
    """Why right code looks unusual, said where its text holds a pattern and its first argument is of a kind."""

    says: str
    pattern: str = ""
    of: Callable[[np.ndarray], bool] = lambda first: True


Primals = tuple[np.ndarray, ...]
Statics = Mapping[str, Any]
Named = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Regime:
    """A part of an op's domain in which code is wrong that is right elsewhere.

    `changed` gives those of the named arguments that take an input there, and nothing where the regime is none of this
    input. Of a regime that a plain check should miss in its input, `met` says whether one lies there, and `words`
    continue "This input has no ...".
    """

    name: str
    changed: Callable[[Named, np.random.Generator], Named]
    met: Callable[[Named], bool] = lambda named: True
    words: str = ""


# An op's output at arguments and statics; None where it refuses them.
Value = Callable[[Primals, Statics], np.ndarray | None]
# The cause, words that continue "the forward ...", and what it would give.
Guess = tuple[str, str, Any]


def as_it_is(primals: Primals, out: np.ndarray) -> Iterator[dict[str, Any]]:
    """The statics of an op that has none that matter."""
    yield {}


def nothing(*known: Any) -> Iterator[Any]:
    """For an op of which there is nothing to say."""
    yield from ()


@dataclass(frozen=True)
class OpSpec:
    """All that the suite and the oracle know of one op."""

    name: str
    family: str
    cases: tuple[Case, ...]
    # Points where the first argument's derivative jumps, and the derivative chosen there (elementwise ops).
    kinks: Mapping[float, float] = field(default_factory=dict)
    # Calls at extreme values: value and gradient must be finite (in every dtype that can hold the values).
    extremes: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[ErrorCase, ...] = ()
    tolerance: Tolerance = Tolerance()
    ulp: Ulp | None = None
    # The same for cases, by id, whose statics need another bound.
    ulp_of_case: Mapping[str, Ulp] = field(default_factory=dict)
    # The reference's own bounds, where the textbook form that it uses has others.
    ulp_of_reference: Ulp | None = None
    # Whether terms of size 1 cancel in that form, as in p - t: then it is right to roundings of 1, not of the result.
    reference_cancels: bool = False
    # Arrays taken by keyword: a case, a caller of `reference` and `jax` and a backward have them after the others.
    by_keyword: tuple[str, ...] = ()
    # Named so that the oracle can be imported without JAX; found only when asked.
    twin: str = ""
    # What people call it, in lower case without separators; and words that say no more than which inputs suit it: the
    # books' versions take a mean, draw a mask or return less.
    called: tuple[str, ...] = ()
    resembles: tuple[str, ...] = ()
    # The inputs of `reading/scenes.py` that suit it, where they are not named after it.
    scene: str = ""
    # The statics worth trying where a forward has these arguments and this output.
    statics_of: Callable[[Primals, np.ndarray], Iterator[dict[str, Any]]] = as_it_is
    # Whether it is plain arithmetic there, so that a forward with these values need not be this op.
    plain_at: Callable[[Primals, Statics], bool] = lambda primals, statics: False
    # The orders in which people take its arguments, its own first; () where that is the only one.
    orders: tuple[tuple[int, ...], ...] = ()
    # What others define by the same name.
    conventions: Callable[[Value, Primals, Statics], Iterator[Guess]] = nothing
    acquittals: tuple[Acquittal, ...] = ()
    # What its name, statics and named arguments cannot show, whatever a backward does.
    blind_spots: Callable[[str, Statics, Mapping[str, np.ndarray]], Iterator[str]] = nothing
    # Inputs on which released code was wrong and passed its tests on others: a sweep visits them.
    regimes: tuple[Regime, ...] = ()
    # The arguments whose sizes a sweep changes, where those of the cases are fixed.
    swept: Case | None = None
    # As people write it in NumPy, where it stands between the layers of a network.
    formula: Callable[[np.ndarray], np.ndarray] | None = None
    # Whether it chooses among entries: then some of them must be equal to show how.
    chooses: bool = False
    # Whether its windows may reach past the end of its input, as if more zeros stood there.
    padded_with_zeros: bool = False
    # Whether people leave its backward to that of a loss, which differentiates both at once.
    left_to_the_loss: bool = False

    @property
    def entry_by_entry(self) -> bool:
        """Whether it is a function of each number by itself: one of its cases is a single number."""
        return any(next(iter(case.arguments.values())).shape == "" for case in self.cases)

    @property
    def looks_up(self) -> bool:
        """Whether its first argument holds integers."""
        return any(next(iter(case.arguments.values())).kind == "labels" for case in self.cases)

    def takes(self, argument: str) -> bool:
        """Whether an argument of this name is one of its own."""
        return any(argument in case.arguments for case in self.cases)

    @property
    def keywords(self) -> tuple[str, ...]:
        """What it takes by name: its statics, and arrays that have no gradient."""
        parameters = inspect.signature(self.reference()).parameters.values()
        return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)

    def passed(self, case: Case, arguments: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a case as the op takes them: by position, and by name together with the statics."""
        named = dict(zip(case.arguments, arguments, strict=True))
        by_name = {name: named.pop(name) for name in self.keywords if name in named}
        return tuple(named.values()), {**case.statics, **by_name}

    def reference(self, suffix: str = "") -> Callable[..., Any]:
        """The NumPy function of this op; suffix "_fwd" or "_bwd" for the other two of its triple."""
        function = getattr(importlib.import_module(f"reference.{self.family}"), self.name + suffix)
        return function if suffix == "_bwd" else _by_position(function, self.by_keyword)

    def jax(self) -> Callable[..., Any]:
        """The JAX function of this op."""
        module = importlib.import_module(self.twin or f"functional_nn.{self.family}")
        return _by_position(getattr(module, self.name), self.by_keyword)


@cache
def _by_position(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """The function, taking the arguments of these names after the positional ones too."""
    parameters = signature(function).parameters.values()
    positional = sum(parameter.kind is not Parameter.KEYWORD_ONLY for parameter in parameters)

    @wraps(function)
    def op(*arguments: Any, **named: Any) -> Any:
        further = arguments[positional : positional + len(names)]
        rest = arguments[positional + len(names) :]  # too many: Python says so
        return function(*arguments[:positional], *rest, **dict(zip(names, further, strict=False)), **named)

    return op if names else function


def draw(
    spec: OpSpec, case: Case, *, seed: int = 0, dtype: Any = np.float64, dimensions: Mapping[str, int] = DIMENSIONS
) -> tuple[np.ndarray, ...]:
    """The arguments of a case, in order; the same call draws the same values on every machine."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{spec.name}/{case.id}".encode())])
    return tuple(values(drawn, rng, dtype, dimensions, spec.kinks) for drawn in case.arguments.values())
