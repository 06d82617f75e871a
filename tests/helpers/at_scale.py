"""Large layers with one mistake each, what the oracle's check of them costs, and what gradcheck's would."""

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reference import oracle
from reference.convolution import conv_bwd, conv_fwd
from reference.linear import dense_bwd, dense_fwd
from reference.normalization import batch_norm_bwd, batch_norm_fwd

ROOT = Path(__file__).resolve().parents[2]
MOST = 300
# gradcheck perturbs so many entries, and looks at so many outputs, where all of them would take hours.
SLICE = 32
SECONDS = 20.0
HEAD = ("case", "entries", "found at", "forward", "smaller", "backward", "oracle", "gradcheck")


@dataclass(frozen=True)
class Large:
    """A rule with one mistake, its primals, and the argument and the index (None: all of it) that are wrong."""

    name: str
    fwd: Callable[..., Any]
    bwd: Callable[..., Any]
    primals: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    wrong: str
    index: tuple[int, ...] | None

    @property
    def position(self) -> int:
        return self.names.index(self.wrong)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: Large
    report: oracle.Report
    seconds: float
    gradcheck: str

    @property
    def located(self) -> bool:
        """Whether exactly the wrong argument is named, with the wrong entry where there is only one."""
        wrong = [one for one in self.report.arguments if one.verdict == "fail"]
        return [one.name for one in wrong] == [self.case.wrong] and self.case.index in (None, wrong[0].worst_index)

    @property
    def good(self) -> bool:
        return self.located and self.report.forward_evaluations < MOST

    def cells(self) -> tuple[str, ...]:
        size = self.case.primals[self.case.position].size
        finding = self.report.findings[0] if self.report.findings else None
        entry = list(finding.index) if finding and finding.index and self.case.index else ""
        found = f"{self.case.wrong}{entry}: {finding.cause}" if finding and self.located else "not found"
        counts = self.report.forward_evaluations, self.report.small_evaluations, self.report.backward_evaluations
        return (self.case.name, f"{size:,}", found, *map(str, counts), f"{self.seconds:.1f} s", self.gradcheck)


def sized(quick: bool) -> Iterator[Large]:
    """The same mistakes at two sizes, so that the growth shows; quick leaves out the large one."""
    for large in (False,) if quick else (False, True):
        rng = np.random.default_rng(7)
        yield _convolution(rng, (16, 32, 32, 16) if large else (8, 16, 16, 4), 32 if large else 8)
        yield _dense(rng, *(64, 1024, 1024) if large else (8, 64, 64))
        yield _softmax(rng, (64, 1000) if large else (16, 160))
        yield _batch_norm(rng, (16, 32, 32, 16) if large else (8, 8, 8, 8))


