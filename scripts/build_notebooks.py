"""Write the exercises of the study site as notebooks, made from the same source, and run every cell of them.

    python scripts/build_notebooks.py [--output FOLDER]

Exit status 2 where a cell fails, with notebook, cell and line.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> int:
    sys.path.insert(0, str(ROOT))
    from scripts.study import notebooks
    from scripts.study.refusal import Refusal

    parser = argparse.ArgumentParser(description="Write the exercises as notebooks, and run every cell.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "notebooks", metavar="FOLDER")
    options = parser.parse_args(argv)
    try:
        for made in notebooks.build(ROOT / "docs" / "study" / "exercises", options.output):
            print(f"{made.name}: {len(notebooks.run(made))} cells run")
    except (Refusal, OSError) as problem:
        print(f"build_notebooks: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
