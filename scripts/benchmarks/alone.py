"""A training step in a process of its own: how long its library takes to import, its first step, and its memory.

    python scripts/benchmarks/alone.py STEP CONTENDER PLATFORM TF32

Prints one line of JSON. scripts/bench.py runs it for every contender of a training step.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1]
LIBRARIES = {"ours": "functional_nn", "flax": "flax.nnx", "equinox": "equinox", "torch": "torch"}
LIBRARIES |= dict.fromkeys(("jax", "plain"), "jax")


# A first step is one that nobody has compiled before.
WITHOUT_CACHES = {"JAX_ENABLE_COMPILATION_CACHE": "0", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}


def in_new_process(step: str, contender: str, platform: str, tf32: bool = True) -> dict[str, float | None]:
    """What this file prints, from a new process."""
    command = [sys.executable, __file__, step, contender, platform, "on" if tf32 else "off"]
    environment = {**os.environ, **WITHOUT_CACHES}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ended.returncode:
        raise RuntimeError(f"{contender} of {step} failed alone: {(ended.stderr.splitlines() or ['?'])[-1]}")
    return json.loads(ended.stdout.splitlines()[-1])


def main(step: str, contender: str, platform: str, tf32: str) -> dict[str, float | None]:
    """Seconds of import and first step; megabytes at most, and those that XLA reserves.

    On a CPU the most is that of the process, above what was there before; elsewhere that of the device's memory, with
    all that compiling took of it.
    """
    start = time.perf_counter()
    importlib.import_module(LIBRARIES[contender.split()[0]])
    found: dict[str, float | None] = {"import_s": time.perf_counter() - start}
    if contender == "jax":
        return found
    from benchmarks import contenders, plan

    contenders.settle(platform, tf32 == "on")
    builds = contenders.builders(plan.step_named(step), contenders.torch_device(platform), compiled=True)
    build, before = builds[contender], resident("VmRSS")
    start = time.perf_counter()
    run, reserved = build()
    run()
    found["first_step_s"] = time.perf_counter() - start
    peak = _peak_of_process(run, before) if platform == "cpu" else _peak_of_device(run, contender)
    found["peak_mb"] = None if peak is None else peak / 1e6
    found["program_mb"] = reserved() / 1e6 if reserved else None
    return found


def _peak_of_process(run: Callable[[], Any], before: int | None) -> int | None:
    run()
    forget_peak()
    for _ in range(3):
        run()
    peak = resident("VmHWM")
    return None if peak is None or before is None else peak - before


def _peak_of_device(run: Callable[[], Any], contender: str) -> int | None:
    run()
    if contender.startswith("torch"):
        import torch

        return torch.cuda.max_memory_allocated()
    import jax

    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def resident(field: str) -> int | None:
    """Bytes of this process's memory, now (VmRSS) or at most (VmHWM), where the system tells."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(field)), None)


def forget_peak() -> None:
    """Count the most memory from here on, where the system lets one."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return


if __name__ == "__main__":
    sys.path[:0] = [str(SCRIPTS.parent), str(SCRIPTS)]
    print(json.dumps(main(*sys.argv[1:5])))
