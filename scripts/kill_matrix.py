"""Measure the oracle on real mistakes and on correct code, beside three gradient checkers, and write the table down.

    python scripts/kill_matrix.py [--quick] [--family NAME] [--set development|held-out|all] [--no-peers]
                                  [--out FOLDER]

Exit status 0 where every promise holds, 1 where one is broken. FOLDER (runs/kill_matrix) gets judgments.jsonl, a line
for each judgment, and details.md, every table and miss. A run without --family, --set and --no-peers also
writes docs/kill_matrix.md. The peers need torch and autograd.
"""

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    # Workers that do not fight for cores, and JAX in the precision that its own checker asks for.
    os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    raise SystemExit(importlib.import_module("mistakes.measure").main())
