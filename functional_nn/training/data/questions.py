"""Generated questions as a data set: what is read is the question and the answer so far, what is told the answer."""

from functional_nn.training.choices.config import DatasetName
from functional_nn.training.data.examples import Dataset, Examples
from functional_nn.training.data.generated import GENERATED, Generated

LEARNED, JUDGED = 200_000, 5_000
SEED = 0  # fixed: --seed changes what is learned, never what teaches and what judges


def load(name: DatasetName) -> Dataset:
    """The questions of a task, of which none that judges teaches."""
    task = GENERATED[name]
    train, test = (_examples(task, count, judges) for count, judges in ((LEARNED, False), (JUDGED, True)))
    return Dataset(name, train, test, alphabet=task.characters.encode("ascii"))


def _examples(task: Generated, count: int, judges: bool) -> Examples:
    """Each letter of an answer is told from the question and the letters before it."""
    rows = task.rows(SEED, range(count), judges=judges)
    return Examples(rows[:, :-1], rows[:, task.question_length + 1 :])
