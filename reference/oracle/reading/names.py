"""What the name of a class or function says: the op that it is, and the inputs that suit it."""

import re
from collections.abc import Mapping

# Names of classes and functions, in lower case without separators, that are an op of ours in so many words.
OPS: Mapping[str, tuple[str, ...]] = {
    "sigmoid": ("sigmoid", "logistic"),
    "log_sigmoid": ("logsigmoid",),
    "tanh": ("tanh",),
    "relu": ("relu",),
    "softplus": ("softplus",),
    "silu": ("silu", "swish"),
    "softmax": ("softmax",),
    "log_softmax": ("logsoftmax",),
    "dense": ("affine", "dense", "linear", "fc", "fullyconnected"),
    "conv": ("convolution", "conv"),
    "max_pool": ("maxpool", "pooling", "maxpooling", "pool"),
    "avg_pool": ("avgpool", "averagepooling", "meanpool", "avgpooling"),
}
SCENE_OF_OP = {op: op if op in ("dense", "conv", "max_pool", "avg_pool") else "elementwise" for op in OPS}
# Recognized for their inputs alone: the books' versions take a mean, draw a mask or return less than the op.
RELATED: Mapping[str, tuple[str, ...]] = {
    "classification": ("softmaxwithloss", "softmaxloss", "softmaxcrossentropy", "crossentropy", "crossentropyerror",
                       "svm", "hinge", "nll"),
    "regression": ("mse", "meansquarederror", "sumofsquareserror", "squarederror", "identitywithloss", "huber", "mae",
                   "l2", "squaredloss", "squareloss", "quadratic"),
    "chances": ("bce", "binarycrossentropy", "sigmoidwithloss", "logloss", "logisticloss"),
    "normalization": ("batchnormalization", "batchnorm", "bn", "layernormalization", "layernorm", "rmsnorm",
                      "groupnorm"),
    "elementwise": ("gelu", "elu", "leakyrelu", "dropout", "exp", "log", "square", "identity"),
    "embedding": ("embedding", "embed"),
    "recurrent": ("rnn", "rnnstep", "vanillarnn", "gru"),
    "four gates": ("lstm", "lstmstep"),
    "temporal": ("temporal",),
}  # fmt: skip
NOISE = ("naive", "fast", "layer", "my", "batched", "vectorized", "numpy", "function", "the")


def recognized(name: str) -> tuple[str | None, str | None]:
    """(op, scene): the op that a name begins with, and the scene that fits the longest known word in it."""
    plain = re.sub(r"[_\W]", "", name.lower())
    bare = re.sub("|".join(NOISE), "", plain)
    words = {word: (op, SCENE_OF_OP[op]) for op, words in OPS.items() for word in words}
    words |= {word: (None, scene) for scene, words in RELATED.items() for word in words}
    within = [word for word in words if word in plain]
    if not within:
        return None, None
    longest = max(within, key=len)
    op, scene = words[longest]
    if any(word in plain.replace(longest, " ", 1) for word in words):  # affine_relu is neither of the two
        op = None
    return (op if longest in (plain[: len(longest)], bare[: len(longest)]) else None), scene
