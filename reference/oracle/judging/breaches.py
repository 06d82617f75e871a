"""What a submission may do besides being wrong: the vocabulary, and one thing of it that was seen."""

from dataclasses import dataclass

# Of several that are seen the first in this order is the cause that a judgment names.
BREACHES = {
    "reads_the_judge": "The code looks for the reference, for the judge or for the code that called it.",
    "patches_globals": "Functions of NumPy, PyTorch, JAX or Python are replaced by others.",
    "forbidden_call": "A function is called that the task forbids, by whatever name.",
    "not_by_hand": "The gradient is that of automatic differentiation, or of differences of the forward.",
    "cached_answer": "An answer depends on what was asked before: a new process gives another one.",
    "constant_answer": "The same comes back whatever goes in.",
    "copied_answer": "What comes back is one of the arrays that went in, and wrong.",
    "no_array": "What comes back is an object of another kind, which is not computed, compared or unpacked.",
    "garbled": "What arrives from the process is no answer: something else was written there.",
    "process_ended": "The process ends, or is ended, while an answer is awaited.",
    "too_slow": "A call takes longer than the task allows for one.",
    "too_much_memory": "The process takes more memory than the task allows.",
    "does_not_load": "The file raises where it is run, or has not what the task asks for.",
    "refuses_sizes": "The code raises at an input at which the reference has a value.",
    "out_of_time": "All calls together take longer than the task allows: not all was asked. No failure by itself.",
}
# A machine's or a task's fault as well as the submission's: what was not asked is not known.
UNKNOWN = ("out_of_time",)


@dataclass(frozen=True)
class Breach:
    """One of them, and what was seen; line is a line of the submission where one is known."""

    name: str
    said: str
    line: int | None = None


class Ended(BaseException):
    """There are no more answers: what happened. No code that is called in between may take it for its own error."""

    def __init__(self, breach: Breach):
        super().__init__(breach.said)
        self.breach = breach
