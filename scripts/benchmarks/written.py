"""A result in files: its numbers, its table and, where its form has one, its picture."""

import json
from pathlib import Path
from typing import Any


def write(result: dict[str, Any], form: Any, stem: Path) -> None:
    """STEM.json and STEM.md; and STEM.png of a form with a `picture`, which is given the result and pyplot."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
    Path(f"{stem}.md").write_text(form.table(result) + "\n")
    if hasattr(form, "picture"):
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure = form.picture(result, pyplot)
        figure.savefig(f"{stem}.png")
        pyplot.close(figure)
