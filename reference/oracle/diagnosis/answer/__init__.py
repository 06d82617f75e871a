"""The shortest program of all: the true gradient itself. What comes back is that with one edit, or shows no program."""

from collections.abc import Callable, Iterator

from reference.oracle.diagnosis.answer import calls, counts, meetings, parts, places
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View

# (bits, prediction) of every edit of the answer that a row makes.
Row = Callable[[View], Iterator[tuple[float, Model]]]

# What is cheap on arrays of any size, of all entries and of a part of them; and what asks for more.
ON_ALL: tuple[Row, ...] = (
    calls.nothing, calls.rounded, calls.integral, counts.sign, counts.named, places.permuted, places.flipped,
    places.of_another_argument, parts.unsummed,
)  # fmt: skip
ON_A_PART: tuple[Row, ...] = (calls.clipped, parts.holes, parts.multiple_of_the_argument, parts.scaled_in_part)
AT_LENGTH: tuple[Row, ...] = (
    calls.rounded_inside, calls.crooked, counts.unnamed, places.shifted, meetings.its_own_alone,
    meetings.one_of_several, meetings.other_winners, meetings.near_ties, parts.summed_too_far, parts.cotangent_alone,
    parts.other_slope, parts.one_example, parts.unmasked,
)  # fmt: skip
ALL = (*ON_ALL, *ON_A_PART, *AT_LENGTH)
