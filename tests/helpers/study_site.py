"""A small docs/study of two pages, which a test may spoil, and the order to build it."""

import shutil
from pathlib import Path

from scripts.study.site import Order

ROOT = Path(__file__).resolve().parents[2]
SOFTMAX, SIGMOID, GLOSSARY, INDEX = "pages/softmax.toml", "pages/sigmoid.toml", "glossary.toml", "index.toml"
QUESTIONS = "questions/sigmoid.toml"
BOOK_NUMPY, BOOK_JAX = "textbook/numpy/sigmoid.py", "textbook/jax/sigmoid.py"


def small_study(tmp_path: Path) -> Order:
    """A copy of the small pages in this folder, and the order to build them beside it."""
    folder = Path(shutil.copytree(ROOT / "tests" / "helpers" / "study_fixture", tmp_path / "study"))
    return Order(folder, tmp_path / "site", folder)


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    """Exchange the first text that reads so in a file of the folder."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"the fixture {file} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
