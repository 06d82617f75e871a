"""Judge right and wrong backwards of six functions in float32, TF32, bfloat16 and float16, and count what agrees.

    python scripts/verdicts.py [--only TEXT] [--every N] [--out FILE]

--only takes the subjects whose name holds TEXT, --every each N-th of the rest. FILE (runs/verdicts.jsonl) gets a line
a subject. Exit status 0 where every verdict is that of the subject's label, else 1. Needs ml_dtypes and torch.
"""

import argparse
import importlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "verdicts.jsonl", metavar="FILE")
    chosen = parser.parse_args(argv)
    if chosen.every < 1:
        parser.error(f"verdicts: --every must be at least 1; got {chosen.every}")
    of, judging = (importlib.import_module(f"scripts.acceptance.verdicts.{name}") for name in ("subjects", "judged"))
    some = [one for one in of.subjects() if chosen.only in one.name][:: chosen.every]
    if not some:
        parser.error(f"verdicts: --only must be part of a subject's name; got {chosen.only!r}")
    labelled = [(one, of.label(one)) for one in some]
    asked = [pair for pair in labelled if pair[1] != "between"]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    found = []
    with chosen.out.open("w", encoding="utf-8") as kept:
        for subject, label in asked:
            found.append(judging.judged(subject, label))
            kept.write(json.dumps(asdict(found[-1])) + "\n")
            kept.flush()
            if not found[-1].agrees:
                print(f"{found[-1].verdict} ({found[-1].status}), though {label}: {subject.name}", flush=True)
    print(judging.table(found, len(labelled) - len(asked)))
    return 0 if all(one.agrees for one in found) else 1


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    raise SystemExit(main())
