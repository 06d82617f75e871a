"""In which precision a backward computes: what its elementary results, its sums and its accumulators are."""

from dataclasses import dataclass

import torch

WIDER = {torch.float32: torch.float64, torch.bfloat16: torch.float32, torch.float16: torch.float32}
# What is low for the accumulators of code in this dtype: for float32 a buffer of bfloat16, for the others their own.
LOW = {torch.float32: torch.bfloat16, torch.bfloat16: torch.bfloat16, torch.float16: torch.float16}


def said(dtype: torch.dtype) -> str:
    """The dtype's name, as NumPy and the oracle say it."""
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True)
class Arithmetic:
    """How a backward computes; None is the dtype of what it is given, and PyTorch's own accumulators."""

    name: str
    inside: torch.dtype | None = None
    sums: torch.dtype | None = None
    accumulator: torch.dtype | None = None

    def lifted(self, tensor: torch.Tensor) -> torch.Tensor:
        """An argument as the backward computes with it; whole numbers stay what they are."""
        return tensor.to(self.inside) if self.inside and tensor.is_floating_point() else tensor

    def sum(self, terms: torch.Tensor, axis: int) -> torch.Tensor:
        """The sum over one axis, which stays with size 1."""
        if self.accumulator is None:
            return terms.sum(axis, keepdim=True, dtype=self.sums)
        total = torch.zeros_like(terms.select(axis, 0), dtype=self.accumulator)
        for one in terms.to(self.accumulator).unbind(axis):
            total = total + one
        return total.to(terms.dtype).unsqueeze(axis)

    def mean(self, terms: torch.Tensor, axis: int) -> torch.Tensor:
        """The mean over one axis, which stays with size 1."""
        return self.sum(terms, axis) / terms.shape[axis]

    def rows(self, terms: torch.Tensor) -> torch.Tensor:
        """The sum over all axes but the last."""
        return self.sum(terms.reshape(-1, terms.shape[-1]), 0)[0]

    def product(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The matrix product."""
        if self.accumulator is not None:
            return self.sum(left[..., None] * right[..., None, :, :], -2)[..., 0, :]
        return left.to(self.sums or left.dtype) @ right.to(self.sums or right.dtype)


def right(dtype: torch.dtype) -> tuple[Arithmetic, ...]:
    """The honest ways to compute for arguments of this dtype."""
    wide = WIDER[dtype]
    inside, sums = Arithmetic(f"{said(wide)} inside", inside=wide), Arithmetic(f"sums in {said(wide)}", sums=wide)
    return Arithmetic("plain"), inside, sums


def low(dtype: torch.dtype) -> Arithmetic:
    """Sums that are added up one by one in low precision."""
    return Arithmetic(f"accumulated in {said(LOW[dtype])}", accumulator=LOW[dtype])
