"""The judgments of all operations, kept in a file while they are made."""

import json
from dataclasses import asdict
from itertools import product
from pathlib import Path

from scripts.acceptance.arithmetic import said
from scripts.acceptance.families import OPERATIONS
from scripts.acceptance.measure import COTANGENTS, Judged, measured
from scripts.acceptance.rules import DTYPES


def judgments(file: Path, only: str = "", resume: bool = False) -> list[Judged]:
    """Every backward of the operations whose name holds a text, judged; what the file holds is taken from there.

    A line of the file is what an operation gives in a dtype with a cotangent.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    there = _read(file) if resume and file.exists() else {}
    file.write_text("".join(map(_line, there.values())), encoding="utf-8")
    found = []
    chosen = [operation for operation in OPERATIONS if only in operation.name]
    for operation, dtype, cotangent in product(chosen, DTYPES, COTANGENTS):
        of = operation.name, said(dtype), cotangent
        if of not in there:
            there[of] = measured(operation, dtype, cotangent)
            with file.open("a", encoding="utf-8") as kept:
                kept.write(_line(there[of]))
            print(f"{of[0]} in {of[1]}, cotangent {cotangent}: {len(there[of])} backwards", flush=True)
        found += there[of]
    return found


def _line(judged: list[Judged]) -> str:
    return json.dumps([asdict(one) for one in judged]) + "\n"


def _read(file: Path) -> dict[tuple[str, str, str], list[Judged]]:
    """What a file holds, by operation, dtype and cotangent, without a last line that was not written to its end."""
    lines = file.read_text("utf-8").split("\n")[:-1]
    read = [[Judged(**one) for one in json.loads(line)] for line in lines]
    return {(group[0].operation, group[0].dtype, group[0].cotangent): group for group in read}
