"""SECURITY.md says that reading a run's folder or a safetensors file runs no code: watched while it is done."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Reads everything once, so that all modules are there, and once more while every event of Python is written down.
PROGRAM = """
import json, pickle, sys
from pathlib import Path
import jax.numpy as jnp
from functional_nn.training.kept import checkpoint, weights
from reference.oracle.recorder.files import read

folder, planted = Path(sys.argv[1]), sys.argv[2:]
arrays = {"kernel": jnp.ones((2, 3)), "bias": jnp.zeros(3)}
saved = checkpoint.save(folder, 1, arrays, {})
weights.write_weights(folder / "model.safetensors", arrays, {}, {})
seen, watching = set(), False

def look():
    checkpoint.load(saved, arrays)
    weights.read_weights(folder / "model.safetensors")
    read(folder / "model.safetensors")
    if planted:
        pickle.loads(pickle.dumps(Path))

def note(event, arguments):
    if watching:
        seen.add(event)

look()
sys.addaudithook(note)
watching = True
look()
watching = False
print(json.dumps(sorted(seen)))
"""
RUNS = {"compile", "exec", "marshal.loads", "pickle.find_class", "import", "ctypes.dlopen"}
RUNS |= {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.startfile"}


def events(folder: Path, *planted: str) -> set[str]:
    words = [sys.executable, "-c", PROGRAM, str(folder), *planted]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_nothing_is_run_where_a_run_or_its_weights_are_read(tmp_path: Path):
    seen = events(tmp_path)
    assert "open" in seen
    assert not seen & RUNS


def test_what_is_unpickled_is_seen(tmp_path: Path):
    assert "pickle.find_class" in events(tmp_path, "planted")
