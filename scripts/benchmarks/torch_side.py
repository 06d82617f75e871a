"""The same training steps in PyTorch: eager and compiled, contiguous and channels-last."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.networks import Network

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


def names(network: Network, compiled: bool) -> list[str]:
    """Eager steps, and compiled ones if asked for."""
    formats = list(FORMATS) if len(network.image) == 3 else ["torch"]
    return [name + suffix for name in formats for suffix in (("", " compiled") if compiled else ("",))]


def step(network: Network, name: str, device: str) -> Callable[[], Any]:
    """The step of one name: a key of FORMATS, and " compiled" after it or not. It ends when its loss is on the host."""
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
