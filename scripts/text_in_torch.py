"""Train the network of `--preset text` by a plain PyTorch script, for so many seconds, and print its bits per byte.

    python scripts/text_in_torch.py --seconds 300 [--seed 0] [--compiled]

The same bytes, windows, network, batch, rate, clipping and decay as `functional-nn train --preset text`; the rate rises
and falls with the share of the seconds that have passed. They are those of training: importing, reading and judging the
held-out text come on top. Needs the extra `bench`.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from benchmarks.networks import Transformer
from benchmarks.transformer_torch import Model
from torch.nn import functional

from functional_nn.training.choices.presets import PRESETS
from functional_nn.training.data.examples import IGNORED, Examples
from functional_nn.training.data.text import load

CHOSEN = PRESETS["text"]
CONTEXT, AT_ONCE = 256, 64


def network(vocabulary: int) -> Model:
    """With the parameters that `transformer.init` would draw: Gaussian, smaller where a block's result is added."""
    case = Transformer("text", CHOSEN.batch_size, CONTEXT, vocabulary)
    model: Any = Model(case)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * case.layers) if "outer" in name else 1))
    return model


def rate(passed: float) -> float:
    """The learning rate after this share of the training: up along a line, down along a cosine."""
    rising = passed / CHOSEN.warmup
    falling = (1 + math.cos(math.pi * (passed - CHOSEN.warmup) / (1 - CHOSEN.warmup))) / 2
    return CHOSEN.peak_learning_rate * min(rising, falling) if rising < 1 else CHOSEN.peak_learning_rate * falling


def batches(text: Examples, seed: int) -> Iterator[Examples]:
    """All windows in one shuffle after the other; a rest smaller than a batch is left out."""
    rng, size = np.random.default_rng(seed), CHOSEN.batch_size
    while True:
        order = rng.permutation(len(text))
        for first in range(0, len(order) - size + 1, size):
            yield text.take(order[first : first + size])


def learn(model: Any, forward: Any, text: Examples, seconds: float, seed: int) -> int:
    """Train for so many seconds; how many steps that was."""
    optimizer = torch.optim.AdamW(model.parameters(), CHOSEN.peak_learning_rate, weight_decay=CHOSEN.decay, fused=True)
    start = time.monotonic()
    for steps, batch in enumerate(batches(text, seed)):
        passed = (time.monotonic() - start) / seconds
        if passed >= 1:
            return steps
        optimizer.param_groups[0]["lr"] = rate(passed)
        optimizer.zero_grad()
        logits = forward(torch.tensor(batch.x).long())
        loss = functional.cross_entropy(logits.flatten(0, 1), torch.tensor(batch.labels).long().flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CHOSEN.clip_norm or math.inf)
        optimizer.step()
    raise AssertionError("there is always another batch")


@torch.no_grad()
def bits_per_byte(model: Any, text: Examples) -> float:
    """Of every held-out byte, predicted once."""
    total = count = 0.0
    for first in range(0, len(text), AT_ONCE):
        batch = text.take(slice(first, first + AT_ONCE))
        labels = torch.tensor(batch.labels).long().flatten()
        logits = model(torch.tensor(batch.x).long()).flatten(0, 1)
        total += functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum").item()
        count += int((labels != IGNORED).sum())
    return total / count / math.log(2)


def main(arguments: list[str]) -> None:
    """Train and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, required=True, help="how long to train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compiled", action="store_true", help="by torch.compile, whose time does not count")
    chosen = parser.parse_args(arguments)
    if not chosen.seconds > 0:
        parser.error(f"--seconds must be above 0; got {chosen.seconds}")
    torch.manual_seed(chosen.seed)
    text = load(None, CONTEXT)
    model = network(len(text.alphabet))
    forward: Any = torch.compile(model) if chosen.compiled else model
    tokens = torch.zeros(CHOSEN.batch_size, CONTEXT).long()
    forward(tokens).sum().backward()
    steps = learn(model, forward, text.train, chosen.seconds, chosen.seed)
    form, size = "compiled" if chosen.compiled else "eager", sum(weight.numel() for weight in model.parameters())
    found = bits_per_byte(model, text.test)
    said = f"{found:.4f} bits/byte after {steps} steps in {chosen.seconds:.0f} s"
    print(f"PyTorch {form}, {size:,} parameters, seed {chosen.seed}: {said}")


if __name__ == "__main__":
    main(sys.argv[1:])
