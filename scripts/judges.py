"""Run the rules by which kernels are accepted over right and wrong backwards in low precision, and ours beside them.

    python scripts/judges.py [--only TEXT] [--resume] [--write] [--out FOLDER]

FOLDER (runs/judges) gets judgments.jsonl, a line for each operation, dtype and size of the cotangent. --resume goes on
with that file, after an interruption or with the lines of several runs; --only takes the operations whose name holds
TEXT; --write puts tables and picture into docs/judges.md, and takes all. Exit status 0 where the oracle judges every
backward right, else 1. Needs torch and matplotlib.
"""

import argparse
import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "judges", metavar="FOLDER")
    chosen = parser.parse_args(argv)
    if chosen.only and chosen.write:
        parser.error(f"judges: --write takes every operation; got --only {chosen.only}")
    if missing := [name for name in ("torch", "matplotlib") if find_spec(name) is None]:
        parser.error(f"judges: torch and matplotlib must be installed; got no {' and no '.join(missing)}")
    kept = importlib.import_module("scripts.acceptance.kept")
    page = importlib.import_module("scripts.acceptance.page")
    judgments = kept.judgments(chosen.out / "judgments.jsonl", chosen.only, chosen.resume)
    if not judgments:
        parser.error(f"judges: --only must be part of an operation's name; got {chosen.only!r}")
    print(page.both(judgments))
    if chosen.write:
        page.written(judgments, ROOT / "docs" / "judges.md")
    mistaken = [one for one in judgments if one.accepted[page.OURS] != one.right]
    for one in mistaken:
        print(f"judged wrongly, as {one.status}: {one.label}")
    return 1 if mistaken else 0


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    raise SystemExit(main())
