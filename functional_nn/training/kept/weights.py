"""The weights of a run as one safetensors file, which carries a checksum of itself."""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from functional_nn.training.choices.values import json_object
from functional_nn.training.endings import BadInput
from functional_nn.training.kept.folder import whole_file
from functional_nn.training.machine.processes import first_line
from functional_nn.training.step.state import flatten

# One entry of metadata, because several are written in an order that differs from run to run.
ENTRY = "functional_nn"
CHECKSUM = "sha256"


def write_weights(path: Path, params: Any, model_state: Any, about: Mapping[str, Any]) -> None:
    """Write every parameter as safetensors under its dotted name, the state of the layers under `state.`."""
    arrays = flatten(params) | {f"state.{name}": array for name, array in flatten(model_state).items()}
    # safetensors 0.8 stores arrays that are not C-contiguous scrambled (huggingface/safetensors#825).
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    entry = json.dumps({**about, CHECKSUM: checksum(contiguous, about)})
    with whole_file(path) as partial:
        partial.write_bytes(save(contiguous, {ENTRY: entry}))


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Every array by name; BadInput where they are not as they were written, a word where no checksum can tell."""
    try:
        with safe_open(path, "np") as file:
            about = json_object((file.metadata() or {}).get(ENTRY, "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except Exception as error:  # of damaged files safetensors hands on whatever reading them ran into
        raise BadInput(f"{path} is damaged: {first_line(error)}; {_mend(path)}") from None
    written = about.pop(CHECKSUM, None)
    if written is None:
        print(f"warning: {path} carries no checksum, as no earlier version wrote one: taken as it is", file=sys.stderr)
    elif written != checksum(arrays, about):
        raise BadInput(f"{path} is damaged: its checksum is not that of its content; {_mend(path)}")
    return arrays


def checksum(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> str:
    """SHA-256 of what is said of the weights, and of the name, dtype, shape and numbers of each array."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _mend(path: Path) -> str:
    return f"its run writes it anew: functional-nn train --resume {path.parent}"


WEIGHTS = "model.safetensors"
