"""Which device holds what: batches are split over all devices, large parameters along the axis fsdp.

The step stays one program (jax.jit); XLA adds what the devices tell each other. Along `data` parameters are repeated
and gradients summed. Along `fsdp` each large array of the state is kept in parts, gathered where the network uses it,
and its gradient kept in parts again: fully sharded data parallelism (arXiv:1910.02054, arXiv:2304.11277).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.legal import AXES, asked_shape
from functional_nn.training.data.examples import Batches
from functional_nn.training.endings import BadInput
from functional_nn.training.step.precision import Apply
from functional_nn.training.step.state import TrainState

DATA, FSDP = AXES
Devices = Sequence[Any]  # of jax.Device
LARGE = 1024  # numbers in an array; fewer cost more to gather than to keep


@dataclass(frozen=True)
class Layout:
    """A mesh of devices with the axes data and fsdp, and what follows for states and batches."""

    mesh: Mesh

    @property
    def devices(self) -> int:
        """On how many devices the run is."""
        return self.mesh.size

    def in_words(self) -> str:
        """What the run is on, for the person at the terminal."""
        axes = ", ".join(f"{name}={size}" for name, size in self.mesh.shape.items())
        processes = jax.process_count()
        together = f", in {processes} processes" if processes > 1 else ""
        return f"on {self.devices} devices ({self.mesh.devices.flat[0].platform}): {axes}{together}"

    @cached_property
    def whole(self) -> NamedSharding:
        """Everything on every device."""
        return NamedSharding(self.mesh, P())

    @cached_property
    def batch(self) -> NamedSharding:
        """Images (batch, ...) and whatever else has one row an image, split over all devices."""
        return NamedSharding(self.mesh, P(AXES))

    def of(self, tree: Any) -> Any:
        """The sharding of each array of a state."""
        parts = self.mesh.shape[FSDP]
        return jax.tree.map(lambda leaf: NamedSharding(self.mesh, split_largest(leaf.shape, parts)), tree)

    def keep(self, tree: Any) -> Any:
        """The same state inside a jitted function, each array held as `of` says."""
        return jax.lax.with_sharding_constraint(tree, self.of(tree))

    def repeat(self, tree: Any) -> Any:
        """The same values inside a jitted function, whole on every device."""
        return jax.lax.with_sharding_constraint(tree, self.whole)

    def gathering(self, apply: Apply) -> Apply:
        """The same network for parameters in parts: whole where it uses them, with gradients in parts."""

        @jax.custom_vjp
        def gather(params: Any) -> Any:
            return self.repeat(params)

        gather.defvjp(lambda params: (gather(params), None), lambda _, gradients: (self.keep(gradients),))
        return lambda params, *inputs, **flags: apply(gather(params), *inputs, **flags)

    def rows(self, batch_size: int) -> np.ndarray:
        """Which rows of a batch the devices of this process hold: no others are read here."""
        slices = self.batch.addressable_devices_indices_map((batch_size,)).values()
        return np.unique(np.concatenate([np.arange(batch_size)[rows] for rows in slices]))

    def put_batches(self, batches: Batches) -> Batches:
        """The batches of one call on the devices, from the rows that this process has read."""
        split = NamedSharding(self.mesh, P(None, AXES))
        return jax.make_array_from_process_local_data(Batches(split, split, self.whole), batches)

    def put(self, arrays: Any) -> Any:
        """Arrays (batch, ...) on the devices, from the rows that this process has read."""
        return jax.make_array_from_process_local_data(self.batch, arrays)

    def filled(self, batch_size: int) -> int:
        """The next batch size of which every device gets an equal part."""
        return -(-batch_size // self.devices) * self.devices

    @staticmethod
    def fetch(tree: Any) -> Any:
        """The whole arrays, in NumPy, in every process; every process must ask."""
        return multihost_utils.process_allgather(tree, tiled=True)

    def fetch_state(self, state: TrainState) -> TrainState:
        """A state in NumPy but for its key, which is on this process's first device."""
        numbers = self.fetch(state._replace(key=jax.random.key_data(state.key)))
        return numbers._replace(key=jax.random.wrap_key_data(numbers.key, impl=jax.random.key_impl(state.key)))


def one_device() -> Layout:
    """Everything on the first device of this process."""
    return make_layout(jax.local_devices()[:1], (1, 1))


def make_layout(devices: Devices, shape: Sequence[int]) -> Layout:
    """These devices, so many along each axis."""
    return Layout(jax.make_mesh(tuple(shape), AXES, axis_types=(AxisType.Auto,) * len(AXES), devices=devices))


def chosen_layout(config: TrainConfig) -> Layout:
    """The devices and the mesh that the configuration names; BadInput where there are not as many."""
    shape = asked_shape(config)
    devices = chosen_devices(config.devices if shape is None else math.prod(shape))
    return make_layout(devices, shape or (len(devices), 1))


def chosen_devices(count: int) -> Devices:
    """So many devices, equally many of each process; all where the number is 0."""
    there, processes = jax.devices(), jax.process_count()
    if count == 0:
        return there
    if count > len(there):
        kind = there[0].platform
        raise BadInput(f"at most {len(there)} devices can be asked for, as many as there are ({kind}); got {count}")
    if count % processes:
        raise BadInput(f"each of {processes} processes needs as many devices as the others; got {count} devices")
    each = count // processes
    return [device for process in range(processes) for device in _of_process(there, process)[:each]]


def split_largest(shape: tuple[int, ...], parts: int) -> P:
    """Split on the largest axis that divides into so many parts; whole where none does or the array is small."""
    divisible = [axis for axis, size in enumerate(shape) if size % parts == 0]
    if parts == 1 or math.prod(shape) < LARGE or not divisible:
        return P()
    axis = max(divisible, key=lambda axis: shape[axis])
    return P(*[None] * axis, FSDP)


def _of_process(devices: Devices, process: int) -> Devices:
    return [device for device in devices if device.process_index == process]
