"""A folder of submissions as a teacher wants it: one CSV of points, a row a student, and a page for each student."""

import csv
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from reference.oracle.command.output import reports
from reference.oracle.command.walk import SUFFIXES, is_passed_over
from reference.oracle.rendering.html import html_page

TABLE = "points.csv"
FIRST = ("student", "points", "of", "wrong", "not judged")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute, where a cell begins with it


class Student(NamedTuple):
    """What one student handed in: a file or a folder of them, and what was found in it."""

    name: str
    path: Path
    results: list[dict[str, Any]]

    def parts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every graded part with its full name: `linear.py:dense gradient of x`."""
        for result in self.results:
            inner = f"{Path(result['file']).relative_to(self.path).as_posix()}:" if self.path.is_dir() else ""
            for part in result.get("grade", []):
                yield f"{inner}{result['name']} {part['name']}", part

    def points(self) -> tuple[int, int]:
        """Points earned, points possible."""
        parts = [part for _, part in self.parts()]
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


def write_students(students: Sequence[Student], results: Sequence[dict[str, Any]], folder: Path) -> str:
    """The table and the pages; a sentence that says where they are."""
    for student in students:
        student.results.extend(result for result in results if Path(result["file"]).is_relative_to(student.path))
    folder.mkdir(parents=True, exist_ok=True)
    for student in students:
        (folder / f"{student.name}.html").write_text(page(student), encoding="utf-8")
    with open(folder / TABLE, "w", encoding="utf-8-sig", newline="") as file:  # the mark that Excel reads UTF-8 by
        csv.writer(file).writerows(rows(students))
    many = f"{len(students)} student{'s' * (len(students) != 1)}"
    return f"The points of {many} are in {folder / TABLE}, with a page for each beside it."


def rows(students: Sequence[Student]) -> list[list[str]]:
    """The head, and a row a student; a part that a student does not have is left empty."""
    named = list(dict.fromkeys(name for student in students for name, _ in student.parts()))
    table = [[*FIRST, *named]]
    for student in students:
        earned = {name: str(part["earned"]) for name, part in student.parts()}
        verdicts = [result.get("verdict", "cannot tell") for result in student.results]
        counts = [verdicts.count("fail"), verdicts.count("cannot tell")]
        row = [student.name, *map(str, (*student.points(), *counts)), *(earned.get(name, "") for name in named)]
        table.append(row)
    return [[f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row] for row in table]


def page(student: Student) -> str:
    """What a student gets back: the points with their reasons, and the reports with pictures of the errors."""
    earned, possible = student.points()
    parts = "".join(
        f"<tr><td>{escape(name)}</td><td>{part['earned']} of {part['possible']}</td><td>{escape(part['why'])}</td></tr>"
        for name, part in student.parts()
    )
    table = f'<div class="wide"><table>{parts}</table></div>' if parts else ""
    problems = "\n".join(reports([result for result in student.results if "problem" in result], whole=True))
    problems = problems or ("" if student.results else "There is nothing to judge in it.")
    head = f"<section><h1>{escape(student.name)}: {earned} of {possible} points</h1>{table}"
    head += (f'<p class="soft">{escape(problems)}</p>' if problems else "") + "</section>"
    sections = [result["html"] for result in student.results if result.get("html")]
    return html_page(f"{student.name}: {earned} of {possible} points", [head, *sections])