def _convolution(rng: np.random.Generator, shape: tuple[int, ...], out: int) -> Large:
    at = tuple(size * 2 // 3 for size in shape)

    def bwd(residuals: Any, ct: np.ndarray) -> tuple[Any, ...]:
        x_ct, kernel_ct, bias_ct = conv_bwd(residuals, ct)
        x_ct[at] *= 1.5
        return x_ct, kernel_ct, bias_ct

    def fwd(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> Any:
        return conv_fwd(x, kernel, bias, padding="SAME")

    primals = rng.normal(size=shape), 0.1 * rng.normal(size=(3, 3, shape[-1], out)), rng.normal(size=out)
    name = f"convolution {'x'.join(map(str, shape))} to {out}"
    return Large(name, fwd, bwd, primals, ("x", "kernel", "bias"), "x", at)


def _dense(rng: np.random.Generator, batch: int, inner: int, outer: int) -> Large:
    at = (inner * 2 // 3, outer // 3)

    def fwd(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> Any:
        out, residuals = dense_fwd(x, kernel, bias)
        return np.tanh(out), (residuals, out)

    def bwd(saved: Any, ct: np.ndarray) -> tuple[Any, ...]:
        residuals, out = saved
        x_ct, kernel_ct, bias_ct = dense_bwd(residuals, ct * (1 - np.tanh(out) ** 2))
        kernel_ct[at] *= 1.5
        return x_ct, kernel_ct, bias_ct

    primals = rng.normal(size=(batch, inner)), rng.normal(size=(inner, outer)) / inner**0.5, rng.normal(size=outer)
    name = f"dense {inner}x{outer}, batch {batch}, tanh"
    return Large(name, fwd, bwd, primals, ("x", "kernel", "bias"), "kernel", at)


def _softmax(rng: np.random.Generator, shape: tuple[int, int]) -> Large:
    def fwd(x: np.ndarray) -> Any:
        shifted = np.exp(x - x.max(axis=-1, keepdims=True))
        return shifted / shifted.sum(axis=-1, keepdims=True), None

    name = f"softmax {shape[0]}x{shape[1]}"
    return Large(name, fwd, lambda _, ct: np.zeros_like(ct), (rng.normal(size=shape),), ("x",), "x", None)


def _batch_norm(rng: np.random.Generator, shape: tuple[int, ...]) -> Large:
    def fwd(x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> Any:
        (out, mean, variance), residuals = batch_norm_fwd(x, scale, bias)
        return out, (residuals, mean, variance)

    def bwd(saved: Any, ct: np.ndarray) -> tuple[Any, ...]:
        residuals, mean, variance = saved
        x_ct, scale_ct, bias_ct = batch_norm_bwd(residuals, (ct, np.zeros_like(mean), np.zeros_like(variance)))
        return np.zeros_like(x_ct), scale_ct, bias_ct

    primals = rng.normal(size=shape), rng.normal(size=shape[-1]), rng.normal(size=shape[-1])
    name = f"batch norm {'x'.join(map(str, shape))}"
    return Large(name, fwd, bwd, primals, ("x", "scale", "bias"), "x", None)


def judged(case: Large, gradcheck: bool) -> Row:
    """The oracle's check of a case, and gradcheck's time."""
    started = time.perf_counter()
    report = oracle.check(oracle.from_rule(case.fwd, case.bwd), *case.primals, names=case.names)
    return Row(case, report, time.perf_counter() - started, slow_mode(case) if gradcheck else "not run")


def slow_mode(case: Large) -> str:
    """gradcheck of the wrong argument: measured where that takes seconds, else on a few entries of it, times the rest.

    A slow check calls the forward twice an entry and the backward twice an output; the smaller of the two numbers is
    what the measured time is multiplied by, so the truth is larger still.
    """
    few = _gradcheck(case, SLICE)
    outputs = np.size(case.fwd(*case.primals)[0])
    times = min(case.primals[case.position].size, outputs) / SLICE
    if few * times < SECONDS:
        return _time(_gradcheck(case, None))
    return f"over {_time(few * times)}"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"


def _gradcheck(case: Large, entries: int | None) -> float:
    """Seconds that gradcheck takes on so many entries of the argument and of the output; None means all."""
    import torch

    primal = case.primals[case.position]
    chosen = slice(0, entries)

    class Cut(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, part: torch.Tensor) -> torch.Tensor:
            flat = primal.ravel().copy()
            flat[chosen] = part.detach().numpy()
            out, ctx.residuals = case.fwd(*_with(case, flat.reshape(primal.shape)))
            ctx.shape = out.shape
            return torch.tensor(out.ravel()[chosen])

        @staticmethod
        def backward(ctx: Any, *upstream: torch.Tensor) -> torch.Tensor:
            ct = np.zeros(int(np.prod(ctx.shape)))
            ct[chosen] = upstream[0].numpy()
            found = case.bwd(ctx.residuals, ct.reshape(ctx.shape))
            own = found[case.position] if isinstance(found, tuple) else found
            return torch.tensor(own.ravel()[chosen])

    part = torch.tensor(primal.ravel()[chosen], requires_grad=True)
    started = time.perf_counter()
    torch.autograd.gradcheck(Cut.apply, (part,), fast_mode=False, raise_exception=False)
    return time.perf_counter() - started


def _with(case: Large, value: np.ndarray) -> tuple[np.ndarray, ...]:
    return (*case.primals[: case.position], value, *case.primals[case.position + 1 :])


def markdown(rows: list[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def document(rows: list[Row]) -> str:
    machine = f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}"
    return f"""# The oracle at realistic sizes

What a check of large arrays costs. Written by `python scripts/oracle_at_scale.py --write`
({machine}). Each case has one mistake: one wrong entry in convolution and dense, a
gradient of zero in softmax and batch norm. The oracle is not told what the function is.

- *found at*: the argument, the entry if only one is wrong, and the cause.
- *forward* and *backward*: the number of calls at this size, to look for impurity, recognize the op, judge, locate and
  name. *smaller*: calls on an input of a few hundred entries, made only to find the cause.
- *gradcheck*: PyTorch's, in its slow mode, of the wrong argument only, in the same run. Where it says *over*, it was
  measured on {SLICE} entries and extrapolated, and the truth is larger still.

{markdown(rows)}"""


def main() -> int:
    parser = argparse.ArgumentParser(description="What a check of large arrays costs.")
    parser.add_argument("--quick", action="store_true", help="small sizes, without gradcheck")
    parser.add_argument("--write", action="store_true", help="write docs/oracle_at_scale.md")
    arguments = parser.parse_args()
    rows = [judged(case, not arguments.quick) for case in sized(arguments.quick)]
    print(markdown(rows))
    if arguments.write:
        (ROOT / "docs" / "oracle_at_scale.md").write_text(document(rows), encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1
