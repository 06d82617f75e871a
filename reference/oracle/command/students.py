"""A folder of submissions as a teacher wants it: one CSV of points, a row a student, and a page for each student."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from reference.oracle.command.output import reports
from reference.oracle.command.walk import SUFFIXES, is_passed_over
from reference.oracle.rendering.html import html_page
from reference.oracle.rendering.language import saying

TABLE = "points.csv"
FIRST = ("student", "points", "of", "wrong", "not judged")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute, where a cell begins with it


class Part(NamedTuple):
    """A graded part: its place within a folder that was handed in, the name of what it is a part of, and its points."""

    # Before a name, where the file counts: `linear.py:`.
    place: str
    of: str
    grade: dict[str, Any]

    @property
    def name(self) -> str:
        """Without the file, which every student may name as they like: `dense gradient of x`."""
        return f"{self.of} {self.grade['name']}"


class Student(NamedTuple):
    """What one student handed in: a file or a folder of them, and what was found in it."""

    name: str
    path: Path
    results: list[dict[str, Any]]

    def parts(self) -> Iterator[Part]:
        """Every graded part, with what it is a part of."""
        for result in self.results:
            place = f"{Path(result['file']).relative_to(self.path).as_posix()}:" if self.path.is_dir() else ""
            for part in result.get("grade", []):
                yield Part(place, result["name"], part)

    def points(self) -> tuple[int, int]:
        """Points earned, points possible."""
        parts = [part.grade for part in self.parts()]
        return sum(part["earned"] for part in parts), sum(part["possible"] for part in parts)


def students_in(folder: Path) -> list[Student]:
    """Everybody who handed something in, also what cannot be judged.

    Raises:
        ValueError: two submissions have one name, or there is none.
    """
    handed_in = [path for path in sorted(folder.iterdir()) if _is_submission(path)]
    found = {path.name if path.is_dir() else path.stem: path for path in handed_in}
    if len(found) < len(handed_in):
        twice = next(path for path in handed_in if found[path.name if path.is_dir() else path.stem] != path)
        raise ValueError(f"--students: every submission must have a name of its own; got {twice} and another")
    if not found:
        raise ValueError(f"--students: {folder} must hold a file or a folder for each student; got none")
    return [Student(name, path, []) for name, path in found.items()]


def _is_submission(path: Path) -> bool:
    return not is_passed_over(path) if path.is_dir() else path.suffix in SUFFIXES


def write_students(
    students: Sequence[Student], results: Sequence[dict[str, Any]], folder: Path, language: str = "en"
) -> str:
    """The table, which programs read and is English, and the pages; a sentence that says where they are."""
    for student in students:
        student.results.extend(result for result in results if Path(result["file"]).is_relative_to(student.path))
    folder.mkdir(parents=True, exist_ok=True)
    for student in students:
        (folder / f"{student.name}.html").write_text(page(student, language), encoding="utf-8")
    with open(folder / TABLE, "w", encoding="utf-8-sig", newline="") as file:  # the mark that Excel reads UTF-8 by
        csv.writer(file).writerows(rows(students))
    word = "student" if len(students) == 1 else "students"
    return saying(language)(
        f"The points of {len(students)} {word} are in {folder / TABLE}, with a page for each beside it."
    )


def rows(students: Sequence[Student]) -> list[list[str]]:
    """The head, and a row a student; a part that a student does not have is left empty."""
    every = [earned_by(student) for student in students]
    columns = list(dict.fromkeys(column for earned in every for column in earned))
    table = [[*FIRST, *columns]]
    for student, earned in zip(students, every, strict=True):
        verdicts = [result.get("verdict", "cannot tell") for result in student.results]
        counts = [verdicts.count("fail"), verdicts.count("cannot tell")]
        row = [student.name, *map(str, (*student.points(), *counts)), *(earned.get(name, "") for name in columns)]
        table.append(row)
    return [[f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row] for row in table]


def earned_by(student: Student) -> dict[str, str]:
    """The points of every part by its column; only a part that the student has in two files bears its file's name."""
    counts = Counter(part.name for part in student.parts())
    return {
        f"{part.place if counts[part.name] > 1 else ''}{part.name}": str(part.grade["earned"])
        for part in student.parts()
    }


def page(student: Student, language: str = "en") -> str:
    """What a student gets back: the points with their reasons, and the reports with pictures of the errors."""
    say = saying(language)
    earned, possible = student.points()
    cells = [
        (f"{place}{of} {say(grade['name'])}", f"{grade['earned']}/{grade['possible']}", say(grade["why"]))
        for place, of, grade in student.parts()
    ]
    parts = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    table = f'<div class="wide"><table>{parts}</table></div>' if parts else ""
    problems = "\n".join(reports([result for result in student.results if "problem" in result], True, say))
    problems = problems or ("" if student.results else say("There is nothing to judge in it."))
    title = say(f"{student.name}: {earned} of {possible} points")
    head = f"<section><h1>{escape(title)}</h1>{table}"
    head += (f'<p class="soft">{escape(problems)}</p>' if problems else "") + "</section>"
    sections = [result["html"] for result in student.results if result.get("html")]
    return html_page(title, [head, *sections], language)
