"""Run `functional-nn check` over code that nobody here wrote, and set what it says beside what is known of each item.

    python scripts/survey.py FOLDER TRUTH [--only OWNER/NAME] [--keep FOLDER] [--reuse] [--items] [--timeout SECONDS]

FOLDER holds one folder per repository, named OWNER+NAME. TRUTH has a JSON object on each line: repo, file, name, and
truth, which is RIGHT, RIGHT BUT, WRONG, INTENDED, NOT JUDGEABLE or UNKNOWN. Every file that TRUTH names is judged by
the command line alone, from its repository's root. --keep writes what the command said, one file each; --reuse reads
that instead where it exists. --items prints a line per item, and what was judged beside the items. The output holds no
times and no paths of this machine. Exit status 1 where something right is accused or something wrong is passed.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("functional-nn")
BACKWARD = (
    "backward|backprop|back_?prop[oa]gate|back_?propagation|bprop|bwd|gradients?|grads?|deriv|derivative|prime|loss"
)
COLUMNS = (
    "items",
    "right passed",
    "right-but",
    "right-but failed",
    "wrong named",
    "intended",
    "accused",
    "missed",
    "cannot tell",
    "not found",
    "crashed",
    "did not import",
    "not judgeable",
    "unknown",
)
Item = dict[str, Any]


def main() -> int:
    """Judge, join and print."""
    options = _options().parse_args()
    items = [item for item in read_lines(options.truth) if options.only in (None, item["repo"])]
    said = said_of(options, {(item["repo"], item["file"]) for item in items})
    outcomes = [outcome_of(item, said[item["repo"], item["file"]]) for item in items]
    if options.items:
        print("\n".join([*item_lines(items, outcomes, said), *beside_lines(items, said)]), end="\n\n")
    print("\n".join(table(items, outcomes)))
    return int(any(outcome in ("accused", "missed") for outcome in outcomes))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="one folder per repository, named OWNER+NAME")
    parser.add_argument("truth", type=Path, help="a JSON object on each line: repo, file, name, truth")
    parser.add_argument("--only", metavar="OWNER/NAME", help="this repository alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write what the command said of each file")
    parser.add_argument("--reuse", action="store_true", help="read what --keep wrote where it is there")
    parser.add_argument("--items", action="store_true", help="a line per item")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="time for one file (60)")
    return parser


def read_lines(path: Path) -> list[Item]:
    """The items of a truth file, by repository, file, line and name."""
    items = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return sorted(items, key=lambda item: (item["repo"].lower(), item["file"], item.get("line", 0), item["name"]))


def said_of(options: argparse.Namespace, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Item]]:
    """What the command says of each file: its results, each with a name and a verdict or a problem."""
    said, asked = {}, defaultdict(list)
    for repo, file in sorted(places):
        kept = _kept(options, repo, file)
        if kept and options.reuse and kept.exists():
            said[repo, file] = json.loads(kept.read_text("utf-8"))
        else:
            asked[repo].append(file)
    for repo, files in asked.items():
        for file, results in run(options.folder / repo.replace("/", "+"), files, options.timeout).items():
            said[repo, file] = results
            if kept := _kept(options, repo, file):
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(results, indent=1, sort_keys=True), "utf-8")
    return said


def _kept(options: argparse.Namespace, repo: str, file: str) -> Path | None:
    return options.keep and options.keep / repo.replace("/", "+") / (file.replace("/", "+") + ".json")


def run(root: Path, files: Sequence[str], timeout: float) -> dict[str, list[Item]]:
    """The results of `functional-nn check FILES --json` from the repository's root; a traceback is a result too."""
    command = [str(COMMAND), "check", *files, "--json", "--timeout", f"{timeout:g}"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    try:
        results = json.loads(ended.stdout)["results"]
        return {file: [result for result in results if result["file"] == file] for file in files}
    except (ValueError, KeyError):
        if len(files) > 1:  # whose fault it is shows where each is alone
            return {file: run(root, [file], timeout)[file] for file in files}
    last = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
    return {file: [{"problem": f"the command said no JSON document but: {last}"}] for file in files}


def outcome_of(item: Item, results: Sequence[Item]) -> str:
    """The column that an item belongs to."""
    verdict = verdict_of(item, results)
    truth = item["truth"]
    if truth in ("NOT JUDGEABLE", "UNKNOWN"):
        return truth.lower()
    if verdict not in ("pass", "right-but", "fail"):
        return verdict
    if truth == "INTENDED":
        return "intended"
    if truth == "WRONG":
        return "wrong named" if verdict == "fail" else "missed"
    if truth == "RIGHT":
        return {"pass": "right passed", "right-but": "right-but", "fail": "accused"}[verdict]
    return "right-but failed" if verdict == "fail" else "right-but"


def verdict_of(item: Item, results: Sequence[Item]) -> str:
    """The worst verdict on the results that bear the item's name; what became of the file where there is none."""
    own = [verdict(result) for result in results if result.get("name") and same(item["name"], result["name"])]
    for worst in ("fail", "crashed", "cannot tell", "right-but", "pass"):
        if worst in own:
            return worst
    nameless = [verdict(result) for result in results if not result.get("name")]
    lost = [found for found in nameless if found in ("did not import", "crashed")]
    return own[0] if own else lost[0] if lost else "not found"


def verdict(result: Item) -> str:
    """The verdict of one result, with the words of its problem sorted into three kinds."""
    problem = str(result.get("problem", ""))
    if "import" in problem and not result.get("name"):
        return "did not import"
    if re.search("could not be judged: |was stopped|ended the process|no JSON document", problem):
        return "crashed"
    said = str(result.get("verdict", "cannot tell"))
    return "right-but" if said == "pass" and "but" in str(result.get("status", "")) else said


def same(item: str, found: str) -> bool:
    """Whether the command's name is that of an item: affine for affine_backward, Tanh for Tanh."""
    return bool(_spellings(item.rpartition(".")[2]) & _spellings(found.rpartition(".")[2]))


def _spellings(name: str) -> set[str]:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")
    bare = re.sub(rf"(^|_)(d|forward|fwd|{BACKWARD})(?=_|$)", "", snake).strip("_")
    return {name.lower(), snake, bare or snake}


def item_lines(items: Sequence[Item], outcomes: Sequence[str], said: dict[tuple[str, str], list[Item]]) -> list[str]:
    """A line per item: where it is, what is known of it, what came out, and the command's first sentence."""
    return [
        f"{outcome}: {item['repo']} {item['file']} {item['name']}: {item['truth']}: "
        + " | ".join(sentence(result) for result in said[item["repo"], item["file"]] if _concerns(item, result))
        for item, outcome in zip(items, outcomes, strict=True)
    ]


def _concerns(item: Item, result: Item) -> bool:
    return not result.get("name") or same(item["name"], result["name"])


def sentence(result: Item) -> str:
    """What a result says first, without the folders of this machine."""
    said = result.get("problem") or result.get("report", {}).get("headline") or result.get("verdict", "")
    return re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", " ".join(str(said).split()))


def beside_lines(items: Iterable[Item], said: dict[tuple[str, str], list[Item]]) -> list[str]:
    """What the command judged though no item has its name."""
    names = defaultdict(list)
    for item in items:
        names[item["repo"], item["file"]].append(item["name"])
    return [
        f"beside the items: {repo} {file} {result['name']}: {sentence(result)}"
        for (repo, file), results in sorted(said.items())
        for result in results
        if result.get("name") and not any(same(name, result["name"]) for name in names[repo, file])
    ]


def table(items: Sequence[Item], outcomes: Sequence[str]) -> list[str]:
    """A row a repository and the sum."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item, outcome in zip(items, outcomes, strict=True):
        for row in (item["repo"], "all"):
            counts[row].update(("items", outcome))
    order = [*(row for row in counts if row != "all"), *(["all"] if counts else [])]
    rows = [f"| {row} | {' | '.join(str(counts[row][column]) for column in COLUMNS)} |" for row in order]
    return [f"| repository | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}", *rows]


if __name__ == "__main__":
    sys.exit(main())
