"""The cores of one processor as devices of their own."""

import os

from functional_nn.training.choices.config import KINDS, READS, TrainConfig
from functional_nn.training.machine.processes import several

# The context from which the C files save more than the cores wait for each other elsewhere: a step of the text preset,
# 256, takes 97 to 108 ms, and 110 to 136 divided; with a context of 64 both take as long.
FAR = 256


def divide_cores(config: TrainConfig) -> None:
    """Let each core be a device with its part of the batch, where that is faster; before JAX is used otherwise.

    A step on texts is hundreds of small loops and products. One after the other, divided among all cores, the cores
    wait for each other at each; with a part of the batch each, once a step. Images are left alone, and long texts that
    attend: what oneDNN and the C files compute is not divided among devices.
    """
    count = 1 if _attends_far(config) else _cores_for(config)
    chosen = config.devices or config.mesh or several()
    chosen = chosen or "JAX_NUM_CPU_DEVICES" in os.environ or "device_count" in os.environ.get("XLA_FLAGS", "")
    if chosen or count == 1 or KINDS[config.dataset] == "images":
        return
    import jax

    try:
        # This is said of the CPU, and changes nothing where JAX finds a GPU or a TPU.
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        return  # JAX runs already, in a process that is not only this run's


def _attends_far(config: TrainConfig) -> bool:
    """Whether all cores together take less time over the attention of one example, as they were measured to."""
    if config.model != "transformer" or (config.context or READS["context"]) < FAR:
        return False
    from functional_nn.cpu.attention import pays

    return pays(FAR, FAR)


def _cores_for(config: TrainConfig) -> int:
    """As many of the cores that this process may use as get equal parts of a batch."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    rows = config.batch_size // config.accumulate
    return max(count for count in range(1, cores + 1) if rows % count == 0)
