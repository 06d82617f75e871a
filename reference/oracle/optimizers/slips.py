"""The known mistakes of each optimizer: the words that make `optimizer_rules` commit one, its cause, and what it is."""

from typing import NamedTuple


class Slip(NamedTuple):
    """One mistake, as a set of words for `optimizer_rules`; a convention is no mistake where it cannot do harm."""

    words: frozenset[str]
    cause: str
    says: str


def _slip(words: str, cause: str, says: str) -> Slip:
    return Slip(frozenset([words]), f"optimizer_{cause}" if cause else "optimizer", says)


_EVERY = (
    _slip("ascends", "scale", "it moves up the gradient: the sign of the step is wrong"),
    _slip("rate doubled", "scale", "every step is twice as long: the learning rate is applied with a factor 2"),
    _slip("rate halved", "scale", "every step is half as long: the learning rate is applied with a factor 1/2"),
    _slip("rate decays", "scale", "the learning rate shrinks from step to step"),
    _slip("first only", "state", "only the first parameter is updated"),
)
_STATEFUL = (
    _slip("shared", "state", "the parameters share one state, so each one's gradient enters the others' steps"),
    _slip("forgets", "state", "the state is lost between steps: every step starts from zero again"),
)
_COUNTED = (
    _slip("t per parameter", "bias_correction", "t is counted once per parameter instead of once per step"),
    _slip("t starts at 2", "bias_correction", "t starts at 2: it is counted up twice before the first step"),
    _slip("t starts at 0", "bias_correction", "t starts at 0, so the first correction divides by zero"),
)
_SQUARED = (
    _slip("not squared", "", "the second moment adds up |gradient| instead of its square"),
    _slip("no root", "", "it divides by the second moment, not by its square root"),
    _slip("no epsilon", "epsilon", "epsilon is missing"),
)
_ADAM = (
    _slip("uncorrected", "bias_correction", "neither moment is corrected for its start at zero"),
    _slip("first uncorrected", "bias_correction", "the first moment is not corrected for its start at zero"),
    _slip("second uncorrected", "bias_correction", "the second moment is not corrected for its start at zero"),
    _slip("t stays 1", "bias_correction", "it divides by 1 - beta, not by 1 - beta ** t: no power of t, or t stays 1"),
    _slip("multiplied", "bias_correction", "the correction multiplies by 1 - beta ** t instead of dividing by it"),
    _slip("epsilon moved", "epsilon", "epsilon is inside the square root instead of outside"),
    _slip("betas swapped", "", "beta1 and beta2 are swapped"),
    _slip("not averaged", "", "the moments are sums: the factor 1 - beta is missing"),
    _slip("square of the mean", "", "the second moment squares the first moment instead of the gradient"),
)
_DECAY = (
    _slip(
        "decay coupled", "decay", "weight decay is added to the gradient (coupled); adamw decays the parameter itself"
    ),
    _slip("decay ignored", "decay", "weight decay has no effect"),
    _slip("decay without the rate", "decay", "weight decay is not multiplied by the learning rate"),
    _slip("decay after the step", "decay", "weight decay is taken of the updated parameter"),
    _slip("decay doubled", "decay", "weight decay is applied twice"),
    _slip("decay grows", "decay", "weight decay has the wrong sign: it makes the parameters grow"),
)

SLIPS: dict[str, tuple[Slip, ...]] = {
    "sgd": _EVERY,
    "momentum": (
        *_EVERY,
        *_STATEFUL,
        _slip("look ahead", "nesterov", "this is Nesterov's momentum, not the plain one"),
        _slip("dampened", "scale", "the gradient enters the velocity with a factor 1 - momentum"),
        _slip("dampened first", "scale", "the first gradient enters the velocity with a factor 1 - momentum"),
        _slip("old velocity", "state", "it steps by the old velocity: the update comes before the velocity's"),
        _slip("gradient twice", "scale", "the gradient counts twice: in the velocity and again in the step"),
    ),
    "nesterov": (
        *_EVERY,
        *_STATEFUL,
        _slip("plain", "nesterov", "this is plain momentum: the look ahead is missing"),
        _slip("applied twice", "nesterov", "momentum is applied twice: this step wants the velocity before its update"),
        _slip("not added", "nesterov", "the gradient itself is missing from the step"),
    ),
    "adagrad": (
        *_EVERY,
        *_STATEFUL,
        *_SQUARED,
        _slip("starts at 0", "scale", "the sum of squares starts at 0 instead of the initial accumulator"),
        _slip("starts at 0.1", "scale", "the sum of squares starts at 0.1 (optax's default)"),
        _slip("starts at 1", "scale", "the sum of squares starts at 1"),
    ),
    "rmsprop": (
        *_EVERY,
        *_STATEFUL,
        *_SQUARED,
        _slip("decay swapped", "scale", "decay and 1 - decay are swapped"),
        _slip("not averaged", "scale", "the squares are summed: the factor 1 - decay is missing"),
        _slip("corrected", "bias_correction", "the mean of squares is corrected for its start; rmsprop leaves it"),
        _slip("starts at 1", "scale", "the mean of squares starts at 1 instead of 0"),
    ),
    "adam": (*_EVERY, *_STATEFUL, *_COUNTED, *_ADAM, *_SQUARED),
    "adamw": (*_EVERY, *_STATEFUL, *_COUNTED, *_ADAM, *_SQUARED, *_DECAY),
}

_FOLDED = (
    "The correction is folded into the learning rate, so epsilon is added to the uncorrected moment: the form at the"
    " end of section 2 of the Adam paper, which differs from its Algorithm 1 only in what epsilon means."
)
_OUTSIDE = (
    "Epsilon is added to the root (as in PyTorch and the textbooks), where the reference adds it under the root (as in"
    " optax and TensorFlow): both are published, and they differ only where the gradient is as small as epsilon."
)

# Another way to write the same optimizer, by the word of the rule that does it: no mistake.
CONVENTIONS: dict[str, dict[str, str]] = {
    "adam": {"folded": _FOLDED},
    "adamw": {"folded": _FOLDED},
    "adagrad": {"epsilon moved": _OUTSIDE},
    "rmsprop": {"epsilon moved": _OUTSIDE},
}
