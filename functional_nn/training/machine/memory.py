"""What is kept for later: memory that a step has freed for the next step, compiled programs for the next run."""

import ctypes
import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from functional_nn._user_cache import user_cache

# glibc's names, from malloc.h and mman.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX, MADV_HUGEPAGE = -1, -4, -8, 14
NEVER = 2**31 - 1
# Address space that may be filled with huge pages; what is not used of it takes no memory.
HEAP_BYTES = 1 << 30
# Programs that compile faster than this are not worth a file.
SLOW_ENOUGH_SECONDS = 0.2


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Let this process keep what is freed, in huge pages, and say whether it does; call it before JAX's threads start.

    XLA asks for all temporary memory of a step anew at every step, and glibc returns pieces above 32 MB to the system
    each time: the next step waits while the system clears every page again. Elsewhere than on glibc, and where the
    environment has settings for glibc of its own, nothing is done.
    """
    chosen = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in environment)
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") and not chosen else None
    # Another libc may have a mallopt too, that does nothing.
    if libc is None or not hasattr(libc, "gnu_get_libc_version"):
        return False
    # All from one heap that never shrinks.
    settings = {M_ARENA_MAX: 1, M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER}
    kept = all(libc.mallopt(name, value) == 1 for name, value in settings.items())
    if kept:
        _prefer_huge_pages(libc)
    return kept


def _prefer_huge_pages(libc: ctypes.CDLL) -> None:
    """Grow the heap by address space for huge pages, if it can grow that far."""
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    start = libc.malloc(HEAP_BYTES)
    if start:
        page = os.sysconf("SC_PAGESIZE")
        first = -(-start // page) * page
        # A kernel without huge pages refuses, which does no harm.
        libc.madvise(first, (start + HEAP_BYTES - first) // page * page, MADV_HUGEPAGE)
        libc.free(start)


def keep_compiled_programs() -> None:
    """Turn on JAX's persistent compilation cache, unless a place for it was chosen or the user's cannot be written."""
    import jax

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
