"""The generated tasks of Deep Learning from Scratch 2, chapters 7 and 8: numbers to add, dates to write in one way.

Every example is a pure function of (seed, index), the same on every machine. Whatever the seed, what teaches and what
judges are apart: a question belongs to one of the two sides by what it asks, a pair of numbers or a day.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

START, BLANK = "_", " "  # what an answer begins with, and what fills up questions and answers
ONE_IN = 20  # so many of the questions that there are, one judges
FIRST_DAY, DAYS = date(1969, 1, 1), 36_525  # the century that POSIX takes two digits of a year for
SPELLINGS = (
    "{month} {day}, {year}",
    "{month} {day}{th}, {year}",
    "{day} {month} {year}",
    "{day}{th} of {month} {year}",
    "the {day}{th} of {month}, {year}",
    "{weekday}, {month} {day}, {year}",
    "{weekday} {day} {month} {year}",
    "{year} {month} {day}",
    "{month:.3} {day}, {year}",
    "{month:.3}. {day}, {year}",
    "{day} {month:.3} {year}",
    "{day}-{month:.3}-{year}",
    "{weekday:.3}, {month:.3} {day}, {year}",
    "{weekday:.3} {day} {month:.3} {year}",
    "{number}/{day}/{year}",
    "{number:02}/{day:02}/{year}",
    "{number}/{day}/{short}",
    "{number:02}/{day:02}/{short}",
    "{year}/{number:02}/{day:02}",
)
CASES: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper)
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}

Example = tuple[str, str]  # a question, and its answer behind START; blanks fill both up


@dataclass(frozen=True)
class Generated:
    """A task: example(seed, index, judges) -> (question, answer), of so many characters, all among `characters`."""

    characters: str
    question_length: int
    answer_length: int
    example: Callable[[int, int, bool], Example]

    def rows(self, seed: int, indices: range, *, judges: bool = False) -> np.ndarray:
        """Examples as places in `characters`, int32 (count, question_length + answer_length): question, then answer."""
        text = "".join("".join(self.example(seed, index, judges)) for index in indices)
        return self.tokens(text).reshape(len(indices), self.question_length + self.answer_length)

    def tokens(self, text: str) -> np.ndarray:
        """The place of each character of a text, int32; each must be among `characters`."""
        places = {character: place for place, character in enumerate(self.characters)}
        return np.fromiter(map(places.__getitem__, text), np.int32, len(text))

    def text(self, tokens: np.ndarray) -> str:
        """The characters at these places."""
        return "".join(self.characters[token] for token in tokens)


def addition(seed: int, index: int, judges: bool = False) -> Example:
    """Two numbers of up to three digits and their sum: ("123+45 ", "_168 ").

    Of what teaches, a third of the numbers are drawn below 10 and a third below 100, for there are few of them; what
    judges is drawn from all pairs alike.
    """
    draws = _draws(seed, index, judges)
    limits = (1000,) if judges else (10, 100, 1000)
    while True:
        first, second = (next(draws) % limits[next(draws) % len(limits)] for _ in range(2))
        if _judges(1000 * first + second) == judges:
            return f"{first}+{second}".ljust(7, BLANK), f"{START}{first + second}".ljust(5, BLANK)


def dates(seed: int, index: int, judges: bool = False) -> Example:
    """A day from 1969 to 2068 in one of many English spellings, month before day, and as ISO 8601 writes it.

    ("Sep 27, 1994                 ", "_1994-09-27").
    """
    draws = _draws(seed, index, judges)
    number = next(number for number in (draw % DAYS for draw in draws) if _judges(number) == judges)
    spelling, case = SPELLINGS[next(draws) % len(SPELLINGS)], CASES[next(draws) % len(CASES)]
    day = FIRST_DAY + timedelta(number)
    return case(spelled(day, spelling)).ljust(29, BLANK), f"{START}{day.isoformat()}"


def spelled(day: date, spelling: str) -> str:
    """A day as one of SPELLINGS has it."""
    return spelling.format(
        year=day.year,
        short=f"{day.year % 100:02}",
        month=MONTHS[day.month - 1],
        number=day.month,
        day=day.day,
        th=ORDINALS.get(day.day, "th"),
        weekday=WEEKDAYS[day.weekday()],
    )


def _judges(question: int) -> bool:
    """On which side a question stands, whatever the seed."""
    return _mixed(question) % ONE_IN == 0


def _draws(*key: int) -> Iterator[int]:
    """Random numbers below 2**64 that depend on the key alone, without end."""
    number = _mixed(*key)
    while True:
        yield (number := _mixed(number))


def _mixed(*numbers: int) -> int:
    """A number below 2**64 that looks random, by the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) % 2**64
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return state


GENERATED = {
    "addition": Generated(" +0123456789_", 7, 5, addition),
    "dates": Generated(" ,-./0123456789ABCDEFGHIJLMNOPRSTUVWY_abcdefghijlmnoprstuvwy", 29, 11, dates),
}
