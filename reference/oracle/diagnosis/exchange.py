"""What an exchange of two values is called: where they are one function of different arguments, by these."""

from typing import Any

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.diagnosis.values import array_of, equal
from reference.oracle.recording.tape import Step


def called(edited: Edited) -> str:
    """The cause of an edit that puts one value in the place of another."""
    assert edited.exchange is not None
    pair = _deepest(*edited.exchange)
    if pair is None:
        return edited.cause
    a, b = map(array_of, pair)
    if a.dtype == bool and b.dtype == bool:
        return "mask_wrong"
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and a.size > 1:
        return "wrong_index"
    plain = a.size == b.size == 1 and not any(isinstance(one, Step) for one in pair)
    return "static_ignored" if plain else edited.cause


def _deepest(old: Any, new: Any) -> tuple[Any, Any] | None:
    """Of one function of different arguments, the arguments that differ, and of these the same; None of others."""
    pair = None
    while isinstance(old, Step) and isinstance(new, Step) and old is not new and old.name == new.name:
        different = [(a, b) for a, b in zip(old.args, new.args, strict=False) if not equal(a, b)]
        if len(different) != 1 or len(old.args) != len(new.args):
            return pair
        pair = old, new = different[0]
    return pair
