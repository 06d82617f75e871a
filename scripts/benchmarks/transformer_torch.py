"""The training step of a transformer in PyTorch, with its fused attention and AdamW: eager and compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.networks import Transformer
from benchmarks.transformer_jax import DECAY, RATE, blocks, parameters


class Attention(nn.Module):
    """Causal attention of rotated queries and keys."""

    def __init__(self, case: Transformer):
        super().__init__()
        self.heads, half = case.heads, case.head_dim // 2
        self.inner = nn.Linear(case.width, 3 * case.width, bias=False)
        self.outer = nn.Linear(case.width, case.width, bias=False)
        angle = torch.arange(case.context)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        self.cos: torch.Tensor
        self.sin: torch.Tensor
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (batch, length, width), the same shape."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.inner(x).chunk(3, -1)
        )
        out = functional.scaled_dot_product_attention(self._rotated(query), self._rotated(key), value, is_causal=True)
        return self.outer(out.transpose(1, 2).flatten(2))

    def _rotated(self, x: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, -1)
        return torch.cat([first * self.cos - second * self.sin, first * self.sin + second * self.cos], -1)


class Gated(nn.Module):
    """The gated network of hidden units."""

    def __init__(self, case: Transformer):
        super().__init__()
        self.inner = nn.Linear(case.width, 2 * case.hidden, bias=False)
        self.outer = nn.Linear(case.hidden, case.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (batch, length, width), the same shape."""
        value, gate = self.inner(x).chunk(2, -1)
        return self.outer(value * functional.silu(gate))


class Model(nn.Module):
    """The logits of the token after each token."""

    def __init__(self, case: Transformer):
        super().__init__()
        kinds = (Attention, Gated) * case.layers
        self.embedding = nn.Embedding(case.vocabulary, case.width)
        self.blocks = nn.ModuleList(kind(case) for kind in kinds)
        self.norms = nn.ModuleList(nn.RMSNorm(case.width, eps=1e-6) for _ in kinds)
        self.norm = nn.RMSNorm(case.width, eps=1e-6)
        self.head = nn.Linear(case.width, case.vocabulary, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (batch, length) tokens, (batch, length, vocabulary)."""
        out = self.embedding(x)
        for norm, block in zip(self.norms, self.blocks, strict=True):
            out = out + block(norm(out))
        return self.head(self.norm(out))


def _model(case: Transformer) -> Model:
    model, (params, _) = Model(case), parameters(case)
    weights: dict[Any, Any] = {model.embedding: params["embedding"]["table"], model.head: params["head"]["kernel"].T}
    for name, block in zip(blocks(case), model.blocks, strict=True):
        weights[block.inner] = params[f"{name}_in"]["kernel"].T
        weights[block.outer] = params[f"{name}_out"]["kernel"].T
    with torch.no_grad():
        for module, weight in weights.items():
            module.weight.copy_(torch.tensor(np.asarray(weight, np.float32)))
    return model.to(getattr(torch, case.dtype))


def step(case: Transformer, device: str, compiled: bool) -> Callable[[], Any]:
    """A step that ends when its loss is on the host."""
    model: Any = _model(case).to(device)
    x, labels = (torch.tensor(array).long().to(device) for array in case.data())
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY, fused=True)
    forward = torch.compile(model) if compiled else model

    def run() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(forward(x).flatten(0, 1), labels.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    return run
