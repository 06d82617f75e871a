"""Where a network looks that learns to write dates in one way (Deep Learning from Scratch 2, 8.4)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn.experiments.study import Figures, Study, learn
from functional_nn.losses import softmax_cross_entropy
from functional_nn.models import seq2seq
from functional_nn.training.data.generated import GENERATED
from functional_nn.training.report.questions import Answered, draw_looks

STEPS, BATCH, RATE = 800, 64, 0.01
WIDTH, HIDDEN = 32, 128
JUDGED, DRAWN = 500, 3

TASK = GENERATED["dates"]
CONFIG = seq2seq.Config(len(TASK.characters), TASK.question_length, WIDTH, HIDDEN)


def measure(seed: int) -> Figures:
    """How many dates of days that it never saw are right, and where it looked to write some of them."""
    batches = TASK.rows(seed, range(STEPS * BATCH)).reshape(STEPS, BATCH, -1)
    params, state = jax.jit(partial(seq2seq.init, config=CONFIG))(jax.random.key(seed))
    params, losses = learn(params, lambda params, rows: jnp.mean(loss_of(params, state, rows)), batches, RATE)
    judged = TASK.rows(seed, range(JUDGED), judges=True)
    questions, answers = judged[:, : TASK.question_length], judged[:, TASK.question_length :]
    written = np.asarray(
        seq2seq.decode(params, state, jnp.asarray(questions), int(answers[0, 0]), TASK.answer_length - 1)
    )
    # What it wrote takes the place of the answer: the map shows how it came to that, right or wrong.
    shown = np.concatenate([questions, answers[:, :1], written], axis=1)[:DRAWN]
    weights = seq2seq.attention_weights(params, state, jnp.asarray(shown[:, :-1]))
    maps = [
        {"question": TASK.text(row[: TASK.question_length]), "written": TASK.text(own), "weights": looks.tolist()}
        for row, own, looks in zip(shown, written, np.asarray(weights), strict=False)
    ]
    return {"losses": losses, "accuracy": float((written == answers[:, 1:]).all(axis=1).mean()), "maps": maps}


def loss_of(params: Any, state: Any, rows: jax.Array) -> jax.Array:
    """A loss a letter."""
    logits, _ = seq2seq.apply(params, state, rows[:, :-1])
    return softmax_cross_entropy(logits, rows[:, TASK.question_length + 1 :])


def draw(figures: Figures, path: Path) -> None:
    """A map a date: for each letter written, from top to bottom, how much it looked at each letter read."""
    right = 100 * figures["accuracy"]
    answered = [Answered(**each) for each in figures["maps"]]
    draw_looks(answered, f"Where it looks to write a date, learnt in {STEPS} steps: {right:.1f} % right", path)


def table(figures: Figures) -> list[str]:
    """How many dates are right, and for each one drawn at which letter most of the look went, letter by letter."""
    lines = [f"dates right{'':<19}{100 * figures['accuracy']:>6.1f} %"]
    return lines + [line for each in figures["maps"] for line in (each["question"], _looked_at(each))]


def _looked_at(each: Mapping[str, Any]) -> str:
    pairs = zip(each["written"], np.argmax(each["weights"], axis=1), strict=True)
    return "  ".join(f"{letter}<{each['question'][place]}" for letter, place in pairs)


ATTENTION = Study("Where does a network look that learns to write dates in one way?", measure, draw, table)
