"""Build the study site: pages that put NumPy by hand and JAX side by side, in Japanese and English.

    python scripts/build_site.py [--output FOLDER] [--only SLUG ...] [--slides] [--no-solutions] [--check]
                                 [--serve [PORT]] [--workers N] [--quiet]

Writes static files that open from disk. Needs the extra `docs`. Exit status 2 where a page is wrong, with its line.
"""

import argparse
import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXTRA = ("jinja2", "latex2mathml", "matplotlib", "pygments")


class Parser(argparse.ArgumentParser):
    """One sentence about what is wrong, and exit status 2."""

    def error(self, message: str) -> Any:
        """End here."""
        self.exit(2, f"build_site: {message}\n")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(description="Build the study site, in Japanese and English.", allow_abbrev=False)
    parser.add_argument("--output", type=Path, default=ROOT / "site", metavar="FOLDER", help="where to (default: site)")
    parser.add_argument("--pages", type=Path, default=ROOT / "docs" / "study", metavar="FOLDER", help="what from")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="SLUG", help="these pages alone, for whoever writes them"
    )
    parser.add_argument("--slides", action="store_true", help="slides of every page as well, to show or to print")
    parser.add_argument(
        "--no-solutions",
        dest="solutions",
        action="store_false",
        help="leave out the solutions of the exercises and the answers to the questions",
    )
    parser.add_argument(
        "--workers", type=int, default=min(2, os.cpu_count() or 1), metavar="N", help="processes that make pages (2)"
    )
    parser.add_argument("--check", action="store_true", help="build, report what is wrong, and keep nothing")
    parser.add_argument("--quiet", action="store_true", help="say only what is wrong")
    parser.add_argument(
        "--serve", nargs="?", type=int, const=8000, metavar="PORT", help="then serve it on this machine"
    )
    options = parser.parse_args(argv)
    if options.check and options.serve is not None:
        parser.error("--check keeps nothing, so there is nothing to --serve; take one of the two")
    if options.workers < 1:
        parser.error(f"--workers must be 1 or more; got {options.workers}")
    return options


def prepare() -> None:
    """The path to the code, and JAX as the tests have it: on the processor, in float64, at full precision, and compiled
    with little effort, since nearly all that a page runs runs once: compiling was half of a build.
    """
    sys.path.insert(0, str(ROOT))
    os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu", JAX_DEFAULT_MATMUL_PRECISION="highest", MPLBACKEND="Agg")
    importlib.import_module("tests.helpers.compiling").ask_for_little_effort()


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    prepare()
    try:
        return run(options)
    except KeyboardInterrupt:
        print("build_site: stopped; what was there before is still there", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in EXTRA:
            raise
        print(f"build_site: {package} is missing; install the extra docs: pip install -e '.[docs]'", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    # Only now, since these need the path and the extra.
    site, refusal = (importlib.import_module(f"scripts.study.{name}") for name in ("site", "refusal"))
    pages, output = options.pages.resolve(), options.output.resolve()
    order = site.Order(pages, output, ROOT, tuple(options.only), options.slides, options.solutions, options.workers)
    started = time.perf_counter()
    try:
        built = (site.check if options.check else site.build)(order, progress)
        report(built, options, time.perf_counter() - started)
        if options.serve is not None:
            serve(order.output, options.serve)
    except refusal.Refusal as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def progress(slug: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{slug}", end="", file=sys.stderr, flush=True)


def report(built: Any, options: argparse.Namespace, seconds: float) -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    if options.quiet:
        return
    for hint in built.hints:
        print(f"note: {hint}", file=sys.stderr)
    where = "checked, nothing kept" if options.check else f"in {options.output}"
    print(f"{built.pages} page{'s' * (built.pages != 1)}, {built.bytes / 1e6:.1f} MB, {seconds:.0f} s, {where}")


def serve(folder: Path, port: int) -> None:
    """Until Ctrl-C."""
    serving = importlib.import_module("scripts.study.serve")
    with serving.server(folder, port) as server:
        print(f"{server.address}  (Ctrl-C ends it)", flush=True)
        serving.until_interrupted(server)


if __name__ == "__main__":
    sys.exit(main())
