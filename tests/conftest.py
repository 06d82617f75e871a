"""Settings of every test: 64-bit JAX, little effort in compiling, and hypothesis without chance or deadline."""

import gc

import jax
import pytest
from helpers.compiling import ask_for_little_effort
from hypothesis import HealthCheck, settings

ask_for_little_effort()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_default_matmul_precision", "highest")

LONGEST = "test_site_browser.py"

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left with it at the end; the rest of the study site's tests
    follow it, so that one worker draws each picture once for all of them.
    """
    items.sort(key=lambda item: (item.path.name != LONGEST, not item.path.name.startswith("test_site_")))


def pytest_collection_finish() -> None:
    """What has been collected stays to the end: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
