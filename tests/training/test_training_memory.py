"""Memory that is kept from step to step: on glibc, and not elsewhere or beside settings of one's own."""

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from functional_nn.training.machine import memory

ROOT = Path(__file__).resolve().parents[2]
on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has these settings")

TWICE = """
import ctypes, resource, sys
from functional_nn.training.machine.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    start = libc.malloc(64 << 20)
    ctypes.memset(start, 1, 64 << 20)
    libc.free(start)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@on_glibc
def test_what_was_freed_is_there_without_a_page_fault():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    faults = {
        mode: int(
            subprocess.run(
                [sys.executable, "-c", TWICE, mode],
                env=environment | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for mode in ("kept", "returned")
    }
    assert faults["kept"] < 100 < faults["returned"], faults


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_settings_of_ones_own_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda path: pytest.fail("the libc was asked"))
    assert not memory.keep_freed_memory({name: "1"})


@pytest.mark.parametrize(
    ("system", "libc"), [("darwin", None), ("linux", SimpleNamespace(mallopt=None))], ids=["macOS", "another libc"]
)
def test_elsewhere_nothing_is_done(system: str, libc: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(ctypes, "CDLL", lambda path: libc)
    assert not memory.keep_freed_memory({})
