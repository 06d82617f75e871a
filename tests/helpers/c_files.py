"""C files of functional_nn/cpu but for attention: where they are used, who calls them, and derivatives of a slope."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from functional_nn import _libraries
from functional_nn.cpu import activations, columns, pooling, row_norm, softmax

MODULES = (activations, columns, pooling, row_norm, softmax)
away = [reason for module in MODULES if (reason := module.CALLS.unusable())]
here = pytest.mark.skipif(bool(away), reason=f"they are not used here: {away}")


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are used where they are, whatever the environment says."""
    monkeypatch.setattr(_libraries, "WANTED", True)


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def calls(function: Any, *arrays: Any) -> int:
    text = jax.jit(function).lower(*arrays).as_text()
    return sum(text.count(f"@{name}(") for module in MODULES for name in targets(module))


def targets(module: Any) -> list[str]:
    return [f"functional_nn_{name}" for name in module.CALLS.functions]


def derivatives(slope: Any, *arrays: Any) -> dict[str, Any]:
    doubled = [jnp.stack([array, 2 * array]) for array in arrays]
    squared = lambda *a: sum(jnp.sum(jnp.square(each)) for each in jax.tree.leaves(slope(*a)))  # noqa: E731 (twice)
    return {
        "gradient": slope(*arrays),
        "forward over reverse": jax.jvp(slope, arrays, arrays)[1],
        "reverse over reverse": jax.grad(squared)(*arrays),
        "vmap": jax.vmap(slope)(*doubled),
        "checkpoint": jax.checkpoint(slope)(*arrays),
    }
