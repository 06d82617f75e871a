"""A JAX forward or backward by its jaxpr: the equations run one after the other, each as NumPy calls."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.parts import Unknown, run_at
from reference.oracle.recording.frameworks.primitives import PRIMITIVES
from reference.oracle.recording.recorded import began, plain
from reference.oracle.recording.tape import At
from reference.oracle.subjects import trees

Calls = tuple[tuple[Any, int], ...]
# Primitives that do nothing but run another jaxpr, and how they call it.
INLINED = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
}
MOST_PASSES = 2000
# What stands between the forward and the backward.
TURN = "turn"
OURS = str(Path(__file__).parents[2])


def of_jax(vjp: Callable[..., Any], primals: Sequence[Any], upstream: Sequence[Any]) -> "Halves":
    """An output and its pullback as NumPy calls; it raises where an operation is unknown."""
    jax = importlib.import_module("jax")
    built: list[Any] = []
    turn = importlib.import_module("jax.extend.core").Primitive(TURN)
    turn.def_abstract_eval(lambda given: given)

    def flat(*given: Any) -> list[Any]:
        out, pullback = vjp(*given[: len(primals)])
        built[:] = [out, turned(pullback, [turn.bind(one) for one in given[len(primals) :]])]
        return trees.leaves(tuple(built))

    with jax.enable_x64(True), jax.default_matmul_precision("highest"), _saying_where():
        closed = jax.make_jaxpr(flat)(*map(jax.numpy.asarray, (*primals, *upstream)))
    structures = [trees.mapped(lambda leaf: None, one) for one in built]
    return Halves(Jaxpr(Path(str(jax.__file__)).parent), closed, structures)


def turned(pullback: Callable[..., Any], upstream: Sequence[Any]) -> Any:
    """The frame at which a backward begins."""
    return pullback(*upstream)


@contextmanager
def _saying_where() -> Iterator[None]:
    """JAX says of all that a pullback computes that it stands where the forward does; here, of a written one, where."""
    module: Any = importlib.import_module("jax._src.source_info_util")
    before, known = module.current, hasattr(module, "_source_info_context")

    def current() -> Any:
        said, here = module._source_info_context.context, module.Traceback.get_traceback()
        calls = [code for code, _ in calls_of(here)]
        inside = calls[calls.index(turned.__code__) + 1 :] if turned.__code__ in calls else []
        written = any(module.is_user_filename(code.co_filename) for code in inside if not is_ours(code))
        return module.SourceInfo(here if written or not said.traceback else said.traceback, said.name_stack)

    module.current = current if known else before
    try:
        yield
    finally:
        module.current = before


@dataclass(frozen=True)
class Halves:
    """A jaxpr in two parts: the forward, and the backward from the first equation on that is made by the pullback."""

    jaxpr: "Jaxpr"
    closed: Any
    structures: list[Any]

    def __call__(self, *primals: Any) -> Any:
        """The output for these inputs, and a pullback."""
        equations, variables = self.closed.jaxpr.eqns, self.closed.jaxpr.outvars
        turn = next((n for n, one in enumerate(equations) if one.primitive.name == TURN), len(equations))
        values = self.jaxpr.begun(self.closed, primals)
        self.jaxpr.steps(equations[:turn], values, (), None)
        count = len(trees.leaves(self.structures[0]))

        def pullback(*upstream: Any) -> Any:
            values.update(zip(self.closed.jaxpr.invars[len(primals) :], upstream, strict=True))
            self.jaxpr.steps(equations[turn:], values, (), None)
            found = iter([read(values, one) for one in variables[count:]])
            return trees.mapped(lambda place: next(found), self.structures[1])

        out = iter([read(values, one) for one in variables[:count]])
        return trees.mapped(lambda place: next(out), self.structures[0]), pullback


def read(values: dict[Any, Any], variable: Any) -> Any:
    """The value of a variable, or a number that stands in its place."""
    return np.asarray(variable.val)[()] if hasattr(variable, "val") else values[variable]


def calls_of(traceback: Any) -> list[tuple[CodeType, int]]:
    """The code of the calls that led to an equation, and where each was, without the last, which only asks for them."""
    return [*zip(*traceback.raw_frames(), strict=True)][:0:-1]


def is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(OURS)


class Jaxpr:
    """Runs jaxprs on NumPy arrays; frames of code in the library's own folder are not the user's."""

    def __init__(self, library: Path):
        self.foreign = (str(library), OURS)
        self.control = {"scan": self.scan, "while": self.loop, "cond": self.branch}
        self.known: dict[int, At] = {}

    def run(self, closed: Any, given: Sequence[Any], calls: Calls, at: At | None = None) -> list[Any]:
        """The outputs of a jaxpr, which the calls led to, for these arguments."""
        jaxpr = getattr(closed, "jaxpr", closed)
        values = self.begun(closed, given)
        self.steps(jaxpr.eqns, values, calls, at)
        return [read(values, one) for one in jaxpr.outvars]

    @staticmethod
    def begun(closed: Any, given: Sequence[Any]) -> dict[Any, Any]:
        """The values of the constants, and of as many inputs as are given."""
        jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
        values = dict(zip(jaxpr.constvars, [np.asarray(one)[()] for one in consts], strict=True))
        return values | dict(zip(jaxpr.invars, given, strict=False))

    def steps(self, equations: Sequence[Any], values: dict[Any, Any], calls: Calls, at: At | None) -> None:
        """Equations, one after the other."""
        for equation in equations:
            made = self.equation(equation, [read(values, one) for one in equation.invars], calls, at)
            values.update(zip(equation.outvars, made, strict=True))

    def equation(self, equation: Any, given: list[Any], calls: Calls, at: At | None) -> Sequence[Any]:
        """The values that one equation gives."""
        name, params, here = equation.primitive.name, equation.params, self.place(equation, calls, at)
        if name in INLINED:
            inner = params[INLINED[name]]
            return self.run(inner, given, here.calls, here if here.code and self.is_foreign(inner) else at)
        if name in self.control:
            return self.control[name](given, params, here.calls, at)
        if name not in PRIMITIVES:
            raise Unknown(name)
        made = run_at(here, PRIMITIVES[name], given, params)
        return made if equation.primitive.multiple_results else [made]

    def place(self, equation: Any, calls: Calls, at: At | None) -> At:
        """Where the user's program has an equation; inside of library code, where it calls that."""
        if id(equation) not in self.known:
            frames = self.frames(equation)
            own = [frame for frame in frames if not frame[0].co_filename.startswith(self.foreign)]
            code, _, line = own[-1] if own else (None, 0, 0)
            self.known[id(equation)] = At(tuple(frame[:2] for frame in frames), code, line)
        found = self.known[id(equation)]
        shown = found if at is None else at
        return At((*calls, *found.calls), shown.code, shown.line)

    def frames(self, equation: Any) -> list[tuple[CodeType, int, int]]:
        """The calls that made an equation, below the last one of the oracle's own."""
        traceback = equation.source_info.traceback
        pairs = calls_of(traceback) if traceback else []
        ours = [i for i, (code, _) in enumerate(pairs) if is_ours(code)]
        own = pairs[ours[-1] + 1 :] if ours else pairs
        return [(code, began(code, at), traceback.code_addr2line(code, at)) for code, at in own]

    def is_foreign(self, inner: Any) -> bool:
        """Whether a jaxpr was written inside the library: it is traced once for all who call it."""
        info = getattr(getattr(inner, "jaxpr", inner), "debug_info", None)
        return self.foreign[0] in str(getattr(info, "func_src_info", ""))

    def scan(self, given: list[Any], params: dict[str, Any], calls: Calls, at: At | None) -> list[Any]:
        """One pass after the other."""
        consts, carried = _of_scan(params)
        fixed, carry, rows = given[:consts], given[consts : consts + carried], given[consts + carried :]
        order = range(params["length"])
        kept = []
        for number in reversed(order) if params["reverse"] else order:
            made = self.run(params["jaxpr"], [*fixed, *carry, *(row[number] for row in rows)], calls, at)
            carry = made[:carried]
            kept.append(made[carried:])
        kept = kept[::-1] if params["reverse"] else kept
        if not kept:
            raise Unknown("scan of no passes")
        return [*carry, *(np.stack(column, axis=0) for column in zip(*kept, strict=True))]

    def loop(self, given: list[Any], params: dict[str, Any], calls: Calls, at: At | None) -> list[Any]:
        """As often as its condition holds for these numbers."""
        first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        asked, fixed, carry = given[:first], given[first:second], given[second:]
        for _ in range(MOST_PASSES):
            (going,) = self.run(params["cond_jaxpr"], [*asked, *carry], calls, at)
            if not bool(plain(going)):
                return carry
            carry = self.run(params["body_jaxpr"], [*fixed, *carry], calls, at)
        raise Unknown("while of many passes")

    def branch(self, given: list[Any], params: dict[str, Any], calls: Calls, at: At | None) -> list[Any]:
        """The branch that these numbers choose."""
        branches = params["branches"]
        number = min(max(int(plain(given[0])), 0), len(branches) - 1)
        return self.run(branches[number], given[1:], calls, at)


def _of_scan(params: dict[str, Any]) -> tuple[int, int]:
    """How many operands of a scan are constants, and how many are carried; JAX says so in two ways."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carried, _ = params["ft_in"].unpack()  # from JAX 0.12 on
    return len(consts), len(carried)
