"""A text small enough for a test, whose bytes follow each other by a rule that can be learned, and a network for it."""

from pathlib import Path

TEXT = "".join(f"def f{n}(x):\n    return {n} * x  # ×{n}\n" for n in range(90))
SIZES = "--width 8 --heads 2 --key-heads 1 --layers 1 --hidden 12 --context 16 --batch-size 8"
LENGTH = "--epochs 2 --epoch-steps 3 --save-every 2 --keep 9 --learning-rate 0.01"


def text_words(place: Path | str, *further: str) -> list[str]:
    """The command line of a small run on the text of a file."""
    return ["train", "--preset", "text", "--data-dir", str(place), *SIZES.split(), *LENGTH.split(), *further]
