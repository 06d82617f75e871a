"""The results as a table, a file of JSON and a picture."""

import json
from pathlib import Path
from typing import Any

COLUMNS = (
    "case",
    "contender",
    "wall ms",
    "least wall ms",
    "processor ms",
    "least processor ms",
    "wall time over ours (10 to 90 %)",
    "processor time over ours (10 to 90 %)",
    "share of roofline",
    "import s",
    "first step s",
    "peak MB",
    "program's MB",
)
ALONE = {"import_s": ".2f", "first_step_s": ".1f", "peak_mb": ".0f", "program_mb": ".1f"}

NOT_QUIET = (
    "The machine was not quiet: wall times and shares of the roofline mean little, and a library whose threads wait by "
    "spinning, as PyTorch's do, is charged for waiting. The least processor times say most."
)


def table(result: dict[str, Any]) -> str:
    """The results in Markdown, ours first."""
    lines = [heading(result["machine"], result["roofline"])]
    if result.get("jax_import_s") is not None:
        lines[0] += f" JAX alone takes {result['jax_import_s']:.2f} s to import."
    if max(result["machine"]["load_average"]) >= result["machine"]["cores"] / 2:
        lines += ["", NOT_QUIET]
    lines += ["", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for case in result["cases"]:
        lines += [_row(case, name, entry) for name, entry in case["contenders"].items()]
    return "\n".join(lines)


def heading(machine: dict[str, Any], roof: dict[str, float]) -> str:
    """The machine, what it can do at best, and how busy it was."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    kept = " Freed memory was kept." if machine.get("memory_kept") else ""
    load = ", ".join(f"{number:.1f}" for number in machine["load_average"])
    return (
        f"{machine['processor']}, {machine['cores']} cores and threads, {machine['device']}; {versions}; load average "
        f"before the run {load}. Matrix products {roof['gflops']:.0f} GFLOP/s, copies {roof['gbytes']:.0f} GB/s.{kept}"
    )


def _row(case: dict[str, Any], name: str, entry: dict[str, Any]) -> str:
    ratios = [
        f"{mid:.2f} ({low:.2f} to {high:.2f})" for mid, low, high in (entry["wall_ratio"], entry["processor_ratio"])
    ]
    cells = [
        case["name"],
        name,
        f"{entry['wall_ms']:.2f}",
        f"{entry['least_wall_ms']:.2f}",
        f"{entry['processor_ms']:.2f}",
        f"{entry['least_processor_ms']:.2f}",
        *ratios,
        f"{entry['roofline_share']:.0%}",
        *(format(entry[key], form) if entry.get(key) is not None else "" for key, form in ALONE.items()),
    ]
    return f"| {' | '.join(cells)} |"


def write(result: dict[str, Any], stem: Path) -> None:
    """STEM.json, STEM.md and STEM.png."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
    Path(f"{stem}.md").write_text(table(result) + "\n")
    picture(result, Path(f"{stem}.png"))


def picture(result: dict[str, Any], path: Path) -> None:
    """Every contender's time over ours, a row a case, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cases = result["cases"]
    names = list(dict.fromkeys(name for case in cases for name in case["contenders"] if name != "ours"))
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.55 * len(cases)), layout="constrained")
    for place, name in enumerate(names):
        rows = [
            (y, case["contenders"][name]["processor_ratio"])
            for y, case in enumerate(cases)
            if name in case["contenders"]
        ]
        middle = [ratio[0] for _, ratio in rows]
        spread = [[r[0] - r[1] for _, r in rows], [r[2] - r[0] for _, r in rows]]
        shifted = [y + 0.1 * (place - len(names) / 2) for y, _ in rows]
        axes.errorbar(middle, shifted, xerr=spread, fmt="o", markersize=4, linewidth=1, label=name)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(cases)), [case["name"] for case in cases])
    axes.invert_yaxis()
    axes.set_xlabel("processor time over ours: to the right of 1, ours is faster")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
