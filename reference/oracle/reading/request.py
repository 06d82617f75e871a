"""What is asked of the judge of something found in a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference.oracle.reading.trial import Reading


@dataclass(frozen=True)
class Request:
    """What was asked for beside the code itself."""

    op: str | None = None
    statics: Mapping[str, Any] | None = None
    seed: int = 0
    strict: bool = False
    # The file's own inputs: EXAMPLES[name].
    examples: Any = None
    # Other values for the same reading, where the file must not know them.
    redrawn: Callable[[Reading], Reading] = field(default=lambda reading: reading)
