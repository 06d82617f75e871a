"""The results as a table and a picture."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

COLUMNS = ("contender", "wall", "least", "processor", "least", "wall over ours", "processor over ours", "roofline")
LEGEND = (
    "Milliseconds of a step, on the wall and of the processor: median and least. *Over ours* is the ratio within one "
    "round, median (10 to 90 %); above 1, ours is faster. *Roofline* is the share of it that is reached."
)
ALONE = {"import_s": ".2f", "first_step_s": ".1f", "peak_mb": ".0f", "program_mb": ".1f"}
ALONE_COLUMNS = ("network", "contender", "import s", "first step s", "peak MB", "program's MB")
ON_ACCELERATOR = (
    "On {platform} the wall's time counts, and *peak MB* is of the device's memory in a process of its own, with what "
    "compiling took of it."
)
TF32 = {
    True: "TF32 is on: every library may round what it multiplies of float32 to it.",
    False: "TF32 is off: no library rounds what it multiplies of float32 to it.",
}
NOT_QUIET = (
    "The machine was not quiet: wall times and shares of the roofline mean little, and a library whose threads wait by "
    "spinning, as PyTorch's do, is charged for waiting. The least processor times say most."
)


def table(result: dict[str, Any]) -> str:
    """The results in Markdown, a table for each case, ours first."""
    machine = result["machine"]
    parts = [heading(machine, result["roofline"]), wrapped(LEGEND), *accelerated(machine)]
    if result.get("jax_import_s") is not None:
        parts.append(f"JAX alone takes {result['jax_import_s']:.2f} s to import.")
    if not quiet(machine):
        parts.append(wrapped(NOT_QUIET))
    for case in result["cases"]:
        rows = [[name, *_times(entry)] for name, entry in case["contenders"].items()]
        parts += [f"## {case['name']}", *([markdown(COLUMNS, rows)] if rows else [])]
    alone = [
        [case["name"], name, *_alone(entry)]
        for case in result["cases"]
        for name, entry in case["contenders"].items()
        if any(entry.get(key) is not None for key in ALONE)
    ]
    if alone:
        parts += ["## In a process of its own", markdown(ALONE_COLUMNS, alone)]
    return "\n\n".join([*parts, *missing(result)])


def quiet(machine: dict[str, Any]) -> bool:
    """Whether other programs left the processors to this run: in the minute before it, or because it goes before them.

    The averages over five and fifteen minutes are those of the run before, often one of these.
    """
    return machine.get("real_time", False) or machine["load_average"][0] < machine["cores"] / 2


def accelerated(machine: dict[str, Any]) -> list[str]:
    """Of a run on a GPU or TPU, what its numbers are."""
    if machine.get("platform", "cpu") == "cpu":
        return []
    said = ON_ACCELERATOR.format(platform=machine["platform"].upper())
    return [wrapped(f"{said} {TF32[machine['tf32']]}" if machine["platform"] == "gpu" else said)]


def missing(result: dict[str, Any]) -> list[str]:
    """What was refused, and which cases were left out."""
    refused = [
        f"- {case['name']}: {name} refused: {why}"
        for case in result["cases"]
        for name, why in case.get("refused", {}).items()
    ]
    left_out = [f"- {name}" for name in result.get("left_out", ())]
    parts = ["## Not measured", "\n".join(map(_short, refused))] if refused else []
    return parts + (["## Not reached", "\n".join(left_out)] if left_out else [])


def _short(line: str) -> str:
    return textwrap.shorten(line, 120, placeholder=" ...")


def heading(machine: dict[str, Any], roof: dict[str, float]) -> str:
    """The machine, what it can do at best, and how busy it was."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    kept = " Freed memory was kept." if machine.get("memory_kept") else ""
    load = ", ".join(f"{number:.1f}" for number in machine["load_average"])
    first = " This run went before all others (real-time scheduling)." if machine.get("real_time") else ""
    return wrapped(
        f"{machine['processor']}, {machine['cores']} cores and threads, {machine['device']}; {versions}; load average "
        f"before the run {load}. Matrix products {_products(roof)}, copies {roof['gbytes']:.0f} GB/s.{kept}{first}"
    )


def _products(roof: dict[str, float]) -> str:
    """The float32 products without their dtype, which is the usual one."""
    rates = {name.removesuffix("gflops").strip(): rate for name, rate in roof.items() if name.endswith("gflops")}
    return ", ".join(f"{rate:.0f} GFLOP/s{f' in {dtype}' if dtype else ''}" for dtype, rate in rates.items())


def wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False)


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _times(entry: dict[str, Any]) -> list[str]:
    names = ("wall_ms", "least_wall_ms", "processor_ms", "least_processor_ms")
    ratios = (entry["wall_ratio"], entry["processor_ratio"])
    return [
        *(f"{entry[name]:.2f}" for name in names),
        *(f"{middle:.2f} ({low:.2f} to {high:.2f})" for middle, low, high in ratios),
        f"{entry['roofline_share']:.0%}",
    ]


def _alone(entry: dict[str, Any]) -> list[str]:
    return [format(entry[key], form) if entry.get(key) is not None else "" for key, form in ALONE.items()]


def picture(result: dict[str, Any], pyplot: Any) -> Any:
    """Every contender's time over ours, a row for each case, on a logarithmic axis."""
    clock = "processor" if result["machine"].get("platform", "cpu") == "cpu" else "wall"
    cases = [case for case in result["cases"] if case["contenders"]]
    names = list(dict.fromkeys(name for case in cases for name in case["contenders"] if name != "ours"))
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.55 * len(cases)), dpi=110, layout="constrained")
    for place, name in enumerate(names):
        rows = [
            (y, case["contenders"][name][f"{clock}_ratio"])
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
    axes.set_xlabel(f"{clock} time over ours: to the right of 1, ours is faster")
    axes.legend(fontsize="small")
    return figure
