"""The same training steps and ops in PyTorch: eager and compiled, contiguous and channels-last."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.networks import Network, Op

FORMATS = {"torch": torch.contiguous_format, "torch channels-last": torch.channels_last}


class Block(nn.Module):
    """Two convolutions with batch normalization beside an identity."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        return functional.relu(x + self.inner(x))


class Mean(nn.Module):
    """The mean over height and width."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One number a channel."""
        return x.mean((2, 3))


def _layer(layer: tuple[Any, ...]) -> nn.Module:
    match layer:
        case ("dense", inputs, outputs):
            return nn.Linear(inputs, outputs)
        case ("conv", inputs, outputs, window, padding):
            return nn.Conv2d(inputs, outputs, window, padding=padding)
        case ("block", width):
            return Block(width)
        case ("relu",):
            return nn.ReLU()
        case ("pool",):
            return nn.MaxPool2d(2)
        case ("flatten",):
            return nn.Flatten()
    return Mean()


def steps(network: Network, compiled: bool, device: str) -> dict[str, Callable[[], Any]]:
    """Eager steps, and compiled ones if asked for; on a GPU a step ends when its loss is on the host."""
    formats = list(FORMATS) if len(network.image) == 3 else ["torch"]
    suffixes = ("", " compiled") if compiled else ("",)
    return {name: step(network, name, device) for name in (f + suffix for f in formats for suffix in suffixes)}


def step(network: Network, name: str, device: str) -> Callable[[], Any]:
    """The step of one name: a key of FORMATS, and " compiled" after it or not."""
    memory_format, compiled = FORMATS[name.removesuffix(" compiled")], name.endswith(" compiled")
    images, labels = network.data()
    x = torch.tensor(images)
    torch.manual_seed(0)
    model: Any = nn.Sequential(*map(_layer, network.layers)).to(device)
    if images.ndim == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
        model = model.to(memory_format=memory_format)
    return _step(model, x.to(device), torch.tensor(labels).to(device), compiled)


def _step(model: nn.Module, x: torch.Tensor, labels: torch.Tensor, compiled: bool) -> Callable[[], float]:
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(forward(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def op_steps(op: Op, device: str) -> dict[str, Callable[[], Any]]:
    """Forward and backward of an op, eager, from a given upstream gradient."""
    formats = FORMATS if len(op.x) == 4 else {"torch": torch.contiguous_format}
    return {name: _op_step(op, memory_format, device) for name, memory_format in formats.items()}


def _op_step(op: Op, memory_format: torch.memory_format, device: str) -> Callable[[], Any]:
    def leaf(*shape: int) -> torch.Tensor:
        layout = memory_format if len(shape) == 4 else torch.contiguous_format
        return torch.randn(shape).to(device).contiguous(memory_format=layout).requires_grad_()

    # Channels first in PyTorch, and kernels with the outputs first.
    first_to_last = {4: (0, 3, 1, 2), 2: (0, 1)}[len(op.x)]
    arrays = [leaf(*(op.x[axis] for axis in first_to_last))]
    if op.kernel:
        *window, inputs, outputs = op.kernel
        arrays.append(leaf(outputs, inputs, *window))
    forward = _op_forward(op, arrays, device)
    upstream = torch.ones_like(forward())

    def step() -> Any:
        gradients = torch.autograd.grad(forward(), arrays, upstream)
        if device != "cpu":
            torch.cuda.synchronize()
        return gradients

    return step


def _op_forward(op: Op, arrays: list[torch.Tensor], device: str) -> Callable[[], torch.Tensor]:
    labels = torch.randint(op.x[-1], op.x[:1], device=device)
    statics: dict[str, Any] = {"stride": op.strides, "padding": op.padding, "groups": op.groups}
    return {
        "conv": lambda: functional.conv2d(arrays[0], arrays[1], **statics),
        "max_pool": lambda: functional.max_pool2d(arrays[0], 2),
        "avg_pool": lambda: functional.avg_pool2d(arrays[0], 2),
        "batch_norm": lambda: functional.batch_norm(arrays[0], None, None, training=True),
        "softmax_cross_entropy": lambda: functional.cross_entropy(arrays[0], labels, reduction="none"),
        "dense": lambda: functional.linear(arrays[0], arrays[1]),
    }[op.kind]
