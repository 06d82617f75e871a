"""What the name of a class or function says: the op that it is, and the inputs that suit it."""

import re
from collections.abc import Mapping

from reference.oracle.specs import SPECS

# What people call an op of ours in so many words, and the inputs that suit it.
OPS = {op: spec.called for op, spec in SPECS.items() if spec.called}
SCENE_OF_OP = {op: SPECS[op].scene or op for op in OPS}
# No op of ours, but known for the inputs that suit them.
OTHERS: Mapping[str, tuple[str, ...]] = {
    "classification": ("svm", "hinge", "nll"),
    "regression": ("squarederror", "identitywithloss", "mae", "l2", "squaredloss", "squareloss", "quadratic"),
    "elementwise": ("exp", "log", "square", "identity"),
    "temporal": ("temporal",),
}
NOISE = ("naive", "fast", "layer", "my", "batched", "vectorized", "numpy", "function", "the")


def recognized(name: str) -> tuple[str | None, str | None]:
    """(op, scene): the op that a name begins with, and the scene that fits the longest known word in it."""
    plain = re.sub(r"[_\W]", "", name.lower())
    bare = re.sub("|".join(NOISE), "", plain)
    words = {word: (op, SCENE_OF_OP[op]) for op, words in OPS.items() for word in words}
    words |= {word: (None, spec.scene or op) for op, spec in SPECS.items() for word in spec.resembles}
    words |= {word: (None, scene) for scene, words in OTHERS.items() for word in words}
    within = [word for word in words if word in plain]
    if not within:
        return None, None
    longest = max(within, key=len)
    op, scene = words[longest]
    if any(word in plain.replace(longest, " ", 1) for word in words):  # affine_relu is neither of the two
        op = None
    return (op if longest in (plain[: len(longest)], bare[: len(longest)]) else None), scene
