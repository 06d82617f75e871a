"""The C files as parts of the package: what a build makes of them, and which of these a processor is given."""

import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from functional_nn.cpu import compiler, native

ROOT = Path(__file__).resolve().parents[2]
V3 = frozenset(["avx2", "fma", "bmi2"])
V4 = V3 | frozenset(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
here = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64") or not any(map(shutil.which, compiler.COMPILERS)),
    reason="libraries are built on Linux on x86-64 with a C compiler",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build."""
    folder = tmp_path_factory.mktemp("build") / "built"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "BUILT", folder)
        assert sorted(compiler.build()) == sorted(folder.iterdir())
    return folder


@pytest.fixture
def shipped(built: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine where the package came with that folder, without a compiler, with an empty cache."""
    monkeypatch.setattr(compiler, "BUILT", built)
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return built


@here
def test_a_build_makes_one_for_each_kind_of_processor_where_that_matters(built: Path):
    found = Counter(file.name.split("-")[0] for file in built.iterdir())
    tuned = ("activations", "attention", "columns", "pooling", "row_norm", "softmax")
    assert found == dict.fromkeys(tuned, 2) | {"onednn": 1}


@here
def test_a_second_build_compiles_nothing(shipped: Path):
    assert sorted(compiler.build()) == sorted(shipped.iterdir())


@here
def test_each_processor_is_given_the_fastest_that_it_can_run(shipped: Path):
    by_v4, by_v3 = (compiler.built(compiler.ATTENTION, of | {"sse2"}) for of in (V4, V3))
    assert None not in (by_v4, by_v3)
    assert by_v4 != by_v3
    assert compiler.built(compiler.ATTENTION, V4 - {"avx512dq"}) == by_v3
    assert compiler.built(compiler.ATTENTION, frozenset({"sse2"})) is None
    assert compiler.built(compiler.ONEDNN, frozenset({"sse2"})) == compiler.built(compiler.ONEDNN, V4)


@here
def test_no_compiler_is_needed_where_they_came_with_the_package(shipped: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(native, "_instructions", lambda: " ".join(V3))
    assert native.library(compiler.ATTENTION).parent == shipped
    assert native.library(compiler.ONEDNN).parent == shipped


@here
def test_one_whose_source_has_changed_is_not_used(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "xla_ffi.h").touch()
    monkeypatch.setattr(compiler, "FOLDER", tmp_path)
    with pytest.raises(compiler.Unusable, match="no C compiler is on the PATH"):
        native.library(compiler.ONEDNN)


def test_a_build_has_nothing_but_the_standard_library():
    """hatchling runs it where neither JAX nor NumPy is installed."""
    say = "import runpy, sys; runpy.run_path('functional_nn/cpu/compiler.py'); print('site' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", say], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True
    )
    assert (ended.stdout, ended.stderr) == ("False\n", "")
