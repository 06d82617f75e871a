"""What stops a build: sentences that name the file, the line, the rule and the value."""

from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(Exception):
    """One sentence: `file:line: rule; got value`."""


class Problems(list[str]):
    """The refusals met so far, so that one run names them all."""

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a refusal and go on after the block."""
        try:
            yield
        except Refusal as refusal:
            self.note(str(refusal))

    def note(self, sentence: str) -> None:
        """Note a sentence, once."""
        if sentence not in self:
            self.append(sentence)
