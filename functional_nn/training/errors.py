"""The ways a run ends early; each message is one sentence for the person at the terminal."""


class BadInput(Exception):
    """Something that was asked for or given cannot be used; nothing was written or changed (exit status 2)."""


class Diverged(Exception):
    """The loss stopped being a finite number (exit status 1)."""


class GradientsDisagree(Exception):
    """The jitted gradient is not the one derived by hand (exit status 1)."""


class Interrupted(Exception):
    """A signal asked the run to end, and what it had learned was saved (exit status 128 and the signal's number)."""

    def __init__(self, sentence: str, signal: int | None = None) -> None:
        super().__init__(sentence)
        self.signal = signal


class InterruptedTwice(Interrupted):
    """A second signal ended the run at once: what was learned since the last save is lost."""


class ProcessLost(Interrupted):
    """Another process of the run is gone or did not come; no step can be taken without it (exit status 3)."""
