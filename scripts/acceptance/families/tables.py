"""Rows of a table, and a linear recurrence: gradients that are gathered from many places."""

import torch

from scripts.acceptance.operation import Operation


def embedding(a, d, indices, table):
    flat, found = d.reshape(-1, d.shape[-1]), []
    for row in range(len(table)):
        mine = flat[indices.reshape(-1) == row]
        found.append(a.rows(mine) if len(mine) else torch.zeros_like(table[0]))
    return None, torch.stack(found)


def recurrence(a, d, x, decay, initial):
    states = [initial, *scanned(x, decay, initial).unbind(1)]
    carry, x_ct, decay_ct = torch.zeros_like(initial), [], []
    for step in reversed(range(x.shape[1])):
        carry = carry + d[:, step]
        x_ct.append(carry)
        decay_ct.append(carry * states[step])
        carry = carry * decay[:, step]
    return torch.stack(x_ct[::-1], 1), torch.stack(decay_ct[::-1], 1), carry


def scanned(x, decay, initial):
    states = [initial]
    for step in range(x.shape[1]):
        states.append(decay[:, step] * states[-1] + x[:, step])
    return torch.stack(states[1:], 1)


OPERATIONS = (
    Operation(
        "embedding", "embedding", lambda indices, table: table[indices], embedding,
        lambda rng: {"indices": rng.integers(0, 9, size=(6, 7)), "table": rng.normal(size=(9, 11))},
        (
            ("the last row of an index for the sum", "a.rows(mine)", "mine[-1]"),
            ("a mean for the sum", "a.rows(mine)", "a.rows(mine) / len(mine)"),
            ("the table's last row gets nothing", "if len(mine)", "if len(mine) and row < len(table) - 1"),
        ),
    ),
    Operation(
        "linear recurrence", "linear_recurrence", scanned, recurrence,
        lambda rng: {
            "x": rng.normal(size=(3, 12, 7)),
            "decay": rng.uniform(0.5, 0.95, size=(3, 12, 7)),
            "initial": rng.normal(size=(3, 7)),
        },
        (
            ("nothing is carried between blocks of 4", "carry = carry * decay[:, step]",
             "carry = carry * decay[:, step] * (step % 4 != 0)"),
            ("the carry lacks its decay", "carry = carry * decay[:, step]", "carry = carry"),
            ("the decay's gradient is of the state behind", "carry * states[step]", "carry * states[step + 1]"),
            ("the decay of the step before", "carry * decay[:, step]", "carry * decay[:, max(step - 1, 0)]"),
        ),
    ),
)  # fmt: skip
