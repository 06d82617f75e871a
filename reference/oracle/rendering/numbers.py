"""Numbers short enough to read, and long enough to differ where they do."""

import math

# A float64 needs no more digits than these to be told from every other.
MOST_DIGITS = 17


def number(value: float | None, digits: int = 6) -> str:
    """A number short enough for a column; nothing for None."""
    if value is None:
        return ""
    value = float(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    return f"{value:.{digits}g}"


def apart(got: float | None, expected: float | None, digits: int = 6) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ, if they do."""
    if got is not None and expected is not None and got != expected:
        while digits < MOST_DIGITS and number(got, digits) == number(expected, digits):
            digits += 1
    return number(got, digits), number(expected, digits)
