"""Known mistakes in the reference's own backward, applied one after the other and compared exactly."""

from collections.abc import Callable, Iterator

from reference.oracle.diagnosis.known import activations, layers, losses, norms, pools, softmaxes
from reference.oracle.diagnosis.known.recognize import Known, recognize
from reference.oracle.diagnosis.known.statics import other_statics
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View

__all__ = ["Known", "known_mistakes", "recognize"]

_FAMILIES: dict[str, Callable[[View, Known], Iterator[Model]]] = {
    "activations": activations.mistakes,
    "losses": losses.mistakes,
    "pooling": pools.mistakes,
    "normalization": norms.mistakes,
}

_OPS: dict[str, Callable[[View, Known], Iterator[Model]]] = {
    "softmax": softmaxes.mistakes,
    "log_softmax": softmaxes.mistakes,
    "dense": layers.dense,
    "conv": layers.convolution,
    "conv_transpose": layers.convolution,
}


def known_mistakes(view: View, known: Known) -> Iterator[Model]:
    """Every known mistake in this op's backward that concerns the argument."""
    family = _OPS.get(known.op) or _FAMILIES.get(known.family)
    yield from family(view, known) if family else ()
    yield from other_statics(view, known)
