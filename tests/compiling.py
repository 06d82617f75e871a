"""How the tests compile a program that they run once or twice: soon done rather than fast.

The numbers of the compiler as users have it are judged by `test_jit_equals_eager`, `tests/test_accuracy.py` and
`tests/test_lowerings.py`, and wherever a test calls an op itself.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jax

# XLA's CPU compiler then takes about a quarter of the time: no fusion through MLIR, no optimization by LLVM, one piece.
LITTLE_EFFORT = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


def quick_jit(function: Callable[..., Any]) -> Any:
    """`jax.jit` with as little effort as XLA lets one choose."""
    return jax.jit(function, compiler_options=dict(_little_effort()))


@cache
def _little_effort() -> Mapping[str, Any]:
    """None of the options on an accelerator, or where XLA has dropped one of them."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=LITTLE_EFFORT)()
    except jax.errors.JaxRuntimeError:
        return {}
    return LITTLE_EFFORT
