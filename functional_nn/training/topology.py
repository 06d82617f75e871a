"""How many devices and processes may be asked for, and how they are laid out. Imports no JAX."""

import math

from functional_nn.training.config import TrainConfig
from functional_nn.training.errors import BadInput

# The axes of the mesh: the batch is split over both, large parameters over fsdp and repeated along data.
AXES = ("data", "fsdp")
EXAMPLE = "data=4,fsdp=2"


def require_topology(config: TrainConfig) -> None:
    """Raise BadInput where the mesh or the processes cannot be: read, be as many, or find each other."""
    shape = asked_shape(config)
    if shape is not None and config.devices not in (0, math.prod(shape)):
        raise BadInput(f"--mesh {config.mesh} is of {math.prod(shape)} devices; got --devices {config.devices}")
    if config.coordinator is None:
        if config.process_id is not None or config.process_count not in (None, 1):
            raise BadInput("--process-id and --process-count need --coordinator HOST:PORT, where process 0 runs")
        return
    if config.process_id is None or config.process_count is None:
        raise BadInput("--coordinator needs --process-id, which of the processes this is, and --process-count")
    if not 0 <= config.process_id < config.process_count:
        counts = f"--process-id {config.process_id}, --process-count {config.process_count}"
        raise BadInput(f"--process-id must be at least 0 and below --process-count; got {counts}")
    host, _, port = config.coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise BadInput(f"--coordinator must be HOST:PORT, node1:8476 for example; got {config.coordinator!r}")


def asked_shape(config: TrainConfig) -> tuple[int, ...] | None:
    """How many devices stand along each axis, 1 where nothing is said of it; None where no mesh is asked for."""
    if config.mesh is None:
        return None
    parts = [part.partition("=") for part in config.mesh.split(",")]
    named = {name: size for name, _, size in parts}
    if len(named) < len(parts) or not named.keys() <= set(AXES) or not all(map(_is_size, named.values())):
        raise BadInput(f"--mesh must be like {EXAMPLE}, numbers of devices along the axes; got {config.mesh!r}")
    return tuple(int(named.get(axis, 1)) for axis in AXES)


def require_equal_parts(config: TrainConfig, devices: int) -> None:
    """Raise BadInput unless the devices get equal parts of every batch, or of every part of it."""
    parts = devices * config.accumulate
    if config.batch_size % parts:
        nearest = parts * max(1, round(config.batch_size / parts))
        accumulate = f", each {config.accumulate} parts" if config.accumulate > 1 else ""
        raise BadInput(
            f"--batch-size must be the same number of images for each of {devices} devices{accumulate}; "
            f"got {config.batch_size}, {nearest} would do"
        )


def _is_size(word: str) -> bool:
    return word.isdecimal() and int(word) > 0
