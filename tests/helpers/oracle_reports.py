"""Run as a program: a line for every report on a part of the corpus of mistakes, with a digest of its text.

    python tests/helpers/oracle_reports.py FIRST STEP [SIZE]

judges every STEP-th case from FIRST on, each in every manner, at SIZE ("small"). Two runs must print the same lines.
"""

import hashlib
import sys
from pathlib import Path
from typing import cast

if __name__ == "__main__":
    sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]

from mistakes.case import Size
from mistakes.corpus import load
from mistakes.judges import report_of

# Code of other libraries is started with threads of their own.
OTHERS = ("torch", "jax")


def lines(first: int, step: int, size: Size = "small"):
    for case in [case for case in load("all") if case.style not in OTHERS and size in case.sizes][first::step]:
        for manner in case.judged:
            report = report_of(case, size, 0, manner)
            digest = hashlib.sha256(str(report).encode()).hexdigest()[:16]
            causes = ",".join(finding.cause for finding in report.findings)
            yield f"{digest} {case.id} {manner}: {report.verdict} {causes}"


if __name__ == "__main__":
    for line in lines(int(sys.argv[1]), int(sys.argv[2]), cast(Size, (sys.argv[3:] or ["small"])[0])):
        print(line, flush=True)
