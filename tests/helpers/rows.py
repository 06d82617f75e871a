"""The rows of the table as test parameters, and one way to call either twin of a row."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
import pytest

from reference.oracle.drawn import DIMENSIONS
from reference.oracle.opspec import Case, OpSpec, draw
from reference.oracle.specs import SPECS


@dataclass(frozen=True)
class Row:
    """A case of an op, bound to its statics on both sides; only differentiable arguments are moved."""

    spec: OpSpec
    case: Case

    @property
    def id(self) -> str:
        return f"{self.spec.name}-{self.case.id}"

    @property
    def rounding(self) -> float:
        """How far off the reference may be, in float64, as a witness of small results."""
        return 4 * float(np.finfo(np.float64).eps) if self.spec.reference_cancels else 0.0

    @cached_property
    def arguments(self) -> tuple[np.ndarray, ...]:
        return self.draw()

    def draw(self, seed: int = 0, dtype: Any = np.float64, dimensions: Mapping[str, int] = DIMENSIONS):
        return draw(self.spec, self.case, seed=seed, dtype=dtype, dimensions=dimensions)

    @cached_property
    def moved(self) -> tuple[int, ...]:
        """The positions of the differentiable arguments."""
        return tuple(i for i, drawn in enumerate(self.case.arguments.values()) if drawn.differentiable)

    def pick(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(arguments[i] for i in self.moved)

    def jax(self, *arguments: Any) -> Any:
        return self._call(self.spec.jax(), arguments)

    def reference(self, *arguments: Any) -> Any:
        return self._call(self.spec.reference(), arguments)

    def forward(self, *arguments: Any) -> tuple[Any, Any]:
        return self._call(self.spec.reference("_fwd"), arguments)

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        positional, named = self.spec.passed(self.case, arguments)
        return function(*positional, **named)

    def pullback(self, arguments: tuple[Any, ...], cotangent: Any) -> tuple[Any, ...]:
        """The hand-written cotangents of the differentiable arguments."""
        _, residuals = self.forward(*arguments)
        return self.pick(self.spec.reference("_bwd")(residuals, cotangent))

    def closed(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """The function of the differentiable arguments alone, the others held where they are."""

        def moving(*moved: Any) -> Any:
            whole = list(arguments)
            for position, value in zip(self.moved, moved, strict=True):
                whole[position] = value
            return function(*whole)

        return moving

    def jax_value_and_vjp(self, arguments: tuple[Any, ...], cotangent: Any) -> tuple[Any, tuple[Any, ...]]:
        """The value, and the cotangents of the differentiable arguments by JAX's reverse mode."""
        out, vjp = jax.vjp(self.closed(self.jax, arguments), *self.pick(arguments))
        return out, vjp(cotangent)

    @cached_property
    def compiled(self) -> Callable[..., tuple[Any, tuple[Any, ...]]]:
        """`jax_value_and_vjp` as one program, shared by tests of equal shapes: compiling is what the suite pays for."""
        return jax.jit(self.jax_value_and_vjp)

    @cached_property
    def compiled_jvp(self) -> Callable[..., tuple[Any, Any]]:
        """The value and JAX's forward mode, as one program of the arguments and the tangents of those that move."""
        return jax.jit(
            lambda arguments, tangents: jax.jvp(self.closed(self.jax, arguments), self.pick(arguments), tangents)
        )


ROWS = tuple(Row(spec, case) for spec in SPECS.values() for case in spec.cases)
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
every_differentiable_row = pytest.mark.parametrize("row", [row for row in ROWS if row.moved], ids=lambda row: row.id)
every_op = pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)


def probe(like: Any, name: str) -> Any:
    """Signed random arrays of the shapes (and floating dtypes) of `like`, the same on every machine."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return jax.tree.map(lambda leaf: rng.normal(size=np.shape(leaf)).astype(leaf.dtype), like)


def inner(left: Any, right: Any) -> float:
    """The inner product of two trees of arrays."""
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return float(sum(np.vdot(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in pairs))


def assert_close(got: Any, want: Any, tolerance: float, what: str, rounding: float = 0.0) -> None:
    """Every leaf of `got` differs from `want` by at most `tolerance` times the leaf's largest magnitude.

    And by `rounding`, so far as `want` itself may be off.
    """
    got_leaves, want_leaves = jax.tree.leaves(got), jax.tree.leaves(want)
    assert len(got_leaves) == len(want_leaves), f"{what}: {len(got_leaves)} arrays, not {len(want_leaves)}"
    for position, (a, b) in enumerate(zip(got_leaves, want_leaves, strict=True)):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert a.shape == b.shape, f"{what}, array {position}: shape {a.shape}, not {b.shape}"
        if not a.size:
            continue
        error = np.abs(a - b)
        scale = max(float(np.abs(b).max()), 1e-30)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        message = f"{what}, array {position}: at {tuple(map(int, worst))} got {a[worst]!r}, want {b[worst]!r}"
        assert error[worst] <= tolerance * scale + rounding, (
            f"{message}: {error[worst] / scale:.2e} of the largest value"
        )


def central_difference(function: Callable[..., Any], points: tuple, directions: tuple, h: float = 1e-3) -> Any:
    """The derivative along the directions by the five-point central formula, whose error is of order h**4."""

    def at(t: float) -> Any:
        moved = function(*(p + t * d for p, d in zip(points, directions, strict=True)))
        return jax.tree.map(partial(np.asarray, dtype=np.float64), moved)

    near, far = (jax.tree.map(np.subtract, at(t), at(-t)) for t in (h, 2 * h))
    return jax.tree.map(lambda n, f: (8 * n - f) / (12 * h), near, far)
