"""Rules of acceptance, each written from its description in a few lines: a row a rule."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

FLOAT32, BFLOAT16, FLOAT16 = DTYPES = torch.float32, torch.bfloat16, torch.float16


@dataclass(frozen=True)
class Gradient:
    """One gradient, in float64: what came back, what PyTorch has in the same dtype, and what float64 has."""

    got: torch.Tensor
    plain: torch.Tensor
    truth: torch.Tensor


Accepts = Callable[[Gradient], bool]


@dataclass(frozen=True)
class Rule:
    """A rule: whose, what it says, what it compares with, and how it is asked in each dtype that it says one for."""

    name: str
    says: str
    beside: str
    accepts: dict[torch.dtype, Accepts]


def close(absolute: float, relative: float = 1e-5, share: float = 1.0) -> Accepts:
    """allclose: so large a share of the entries within absolute + relative |reference|."""

    def accepts(of: Gradient) -> bool:
        inside = (of.got - of.plain).abs() <= absolute + relative * of.plain.abs()
        return bool(inside.double().mean() >= share)

    return accepts


def ratio(most: float) -> Accepts:
    """The root mean square of the error as a share of that of the reference."""

    def accepts(of: Gradient) -> bool:
        error, size = (one.square().mean().sqrt() for one in (of.got - of.truth, of.truth))
        return bool(error / (size + 1e-8) < most)

    return accepts


def beside_plain(times: float) -> Accepts:
    """The largest error, beside that of PyTorch in the same dtype."""

    def accepts(of: Gradient) -> bool:
        own, plain = ((one - of.truth).abs().max() for one in (of.got, of.plain))
        return bool(own <= times * plain)

    return accepts


def halves(accepts: Accepts, single: Accepts | None = None) -> dict[torch.dtype, Accepts]:
    """The same for bfloat16 and float16, and for float32 another or the same."""
    return {FLOAT32: single or accepts, BFLOAT16: accepts, FLOAT16: accepts}


SAME, EXACT = "PyTorch, same dtype", "float64"
RULES = (
    Rule("Liger, RMS norm", "allclose, 2e-1 (float32: 1e-4)", SAME, {FLOAT32: close(1e-4), BFLOAT16: close(2e-1)}),
    Rule("Liger, rotary", "allclose, 1e-1 (float32: 1e-5)", SAME, {FLOAT32: close(1e-5), BFLOAT16: close(1e-1)}),
    Rule("FLA, loosest", "ratio of root mean squares below 0.02", EXACT, halves(ratio(0.02))),
    Rule("FLA, strictest", "ratio of root mean squares below 0.005", EXACT, halves(ratio(0.005))),
    Rule("flash-attention, gradients", "largest error at most 3 times PyTorch's", EXACT, halves(beside_plain(3))),
    Rule("flash-attention, output", "largest error at most 2 times PyTorch's", EXACT, halves(beside_plain(2))),
    Rule("KernelBench", "allclose, 1e-2 (float32: 1e-4)", SAME, halves(close(1e-2, 1e-2), close(1e-4, 1e-4))),
    Rule("robust-kbench", "allclose, 1e-5", SAME, halves(close(1e-5, 1e-5))),
    Rule("SOL-ExecBench", "1e-2 + 1e-2 abs(ref), 99 % of entries", SAME, halves(close(1e-2, 1e-2, 0.99))),
    Rule("BackendBench", "allclose, 1e-2", SAME, halves(close(1e-2, 1e-2))),
    Rule("MultiKernelBench", "allclose, 1e-4", SAME, halves(close(1e-4, 1e-4))),
    Rule("MultiKernelBench, Pallas", "allclose, 1e-2", SAME, halves(close(1e-2, 1e-2))),
)
