"""Forwards and backwards that read memory as released kernels did, each beside what it should read; NumPy and PyTorch.

`read(array)` is how a kernel gets at the entries of an array: by their order in memory, as was wrong, or in a
contiguous copy. Only operators that arrays and tensors share are used, so that each mistake stands once.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import e, prod
from typing import Any

import numpy as np

from reference import oracle

Read = Callable[..., Any]


def by_strides(array: Any, strides: tuple[int, ...]) -> Any:
    """What lies at these strides, in entries, from the first entry of an array on."""
    if isinstance(array, np.ndarray):
        return np.lib.stride_tricks.as_strided(array, array.shape, [step * array.itemsize for step in strides])
    return array.as_strided(array.shape, strides, array.storage_offset())


def strides_of(array: Any) -> tuple[int, ...]:
    if isinstance(array, np.ndarray):
        return tuple(step // array.itemsize for step in array.strides)
    return array.stride()


def in_order(array: Any) -> Any:
    """The memory in order, as if the array were contiguous."""
    return by_strides(array, tuple(prod(array.shape[axis + 1 :]) for axis in range(array.ndim)))


def columns_in_order(array: Any) -> Any:
    """Rows by their own stride, entries in a row one behind the other."""
    return by_strides(array, (*strides_of(array)[:-1], 1))


def contiguous(array: Any) -> Any:
    return np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array.contiguous()


def at_strides_of(other: Any, array: Any) -> Any:
    """A contiguous array at the strides of another one, read around where its memory ends."""
    index = sum(np.arange(size)[(slice(None), *[None] * (array.ndim - axis - 1))] * strides_of(other)[axis]
                for axis, size in enumerate(array.shape))  # fmt: skip
    return contiguous(array).reshape(-1)[index % prod(array.shape)]


def last(other: Any, array: Any) -> Any:
    """What `at_strides_of` should have read."""
    return array


@dataclass(frozen=True)
class Kernel:
    """A forward, a backward that is made of how it reads, the wrong way and the right one, and shapes that show it."""

    seen: str
    forward: Callable[..., Any]
    backward: Callable[[Read], Callable[..., Any]]
    shapes: dict[str, tuple[int, ...]]
    # The argument that is misread; None for the cotangent.
    argument: str | None = None
    wrong: Read = in_order
    right: Read = contiguous

    def subject(self, framework: str, read: Read) -> oracle.Subject:
        backward = self.backward(read)
        if framework == "numpy":
            return oracle.from_forward_backward(self.forward, backward)
        return oracle.from_torch(function_of(self.forward, backward))

    def primals(self) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(5)
        return tuple(rng.normal(size=shape) for shape in self.shapes.values())


def function_of(forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """The torch.autograd.Function of a forward and a backward over tensors."""
    import torch

    class Kernel(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *primals):
            ctx.save_for_backward(*primals)
            return forward(*primals)

        @staticmethod
        def backward(ctx, *cotangents):
            return backward(*cotangents, *ctx.saved_tensors)

    return Kernel


def turned(array: Any) -> Any:
    return array.swapaxes(-1, -2)


def probabilities(logits: Any) -> Any:
    powers = e**logits
    return powers / powers.sum(-1)[..., None]


def through_softmax(p: Any, p_ct: Any) -> Any:
    return p * (p_ct - (p * p_ct).sum(-1)[..., None])


def attention(query, key, value):
    return probabilities(query @ turned(key)) @ value


def attention_backward(read):
    def backward(g, query, key, value):
        g, p = read(g), probabilities(query @ turned(key))
        logits_ct = through_softmax(p, g @ turned(value))
        return logits_ct @ key, turned(logits_ct) @ query, turned(p) @ g

    return backward


def short_convolution(x, taps):
    y = x * taps[1]
    y[:, 1:] += x[:, :-1] * taps[0]
    return y


def short_convolution_backward(read):
    def backward(g, x, taps):
        g = read(g)
        x_ct, taps_ct = g * taps[1], taps * 0
        x_ct[:, :-1] += g[:, 1:] * taps[0]
        taps_ct[1], taps_ct[0] = (g * x).sum((0, 1)), (g[:, 1:] * x[:, :-1]).sum((0, 1))
        return x_ct, taps_ct

    return backward


def gate(x):
    return x * probabilities(x)


def gate_backward(read):
    def backward(g, x):
        p = read(g, probabilities(x))
        return g * p + through_softmax(p, g * x)

    return backward


def rms_norm(x, scale):
    return x * ((x * x).mean(-1) + 1e-6)[..., None] ** -0.5 * scale


def rms_norm_backward(read):
    def backward(g, x, scale):
        g, r = read(g), ((x * x).mean(-1) + 1e-6)[..., None] ** -0.5
        return r * (g * scale - x * r * r * (g * scale * x).mean(-1)[..., None]), (g * x * r).sum(0)

    return backward


def cross_entropy(logits, targets):
    return -(targets * np_or_torch(logits).log(probabilities(logits))).sum(-1)


def cross_entropy_backward(read):
    def backward(g, logits, targets):
        p, g = probabilities(logits), read(g)[:, None]
        return g * (p * targets.sum(-1)[:, None] - targets), -g * np_or_torch(logits).log(p)

    return backward


def np_or_torch(array):
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def halved(x):
    """Windows of 2 by 2 in images (batch, channels, height, width), averaged."""
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def halved_backward(read):
    def backward(g, x):
        g, x_ct = read(g) / 4, x * 0
        for row in (0, 1):
            for column in (0, 1):
                x_ct[..., row::2, column::2] = g
        return (x_ct,)

    return backward


def dense(x, kernel):
    return x @ kernel


def dense_backward(read):
    def backward(g, x, kernel):
        return g @ read(kernel).T, x.T @ g

    return backward


def squared_rows(x, scale):
    return (x * x).sum(-1) * scale


def squared_rows_backward(read):
    def backward(g, x, scale):
        return 2 * read(x) * (g * scale)[:, None], g * (x * x).sum(-1)

    return backward


KERNELS = {
    "attention": Kernel("Dao-AILab/flash-attention#355", attention, attention_backward,
                        {"query": (2, 5, 3), "key": (2, 7, 3), "value": (2, 7, 4)}),
    "short convolution": Kernel("fla-org/flash-linear-attention PR871", short_convolution, short_convolution_backward,
                                {"x": (2, 5, 3), "taps": (2, 3)}),
    "recomputed output": Kernel("fla-org/flash-linear-attention#1138", gate, gate_backward, {"x": (2, 5, 3)},
                                wrong=at_strides_of, right=last),
    "rms norm": Kernel("unslothai/unsloth PR10617", rms_norm, rms_norm_backward, {"x": (5, 7), "scale": (7,)},
                       wrong=columns_in_order),
    "cross entropy": Kernel("ROCm/TransformerEngine PR623", cross_entropy, cross_entropy_backward,
                            {"logits": (5, 3), "targets": (5, 3)}),
    "images": Kernel("open-mmlab/mmcv PR737", halved, halved_backward, {"x": (2, 3, 4, 6)}),
    "kernel": Kernel("huggingface/candle#3735", dense, dense_backward, {"x": (3, 7), "kernel": (7, 5)}, "kernel"),
    "input": Kernel("fla-org/flash-linear-attention#759", squared_rows, squared_rows_backward,
                    {"x": (3, 7), "scale": (3,)}, "x"),
}  # fmt: skip
