"""Gated units, GELU, and rotary embedding."""

import math

import torch

from scripts.acceptance.operation import Operation


def swiglu(a, d, x, gate):
    s = torch.sigmoid(gate)
    return d * gate * s, d * x * s * (1 + gate * (1 - s))


def gelu(a, d, x):
    below = torch.special.ndtr(x) if x.dtype.itemsize > 2 else torch.special.ndtr(x.float()).to(x.dtype)
    density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return (d * (below + x * density),)


def turned(x, sign):
    """Halves of a head, rotated together, by angles of float64."""
    half = x.shape[-1] // 2
    pace = 10000.0 ** (-torch.arange(half, dtype=torch.float64) * 2 / x.shape[-1])
    angle = (torch.arange(x.shape[-3], dtype=torch.float64)[:, None] * pace)[:, None, :]
    cos, sin = torch.cos(angle).to(x.dtype), sign * torch.sin(angle).to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)


def rotary(a, d, x):
    return (turned(d, -1),)


OPERATIONS = (
    Operation(
        "SwiGLU", "glu", lambda x, gate: x * torch.nn.functional.silu(gate), swiglu,
        lambda rng: {"x": rng.normal(size=(9, 3, 11)), "gate": 2 * rng.normal(size=(9, 3, 11))},
        (
            ("the slope is the sigmoid's alone", "(1 + gate * (1 - s))", "(1 - s)"),
            ("the gate's slope lacks a term", " * (1 + gate * (1 - s))", ""),
            ("the factor x is missing", "d * x * s", "d * s"),
            ("the factor gate is missing", "d * gate * s", "d * s"),
        ),
        {"activation": "silu"},
    ),
    Operation(
        "GELU", "gelu", torch.nn.functional.gelu, gelu, lambda rng: {"x": 2 * rng.normal(size=(9, 3, 11))},
        (
            ("the density's term is missing", " + x * density", ""),
            ("the factor x is missing", "x * density", "density"),
            ("the root of pi for that of 2 pi", "math.sqrt(2 * math.pi)", "math.sqrt(math.pi)"),
        ),
    ),
    Operation(
        "rotary embedding", "rotary_embedding", lambda x: turned(x, 1), rotary,
        lambda rng: {"x": rng.normal(size=(2, 7, 3, 8))},
        (
            ("turned the same way", "turned(d, -1)", "turned(d, 1)"),
            ("not turned", "turned(d, -1)", "d"),
            ("the halves exchanged", "turned(d, -1)", "turned(d.roll(4, -1), -1)"),
            ("the positions begin at 1", "turned(d, -1)", "turned(d.roll(1, -3), -1).roll(-1, -3)"),
        ),
    ),
)  # fmt: skip
