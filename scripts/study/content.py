"""What a page needs from the running code: its excerpts with their shapes, its values, its mistakes' reports."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import textbook
from .excerpt import SIDES, Function, Piece, find, pieces
from .page import Excerpt, Page, Step
from .questions import Questions
from .refusal import Problems, Refusal
from .reports import Story, story
from .shapes import Recorder, Shapes, abstractly, eagerly
from .sides import namespace, namespaces, run
from .source import Place
from .values import Result, evaluate


@dataclass
class Content:
    """A page's real code and numbers; excerpts are found by the place of their table in the page."""

    page: Page
    excerpts: dict[Place, tuple[Function, list[Piece]]] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    stories: list[Story] = field(default_factory=list)
    # What a writer should know, though nothing is wrong.
    hints: list[str] = field(default_factory=list)


def compute(page: Page, questions: Questions | None, problems: Problems) -> Content:
    """Everything of the page that can be computed; what cannot, or is not true, is noted."""
    content = Content(page)
    for step in page.steps:
        for excerpt in excerpts_of(step):
            with problems.noted(), page.source.located(excerpt.path, needle=_needle(excerpt)):
                content.excerpts[excerpt.path] = excerpt_of(excerpt, page)
    with problems.noted():
        sides = namespaces(page)
        _run(content, sides, problems)
        if questions:
            _check_claims(questions, sides["numpy"], problems)
    for mistake in page.mistakes:
        with problems.noted():
            content.stories.append(story(mistake, page.source))
    return content


def _check_claims(questions: Questions, names: dict[str, Any], problems: Problems) -> None:
    """What the answers state is true with the names of the page's example, on the side of NumPy."""
    for item in questions.items:
        if item.claim:
            with problems.noted(), questions.source.located((*item.path, "claim")):
                if not np.all(run(item.claim, names, "a claim must be computable")):
                    raise Refusal(f"a claim must be true; got {item.claim.strip()!r}")


def excerpts_of(step: Step) -> list[Excerpt]:
    return [*step.textbook.values(), *step.library.values()]


def _needle(excerpt: Excerpt) -> str:
    return excerpt.lines[0] if excerpt.lines else excerpt.function


def excerpt_of(excerpt: Excerpt, page: Page) -> tuple[Function, list[Piece]]:
    """The function that an excerpt names, of the page's textbook or of the library, and the lines it picks."""
    side = str(excerpt.path[-1])
    if excerpt.path[-2] == "textbook":
        function = textbook.find(page.source.file, side, excerpt.function)
        return function, pieces(function, excerpt.lines)
    if excerpt.function.split(".")[0] != SIDES[side]:
        raise Refusal(f"the side of {side} shows functions of {SIDES[side]}; got {excerpt.function!r}")
    function = find(excerpt.function)
    return function, pieces(function, excerpt.lines)


def _run(content: Content, sides: dict[str, dict[str, Any]], problems: Problems) -> None:
    """Evaluate the table, and watch the excerpts' functions meanwhile."""
    page = content.page
    recorder = Recorder(function for function, _ in content.excerpts.values())
    # What JAX has compiled for another page does not run as Python: for that, `_watch_again`.
    awaited = [excerpt for path, excerpt in content.excerpts.items() if path[-1] != "jax" or path[-2] == "textbook"]
    for value in page.values:
        # Python that is watched takes five times as long.
        watched = nullcontext() if all(recorder.done(*excerpt) for excerpt in awaited) else recorder.watching()
        with problems.noted(), watched:
            content.results.append(evaluate(page, value, sides))
    _watch_again(content, recorder)
    content.shapes = recorder.seen
    for path, (function, _) in content.excerpts.items():
        if path[-2] == "textbook" and not recorder.ran(function):
            rule = "a textbook function must be run by a value that the library computes too"
            problems.note(page.source.sentence(path, rule, function.name, function.name))
        elif not recorder.ran(function):
            sentence = page.source.sentence(
                path, "no value runs this function, so its lines show no shapes", function.name
            )
            content.hints.append(sentence)


def _watch_again(content: Content, recorder: Recorder) -> None:
    """JAX runs a function's Python once and then what it compiled: lines that another page ran run again here."""
    shown = [excerpt for path, excerpt in content.excerpts.items() if path[-1] == "jax"]
    for how in (abstractly, eagerly):
        for result in content.results:
            if not any(recorder.lacks(*excerpt) for excerpt in shown):
                return
            names = namespace(content.page, "jax")  # anew, since a call may consume what it is given
            with recorder.watching():
                for code in (result.value.jax, result.value.textbook.get("jax", "None")):
                    how(_call(code, names))


def _call(code: str, names: dict[str, Any]) -> Callable[[], Any]:
    return lambda: eval(code.strip(), names)
