"""The generated tasks: right answers, the same from (seed, index) alone, and nothing judged that was taught."""

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import product

import numpy as np
import pytest

from functional_nn.training.data import questions
from functional_nn.training.data.generated import CASES, DAYS, FIRST_DAY, GENERATED, SPELLINGS, addition, dates, spelled

every_task = pytest.mark.parametrize("name", GENERATED)
SOME = range(300)


@every_task
def test_an_example_depends_on_seed_and_index_alone_and_on_both(name: str):
    example = GENERATED[name].example
    assert [example(3, index, False) for index in SOME] == [example(3, index, False) for index in reversed(SOME)][::-1]
    assert len({example(3, index, True) for index in SOME}) > 0.9 * len(SOME)
    assert [example(3, index, False) for index in SOME] != [example(4, index, False) for index in SOME]


def test_examples_are_those_of_earlier_versions():
    """Or a run that is gone on with would see others."""
    assert addition(0, 0) == ("0+450  ", "_450 ")
    assert dates(0, 0) == ("the 12th of february, 2027   ", "_2027-02-12")


@every_task
def test_whatever_the_seeds_nothing_that_teaches_judges(name: str):
    example, position = GENERATED[name].example, {"addition": 0, "dates": 1}[name]
    taught = {example(seed, index, False)[position] for seed in (0, 1) for index in range(1500)}
    judged = {example(seed, index, True)[position] for seed in (0, 2) for index in SOME}
    assert len(taught) > 1000
    assert len(judged) > 200
    assert not taught & judged


@every_task
def test_rows_are_the_examples_and_can_be_read_back(name: str):
    task = GENERATED[name]
    rows = task.rows(5, range(7, 12), judges=True)
    assert rows.dtype == np.int32
    assert rows.shape == (5, task.question_length + task.answer_length)
    assert [task.text(row) for row in rows] == ["".join(task.example(5, index, True)) for index in range(7, 12)]
    used = {character for index in range(3000) for text in task.example(0, index, False) for character in text}
    assert "".join(sorted(used)) == task.characters, "a character that no example has, or one without a token"


def test_every_sum_is_right_and_numbers_have_up_to_three_digits():
    lengths = set()
    for index in SOME:
        question, answer = addition(0, index)
        first, second = question.split("+")
        assert int(first) + int(second) == int(answer.removeprefix("_"))
        assert (len(question), len(answer), first) == (7, 5, str(int(first)))
        lengths.add((len(first), len(second.strip())))
    assert lengths == {(i, j) for i in (1, 2, 3) for j in (1, 2, 3)}


FORMS = ("%B %d, %Y", "%d %B %Y", "%A, %B %d, %Y", "%A %d %B %Y", "%Y %B %d", "%b %d, %Y", "%b. %d, %Y", "%d %b %Y")
FORMS += ("%d-%b-%Y", "%a, %b %d, %Y", "%a %d %b %Y", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d", "the %d of %B, %Y")
FORMS += ("%d of %B %Y",)


def readings(text: str) -> set[date]:
    """What Python's own reader makes of a date, in whatever forms it fits."""
    plain, found = re.sub(r"(?i)(\d)(st|nd|rd|th)\b", r"\1", text.strip()), set()
    for form in FORMS:
        with suppress(ValueError):
            found.add(datetime.strptime(plain, form).date())
    return found


def test_every_spelling_of_every_day_fits_and_has_one_meaning():
    days = [FIRST_DAY + timedelta(number) for number in (0, DAYS - 1, *range(1, 32, 3), *range(40, 380, 31))]
    for day, spelling in product(days, SPELLINGS):
        text = CASES[day.day % 3](spelled(day, spelling))
        assert len(text) <= 29
        assert readings(text) == {day}, text
    assert days[1] == date(2068, 12, 31)


def test_dates_come_in_all_spellings_and_answers_are_as_iso_has_them():
    forms = set()
    for index in range(600):
        question, answer = dates(1, index)
        assert (len(question), len(answer)) == (29, 11)
        assert {date.fromisoformat(answer.removeprefix("_"))} == readings(question)
        forms.add(re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", question.strip())))
    assert len(forms) == 10, "words and numbers stand in ten orders"


def test_each_letter_of_an_answer_is_told_from_those_before_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(questions, "LEARNED", 3)
    monkeypatch.setattr(questions, "JUDGED", 2)
    dataset = questions.load("addition")
    assert (len(dataset.train), len(dataset.test)) == (3, 2)
    for examples, judges in ((dataset.train, False), (dataset.test, True)):
        for index in range(len(examples)):
            x, labels = examples.x[index].tolist(), examples.labels[index].tolist()
            assert bytes(dataset.alphabet[t] for t in [*x, labels[-1]]) == "".join(addition(0, index, judges)).encode()
            assert x[8:] == labels[:-1]
    assert dataset.facts == {"alphabet": list(b" +0123456789_"), "question_length": 7, "answer_length": 4}
