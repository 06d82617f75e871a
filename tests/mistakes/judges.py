"""The oracle's judgment of a case, and what the table needs to know of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference import oracle

from .case import Mistake, Size


@dataclass(frozen=True)
class Run:
    """One judgment of one case on one input. outcome: "pass", "fail", "cannot tell", or "raised" (the judge itself)."""

    case: str
    judge: str
    manner: str
    size: Size
    seed: int
    outcome: str
    causes: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    # Names of the arguments that the judge says are wrong, whatever the cause.
    wrong: tuple[str, ...] = ()
    said: str = ""
    # Of the processor: other work on the machine does not count.
    seconds: float = 0.0
    evaluations: int = 0


Reader = Callable[[oracle.Report], object]


def by_oracle(case: Mistake, size: Size, seed: int, manner: str, read: Reader | None = None) -> Run:
    """Judge a case by its forward alone ("plain"), or by the op that it claims to be too ("named").

    Whoever reads the report itself gets it when the time is taken.
    """
    started = time.process_time()
    try:
        report = report_of(case, size, seed, manner)
    except Exception as error:  # the corpus must be judged to its end, and a judge that raises be shown
        return Run(case.id, "oracle", manner, size, seed, "raised", said=f"{type(error).__name__}: {error}"[:300])
    position = {argument.name: case.names[i] for i, argument in enumerate(report.arguments) if i < len(case.names)}
    if len(report.arguments) != len(case.names):
        position = {name: name for name in case.names}
    findings = report.findings
    run = Run(
        case.id,
        "oracle",
        manner,
        size,
        seed,
        report.verdict,
        tuple(finding.cause for finding in findings),
        tuple(position.get(finding.argument or "", finding.argument or "") for finding in findings),
        tuple(position.get(one.name, one.name) for one in report.arguments if one.verdict == "fail"),
        (findings[0].message if findings else "; ".join(report.power))[:300],
        time.process_time() - started,
        report.forward_evaluations + report.backward_evaluations,
    )
    if read:
        read(report)
    return run


def report_of(case: Mistake, size: Size, seed: int, manner: str) -> oracle.Report:
    """What the oracle says of a case, strictly: writing into the cotangent and single precision fail."""
    primals = case.inputs(size, seed)
    named = {"op": case.op, "statics": dict(case.statics)} if manner == "named" else {}
    subject, taken = subject_of(case, primals)
    subject = replace(subject, constants=(*subject.constants, *case.constants))
    names = (
        case.names[: len(primals)] if len(taken) == len(primals) and case.style not in ("layer", "network") else None
    )
    return oracle.check(subject, *taken, names=names, seed=seed, strict=True, **named)


def subject_of(case: Mistake, primals: tuple[Any, ...]) -> tuple[oracle.Subject, tuple[Any, ...]]:
    """The case as the oracle's subject in its own style, and the primals that its check takes."""
    code = case.build()
    count = case.inputs_of_layer
    match case.style:
        case "forward_backward":
            return oracle.from_forward_backward(*code), primals
        case "rule":
            return oracle.from_rule(*code), primals
        case "cache":
            return oracle.from_cache(*code), primals
        case "vjp":
            return oracle.from_vjp(code), primals
        case "torch":
            return oracle.from_torch(code), primals
        case "jax":
            return oracle.from_jax(code), primals
        case "layer":
            layer = code(*(np.array(p) for p in primals[count:]))
            return oracle.from_layer(layer, dict(case.gradients)), primals[:count]
        case "network":
            network = code(*(np.array(p) for p in primals[count:]))
            if not hasattr(network, "params"):
                network = Holding(code, dict(zip(case.gradients, primals[count:], strict=True)))
            return oracle.from_network(network), primals[:count]
    raise ValueError(f"subject_of: style must be one that Style lists; got {case.style!r}")


class Holding:
    """A network with plain attributes, made anew for every call from a dict of parameters that the oracle can vary."""

    def __init__(self, make: Any, params: dict[str, np.ndarray]):
        self.make, self.params = make, params

    def loss(self, *inputs: Any) -> Any:
        return self._made().loss(*inputs)

    def gradient(self, *inputs: Any) -> Any:
        return self._made().gradient(*inputs)

    def _made(self) -> Any:
        return self.make(*self.params.values())


def is_named(case: Mistake, run: Run) -> bool:
    """Whether the first finding has the name that the definitions give, and blames no innocent argument."""
    return bool(run.causes) and _names(case, run.causes[0], run.arguments[0])


def is_named_at_all(case: Mistake, run: Run) -> bool:
    """Whether any finding has the name that the definitions give, of an argument that is to blame."""
    return any(_names(case, *found) for found in zip(run.causes, run.arguments, strict=True))


def _names(case: Mistake, cause: str, argument: str) -> bool:
    return cause in (case.cause, case.also) and _blames(case, argument)


def _blames(case: Mistake, argument: str) -> bool:
    return not argument or not case.expected_argument or argument in case.expected_argument
