"""Interleaved timing: every contender once a round, so that what else the machine does meets all of them alike."""

import os
import platform
import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

Contenders = dict[str, Callable[[], Any]]
# Runs a contender's steps: (wall, processor) seconds of one.
Timed = Callable[[], tuple[float, float]]

# PyTorch's threads spin for a while after their work, which would count as the next contender's processor time.
SETTLE_SECONDS = 0.02
# Steps that follow one another, as in training. The first, which is not timed, still waits for the system to take back
# what the contender before it had freed: XLA frees a program's memory when its results have long been given out.
TIMED_STEPS = 3
# Three short ones tell how fast threads wake, not how fast they are.
TIMED_SECONDS = 0.005


def first_calls(contenders: Contenders) -> None:
    """Each contender's first call, which compiles, and a second one."""
    for run in contenders.values():
        run()
        run()


def timed(contenders: Contenders) -> dict[str, Timed]:
    """What runs and times a step of each contender in this process."""
    return {name: partial(seconds_a_step, run) for name, run in contenders.items()}


def rounds(contenders: dict[str, Timed], seconds: float, least: int) -> dict[str, list[tuple[float, float]]]:
    """(wall, processor) seconds of a step of each contender, round after round until the time is up."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    done, orders = 0, random.Random(0)
    # Ratios need several rounds even where one takes long.
    while done < least or time.perf_counter() < end:
        # In another order each round: who comes after PyTorch finds the caches and the free memory as it leaves them.
        for name in orders.sample(list(contenders), len(contenders)):
            taken[name].append(contenders[name]())
        done += 1
    return taken


def seconds_a_step(run: Callable[[], Any]) -> tuple[float, float]:
    """On the wall and of the processor, of steps that follow one another."""
    time.sleep(SETTLE_SECONDS)
    run()
    steps, begin, processor = 0, time.perf_counter(), time.process_time()
    while steps < TIMED_STEPS or time.perf_counter() < begin + TIMED_SECONDS:
        run()
        steps += 1
    return (time.perf_counter() - begin) / steps, (time.process_time() - processor) / steps


def summary(taken: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, Any]]:
    """Each contender's median and least milliseconds, and its time over ours round by round."""
    return {
        name: {
            "wall_ms": 1e3 * median(wall for wall, _ in pairs),
            "least_wall_ms": 1e3 * min(wall for wall, _ in pairs),
            "processor_ms": 1e3 * median(processor for _, processor in pairs),
            "least_processor_ms": 1e3 * min(processor for _, processor in pairs),
            "wall_ratio": _spread([pair[0] / own[0] for pair, own in zip(pairs, taken["ours"], strict=True)]),
            "processor_ratio": _spread([pair[1] / own[1] for pair, own in zip(pairs, taken["ours"], strict=True)]),
            "rounds": len(pairs),
        }
        for name, pairs in taken.items()
    }


def _spread(ratios: list[float]) -> list[float]:
    """The median, and what nine of ten rounds lie above and below."""
    ordered = sorted(ratios)
    return [median(ordered), ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]]


def machine() -> dict[str, Any]:
    """The machine, its versions and its load, for the record."""
    names = ["jax", "jaxlib", "flax", "equinox", "optax", "torch", "numpy", "onednn-cpu-gomp"]
    names += [form.format(cuda) for cuda in (12, 13) for form in ("jax-cuda{}-plugin", "nvidia-cudnn-cu{}")]
    return {
        "processor": _processor(),
        "cores": cores(),
        "device": jax.devices()[0].device_kind,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in names},
        "load_average": list(os.getloadavg()),
        "real_time": _real_time(),
    }


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _real_time() -> bool:
    """Whether the system lets this process run before all ordinary ones, as `chrt -r 1` asks on Linux."""
    return hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def roofline(dtypes: Iterable[str] = ("float32",)) -> dict[str, float]:
    """What this machine does at its best, in JAX: matrix products, a rate each dtype (`gflops`), and copies."""
    size, length = 2048 if jax.default_backend() == "cpu" else 8192, 1 << 25
    product, copy = jax.jit(lambda a: a @ a), jax.jit(lambda a: a + 1)
    found = {}
    for dtype in dtypes:
        matrix = jax.random.normal(jax.random.key(0), (size, size), dtype)
        seconds = _fastest(lambda matrix=matrix: jax.block_until_ready(product(matrix)))
        found["gflops" if dtype == "float32" else f"{dtype} gflops"] = 2e-9 * size**3 / seconds
    array = jnp.ones(length)
    return found | {"gbytes": 8e-9 * length / _fastest(lambda: jax.block_until_ready(copy(array)))}


def gflops(roof: dict[str, float], dtype: str) -> float:
    """Of matrix products in a dtype."""
    return roof["gflops" if dtype == "float32" else f"{dtype} gflops"]


def _fastest(run: Callable[[], Any], times: int = 15) -> float:
    run()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)
