"""A training step in a process of its own: how long its library takes to import, its first step, and its memory.

    python scripts/benchmarks/alone.py NETWORK CONTENDER DEVICE

Prints one line of JSON. scripts/bench.py runs it for every contender of a network.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1]
LIBRARIES = {"ours": "functional_nn", "flax": "flax.nnx", "equinox": "equinox", "torch": "torch"}
LIBRARIES |= dict.fromkeys(("jax", "plain"), "jax")


def in_new_process(network: str, contender: str, device: str) -> dict[str, float | None]:
    """What this file prints, from a new process."""
    command = [sys.executable, __file__, network, contender, device]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{contender} of {network} failed alone: {(ended.stderr.splitlines() or ['?'])[-1]}")
    return json.loads(ended.stdout.splitlines()[-1])


def main(name: str, contender: str, device: str) -> dict[str, float | None]:
    """Seconds of import and first step, megabytes at most above what was there before, and those that XLA reserves."""
    start = time.perf_counter()
    importlib.import_module(LIBRARIES[contender.split()[0]])
    found: dict[str, float | None] = {"import_s": time.perf_counter() - start}
    if contender == "jax":
        return found
    from benchmarks.networks import NETWORKS, TRANSFORMERS

    build = builders(next(case for case in (*NETWORKS, *TRANSFORMERS) if case.name == name), device)[contender]
    before = resident("VmRSS")
    start = time.perf_counter()
    run, reserved = build()
    run()
    found["first_step_s"] = time.perf_counter() - start
    run()
    forget_peak()
    for _ in range(3):
        run()
    peak = resident("VmHWM")
    found["peak_mb"] = None if peak is None or before is None else (peak - before) / 1e6
    found["program_mb"] = reserved() / 1e6 if reserved else None
    return found


def builders(network: Any, device: str) -> dict[str, Callable[[], tuple[Any, Any]]]:
    """By contender, what makes its step and tells the bytes that XLA reserves for it."""
    import torch

    from benchmarks import jax_side, measure, torch_side, transformer_steps
    from benchmarks.networks import Transformer

    torch.set_num_threads(measure.cores())
    if isinstance(network, Transformer):
        return transformer_steps.builders(network, device, compiled=True)
    names = [name + suffix for name in torch_side.FORMATS for suffix in ("", " compiled")]
    return {
        "ours": lambda: jax_side.ours(network),
        jax_side.WITHOUT_ONEDNN: lambda: tuple(map(jax_side.without_onednn, jax_side.ours(network))),
        "flax": lambda: jax_side.flax(network),
        "equinox": lambda: (jax_side.equinox(network), None),
        **{name: lambda name=name: (torch_side.step(network, name, device), None) for name in names},
    }


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
    print(json.dumps(main(*sys.argv[1:4])))
