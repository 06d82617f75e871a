"""How the tests compile: with little effort, since most programs run once or twice.

The numbers of the compiler as users have it are judged by `test_jit_equals_eager`, `tests/ops/test_accuracy.py` and
`tests/ops/test_lowerings.py`, by way of `jit_as_users_have_it`. To compile every test like that:
`make test XLA_FLAGS=--xla_backend_optimization_level=3`.
"""

import os
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points, version
from typing import Any

import jax

# Together about half of the suite's time: no optimization by LLVM, no fusion through MLIR, one piece instead of many.
LITTLE_EFFORT = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
AS_USERS_HAVE_IT = {
    "xla_backend_optimization_level": 3,
    "xla_cpu_use_fusion_emitters": True,
    "xla_cpu_parallel_codegen_split_count": 32,
}
# XLA ends the process at a flag that it does not know: the first jaxlib that lacks it, or in which it was not tried.
GONE_SINCE = {
    "xla_backend_optimization_level": (0, 13),
    "xla_cpu_use_fusion_emitters": (0, 11),
    "xla_cpu_parallel_codegen_split_count": (0, 13),
}


def ask_for_little_effort() -> None:
    """Of this process and its children; not on an accelerator, not where somebody chose otherwise."""
    given = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_optimization_level" in given or entry_points(group="jax_plugins"):
        return
    flags = (f"--{name}={str(value).lower()}" for name, value in _known(LITTLE_EFFORT).items())
    os.environ["XLA_FLAGS"] = " ".join([given, *flags]).strip()


def jit_as_users_have_it(function: Callable[..., Any]) -> Any:
    """`jax.jit` by the compiler's own settings, whatever the tests ask for."""
    asked = "--xla_backend_optimization_level=0" in os.environ.get("XLA_FLAGS", "")
    return jax.jit(function, compiler_options=_known(AS_USERS_HAVE_IT) if asked else None)


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the installed jaxlib."""
    own = tuple(map(int, version("jaxlib").split(".")[:2]))
    return {name: value for name, value in settings.items() if own < GONE_SINCE[name]}
