"""What a run would run on: versions, devices, precision, and a word where a GPU lies idle."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from functional_nn import _libraries
from functional_nn.training.machine.packages import CORE, TRAIN

# A file that is there when a driver is loaded, and the extra of this package that uses the device.
DRIVER_FILES = {"/proc/driver/nvidia/version": "cuda13", "/dev/nvidia0": "cuda13", "/dev/accel0": "tpu"}
NVIDIA_TOOL = "nvidia-smi"
# How a float32 matrix product is computed unless jax_default_matmul_precision says otherwise.
NATIVE_PRECISION = {"gpu": "TF32 on tensor cores", "tpu": "bfloat16 passes", "cpu": "float32"}


def versions() -> dict[str, str]:
    """Version of Python and of every package that a run's figures depend on; a missing one is left out."""
    found = {"python": platform.python_version()}
    for name in (*CORE, *TRAIN):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def visible_accelerator() -> tuple[str, str] | None:
    """What shows that an accelerator is here, and the extra that would use it; None where nothing shows."""
    for file, extra in DRIVER_FILES.items():
        if Path(file).exists():
            return file, extra
    tool = shutil.which(NVIDIA_TOOL)
    return (tool, "cuda13") if tool else None


def report() -> list[str]:
    """The lines that `functional-nn doctor` prints."""
    import jax

    found, backend = versions(), jax.default_backend()
    rows = {name: found.get(name, "missing") for name in ("python", *CORE, *TRAIN)}
    rows["system"] = f"{platform.system()} {platform.machine()}"
    rows["devices"] = ", ".join(f"{device.platform}:{device.id} ({device.device_kind})" for device in jax.devices())
    rows["default dtype"] = jax.dtypes.canonicalize_dtype(float).name
    chosen = getattr(jax.config, "jax_default_matmul_precision", None)
    rows["convolutions"] = convolutions()
    rows["dense, bfloat16"] = dense_in_bfloat16()
    rows |= {name: by_c_file(calls) for name, calls in c_files().items()}
    rows["matrix products"] = str(chosen or NATIVE_PRECISION.get(backend, "the backend's own"))
    return [*(f"{name:<16} {value}" for name, value in rows.items()), "", *advice(backend)]


def convolutions() -> str:
    """What computes them on the CPU, in float32 and, where the processor can, in bfloat16."""
    from functional_nn.cpu import onednn

    return _computed(onednn, "oneDNN on the CPU")


def dense_in_bfloat16() -> str:
    """What multiplies there on the CPU."""
    from functional_nn.cpu import products

    return _computed(products, "oneDNN on the CPU")


def c_files() -> dict[str, Any]:
    """What they compute on the CPU: attention, passes over large arrays, windows that overlap."""
    from functional_nn.cpu import activations, attention, columns, pooling, row_norm, softmax

    sums = {"batch norm": columns, "layer norm": row_norm, "softmax": softmax, "pooling": pooling}
    modules = {"activations": activations, "attention": attention, **sums}
    return {name: module.CALLS for name, module in modules.items()}


def by_c_file(calls: Any) -> str:
    """Whether one is used."""
    return _computed(calls, "a C file, compiled for this CPU")


def _computed(library: Any, words: str) -> str:
    away = library.unusable() if _libraries.WANTED else f"FUNCTIONAL_NN_FAST={_libraries.MODE}"
    return f"XLA alone: {away}" if away else words


def advice(backend: str) -> list[str]:
    """What to mend, one sentence each; a single sentence that all is well where there is nothing."""
    found = versions()
    missing = [name for name in TRAIN if name not in found]
    words = []
    if missing:
        words.append(f"warning: train needs {', '.join(missing)}: pip install 'functional_nn[train]'")
    idle = idle_accelerator(backend)
    return [*words, *([idle] if idle else [])] or [f"all is well: training runs on {backend}"]


def idle_accelerator(backend: str) -> str | None:
    """A warning where an accelerator is visible and the CPU is used."""
    accelerator = visible_accelerator()
    if backend != "cpu" or accelerator is None:
        return None
    sign, extra = accelerator
    return (
        f"warning: an accelerator is visible ({sign}) but JAX uses the cpu; "
        f"mend it with: pip install 'functional_nn[{extra}]'"
    )
