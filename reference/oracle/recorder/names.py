"""The names of arguments."""

from collections.abc import Sequence


def named(names: Sequence[str], count: int) -> list[str]:
    """The names that the signature gives, numbers where it gives too few."""
    known = list(names[:count])
    return known + [f"argument_{place}" for place in range(len(known), count)]
