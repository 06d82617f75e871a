"""Settings of every test: 64-bit JAX, little effort in compiling, and hypothesis without chance or deadline."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from helpers import thinning
from helpers.compiling import ask_for_little_effort
from hypothesis import HealthCheck, settings

from reference.oracle.rendering.language import preferred

ask_for_little_effort()
# The workers share the cores. A thread of PyTorch or oneDNN that waits for another spins unless it is told to sleep,
# which took 7 of the 18 seconds of a recorded training; OpenBLAS has no such word. For workers, and what tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_default_matmul_precision", "highest")

LONGEST = "test_site_browser.py"
# Its two processes share a socket, which Windows hands on to no process.
JUDGE = "test_oracle_judging"
# So many bytes a worker may hold when a file ends; most of them are compiled programs.
MOST = 2 << 30

# The command's words are compared in English, whatever the terminal's language is.
if preferred(os.environ) == "ja":
    os.environ["LC_ALL"] = "C.UTF-8"

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    thinning.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    thinning.configure(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left with it at the end; the rest of the study site's tests
    follow it, so that one worker draws each picture once for all of them.
    """
    thinning.thin(config, items)
    items.sort(key=lambda item: (item.path.name != LONGEST, not item.path.name.startswith("test_site_")))
    for item in items:
        if os.name == "nt" and item.path.name.startswith(JUDGE):
            item.add_marker(pytest.mark.skip(reason="functional-nn judge does not run on Windows"))


def pytest_collection_finish() -> None:
    """What has been collected stays to the end: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs_are_forgotten() -> Iterator[None]:
    """Where they fill the memory: a worker compiles thousands, and few of them serve two files."""
    yield
    if _resident() > MOST:
        jax.clear_caches()


def _resident() -> int:
    """How much of the memory this process holds, in bytes; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
