"""Where compiled programs are kept between runs, so that the second run of the same network starts at once."""

import hashlib
import os
import platform
from pathlib import Path

import jax

from functional_nn._user_cache import user_cache

# Programs that compile faster than this are not worth a file.
SLOW_ENOUGH_SECONDS = 0.2


def keep_compiled_programs() -> None:
    """Turn on JAX's persistent compilation cache, unless a place for it was chosen or the user's cannot be written."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is not None:
        return
    try:
        folder = compiled_programs()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", SLOW_ENOUGH_SECONDS)


def compiled_programs() -> Path:
    """A folder in the user's cache for this kind of processor: a shared home must not hand one's code to another."""
    return user_cache() / f"compiled-{hashlib.sha256(_processor().encode()).hexdigest()[:12]}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.lower().startswith(("flags", "features", "model name"))}))
