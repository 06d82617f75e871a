"""What a run times, by platform; nothing here needs a library."""

from benchmarks.networks import LARGE_NETWORKS, LARGE_TRANSFORMERS, NETWORKS, TRANSFORMERS, Network, Transformer
from benchmarks.ops import sizes
from benchmarks.ops.sizes import Op

Case = Op | Network | Transformer

ON_CPU: tuple[Case, ...] = (*sizes.chosen(("float32",)), *NETWORKS, *TRANSFORMERS)
# What says most comes first: what is not reached in time is left out.
ON_ACCELERATOR: tuple[Case, ...] = (*LARGE_TRANSFORMERS, *LARGE_NETWORKS, *sizes.chosen(sizes.DTYPES))
# After so many seconds on an accelerator no further case begins, so that all ends within ten minutes.
ACCELERATOR_SECONDS = 480.0


def cases(platform: str, every_op: bool) -> tuple[Case, ...]:
    """All that there is to time on a platform, or every op in every size."""
    if every_op:
        return sizes.every()
    return ON_CPU if platform == "cpu" else ON_ACCELERATOR


def dtype(case: Case) -> str:
    """In which a case computes."""
    return "float32" if isinstance(case, Network) else case.dtype


def step_named(name: str) -> Network | Transformer:
    """The training step of that name, wherever it is timed."""
    steps = (*NETWORKS, *TRANSFORMERS, *LARGE_NETWORKS, *LARGE_TRANSFORMERS)
    return next(case for case in steps if case.name == name)
