"""Every backward of an operation in a dtype, as each rule, gradcheck and the oracle judge it."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from reference import oracle
from scripts.acceptance.arithmetic import said
from scripts.acceptance.operation import Backward, Operation, backwards
from scripts.acceptance.rules import RULES, Gradient

SEED = 0
GRADCHECK, OURS = "torch.autograd.gradcheck", "functional_nn"
# gradcheck measures every entry of arguments up to so many, and projections of larger ones.
SLOWLY = 1000
# The cotangents, by how large they are for a number of outputs: as in most tests, and as a mean loss hands them on.
COTANGENTS = {"of order 1": lambda outputs: 1.0, "of a mean": lambda outputs: 1 / outputs}


@dataclass(frozen=True)
class Judged:
    """Which rules accept one backward; a rule that says nothing of the dtype is left out.

    edit: "" where the backward is right; named: whether the oracle says a cause; seconds: of the processor, for the
    oracle alone.
    """

    operation: str
    dtype: str
    cotangent: str
    arithmetic: str
    edit: str
    accepted: dict[str, bool]
    status: str
    named: bool
    seconds: float

    @property
    def right(self) -> bool:
        """Whether nothing was done to the backward."""
        return not self.edit

    @property
    def label(self) -> str:
        """What it is, in a line."""
        return f"{self.operation}, {self.dtype}, cotangent {self.cotangent}, {self.arithmetic}, {self.edit or 'right'}"


@dataclass(frozen=True)
class Question:
    """An operation at primals of a dtype, with the cotangent of its output, in float64 arrays."""

    operation: Operation
    dtype: torch.dtype
    primals: dict[str, np.ndarray]
    cotangent: np.ndarray

    def tensors(self, dtype: torch.dtype) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Fresh leaves in a dtype, and the cotangent; whole numbers stay what they are."""
        given = [torch.tensor(primal) for primal in self.primals.values()]
        given = [one.to(dtype).requires_grad_() if one.is_floating_point() else one for one in given]
        return given, torch.tensor(self.cotangent).to(dtype)

    def gradients(self, function: Callable[..., torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
        """The gradients of a function of tensors by autograd, in float64."""
        given, cotangent = self.tensors(dtype)
        wanted = [one for one in given if one.requires_grad]
        return [one.double() for one in torch.autograd.grad(function(*given), wanted, cotangent)]


def question(operation: Operation, dtype: torch.dtype, cotangent: str = "of order 1", seed: int = SEED) -> Question:
    """The operation on numbers drawn with this seed, and rounded to the dtype."""
    rng = np.random.default_rng(seed)

    def rounded(values: np.ndarray) -> np.ndarray:
        return torch.tensor(values).to(dtype).double().numpy() if values.dtype.kind == "f" else values

    primals = {name: rounded(values) for name, values in operation.primals(rng).items()}
    out = operation.forward(*map(torch.tensor, primals.values()))
    upstream = rng.normal(size=tuple(out.shape)) * COTANGENTS[cotangent](out.numel())
    return Question(operation, dtype, primals, rounded(upstream))


def measured(operation: Operation, dtype: torch.dtype, cotangent: str) -> list[Judged]:
    """Every backward of an operation in a dtype, judged by all."""
    asked = question(operation, dtype, cotangent)
    plain, truth = (asked.gradients(operation.forward, one) for one in (dtype, torch.float64))
    found = []
    for backward in backwards(operation, dtype):
        got = asked.gradients(backward.function().apply, dtype)
        gradients = [Gradient(*one) for one in zip(got, plain, truth, strict=True)]
        accepted = {rule.name: all(map(rule.accepts[dtype], gradients)) for rule in RULES if dtype in rule.accepts}
        accepted[GRADCHECK] = by_gradcheck(asked, backward)
        found.append(_with_ours(asked, backward, cotangent, accepted))
    return found


def _with_ours(asked: Question, backward: Backward, cotangent: str, accepted: dict[str, bool]) -> Judged:
    started = time.process_time()
    report = by_oracle(asked, backward)
    return Judged(
        asked.operation.name,
        said(asked.dtype),
        cotangent,
        backward.arithmetic.name,
        backward.edit,
        {**accepted, OURS: report.verdict == "pass"},
        report.status,
        any(found.cause != "unexplained" for found in report.findings),
        time.process_time() - started,
    )


def by_gradcheck(asked: Question, backward: Backward) -> bool:
    """Whether gradcheck accepts the same code on the same values in float64, with its usual tolerances."""
    given, _ = asked.tensors(torch.float64)
    large = sum(one.numel() for one in given) > SLOWLY
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.autograd.gradcheck(backward.function().apply, given, fast_mode=large, raise_exception=False)


def by_oracle(asked: Question, backward: Backward) -> oracle.Report:
    """What the oracle says of it, given the same numbers."""
    operation = asked.operation
    return oracle.check(
        oracle.from_torch(backward.function()),
        *asked.primals.values(),
        names=tuple(asked.primals),
        reference=operation.op,
        statics=operation.statics,
        dtype=said(asked.dtype),
        cotangent=asked.cotangent,
    )
