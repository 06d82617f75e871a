"""Convolutions without oneDNN: left out on request, not installed, not compiled, not loaded."""

import ctypes
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_lowerings import ROOT
from test_lowerings_chosen import chosen

from functional_nn import _libraries
from functional_nn.cpu import compiler, lowerings, native, onednn


def test_left_out_on_request():
    say = "from functional_nn import _libraries as own; from functional_nn.cpu import lowerings; "
    say += "print(lowerings.FAST, own.WANTED)"
    for value, expected in {"0": "False False", "xla": "True False", "1": "True True"}.items():
        environment = os.environ | {"FUNCTIONAL_NN_FAST": value, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run([sys.executable, "-c", say], env=environment, capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == expected, value


def test_another_word_is_refused():
    environment = os.environ | {"FUNCTIONAL_NN_FAST": "yes", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", "import functional_nn"], env=environment, capture_output=True, text=True
    )
    assert ended.stderr.splitlines()[-1] == "ValueError: FUNCTIONAL_NN_FAST must be 0, xla or 1; got 'yes'"


def anew(calls: native.Calls, **changes: Any) -> native.Calls:
    """As if nothing had been opened yet."""
    return native.Calls(changes.get("source", calls.source), *calls.functions, prepare=calls.prepare)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As if oneDNN were installed beside a package without libraries, with a cache that holds nothing yet."""
    monkeypatch.setattr(lowerings, "FAST", True)
    monkeypatch.setattr(_libraries, "WANTED", True)
    monkeypatch.setattr(compiler, "BUILT", tmp_path / "built")
    monkeypatch.setattr(onednn, "_shared_library", lambda: tmp_path / "libdnnl.so.3")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(onednn, "CALLS", anew(onednn.CALLS))
    return tmp_path


def test_without_the_package_xla_computes_and_nothing_is_said(installed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onednn, "_shared_library", lambda: None)
    assert onednn.unusable() == "the package onednn-cpu-gomp is not installed"
    assert chosen("gather", 32, 32, (64, 64), 3) == "gather_by_tiles"


def test_without_a_compiler_xla_computes_and_nothing_is_said(installed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    assert onednn.unusable() == "no C compiler is on the PATH (cc, gcc, clang)"
    assert chosen("gather", 32, 32, (64, 64), 3) == "gather_by_tiles"


compiles = pytest.mark.skipif(not any(map(compiler.shutil.which, compiler.COMPILERS)), reason="no C compiler is here")


@compiles
def test_a_source_that_does_not_compile_leaves_nothing_behind(installed: Path, monkeypatch: pytest.MonkeyPatch):
    broken = installed / "onednn.c"
    broken.write_text("int onednn_open(")
    monkeypatch.setattr(onednn, "CALLS", anew(onednn.CALLS, source=replace(onednn.CALLS.source, path=broken)))
    assert "cannot compile onednn.c: " in str(onednn.unusable())
    assert list((installed / "cache" / "functional_nn").iterdir()) == []


@compiles
def test_compiled_once_and_kept(installed: Path):
    kept = native.library(onednn.CALLS.source)
    assert list((installed / "cache" / "functional_nn").iterdir()) == [kept]
    before = kept.stat().st_mtime_ns
    assert native.library(onednn.CALLS.source) == kept
    assert kept.stat().st_mtime_ns == before
    assert hasattr(ctypes.CDLL(str(kept)), "onednn_convolution")


@compiles
def test_a_library_that_does_not_load_is_named(installed: Path):
    (installed / "libdnnl.so.3").write_text("no library")
    assert str(installed / "libdnnl.so.3") in str(onednn.unusable())


@compiles
def test_a_cache_that_cannot_be_written_is_named(installed: Path):
    (installed / "cache").write_text("a file where the folder should be")
    assert str(installed / "cache") in str(onednn.unusable())
