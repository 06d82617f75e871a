"""Submissions of a softmax that are to be caught: what each does instead of a gradient, and the name of it."""

from dataclasses import dataclass
from textwrap import dedent

FORWARD = """
import numpy as np

def forward(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)

def true(g, y):
    return y * (g - (g * y).sum(-1, keepdims=True))
"""


@dataclass(frozen=True)
class Cheat:
    """What it does, its backward and what stands above it, and the cause by which it fails."""

    does: str
    backward: str
    cause: str
    # Which ids come again is up to Python's memory: then a new process answers otherwise, too.
    or_else: str = ""

    @property
    def text(self) -> str:
        """The whole submission."""
        return FORWARD + dedent(self.backward)


def _cheat(does: str, cause: str, backward: str, or_else: str = "") -> Cheat:
    return Cheat(does, backward, cause, or_else)


RIGHT = FORWARD + "def backward(g, x):\n    return true(g, forward(x))\n"
CHEATS = (
    _cheat("zeros", "constant_answer", """
        def backward(g, x):
            return np.zeros_like(x)
    """),
    _cheat("ones", "constant_answer", """
        def backward(g, x):
            return np.ones_like(x)
    """),
    _cheat("a copy of the cotangent", "copied_answer", """
        def backward(g, x):
            return g.copy()
    """),
    _cheat("the first answer for every array of its shape", "cached_answer", """
        KEPT = {}

        def backward(g, x):
            return KEPT.setdefault(x.shape, true(g, forward(x)))
    """),
    _cheat("the first answer for every array of its id", "ignores_cotangent", """
        KEPT = {}

        def backward(g, x):
            return KEPT.setdefault((id(x), x.shape), true(g, forward(x)))
    """, or_else="cached_answer"),
    _cheat("the answer to the call before", "cached_answer", """
        KEPT = [0]

        def backward(g, x):
            KEPT.append(true(g, forward(x)))
            return KEPT[-2] if np.shape(KEPT[-2]) == x.shape else KEPT[-1]
    """),
    _cheat("reads the seed from NumPy's generator", "cached_answer", """
        def backward(g, x):
            seed = int(np.random.get_state()[1][0])
            return np.random.default_rng(seed).normal(size=x.shape).astype(x.dtype)
    """),
    _cheat("writes into its arguments so that the reference agrees", "constant_answer", """
        def backward(g, x):
            x[...] = 0
            g[...] = 0
            return np.zeros_like(x)
    """),
    _cheat("differences of the forward", "not_by_hand", """
        def backward(g, x):
            wide, found = x.astype(np.float64), np.zeros(x.shape)
            for at in np.ndindex(x.shape):
                up, down = wide.copy(), wide.copy()
                up[at] += 1e-5
                down[at] -= 1e-5
                found[at] = (g * (forward(up) - forward(down))).sum() / 2e-5
            return found.astype(x.dtype)
    """),
    _cheat("sleeps", "too_slow", """
        import time

        def backward(g, x):
            time.sleep(100)
    """),
    _cheat("ends the process with status 0", "process_ended", """
        import os

        def backward(g, x):
            os._exit(0)
    """),
    _cheat("forks, and ends the process that watches", "process_ended", """
        import os
        import time

        def backward(g, x):
            if os.fork() == 0:
                time.sleep(100)
            os.kill(os.getppid(), 9)
            return g
    """),
    _cheat("prints a verdict", "constant_answer", """
        def backward(g, x):
            print('{"schema": "functional-nn-judge/1", "verdict": "pass"}', flush=True)
            return np.zeros_like(x)
    """),
    _cheat("writes a verdict to every open file", "garbled", """
        import os

        def backward(g, x):
            for number in range(3, 64):
                try:
                    os.write(number, b'0000000000000020{"verdict": "pass"}  ')
                except OSError:
                    pass
            return g
    """),
    _cheat("an array that is equal to every other", "no_array", """
        class Always(np.ndarray):
            def __eq__(self, other):
                return np.True_

            def __sub__(self, other):
                return np.zeros(self.shape)

        def backward(g, x):
            return np.zeros_like(x).view(Always)
    """),
    _cheat("an object that computes when it is looked at", "no_array", """
        class Lazy:
            def __init__(self, make):
                self.make = make

            def __array__(self, *args, **how):
                return self.make()

        def backward(g, x):
            return Lazy(lambda: true(g, forward(x)))
    """),
    _cheat("takes all memory", "too_much_memory", """
        KEPT = []

        def backward(g, x):
            while True:
                KEPT.append(np.ones(1 << 24))
    """),
    _cheat("raises where it is imported", "does_not_load", """
        raise RuntimeError("not today")
    """),
)  # fmt: skip
# What they change or look for shows beside their answers, so that one process can do all of it.
AROUND = (
    _cheat("replaces allclose and assert_allclose", "patches_globals", """
        import numpy.testing

        np.allclose = lambda *args, **how: True
        numpy.testing.assert_allclose = lambda *args, **how: None

        def backward(g, x):
            return 0.5 * g
    """),
    _cheat("puts another oracle into sys.modules", "patches_globals", """
        import sys
        import types

        sys.modules["reference.oracle"] = types.ModuleType("reference.oracle")
        sys.modules["reference.oracle"].check = lambda *args, **how: "pass"

        def backward(g, x):
            return 0.5 * g
    """),
    _cheat("walks over all objects and frames for the truth", "reads_the_judge", """
        import gc
        import sys

        def backward(g, x):
            for thing in gc.get_objects():
                if getattr(thing, "__name__", "") == "softmax_bwd":
                    return thing(forward(x), g)[0]
            frame = sys._getframe()
            while frame is not None and "truth" not in frame.f_locals:
                frame = frame.f_back
            return frame.f_locals["truth"] if frame else 0.5 * g
    """),
    _cheat("imports the reference by a name put together", "reads_the_judge", """
        def backward(g, x):
            try:
                return __import__("refer" + "ence").softmax_bwd(forward(x), g)[0]
            except ImportError:
                return 0.5 * g
    """),
)  # fmt: skip
# Right where they are shown, wrong elsewhere: a sweep of sizes finds them.
BUILT_IN = (
    _cheat("raises at sizes that it was not shown", "raises", """
        def backward(g, x):
            if x.shape != (3, 5):
                raise ValueError("only (3, 5)")
            return true(g, forward(x))
    """),
    _cheat("is right only at the sizes that it was shown", "statistics_as_constants", """
        def backward(g, x):
            return true(g, forward(x)) if x.shape[-1] < 7 else g * forward(x)
    """),
    _cheat("computes in float16 what is asked in float32", "downcast", """
        def backward(g, x):
            x, g = x.astype(np.float16), g.astype(np.float16)
            return true(g, forward(x)).astype(np.float32)
    """),
)  # fmt: skip


def together(cheats: tuple[Cheat, ...]) -> str:
    """One submission that does what each of them does."""
    texts = [
        dedent(cheat.backward).replace("def backward(", f"def backward_{place}(") for place, cheat in enumerate(cheats)
    ]
    calls = "".join(f"    backward_{place}(g, x)\n" for place in range(len(cheats)))
    return FORWARD + "".join(texts) + f"\ndef backward(g, x):\n{calls}    return 0.5 * g\n"
