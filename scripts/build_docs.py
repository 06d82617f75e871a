"""Build the documentation as a site: the pages of docs/, the API from its docstrings, and the study site in study/.

    python scripts/build_docs.py [--output FOLDER] [--without-study]

Writes static files that any host can serve and that open from disk. Needs the extra `docs`. Exit status 2 where
anything is wrong: a link that leads nowhere, a docstring that cannot be read, a file that a page loads from elsewhere.
"""

import argparse
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRA = {"furo": "furo", "jinja2": "jinja2", "latex2mathml": "latex2mathml", "myst_parser": "myst-parser"}
EXTRA |= {"sphinx": "sphinx", "matplotlib": "matplotlib"}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the documentation as a site.", allow_abbrev=False)
    parser.add_argument("--output", type=Path, default=ROOT / "site", metavar="FOLDER", help="where to (default: site)")
    parser.add_argument("--without-study", action="store_true", help="leave out the study site, for a quick look")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    missing = [package for module, package in EXTRA.items() if find_spec(module) is None]
    if missing:
        return stopped(f"{', '.join(missing)} missing; install the extra docs: pip install -e '.[docs]'", 2)
    sys.path.insert(0, str(ROOT))
    os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu", JAX_DEFAULT_MATMUL_PRECISION="highest", MPLBACKEND="Agg")
    from scripts.documents.site import build
    from scripts.study.refusal import Refusal

    started = time.perf_counter()
    try:
        built = build(ROOT, options.output.resolve(), study=not options.without_study)
    except KeyboardInterrupt:
        return stopped("stopped; what was there before is still there", 130)
    except (Refusal, OSError) as problem:
        return stopped(str(problem), 2)
    seconds = time.perf_counter() - started
    print(f"{built.pages} pages, {built.bytes / 1e6:.1f} MB, {seconds:.0f} s, in {options.output}")
    return 0


def stopped(why: str, status: int) -> int:
    print(f"build_docs: {why}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
