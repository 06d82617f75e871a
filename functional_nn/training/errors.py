"""The ways a run ends early; each message is one sentence for the person at the terminal."""


class BadInput(Exception):
    """Something that was asked for or given cannot be used; nothing was written or changed (exit status 2)."""


class Diverged(Exception):
    """The loss stopped being a finite number (exit status 1)."""


class GradientsDisagree(Exception):
    """The jitted gradient is not the one derived by hand (exit status 1)."""
