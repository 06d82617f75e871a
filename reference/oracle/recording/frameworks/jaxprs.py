"""A JAX forward by its jaxpr: the equations run one after the other, each as NumPy calls."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks.parts import Unknown, run_at
from reference.oracle.recording.frameworks.primitives import PRIMITIVES
from reference.oracle.recording.recorded import plain
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


def of_jax(forward: Callable[..., Any], primals: Sequence[Any]) -> Callable[..., Any]:
    """The forward as NumPy calls; it raises where an operation is unknown."""
    jax = importlib.import_module("jax")
    built: list[Any] = []

    def flat(*given: Any) -> list[Any]:
        built.append(forward(*given))
        return trees.leaves(built[-1])

    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        closed = jax.make_jaxpr(flat)(*map(np.asarray, primals))
    structure = trees.mapped(lambda leaf: None, built[-1])
    jaxpr = Jaxpr(Path(str(jax.__file__)).parent)

    def numpy_forward(*given: Any) -> Any:
        values = iter(jaxpr.run(closed, given, ()))
        return trees.mapped(lambda place: next(values), structure)

    return numpy_forward


class Jaxpr:
    """Runs jaxprs on NumPy arrays; frames of code in the library's own folder are not the user's."""

    def __init__(self, library: Path):
        self.foreign = (str(library), str(Path(__file__).parents[2]))
        self.control = {"scan": self.scan, "while": self.loop, "cond": self.branch}
        self.known: dict[int, At] = {}

    def run(self, closed: Any, given: Sequence[Any], calls: Calls, at: At | None = None) -> list[Any]:
        """The outputs of a jaxpr, which the calls led to, for these arguments."""
        jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
        values = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
        values.update(zip(jaxpr.invars, given, strict=True))

        def read(variable: Any) -> Any:
            return np.asarray(variable.val) if hasattr(variable, "val") else values[variable]

        for equation in jaxpr.eqns:
            made = self.equation(equation, [read(one) for one in equation.invars], calls, at)
            values.update(zip(equation.outvars, made, strict=True))
        return [read(one) for one in jaxpr.outvars]

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
        entry, found = traceback.as_python_traceback() if traceback else None, []
        while entry is not None:
            found.append((entry.tb_frame.f_code, entry.tb_lasti, entry.tb_lineno))
            entry = entry.tb_next
        ours = [i for i, frame in enumerate(found) if frame[0].co_filename.startswith(self.foreign[1])]
        return found[ours[-1] + 1 :] if ours else found

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
